"""Train, test and verify a model."""

from synfire_bp.training.training import *  # noqa: F403
from synfire_bp.training.training import __all__
