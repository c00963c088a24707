"""What the algorithm in integers does: the paper's, and in what a variant departs from it.

For one sample with binary input h_0 = x and one-hot target t, with theta = 1024 and L weight
layers::

    a_l = h_(l-1) @ W_l      h_l = a_l > theta/2      b_l = 0 < a_l <= theta      l = 1 … L
    d+  = t and not h_L and a_L > 0                   (box derivative at the output)
    d-  = h_L and not t and not a_L > theta           d_L = d+ - d-
    e_l = W_(l+1) @ d_(l+1)                           d_l = sign(e_l) * b_l       l = L-1 … 1
    W_l += 2 * outer(h_(l-1), d_l), clipped

Where errors are graded (`Algorithm.grades`), d counts begun steps of a distance, up to a largest
number, where it is a sign above::

    d+  = steps(theta/2 + margin - a_L)   where t, and a_L lies in its box
    d-  = steps(a_L - theta/2 + margin)   where not t, and a_L lies in its box
    d_l = steps(e_l) * b_l                with the sign of e_l

Two semantics.  In ``"circuit"`` every W on the right is as it was before the sample, because a
spike is delivered with the weight as it stood before learning in that step.  In ``"numpy"``, the
authors' shortcut carried on to any depth, e_l is computed with W_(l+1) after its update, and the
upper box edges are ``a > 1023``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.accumulator import Accumulator
from synfire_bp.circuit.decay import WHOLE
from synfire_bp.circuit.eligibility import Eligibility
from synfire_bp.circuit.grades import ErrorGrades
from synfire_bp.circuit.numbers import FULL, WEIGHT_LIMIT
from synfire_bp.errors import SynfireError, blaming
from synfire_bp.oracle.rewards import Rewards

__all__ = ["SEMANTICS", "SOFT_STEPS", "Algorithm", "Changes", "Decay"]

SEMANTICS = ("circuit", "numpy")

SOFT_STEPS = ("to_bound", "outward", "alike")
"""Which steps of a weight w shrink where bounds are soft; R is the larger of its two bounds.

to_bound    every step, with the distance from the bound that it leads to: a step back towards 0
            is the longer one, and a pair of opposite steps leaks
outward     a step away from 0, as 1 - |w| / R; one back is whole: half the leak
alike       a step in either direction, as 1 - |w| / (R + 2): no leak, and at the bound a weight is
            slow, but not stuck
