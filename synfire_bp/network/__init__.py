"""How a circuit becomes Brian2 objects.

The names here are imported when they are asked for: Brian2 takes a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from synfire_bp.moved import lazily

if TYPE_CHECKING:
    from synfire_bp.network.builder import (
        STEP,
        CircuitNetwork,
        bounded,
        build_network,
        build_program_network,
        sample_functions,
    )

__all__ = [
    "STEP",
    "CircuitNetwork",
    "bounded",
    "build_network",
    "build_program_network",
    "sample_functions",
]

__getattr__ = lazily(__name__, dict.fromkeys(__all__, "builder"))
