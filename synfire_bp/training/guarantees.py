"""Which sections of plug-ins may be why a guarantee is broken, or the integers do not follow."""

from __future__ import annotations

from collections.abc import Iterator

from synfire_bp.model.model import Model
from synfire_bp.registry import plugin_of
from synfire_bp.variants import VARIANTS, Variant

__all__ = ["suspects", "unfollowed"]


def suspects(model: Model, guarantee: str) -> str:
    """Return whom a message about a broken guarantee has to name; nothing if nobody.

    Parameters
    ----------
    model : Model
        What was trained or tested.
    guarantee : str
        A field of `Guarantees`, which the whole model gives.
    """
    named = [
        place for place, section in _of_plugins(model) if getattr(section.guarantees, guarantee)
    ]
    if not named:
        return ""
    return (
        f". This model has {' and '.join(named)}, which says that this cannot happen: if it is "
        f"meant to, let its `guarantees` return Guarantees({guarantee}=False); if not, fix it"
    )


def unfollowed(model: Model) -> str:
    """Return which sections of plug-ins the algorithm in integers knows nothing of; "" if none.

    Parameters
    ----------
    model : Model
        What was verified.
    """
    named = [
        place
        for place, section in _of_plugins(model)
        if type(section).algorithm is Variant.algorithm
    ]
    if not named:
        return ""
    return (
        f"{' and '.join(named)} has no `algorithm`: if it changes the circuit, the algorithm in "
        "integers does not follow, and weights differ"
    )


def _of_plugins(model: Model) -> Iterator[tuple[str, Variant]]:
    """Yield each section of the model that a plug-in contributes, with what a message calls it."""
    for name in VARIANTS:
        section: Variant | None = getattr(model.experiment, name, None)
        plugin = plugin_of("variant", name)
        if section is not None and plugin is not None:
            yield f"the section '{name}' of {plugin}", section
