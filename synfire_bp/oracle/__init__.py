"""The algorithm that the circuit computes, in integers, for any number of layers.  No brian2.

Examples
--------
>>> import numpy as np
>>> import synfire_bp as sb
>>> data = sb.load_dataset("digits").train
>>> w1, w2 = sb.initial_weights((64, 8, 10), seed=0)
>>> order = sb.epoch_order(0, 0, len(data))
>>> result = sb.oracle.train_epoch(data.inputs, data.labels, w1, w2, order, semantics="circuit")
>>> result.w1.shape, result.w1.dtype
((64, 8), dtype('int16'))
"""

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
