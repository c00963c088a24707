"""Train, test and verify a model."""

from synfire_bp.training.training import dataset_of, test, train, train_in_memory

__all__ = ["dataset_of", "test", "train", "train_in_memory"]
