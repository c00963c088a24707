"""What `synfire-bp bench` prints: a benchmark, in tables and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from synfire_bp.bench.measuring import Measure
from synfire_bp.bench.peers.comparison import PeerBench, PeerCost
from synfire_bp.bench.peers.contenders import OURS
from synfire_bp.bench.peers.task import STEPS
from synfire_bp.bench.result import Bench, Machine
from synfire_bp.bench.scaling import ENGINES, Exponent
from synfire_bp.bench.variants import VariantBench

__all__ = ["Table", "bench_report", "peers_report", "variants_report"]

_NAMES = {
    "numpy": "algorithm, plain NumPy",
    "stock": "circuit, Brian2 alone",
    "circuit": "circuit, synfire_bp",
    "oracle": "algorithm, integers (the oracle)",
    "chip": "the chip: reported, not measured",
}
_PROGRAMS = ("stock", "circuit")
_TASKS = {"static": "fixed weights", "learning": "the first weights learn"}
_NOT_CLEAR = "lost in noise"


class Table(NamedTuple):
    """A table to print: text in its first `left` columns and from `more` on, else numbers."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1
    more: int = 99


def bench_report(bench: Bench) -> Iterator[Table | str]:
    """Yield, in the order to print them, tables and sentences about a benchmark."""
    yield _cost_table(bench)
    yield (
        f"Slope between {bench.before:,} and {bench.before + bench.samples:,} samples, so without "
        f"the start of a program, which stands beside it; medians of {bench.repeats} rounds in "
        f"turns, one core of {bench.machine.cpu}.{_blas(bench.machine)}"
    )
    yield _memory_sentence(bench)
    yield _preparation_table(bench)
    if bench.scaling is not None:
        yield from _scaling_tables(bench)
    for caution in bench.cautions():
        yield f"Caution: {caution}"


def variants_report(bench: VariantBench) -> Iterator[Table | str]:
    """Yield, in the order to print them, a table and a sentence about a benchmark of variants."""
    rows = []
    for name, cost in bench.costs.items():
        times = "" if cost.times_plain is None else f"{cost.times_plain.median:.2f}"
        rows.append(
            (name, _ms(cost.ms), _spread(cost.ms), times,
             f"{cost.start_ms.median:.0f}")
        )  # fmt: skip
    heads = ("model", "ms a sample", "fastest … slowest", f"times {bench.plain}", "start, ms")
    yield Table("A training sample by the circuit", heads, rows)
    yield (
        f"Slope between {bench.before:,} and {bench.before + bench.samples:,} samples; medians of "
        f"{bench.repeats} rounds in turns, one core of {bench.machine.cpu}; ratios round by round."
        f"{_blas(bench.machine)}"
    )


def peers_report(bench: PeerBench) -> Iterator[Table | str]:
    """Yield, in the order to print them, tables and sentences about other simulators."""
    sizes = "-".join(map(str, bench.sizes))
    for task, costs in bench.tasks.items():
        rows = [_peer_row(name, cost) for name, cost in costs.items()]
        heads = ("", f"times {OURS}", "fastest … slowest", "ms a sample", "fastest … slowest",
                 "samples", "what came of them")  # fmt: skip
        yield Table(f"{sizes}, {_TASKS[task]}: a sample of {STEPS} steps", heads, rows, more=6)
    yield (
        f"Samples are timed after a fifth as many that are not; medians of {bench.repeats} rounds "
        f"in turns, one core of {bench.machine.cpu}; ratios round by round."
        f"{_blas(bench.machine)}"
    )
    yield _peer_versions(bench)
    if busy := bench.machine.busy():
        yield f"Caution: {busy}"


def _peer_row(name: str, cost: PeerCost) -> tuple[str, ...]:
    times = ("", "")
    if cost.times_ours is not None:
        many = cost.times_ours
        times = _short(many.median), _spread(many)
    ms = ("", "") if cost.ms is None else (_ms(cost.ms), _spread(cost.ms))
    return name, *times, *ms, f"{cost.samples:,}", cost.outcome


def _peer_versions(bench: PeerBench) -> str:
    found = {}
    for costs in bench.tasks.values():
        for name, cost in costs.items():
            if cost.versions:
                found[name] = ", ".join(f"{what} {one}" for what, one in cost.versions.items())
    told = "; ".join(f"{name}: {versions}" for name, versions in found.items())
    return f"Versions: {told or 'none ran'}."


def _spread(measure: Measure) -> str:
    return f"{_short(min(measure.rounds))} … {_short(max(measure.rounds))}"


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"


