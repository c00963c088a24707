"""Who may have broken a guarantee of the circuit: variants of plug-ins that did not give it up."""

from __future__ import annotations

from synfire_bp.model.model import Model
from synfire_bp.registry import plugin_of
from synfire_bp.variants import VARIANTS, Variant

__all__ = ["suspects"]


def suspects(model: Model, guarantee: str) -> str:
    """Return whom a message about a broken guarantee has to name; nothing if nobody.

    Parameters
    ----------
    model : Model
        What was trained or tested.
    guarantee : str
        A field of `Guarantees`, which the whole model gives.
    """
    named = []
    for name in VARIANTS:
        section: Variant | None = getattr(model.experiment, name, None)
        plugin = plugin_of("variant", name)
        if section is not None and plugin is not None and getattr(section.guarantees, guarantee):
            named.append(f"the section '{name}' of {plugin}")
    if not named:
        return ""
    return (
        f". This model has {' and '.join(named)}, which says that this cannot happen: if it is "
        f"meant to, let its `guarantees` return Guarantees({guarantee}=False); if not, fix it"
    )
