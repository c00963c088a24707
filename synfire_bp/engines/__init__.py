"""What trains and tests a network."""

from synfire_bp.engines.engines import *  # noqa: F403
from synfire_bp.engines.engines import __all__
