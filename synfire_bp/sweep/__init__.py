"""Many trainings: definition, designs, execution, tables."""

from synfire_bp.sweep.definition import *  # noqa: F403
from synfire_bp.sweep.definition import __all__
