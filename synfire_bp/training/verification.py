"""Is the circuit equal to the algorithm?  Both engines on the same samples, weight by weight."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.engines.base import Engine, Progress, Segment, Stray, after, training_split
from synfire_bp.engines.circuit import CircuitEngine
from synfire_bp.engines.oracle import OracleEngine
from synfire_bp.errors import ExperimentError
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.model import Model, assemble
from synfire_bp.progress import WorkProgress, silent
from synfire_bp.summary import Summarised, Summary
from synfire_bp.training.data import dataset_of
from synfire_bp.training.schedule import shown_order

__all__ = ["Comparison", "Verification", "verify"]


@dataclass(frozen=True)
class Comparison:
    """One plastic projection against the oracle's matrix of its layer.

    `learnt` is the number of weights that training changed: a comparison in which nothing was
    learnt proves nothing.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> sb.Comparison("x→h", compared=512, different=0, learnt=100).different
    0
    """

    projection: str
    compared: int
    different: int
    learnt: int


@dataclass(frozen=True, repr=False)
class Verification(Summarised):
    """What `verify` found.

    Attributes
    ----------
    samples, seed : int
        How many samples were shown to both; the seed of weights and order.
    projections : tuple of Comparison
        One for each plastic projection.
    scores_equal : bool
        Whether both answered alike.
    strays : tuple of Stray
        Spikes in phases in which they must not be.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> found = sb.Verification(
    ...     20, 0, (sb.Comparison("x→h", compared=512, different=3, learnt=100),), True, ()
    ... )
    >>> found.exact
    False
    """

    samples: int
    seed: int
    projections: tuple[Comparison, ...]
    scores_equal: bool
    strays: tuple[Stray, ...]

    @property
    def exact(self) -> bool:
        """Whether nothing at all differed, and no neuron fired when it must not."""
        return (
            not any(row.different for row in self.projections)
            and self.scores_equal
            and not self.strays
        )

    def _summary(self) -> Summary:
        rows, stray = self.projections, sum(one.spikes for one in self.strays)
        compared, different, learnt = (
            sum(getattr(row, name) for row in rows) for name in ("compared", "different", "learnt")
        )
        said = (
            f"{compared:,} weights compared, {different:,} different, {learnt:,} learnt",
            f"scores {'equal' if self.scores_equal else 'DIFFERENT'}",
            f"{stray:,} stray spikes",
        )
        return Summary(
            f"Verification {'equal' if self.exact else 'NOT EQUAL'}",
            (f"circuit against oracle, {self.samples:,} samples, seed {self.seed}", *said),
            (
                ("circuit against oracle", "equal" if self.exact else "NOT EQUAL"),
                ("samples", f"{self.samples:,}, seed {self.seed}"),
                *zip(("weights", "scores", "spikes"), said, strict=True),
            ),
            ("projection", "weights", "different", "changed by learning"),
            [
                (row.projection, f"{row.compared:,}", f"{row.different:,}", f"{row.learnt:,}")
                for row in rows
            ],
        )

    def summary(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return asdict(self) | {"exact": self.exact}


def verify(
    model: Experiment | Model,
    *,
    samples: int | None = None,
    epochs: int = 1,
    quiet: bool | None = None,
) -> Verification:
    """Train both engines on the same samples from the same weights, and compare.

    Parameters
    ----------
    model : Experiment or Model
        The model; its seed decides weights and order.
    samples : int, optional
        Use only the first so many training samples, instead of what the model says.
    epochs : int
        Passes through them.
    quiet : bool, optional
        Show no progress; if left out, it is shown in a notebook, and nowhere else.

    Returns
    -------
    Verification
        `exact` if no weight, no answer and no silence differs.

    Raises
    ------
    SynfireError
        If the data or an engine cannot be used, or the oracle cannot follow a variant.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> experiment = sb.Experiment.from_file("digits", ["network.sizes=[64, 8, 10]"])
    >>> found = sb.verify(experiment, samples=20)
    >>> found.exact, sum(row.different for row in found.projections)
    (True, 0)
    """
    quiet = silent(quiet)
    if samples is not None:
        experiment = model.experiment if isinstance(model, Model) else model
        model = experiment.changed([f"training.samples={samples}"])
    if epochs < 1:
        raise ExperimentError(f"epochs is {epochs}; must be 1 or more")
    model = assemble(model)
    dataset = dataset_of(model, quiet=quiet)
    n, weights = len(training_split(model, dataset)), model.start
    orders = [shown_order(model, epoch, n) for epoch in range(epochs)]
    if model.rule.fine is None:  # else what is collected hangs on the epoch
        orders = [np.concatenate(orders)]

    oracle = _trained(OracleEngine(model, dataset), model, orders)
    with WorkProgress(quiet) as progress:
        progress.note(f"{model.name}: preparing the circuit")
        with closing(CircuitEngine(model, dataset, uses=["train"])) as engine:
            progress.begin(f"{model.name}, circuit", n * epochs)
            circuit = _trained(engine, model, orders, progress.reached)
    return Verification(
        n * epochs,
        model.seed,
        tuple(
            Comparison(
                row.name,
                matrix.size,
                int(np.count_nonzero(matrix != oracle.weights[row.layer])),
                int(np.count_nonzero(matrix != weights[row.layer])),
            )
            for row, matrix in circuit.copies.items()
        ),
        circuit.score == oracle.score,
        circuit.strays,
    )


def _trained(
    engine: Engine,
    model: Model,
    orders: Sequence[NDArray[np.integer]],
    reached: Progress | None = None,
) -> Segment:
    """Return the last segment of a training in pieces, with the scores and strays of all."""
    shown, weights, copies, segments = 0, model.start, None, list[Segment]()
    for order in orders:
        segment = engine.train(
            weights, order, copies=copies, shown_before=shown, progress=after(shown, reached)
        )
        shown, weights, copies = shown + len(order), segment.weights, segment.differing_copies
        segments.append(segment)
    return replace(
        segments[-1],
        score=reduce(operator.add, (segment.score for segment in segments)),
        strays=tuple(stray for segment in segments for stray in segment.strays),
    )
