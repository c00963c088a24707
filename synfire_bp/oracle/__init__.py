"""The algorithm that the circuit computes, in integers, for any number of layers.  No brian2."""

from synfire_bp.oracle.algorithm import SEMANTICS, Algorithm, Changes, Decay
from synfire_bp.oracle.deprecated import Deviation, forward_samples, train_samples
from synfire_bp.oracle.epochs import EpochResult, forward, train_epoch
from synfire_bp.oracle.samples import Outputs, Samples
from synfire_bp.oracle.training import Learnt, answer, learn

__all__ = [
    "Algorithm",
    "Changes",
    "Decay",
    "Deviation",
    "EpochResult",
    "Learnt",
    "Outputs",
    "SEMANTICS",
    "Samples",
    "answer",
    "forward",
    "forward_samples",
    "learn",
    "train_epoch",
    "train_samples",
]
