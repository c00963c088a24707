"""The texts by which the variants of a model describe themselves."""

from __future__ import annotations

from collections.abc import Iterator

from synfire_bp.description.structure import Part, facts
from synfire_bp.errors import blaming
from synfire_bp.model.model import Model
from synfire_bp.variants import Variant, acting_order

__all__ = ["variant_parts"]


def variant_parts(model: Model) -> Iterator[Part]:
    """Yield a part for each variant of a model, in the order in which they act."""
    for name in acting_order():
        if (section := getattr(model.experiment, name, None)) is not None:
            rows = tuple(_said(section, model)) or (("as by default", type(section).summary),)
            yield Part(f"Variant {name}", facts(rows))


def _said(variant: Variant, model: Model) -> Iterator[tuple[str, str]]:
    with blaming(variant, f"'described' of the variant {type(variant).__name__}"):
        for row in variant.described(model):
            label, text = row
            if not (isinstance(label, str) and isinstance(text, str)):
                raise TypeError(f"it gave {row!r:.60}, not a label and a text")
            yield label, text
