"""What a sample costs in other simulators: stock Brian2, brian2-loihi, nengo-loihi, Lava."""

from synfire_bp.bench.peers.comparison import RESULT, PeerBench, PeerCost, bench_peers
from synfire_bp.bench.peers.contenders import CONTENDERS, OURS, Contender
from synfire_bp.bench.peers.environments import Wanted
from synfire_bp.bench.peers.task import Outcome, PeerTask, drawn_task

__all__ = [
    "CONTENDERS",
    "OURS",
    "RESULT",
    "Contender",
    "Outcome",
    "PeerBench",
    "PeerCost",
    "PeerTask",
    "Wanted",
    "bench_peers",
    "drawn_task",
]
