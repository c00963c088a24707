"""What opens and closes the populations: the section `gating` of a model file."""

from synfire_bp.variants.gating.gating import Gating

__all__ = ["Gating"]
