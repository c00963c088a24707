"""Which engine can train a model and which cannot, and what of the paper's circuit still holds."""

from __future__ import annotations

from collections.abc import Iterator

from synfire_bp.description.structure import Part, facts
from synfire_bp.errors import SynfireError
from synfire_bp.model.model import Model

__all__ = ["trainable_part"]

_HOLDS = {
    "copies_equal": ("copies of a matrix", "all stay equal", "may differ"),
    "silent_when_closed": (
        "closed populations",
        "stay silent",
        "may fire where those of the paper are silent",
    ),
    "samples_apart": (
        "samples",
        "no state is carried from one to the next",
        "state may be carried from one to the next",
    ),
}
"""Subject of each guarantee, and the texts for whether it holds or not."""


def trainable_part(model: Model) -> Part:
    """Return what can train a model, and what every run of it checks."""
    return Part("Engines and guarantees", facts(_engines(model)))


def _engines(model: Model) -> Iterator[tuple[str, str]]:
    refusal = _refusal(model)
    yield "engine circuit", "trains it" if refusal is None else f"cannot train it: {refusal}"
    obstacles = model.algorithm.obstacles
    if obstacles:
        yield "engine oracle", f"cannot follow: {'; '.join(map(str, obstacles))}"
        yield "circuit against oracle", "not possible: the oracle cannot follow"
    else:
        yield "engine oracle", "follows: the algorithm in integers computes the same bits"
        yield "circuit against oracle", "`verify` compares all weights, one by one"
    for name, (what, holding, lost) in _HOLDS.items():
        holds = getattr(model.guarantees, name)
        checked = ", and every run checks it" if name != "samples_apart" else ""
        counted = "; a run counts how often" if name != "samples_apart" else ""
        yield what, f"{holding}{checked}" if holds else f"{lost}{counted}"
    if block := model.network.neurons.block:
        yield "starts from rest", f"every {block} samples, at every test and after every epoch"


def _refusal(model: Model) -> str | None:
    """Return why the network cannot be built of these neurons; None if it can."""
    neurons, network = model.network.neurons, model.network
    try:
        neurons.refuse(network.circuit, network.lines)
        neurons.refuse_rule(model.rule)
    except SynfireError as error:
        return str(error)
    return None
