"""`synfire-bp bench`: what a training sample costs here, and beside what."""

from synfire_bp.bench.benchmark import bench
from synfire_bp.bench.contenders import CompiledCircuit, Inspection, Task, show_oracle, train_plain
from synfire_bp.bench.measuring import Measure, Process, Timing, in_turns, one_core, run_process
from synfire_bp.bench.peers import PeerBench, PeerCost, bench_peers
from synfire_bp.bench.report import Table, bench_report, peers_report, variants_report
from synfire_bp.bench.result import (
    RESULT,
    Bench,
    Builds,
    Cost,
    Machine,
    Reported,
    Start,
    ratio,
    read,
)
from synfire_bp.bench.scaling import Exponent, Grid, Point, Series, fit_exponent, synthetic_inputs
from synfire_bp.bench.traffic import Bandwidth, Bound, Traffic, measured_bandwidth, memory_bound
from synfire_bp.bench.variants import VariantBench, VariantCost, bench_variants, variants_of

__all__ = [
    "RESULT",
    "Bandwidth",
    "Bench",
    "Bound",
    "Builds",
    "CompiledCircuit",
    "Cost",
    "Exponent",
    "Grid",
    "Inspection",
    "Machine",
    "Measure",
    "PeerBench",
    "PeerCost",
    "Point",
    "Process",
    "Reported",
    "Series",
    "Start",
    "Table",
    "Task",
    "Timing",
    "Traffic",
    "VariantBench",
    "VariantCost",
    "bench",
    "bench_peers",
    "bench_report",
    "bench_variants",
    "fit_exponent",
    "in_turns",
    "measured_bandwidth",
    "memory_bound",
    "one_core",
    "peers_report",
    "ratio",
    "read",
    "run_process",
    "show_oracle",
    "synthetic_inputs",
    "train_plain",
    "variants_of",
    "variants_report",
]
