"""How errors come back: the section `feedback` of a model file.

In the paper the error travels back through copies of W2 that the same local rule keeps equal to it
(`symmetric`).  They have to start equal, which no brain arranges.  The kinds of feedback here drop
that assumption, one way each:

============================ ==========================================================
`feedback_alignment`         B, fixed and random, in the place of W2 (Lillicrap et al. 2016)
`sign_symmetric`             the same with the signs of the initial W2 (after Liao et al. 2016)
`kolen_pollack`              B starts random and learns by W2's rule (Kolen & Pollack 1994;
                             Akrout et al. 2019); with `decay` it comes to equal W2
`weight_drift`               the paper's copies, disturbed one by one: they drift, or miss updates
`output_only`                only W2 learns: is backpropagation needed at all?
`direct_feedback_alignment`  for deeper networks (Nøkland 2016); with one hidden layer it is
                             feedback alignment
============================ ==========================================================

Locality: every kind learns by the paper's rule, which depends only on a synapse's own two neurons
and the reward.  B is drawn independently of W2, except that `sign_symmetric` copies the signs once,
at the start; B does not follow where W2 changes its sign later, as Liao et al. let it, because a
synapse would have to know the sign of another one.  Decay depends only on the synapse's own weight
and a signal that all synapses share, as in sleep.  With `kolen_pollack` the updates of W2 and B are
equal, since the same two neurons fire together at both; decay removes the initial values.

B has the shape (n_hid, n_out), like W2.  It is held twice, as +B in o→hT and as -B in oT→hT.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.decay import WHOLE, kept
from synfire_bp.circuit.deep import deep_circuit
from synfire_bp.circuit.layout import PlasticLayout
from synfire_bp.circuit.rows import Matrix
from synfire_bp.circuit.weights import initial_feedback
from synfire_bp.dice import CERTAIN, likelihood, moments
from synfire_bp.network.lines import Lines
from synfire_bp.network.numbers import Moment, Numbers
from synfire_bp.network.plan import NetworkPlan
from synfire_bp.oracle.algorithm import Algorithm, Decay
from synfire_bp.section import unit
from synfire_bp.variants.base import Guarantees, Variant, variant

if TYPE_CHECKING:
    from synfire_bp.model.model import Model

__all__ = ["Feedback"]

Weights = tuple[NDArray[np.int16], ...]

Kind = Literal[
    "symmetric",
    "feedback_alignment",
    "direct_feedback_alignment",
    "sign_symmetric",
    "kolen_pollack",
    "weight_drift",
    "output_only",
]

_WORDS = {
    "symmetric": "errors come back through copies of the forward weights, as in the paper",
    "feedback_alignment": "errors come back through fixed random weights",
    "direct_feedback_alignment": "errors come from the output directly to each hidden layer, "
    "through fixed random weights",
    "sign_symmetric": "errors come back through fixed random weights with the signs of the initial "
    "forward ones",
    "kolen_pollack": "errors come back through weights that start random and learn by the rule of "
    "the forward ones",
    "weight_drift": "errors come back through copies of the forward weights, disturbed one by one",
    "output_only": "only the last weights learn",
}
"""What the kinds mean."""

_OWN_MATRIX = (
    "feedback_alignment",
    "direct_feedback_alignment",
    "sign_symmetric",
    "kolen_pollack",
)
_FIXED = ("feedback_alignment", "direct_feedback_alignment", "sign_symmetric")
_USED_BY = {
    "decay": ("kolen_pollack", "weight_drift"),
    "drift": ("weight_drift",),
    "failure": ("weight_drift",),
}
"""Which kinds of feedback a disturbance or a repair is for."""

EVERY = 1000
"""Samples between two decay or drift steps, if a model file gives none."""


_LINES = Lines(
    plastic="""
        feedback_learns   : integer (constant)          # 1, or 0: this synapse keeps its weight
        feedback_number   : integer (constant)          # of the synapse, for chance
        feedback_dice     : integer (shared, constant)  # seed
        feedback_failing  : integer (shared, constant)  # chance that an update fails
        feedback_keep     : integer (constant)          # of a weight that decays
        feedback_drifting : integer (shared, constant)  # chance of a step up, and of one down
        feedback_turn     : integer (shared, constant)  # time steps from one moment to the next
        feedback_since    : integer (shared, constant)  # since the last moment, at the start
        feedback_left = (t_in_timesteps + feedback_since) % feedback_turn : integer (shared)
        feedback_due = int(t_in_timesteps > 0 and feedback_left == 0) : integer (shared)
    """,
    change=(
        "{change} * feedback_learns"
        " * int(chance(feedback_number, feedback_dice + t_in_timesteps) >= feedback_failing)",
    ),
    after="w += feedback_due * (bounded(shrunk(w, feedback_keep)"
    " + 2 * int(chance(-1 - feedback_number, feedback_dice + t_in_timesteps) < feedback_drifting)"
    " - 2 * int(chance(-1 - feedback_number, feedback_dice + t_in_timesteps)"
    " >= certain - feedback_drifting), lowest, highest) - w)",
    functions=(
        "synfire_bp.network.chance:chance",
        "synfire_bp.network.chance:certain",
        "synfire_bp.variants.feedback.functions:shrunk",
    ),
)
"""The same for every kind, so that one compiled program serves them all."""


@variant("feedback")
class Feedback(Variant):
    """How errors come back; `feedback: kolen_pollack` alone names the kind."""

    summary = (
        "How errors come back: a kind such as kolen_pollack, or a section with kind and options. "
        "null: through copies of W2, as in the paper."
    )
    word = "kind"
    position = 10

    kind: Kind = Field(
        default="symmetric",
        description="symmetric (the paper: copies of W2), feedback_alignment (fixed random B), "
        "sign_symmetric (fixed random B with the signs of the initial W2), kolen_pollack (B "
        "learns by the rule of W2), weight_drift (disturbed copies of W2), output_only (W1 is "
        "fixed).",
    )
    decay: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Fraction by which every weight of W2 and B (in all copies) shrinks every "
        "`every` samples, in steps of 2 and by at least one step. W1 does not decay. For "
        "kolen_pollack and weight_drift; null: none.",
    )
    drift: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Probability that a learning weight drifts by 2, up or down, every `every` "
        "samples, independently for each synapse. For weight_drift; null: none.",
    )
    failure: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Probability that an update of a weight fails, independently for each "
        "synapse. For weight_drift; null: none.",
    )
    every: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="Samples between two decay or drift steps, counted from the first sample of "
        f"the training. null: {EVERY:,}, if weights decay or drift.",
        json_schema_extra=unit("samples"),
    )

    @field_validator("decay", "drift", "failure")
    @classmethod
    def _belongs_to_kind(cls, value: float | None, info: ValidationInfo) -> float | None:
        kind, users = info.data.get("kind"), _USED_BY[str(info.field_name)]
        if value is not None and kind is not None and kind not in users:
            raise ValueError(
                f"has no effect on feedback.kind '{kind}'; remove it, or use "
                f"feedback.kind: {' or '.join(users)}"
            )
        return value

    @field_validator("failure")
    @classmethod
    def _something_disturbs(cls, failure: float | None, info: ValidationInfo) -> float | None:
        drift = info.data.get("drift", True)  # not there if it was refused
        if info.data.get("kind") == "weight_drift" and not failure and not drift:
            raise ValueError(
                "is missing: nothing disturbs the copies of feedback.kind 'weight_drift'; give "
                "feedback.drift or feedback.failure, or use feedback.kind: symmetric"
            )
        return failure

    @field_validator("every")
    @classmethod
    def _has_moments_to_come(cls, every: int | None, info: ValidationInfo) -> int | None:
        if every is not None and not any(info.data.get(k, True) for k in ("decay", "drift")):
            raise ValueError(
                "has no effect without feedback.decay or feedback.drift; remove it, or give one"
            )
        return every

    def fits(self, others: Mapping[str, Any]) -> None:
        """Raise ValueError if this kind makes no difference here, or moves weights too finely."""
        chip = others.get("hardware")
        if chip is not None and (self.decay or self.drift) and chip.weight_bits < 8:
            raise ValueError(
                "decay and drift move weights by 2, but with hardware.weight_bits "
                f"{chip.weight_bits} they go in larger steps; use 8 bits, or neither of the two"
            )
        if "network" not in others:  # refused itself
            return
        deep = len(others["network"].sizes) > 3
        if self.kind == "direct_feedback_alignment" and not deep:
            raise ValueError(
                "feedback.kind 'direct_feedback_alignment' is the same as feedback_alignment with "
                "one hidden layer; use that, or a network with more hidden layers"
            )

    def described(self, model: Model) -> Iterator[tuple[str, str]]:
        """Yield how errors come back, and what disturbs or repairs it."""
        yield "feedback", f"{self.kind.replace('_', ' ')}: {_WORDS[self.kind]}"
        matrices = [
            f"{matrix.name.upper()} ({matrix.pre} to {matrix.post})"
            for matrix in model.circuit.further
        ]
        if matrices:
            learn = "learn" if self.kind not in _FIXED else "stay as they are"
            yield "matrices of their own", f"{', '.join(matrices)}; they {learn}"
        every = f"every {self._interval:,} samples"
        if self.decay is not None:
            yield (
                "decay",
                f"all weights but those of W1 lose {self.decay:g} of their size {every}, and at "
                "least a step of 2",
            )
        if self.drift is not None:
            yield (
                "drift",
                f"{every} a learning weight moves by 2, up or down, with a probability of "
                f"{self.drift:g}, each synapse for itself",
            )
        if self.failure is not None:
            yield (
                "failure",
                f"an update of a weight fails with a probability of {self.failure:g}, each synapse "
                "for itself",
            )

    # -- the circuit -------------------------------------------------------------------------

    def circuit(self, circuit: Circuit) -> Circuit:
        """Return the circuit with its way back through matrices of its own, if it has them."""
        layers = sorted({row.layer for row in circuit.plastic if row.transposed})
        if self.kind not in _OWN_MATRIX or not layers:
            return circuit
        if self.kind == "direct_feedback_alignment":
            return deep_circuit(
                circuit.sizes,
                closing=circuit.closing,
                weight_limit=circuit.weight_limit,
                feedback=self.kind,
            )
        first = circuit.n_weight_layers
        plastic = tuple(
            replace(row, layer=first + layers.index(row.layer)) if row.transposed else row
            for row in circuit.plastic
        )
        further = tuple(
            Matrix(f"b{n + 1}", circuit.layers[n], circuit.layers[n + 1], stands_for=n)
            for n in layers
        )
        return replace(circuit, plastic=plastic, further=further)

    # -- its synapses ------------------------------------------------------------------------

    @property
    def _interval(self) -> int:
        return self.every or EVERY

    def _learns(self, layer: int, n_weight_layers: int) -> bool:
        """Return whether a matrix learns; those after the weight layers are feedback."""
        if self.kind == "output_only":
            return layer == n_weight_layers - 1
        return self.kind not in _FIXED or layer < n_weight_layers

    def network(self, network: NetworkPlan) -> NetworkPlan:
        """Return the training network with what keeps its weight, decays, drifts or fails."""
        if self.kind == "symmetric" or not network.learns:
            return network
        return network.adding(_LINES, self._numbers)

    def _numbers(self, circuit: Circuit, layout: PlasticLayout, at: Moment) -> Numbers:
        keep, n = kept(self.decay or 0.0), circuit.n_weight_layers
        return {
            "plastic.feedback_learns": layout.per_row(lambda row: self._learns(row.layer, n)),
            "plastic.feedback_number": np.arange(layout.pre.size, dtype=np.int32),
            "plastic.feedback_dice": moments(at.seed, "feedback"),
            "plastic.feedback_failing": likelihood(self.failure or 0.0),
            "plastic.feedback_keep": layout.per_row(lambda row: keep if row.layer else WHOLE),
            "plastic.feedback_drifting": round((self.drift or 0.0) * CERTAIN / 2),
            "plastic.feedback_turn": self._interval * circuit.n_phases,
            "plastic.feedback_since": at.shown % self._interval * circuit.n_phases,
        }

    # -- the algorithm -----------------------------------------------------------------------

    def algorithm(self, algorithm: Algorithm) -> Algorithm:
        """Return the algorithm with other matrices on the way back, which learn, decay, or not."""
        if self.kind == "weight_drift":
            return algorithm.cannot(
                "the oracle holds each matrix once, but with feedback.kind 'weight_drift' the "
                "copies of a matrix differ"
            )
        if self.kind in _OWN_MATRIX:
            algorithm = algorithm.starting(self._with_feedback)
        n = len(algorithm.sizes) - 1
        learns = tuple(self._learns(layer, n) for layer in range(n + len(algorithm.feedback)))
        decay = Decay(self._interval, kept(self.decay)) if self.decay else None
        return replace(algorithm, learns=learns, decay=decay)

    def _with_feedback(self, weights: Weights, algorithm: Algorithm) -> Weights:
        """Return the forward matrices, then what the feedback matrices start from."""
        drawn = initial_feedback(algorithm.sizes, algorithm.seed, direct=algorithm.direct)
        back = tuple(drawn[layer] for layer in algorithm.feedback)
        if self.kind == "sign_symmetric":
            back = tuple(
                np.sign(weights[layer]) * np.abs(matrix)
                for layer, matrix in zip(algorithm.feedback, back, strict=True)
            )
        return (*weights, *back)

    @property
    def guarantees(self) -> Guarantees:
        """Copies of a weight matrix drift apart, if they are disturbed."""
        return Guarantees(copies_equal=self.kind != "weight_drift")
