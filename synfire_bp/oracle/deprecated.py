"""Names that the oracle had when there was one for two weight layers and one for more.

They call `learn` and `answer`, warn, and go with the next release.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.decay import WHOLE
from synfire_bp.errors import SynfireError
from synfire_bp.oracle.algorithm import Algorithm, Changes, Decay
from synfire_bp.oracle.epochs import EpochResult
from synfire_bp.oracle.samples import Outputs, Samples
from synfire_bp.oracle.training import Learnt, answer, learn, sizes_of

__all__ = ["DeepResult", "Deviation", "forward_samples", "train_samples"]

DeepResult = Learnt


@dataclass(frozen=True, eq=False)
class Deviation:
    """What is done otherwise than in the paper; now `synfire_bp.oracle.Algorithm`.

    Attributes
    ----------
    back : integer array, shape (n_hid, n_out), optional
        The matrix B that errors come back through; **changed in place** if it learns.  None: W2.
    back_learns : bool
        B learns by the same rule as W2.
    direct : bool
        Errors come from the output directly to every hidden layer.
    hidden_learns : bool
        W1 learns.
    every : int
        After so many samples each, W2 and B (if it learns) decay; 0: never.
    keep : int
        What is left of them then, in parts of `synfire_bp.circuit.decay.WHOLE`.
    shown : int
        Samples shown before, from which `every` is counted on.
    """

    back: NDArray[np.integer] | None = None
    back_learns: bool = True
    direct: bool = False
    hidden_learns: bool = True
    every: int = 0
    keep: int = WHOLE
    shown: int = 0


def train_samples(samples: Samples, *arguments: Any, **options: Any) -> EpochResult | Learnt:
    """Train as `synfire_bp.oracle.learn` does, by either of the signatures of earlier releases.

    ``train_samples(samples, w1, w2, order, semantics="circuit", *, potentiation=2, depression=-2,
    limit=254, deviation=Deviation(), changes=None, showings=1)`` returns an `EpochResult`;
    ``train_samples(samples, weights, order, *, feedback=None, direct=False, learn_feedback=False,
    potentiation=2, depression=-2, limit=254)`` returns a `Learnt`.
    """
    _warn("train_samples", "learn")
    if "w1" in options or (arguments and isinstance(arguments[0], np.ndarray)):
        return _train_two_layers(samples, *arguments, **options)
    return _train_deep(samples, *arguments, **options)


def forward_samples(samples: Samples, *weights: Any, **named: Any) -> Outputs:
    """Answer as `synfire_bp.oracle.answer` does: matrices one by one, or in one sequence."""
    _warn("forward_samples", "answer")
    given = (*weights, *(named[name] for name in sorted(named)))
    return answer(samples, given if isinstance(given[0], np.ndarray) else given[0])


def _warn(old: str, new: str) -> None:
    warnings.warn(
        f"synfire_bp.oracle.{old} is now synfire_bp.oracle.{new}, for any number of layers",
        DeprecationWarning,
        stacklevel=3,
    )


def _train_two_layers(
    samples: Samples,
    w1: NDArray[np.integer],
    w2: NDArray[np.integer],
    order: NDArray[np.integer],
    semantics: str = "circuit",
    *,
    deviation: Deviation | None = None,
    changes: Changes | None = None,
    showings: int = 1,
    **steps: Any,
) -> EpochResult:
    deviation = deviation or Deviation()
    own = () if deviation.back is None else (deviation.back,)
    learns = (deviation.hidden_learns, True, *(deviation.back_learns for _ in own))
    decay = None
    if deviation.every:
        decay = Decay(deviation.every, deviation.keep, (False, *learns[1:]))
    algorithm = Algorithm(
        sizes_of(samples, (w1, w2)), semantics=semantics, feedback=(1,) if own else (),
        learns=learns, decay=decay, changes=changes, showings=showings, **steps,
    )  # fmt: skip
    learnt = learn(samples, (w1, w2, *own), order, algorithm, shown=deviation.shown)
    return EpochResult.of(learnt, w1, w2)


def _train_deep(
    samples: Samples,
    weights: Sequence[NDArray[np.integer]],
    order: NDArray[np.integer],
    *,
    feedback: Sequence[NDArray[np.integer]] | None = None,
    direct: bool = False,
    learn_feedback: bool = False,
    **steps: Any,
) -> Learnt:
    if feedback is None and (direct or learn_feedback):
        raise SynfireError("direct and learn_feedback need feedback matrices")
    if direct and learn_feedback:
        raise SynfireError("feedback directly from the output does not learn: no rule fits it")
    sizes = sizes_of(samples, weights)
    n = len(weights)
    algorithm = Algorithm(
        sizes, feedback=() if feedback is None else tuple(range(1, n)), direct=direct,
        learns=n * (True,) + (0 if feedback is None else n - 1) * (learn_feedback,), **steps,
    )  # fmt: skip
    return learn(samples, (*weights, *(feedback or ())), order, algorithm)
