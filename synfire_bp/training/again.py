"""A training once more, from the same start, without tests and without a run directory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from synfire_bp.circuit.layout import Copies, apart, with_tags
from synfire_bp.engines.base import Engine, Segment
from synfire_bp.errors import RunDirectoryError
from synfire_bp.model.model import Model, Weights
from synfire_bp.training.schedule import shown_order

__all__ = ["refuse_others", "trained_again"]


def refuse_others(
    where: Path, names: Sequence[str], repeated: Weights, stored: Weights, advice: str
) -> None:
    """Refuse weights of a run that are not those of its training, done once more.

    Parameters
    ----------
    where : Path
        The run, or its file.
    names : sequence of str
        Of the matrices.
    repeated, stored : tuple of int16 arrays
        Of the training once more, and of the run.
    advice : str
        What to do.

    Raises
    ------
    RunDirectoryError
        If a weight differs.
    """
    for name, ours, theirs in zip(names, repeated, stored, strict=True):
        alike = ours.shape == theirs.shape
        if different := int(np.count_nonzero(ours != theirs)) if alike else theirs.size:
            raise RunDirectoryError(
                f"{where}: {different:,} weights of {name} are not those of the same training in "
                f"integers (another version, other data, or weights changed since); {advice}"
            )


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
