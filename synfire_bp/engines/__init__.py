"""What trains and tests a network."""

from synfire_bp.engines.engines import (
    ENGINES,
    CircuitEngine,
    Engine,
    OracleEngine,
    Segment,
    Stop,
    Stray,
    check_engine,
    circuit_engine,
    circuits,
    explain_strays,
    make_engine,
    starting_weights,
    strays,
    training_split,
)

__all__ = [
    "CircuitEngine",
    "ENGINES",
    "Engine",
    "OracleEngine",
    "Segment",
    "Stop",
    "Stray",
    "check_engine",
    "circuit_engine",
    "circuits",
    "explain_strays",
    "make_engine",
    "starting_weights",
    "strays",
    "training_split",
]
