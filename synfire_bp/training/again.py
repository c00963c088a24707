"""A training once more, from the same start, without tests and without a run directory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from synfire_bp.circuit.layout import Copies, apart, with_tags
from synfire_bp.engines.base import Engine, Segment
from synfire_bp.model.model import Model, Weights
from synfire_bp.training.schedule import shown_order

__all__ = ["trained_again"]


def trained_again(
    model: Model, engine: Engine, start: Weights, n: int, pauses: Sequence[int]
) -> Iterator[Segment]:
    """Train from given weights on, in the order of the model's seed.

    Parameters
    ----------
    model : Model
        What is trained.
    engine : Engine
        What trains it.
    start : tuple of int16 arrays
        The weights to start from.
    n : int
        Samples of an epoch.
    pauses : sequence of int
        Samples shown so far, ascending, from 1.

    Yields
    ------
    Segment
        At each pause: what the engine did since the last one, or since the epoch began.
    """
    weights, done = start, 0
    copies: Copies | None = None
    for pause in pauses:
        while done < pause:
            epoch, position = divmod(done, n)
            if position == 0 and model.experiment.training.renew_copies:
                copies = with_tags(None, apart(copies)[1])
            until = min(pause, (epoch + 1) * n)
            shown = shown_order(model, epoch, n)[position : position + until - done]
            segment = engine.train(weights, shown, copies=copies, shown_before=done)
            weights, copies, done = segment.weights, segment.differing_copies, until
        yield segment
