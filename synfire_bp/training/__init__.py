"""Train, test and verify a model."""

from synfire_bp.training.alignment import alignment, angle, mean_unit_angle
from synfire_bp.training.data import dataset_of
from synfire_bp.training.interrupt import StopRequest
from synfire_bp.training.schedule import epoch_order, evaluation_points, next_pause, shown_order
from synfire_bp.training.testing import test
from synfire_bp.training.training import train, train_in_memory
from synfire_bp.training.verification import Comparison, Verification, verify

__all__ = [
    "Comparison",
    "StopRequest",
    "Verification",
    "alignment",
    "angle",
    "dataset_of",
    "epoch_order",
    "evaluation_points",
    "mean_unit_angle",
    "next_pause",
    "shown_order",
    "test",
    "train",
    "train_in_memory",
    "verify",
]