def _blas(machine: Machine) -> str:
    return "" if machine.blas is None else f" NumPy's BLAS: {machine.blas}."


def _cost_table(bench: Bench) -> Table:
    rows = []
    for name, cost in bench.costs.items():
        program = name in _PROGRAMS
        memory = "" if cost.peak_memory_mb is None else f"{cost.peak_memory_mb:,.0f}"
        rate = "" if cost.samples_per_second is None else f"{cost.samples_per_second:,.0f}"
        rows.append(
            (_NAMES[name], _ms(cost.ms), _spread(cost.ms), rate,
             _ratio(bench, name), f"{cost.start_ms.median:.0f}" if program else "", memory)
        )  # fmt: skip
    rows += [
        (_NAMES[name], f"{there.ms:g}", "", f"{1000 / there.ms:,.0f}", _ratio(bench, name), "", "")
        for name, there in bench.reported.items()
    ]
    heads = ("", "ms a sample", "rounds", "samples/s", "circuit / this", "start, ms",
             "peak memory, MB")  # fmt: skip
    sizes = "-".join(map(str, bench.sizes))
    return Table(f"{bench.model}, {sizes}: a training sample", heads, rows)


def _memory_sentence(bench: Bench) -> str:
    bound = bench.bound
    return (
        f"A sample of the circuit touches {bound.traffic.delivered:,.0f} plastic synapses to "
        f"deliver spikes and {bound.traffic.learning:,.0f} to learn: {bound.bytes / 1e6:.3g} MB of "
        f"weights. At what one core streams of {bound.bandwidth.working_set / 1e6:.3g} MB "
        f"({bound.bandwidth.read.median:.0f} GB/s read, {bound.bandwidth.update.median:.0f} GB/s "
        f"read and written) that takes {bound.ms:.3g} ms at least; measured: "
        f"{_measured(bench.costs['circuit'].ms)}."
    )


def _preparation_table(bench: Bench) -> Table:
    builds = bench.builds
    rows = [
        ("compile the circuit, for training and testing", f"{builds.circuit_cold_s:.1f}", ""),
        ("compile it as Brian2 alone does, for training", f"{builds.stock_cold_s:.1f}", ""),
        ("find it in the cache", f"{builds.circuit_warm_s.median:.3f}", ""),
        *(
            (f"{start.command} (compiled before)", f"{start.seconds.median:.2f}",
             f"{start.peak_memory_mb.median:,.0f}")
            for start in bench.starts.values()
        ),
    ]  # fmt: skip
    return Table("Before the first sample", ("", "s", "peak memory, MB"), rows)


def _scaling_tables(bench: Bench) -> Iterator[Table | str]:
    assert bench.scaling is not None
    for layer, series in bench.scaling.items():
        rows = [
            ("-".join(map(str, point.sizes)), "synthetic" if point.synthetic else bench.dataset,
             f"{point.touched:,.0f}", *(_ms(point.times[engine].ms) for engine in ENGINES),
             f"{point.bound.ms:.3g}", f"{point.closing:,}", f"{point.strays:,}")
            for point in series.points
        ]  # fmt: skip
        heads = ("", "inputs", "synapses touched", *(f"{engine}, ms" for engine in ENGINES),
                 "memory alone, ms", "closing bias", "stray spikes")  # fmt: skip
        yield Table(f"Scaling with the {layer} layer", heads, rows, left=2)
        laws = "; ".join(
            f"{engine} {_exponent(exponent)}" for engine, exponent in series.exponents.items()
        )
        yield f"Time grows as the synapses touched to the power of: {laws}."
    if any(point.synthetic for series in bench.scaling.values() for point in series.points):
        yield (
            "Synthetic inputs: of each sample, as large a fraction is active as in the data, at "
            "random places; labels are the data's."
        )


def _measured(ms: Measure) -> str:
    return f"{_ms(ms)} ms" if ms.resolved else _ms(ms)


def _ms(ms: Measure) -> str:
    return f"{ms.median:.3g}" if ms.resolved else _NOT_CLEAR


def _ratio(bench: Bench, name: str) -> str:
    ratio = bench.ratios.get(f"circuit/{name}")
    return "" if ratio is None else f"{ratio.median:.3g}"


def _exponent(fit: Exponent | None) -> str:
    if fit is None:
        return "unknown (too few sizes)"
    interval = "" if fit.low is None else f", 95 % interval {fit.low:.2f} … {fit.high:.2f}"
    return f"{fit.exponent:.2f} ({fit.points} sizes{interval})"
