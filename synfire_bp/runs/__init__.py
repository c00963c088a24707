"""A run directory: write, read, checkpoint, provenance."""

from synfire_bp.runs.runs import *  # noqa: F403
from synfire_bp.runs.runs import __all__
