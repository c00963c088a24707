"""How errors come back: the section `feedback` of a model file."""

from synfire_bp.variants.feedback.feedback import Feedback

__all__ = ["Feedback"]