"""

Matrices = tuple[NDArray[np.int16], ...]
Starter = Callable[[Matrices, "Algorithm"], Matrices]
"""Gives the weights that a training starts from, after those that came before."""


@dataclass(frozen=True, eq=False)
class Changes:
    """How forward weights change, where they do not just add and clip.

    As the circuit's copies do if they share their dice: those of `synfire_bp.dice`, for the
    purposes SOFT, UPDATE and LEVELS.

    Attributes
    ----------
    lowest, highest : tuple of int16 arrays
        Bounds of each weight, in place of the limit: a matrix (n_pre, n_post) per weight layer.
    soft : bool
        A step shrinks towards the bound, and is rounded at random to even.
    probability : float
        That a weight moves at all.
    step : int
        Distance between two levels of a weight, a power of two; what is between is rounded at
        random.
    soft_steps : {"to_bound", "outward", "alike"}
        With `soft`: which steps shrink, and how (`SOFT_STEPS`).

    Raises
    ------
    SynfireError
        If bounds do not fit each other, or a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> import synfire_bp as sb
    >>> shapes = sb.Algorithm((4, 3, 2)).shapes
    >>> lowest = tuple(np.full(shape, -100, dtype=np.int16) for shape in shapes)
    >>> narrow = sb.Changes(lowest, tuple(-low for low in lowest), probability=0.5)
    >>> sb.Algorithm((4, 3, 2)).changing(narrow).changes.probability
    0.5
    """

    lowest: Matrices
    highest: Matrices
    soft: bool = False
    probability: float = 1.0
    step: int = 2
    soft_steps: str = SOFT_STEPS[0]

    def __post_init__(self) -> None:
        """Check the numbers and the bounds against each other."""
        if not 0 <= self.probability <= 1:
            raise SynfireError(f"changes: probability is {self.probability}; must be 0 … 1")
        if self.step < 2 or self.step & (self.step - 1):
            raise SynfireError(f"changes: step is {self.step}; must be a power of two from 2 on")
        if self.soft_steps not in SOFT_STEPS:
            raise SynfireError(
                f"changes: soft_steps is '{self.soft_steps}'; must be one of "
                f"{', '.join(SOFT_STEPS)}"
            )
        if _shapes(self.lowest) != _shapes(self.highest):
            raise SynfireError(
                f"changes: lowest is {_said(_shapes(self.lowest))}, highest "
                f"{_said(_shapes(self.highest))}; must be alike"
            )
        for number, (low, high) in enumerate(zip(self.lowest, self.highest, strict=True), 1):
            if np.any(low > high) or (self.soft and np.any(low == high)):
                raise SynfireError(
                    f"changes: a lowest weight of w{number} is not below its highest one"
                )


@dataclass(frozen=True)
class Decay:
    """Weights that decay, all at once, after every so many samples.

    Attributes
    ----------
    every : int
        Samples between two moments in which weights decay, counted from the training's first one.
    keep : int
        What is left of them then, in parts of `synfire_bp.circuit.decay.WHOLE`.
    matrices : tuple of bool, optional
        Which matrices decay, the forward ones first, then those for feedback.  None: all but W1.

    Raises
    ------
    SynfireError
        If a number is out of its range.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> from synfire_bp.circuit.decay import WHOLE
    >>> half_life = sb.Decay(every=100, keep=WHOLE // 2)  # half is left, every 100 samples
    >>> sb.Algorithm((4, 3, 2), decay=half_life).decay.every
    100
    """

    every: int
    keep: int
    matrices: tuple[bool, ...] | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.every < 1:
            raise SynfireError(f"decay: every is {self.every} samples; must be 1 or more")
        if not 0 <= self.keep <= WHOLE:
            raise SynfireError(f"decay: keep is {self.keep} of {WHOLE}; must be 0 … {WHOLE}")


@dataclass(frozen=True, eq=False)
class Algorithm:
    """What the algorithm does; with nothing but sizes it is the paper's.

    Attributes
    ----------
    sizes : tuple of int
        Units of each layer, the input first: three numbers or more.
    n_phases : int
        Phases of one sample, with all its showings: what is drawn at random is named by the time
        step in which a sample begins.
    potentiation, depression : int
        Added to a weight whose error is positive and negative.
    limit : int
        Weights are clipped to plus or minus this.
    semantics : {"circuit", "numpy"}
        See above.
    feedback : tuple of int
        For each feedback matrix the weight layer, counted from 0, in whose place errors come back
        through it; such as (1,) for B in the place of W2.  In the orientation and the shape of
        that layer.  Empty: errors come back through the weights.
    direct : bool
        Errors come from the output directly to every hidden layer; the feedback matrices have the
        shapes (n_l, n_out), and do not learn.
    learns : tuple of bool, optional
        Which matrices learn, W1 … WL, then those for feedback.  None: all.
    decay : Decay, optional
        Which weights decay, and when.
    changes : Changes, optional
        How forward weights change; feedback matrices add and clip all the same.
    returning : tuple of int16 arrays, optional
        1 where errors come back through a forward weight and 0 where they do not, a matrix
        (n_pre, n_post) per weight layer.  None: through all of them.
    showings : int
        How often each sample is shown, one time after the other; it counts as it was shown first.
    starters : tuple of callables
        What draws the weights that a training starts from, one after the other: each takes those
        of the one before and this algorithm.  `learn` does not need them; `drawn` asks them.
    fine : Accumulator, optional
        Fractions of steps are collected by a tag of each weight, which follows in whole ones.
    eligible : Eligibility, optional
        What is to change a weight is added to a trace of it, which a reward turns into a change.
    rewards : Rewards
        With `eligible`: what is taught, and which reward comes when.
    learning_phases : tuple of (int, int)
        Phases in which each weight layer grows and shrinks; for traces that decay in phases alone.
    margin : int
        At the output d+ is silent only above theta/2 + margin, d- only up to theta/2 - margin.
    box : tuple of two int
        Edges of the box derivative at the output.
    grades : ErrorGrades, optional
        How errors are graded: each then moves weights by `potentiation` times its number, whatever
        its sign.  None: signs alone.
    hidden_thresholds : tuple of int, optional
        For each hidden layer, the first one first, what the magnitude of its e must exceed for d to
        be other than 0.  Empty: 0 for all.
    obstacles : tuple of SynfireError
        Why the integers cannot follow the circuit.  `learn` does not ask.
    seed : int
        Seed of the training, for what is drawn once.

    Raises
    ------
    SynfireError
        If it contradicts itself.

    Examples
    --------
    >>> import numpy as np
    >>> import synfire_bp as sb
    >>> paper = sb.Algorithm((4, 3, 2))
    >>> paper.shapes  # of W1 and W2, (n_pre, n_post)
    ((4, 3), (3, 2))
    >>> weights = sb.initial_weights((4, 3, 2), seed=0)
    >>> inputs, labels = np.eye(4, dtype=np.uint8), np.array([0, 1, 0, 1])
    >>> samples = sb.oracle.Samples.of(inputs, labels, n_out=2)
    >>> learnt = sb.oracle.learn(samples, weights, np.arange(4), paper)
    >>> learnt.score.samples, len(learnt.weight_changes)  # the weights changed in their place
    (4, 2)
    """

    sizes: tuple[int, ...]
    n_phases: int = 12
    potentiation: int = 2
    depression: int = -2
    limit: int = WEIGHT_LIMIT
    semantics: str = "circuit"
    feedback: tuple[int, ...] = ()
    direct: bool = False
    learns: tuple[bool, ...] | None = None
    decay: Decay | None = None
    changes: Changes | None = None
    returning: Matrices | None = None
    showings: int = 1
    starters: tuple[Starter, ...] = ()
    fine: Accumulator | None = None
    eligible: Eligibility | None = None
    rewards: Rewards = field(default_factory=Rewards)
    learning_phases: tuple[tuple[int, int], ...] = ()
    margin: int = 0
    box: tuple[int, int] = (0, FULL)
    grades: ErrorGrades | None = None
    hidden_thresholds: tuple[int, ...] = ()
    obstacles: tuple[SynfireError, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if len(self.sizes) < 3 or min(self.sizes) < 1:
            raise SynfireError(
                f"the algorithm's sizes are {self.sizes}; must be three or more layers of one "
                "unit or more, with two or more matrices between them"
            )
        if self.semantics not in SEMANTICS:
            raise SynfireError(
                f"semantics '{self.semantics}' is unknown; use one of {', '.join(SEMANTICS)}"
            )
        for name in ("n_phases", "showings"):
            if getattr(self, name) < 1:
                raise SynfireError(f"{name} is {getattr(self, name)}; must be 1 or more")
        if self.limit < 0:
            raise SynfireError(f"limit is {self.limit}; must be 0 or more")
        self._check_thresholds()
        self._check_feedback()
        self._check_lengths()
        self._check_grades()
        self._check_eligible()

    def _check_grades(self) -> None:
        if self.grades is None:
            return
        if self.feedback or self.returning is not None:
            raise SynfireError(
                f"errors.graded: there are {len(self.feedback)} feedback matrices; graded errors "
                "come back through the weights, and through all of them"
            )
        if len(self.grades.hidden) != self.n_layers - 1:
            raise SynfireError(
                f"errors.graded: grades are of {len(self.grades.hidden)} hidden layers; must be "
                f"{self.n_layers - 1}, one for each"
            )
        if self.changes is not None or self.semantics != "circuit":
            raise SynfireError(
                "errors.graded: graded errors add up as the circuit adds them; remove "
                "synapses.soft_bounds, levels and update_probability; the oracle's semantics is "
                "'circuit' with them"
            )
        if self.potentiation != -self.depression:
            raise SynfireError(
                f"errors.graded: an error adds {self.potentiation} or {self.depression}; graded "
                "errors carry their sign, so both must be of one size"
            )

    def _check_thresholds(self) -> None:
        given, n_hidden = self.hidden_thresholds, len(self.sizes) - 2
        if given and (len(given) != n_hidden or min(given) < 0):
            raise SynfireError(
                f"hidden_thresholds are {given}; must be {n_hidden}, one for each hidden layer, of "
                "0 or more"
            )

    def _check_feedback(self) -> None:
        if self.feedback and self.returning is not None:
            raise SynfireError(
                "errors come back through matrices of their own (feedback) in this model, and "
                "through some of the weights alone; use one of the two variants"
            )
        places = tuple(range(1, self.n_layers))
        if self.direct and self.feedback != places:
            raise SynfireError(
                f"direct needs feedback matrices, one for each of {places}; there are "
                f"{self.feedback or 'none'}"
            )
        if not set(self.feedback) <= set(places) or any(
            one >= other for one, other in itertools.pairwise(self.feedback)
        ):
            raise SynfireError(
                f"feedback is {self.feedback}; must be weight layers of {places}, in rising order"
            )

    def _check_eligible(self) -> None:
        """Refuse what the loops for eligibility traces do not know."""
        if self.eligible is None:
            return
        if self.eligible.in_phases and len(self.learning_phases) != self.n_layers:
            raise SynfireError(
                f"learning_phases has {len(self.learning_phases)} entries; a trace that decays in "
                f"phases needs one for each of {self.n_layers} weight layers"
            )
        beside = {
            "the semantics 'numpy'": self.semantics != "circuit",
            "learning.accumulator": self.fine is not None,
            "synapses that change otherwise (synapses)": self.changes is not None,
            "feedback weights that learn or decay (feedback.kind)": self.decay is not None
            or any(self.learning[self.n_layers :]),
            "samples that are shown again (gating.replay)": self.showings > 1,
        }
        for what, there in beside.items():
            if there:
                raise SynfireError(
                    f"learning.eligibility: traces collect what the paper's rule changes, and not "
                    f"beside {what}; remove one of them"
                )

    def _check_lengths(self) -> None:
        n, names = len(self.shapes), ", ".join(self.names)
        decaying = None if self.decay is None else self.decay.matrices
        for name, flags in (("learns", self.learns), ("decay.matrices", decaying)):
            if flags is not None and len(flags) != n:
                raise SynfireError(
                    f"{name} has {len(flags)} entries; must be one for each: {names}"
                )
        if self.direct and any(self.learning[self.n_layers :]):
            raise SynfireError(
                "feedback directly from the output does not learn: no rule fits it; set learns to "
                "False for it"
            )
        if self.fine is not None and (self.changes is not None or self.semantics != "circuit"):
            raise SynfireError(
                "learning.accumulator collects changes that just add up, as the circuit makes "
                "them; remove it, or synapses.soft_bounds, levels and update_probability; the "
                "oracle's semantics is 'circuit' with it"
            )
        forward = self.shapes[: self.n_layers]
        bounds = forward if self.changes is None else _shapes(self.changes.lowest)
        if bounds != forward:
            raise SynfireError(f"changes: bounds are {_said(bounds)}; must be {_said(forward)}")

    def changing(self, changes: Changes) -> Algorithm:
        """Return the algorithm whose forward weights change so.

        Raises
        ------
        SynfireError
            If a variant said before how they change.
        """
        if self.changes is not None:
            raise SynfireError(
                "two variants of this model say how weights change, and in which bounds; use one "
                "of them"
            )
        return replace(self, changes=changes)

    def returning_through(self, open_: Matrices) -> Algorithm:
        """Return the algorithm in which errors come back through some of the weights alone.

        Parameters
        ----------
        open_ : tuple of integer arrays
            1 where they do, 0 where they do not: a matrix (n_pre, n_post) per weight layer.  That
            of the first layer counts for nothing: no error comes back to the input.

        Raises
        ------
        SynfireError
            If they have other shapes or values, or errors come back through matrices of their own.
        """
        forward = self.shapes[: self.n_layers]
        if _shapes(open_) != forward:
            raise SynfireError(
                f"returning: matrices are {_said(_shapes(open_))}; must be {_said(forward)}"
            )
        for layer, one in enumerate(open_, 1):
            if (wrong := np.asarray(one)[~np.isin(one, (0, 1))]).size:
                raise SynfireError(
                    f"returning: the matrix of w{layer} holds {wrong[0]}; must be 0 or 1; where "
                    "a circuit sends another multiple back, say algorithm.cannot(…)"
                )
        both = open_ if self.returning is None else tuple(
            one * other for one, other in zip(self.returning, open_, strict=True)
        )  # fmt: skip
        return replace(self, returning=tuple(one.astype(np.int16) for one in both))

    def starting(self, starter: Starter) -> Algorithm:
        """Return the algorithm whose training starts from what one more starter makes of it."""
        return replace(self, starters=(*self.starters, starter))

    def drawn(self) -> Matrices:
        """Return the weights that a training starts from, one matrix for each of `shapes`.

        Raises
        ------
        SynfireError
            If the starters leave matrices of other shapes.
        """
        weights: Matrices = ()
        for starter in self.starters:
            with blaming(starter, "the starting weights of a variant"):
                weights = starter(weights, self)
                _shapes(weights)  # or it is the starter that is to be blamed
        if _shapes(weights) != self.shapes:
            raise SynfireError(
                f"a training would start from {_said(_shapes(weights)) or 'nothing'}; must be "
                f"{_said(self.shapes)}: {', '.join(self.names)}"
            )
        return weights

    def cannot(self, why: str | SynfireError) -> Algorithm:
        """Return the algorithm with a reason why the integers cannot follow the circuit."""
        if isinstance(why, str):
            why = SynfireError(f"{why}; use the engine 'circuit'")
        return replace(self, obstacles=(*self.obstacles, why))

    def no_tags(self) -> Matrices:
        """Return a tag for each weight that has collected nothing; none without `fine`."""
        if self.fine is None:
            return ()
        return tuple(np.zeros(shape, dtype=np.int16) for shape in self.shapes)

    @property
    def n_layers(self) -> int:
        """Number of weight layers."""
        return len(self.sizes) - 1

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Shape of each matrix: W1 … WL, then those for feedback."""
        forward = tuple(itertools.pairwise(self.sizes))
        if self.direct:
            return (*forward, *((self.sizes[layer], self.sizes[-1]) for layer in self.feedback))
        return (*forward, *(forward[layer] for layer in self.feedback))

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each matrix: w1 … wL, then b2 in the place of w2, and so on."""
        forward = (f"w{layer + 1}" for layer in range(self.n_layers))
        return (*forward, *(f"b{layer + 1}" for layer in self.feedback))

    @property
    def learning(self) -> tuple[bool, ...]:
        """Whether each matrix learns."""
        return self.learns if self.learns is not None else len(self.shapes) * (True,)

    @property
    def decaying(self) -> tuple[bool, ...]:
        """Whether each matrix decays."""
        if self.decay is None:
            return len(self.shapes) * (False,)
        return self.decay.matrices or (False, *(len(self.shapes) - 1) * (True,))


def _shapes(matrices: Sequence[NDArray]) -> tuple[tuple[int, ...], ...]:
    return tuple(matrix.shape for matrix in matrices)


def _said(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes))
