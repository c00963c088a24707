"""What trains and tests a model: the spiking circuit, and the algorithm in integers."""

from synfire_bp.engines.base import (
    Engine,
    Segment,
    Stop,
    Stray,
    explain_strays,
    learning_split,
    strays,
    training_split,
)
from synfire_bp.engines.circuit import CircuitEngine
from synfire_bp.engines.old import circuit_engine, circuits, starting_weights
from synfire_bp.engines.oracle import OracleEngine
from synfire_bp.engines.registry import ENGINES, check_engine, engine, make_engine
from synfire_bp.engines.spec import CircuitProgram

__all__ = [
    "ENGINES",
    "CircuitEngine",
    "CircuitProgram",
    "Engine",
    "OracleEngine",
    "Segment",
    "Stop",
    "Stray",
    "check_engine",
    "circuit_engine",
    "circuits",
    "engine",
    "explain_strays",
    "learning_split",
    "make_engine",
    "starting_weights",
    "strays",
    "training_split",
]
