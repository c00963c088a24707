"""The algorithm that the circuit computes, in integers.  No brian2."""

from synfire_bp.oracle.two_layers import (
    SEMANTICS,
    Changes,
    Deviation,
    EpochResult,
    Outputs,
    Samples,
    forward,
    forward_samples,
    train_epoch,
    train_samples,
)

__all__ = [
    "Changes",
    "Deviation",
    "EpochResult",
    "Outputs",
    "SEMANTICS",
    "Samples",
    "forward",
    "forward_samples",
    "train_epoch",
    "train_samples",
]
