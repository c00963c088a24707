"""The kinds of rows that a circuit is made of.

Examples
--------
>>> from dataclasses import replace
>>> import synfire_bp as sb
>>> circuit = sb.backprop_circuit((4, 3, 2))
>>> seen = replace(
...     circuit,
...     populations=(*circuit.populations, sb.rows.Population("seen", "output", "what o said")),
...     relays=(*circuit.relays, sb.rows.Relay("o", ("seen",))),
...     gates=(*circuit.gates, sb.rows.Gate(4, "seen")),
... )
>>> seen.n_neurons - circuit.n_neurons
2
"""

from __future__ import annotations

from dataclasses import dataclass

from synfire_bp.circuit.grades import Grade
from synfire_bp.circuit.numbers import FULL, HALF, FixedWeight
from synfire_bp.errors import CircuitError

__all__ = [
    "Block",
    "Gate",
    "Matrix",
    "Phase",
    "PlasticProjection",
    "Population",
    "Projection",
    "Relay",
    "Source",
]


@dataclass(frozen=True)
class Population:
    """A population: as many neurons as its layer has units.

    `layer` is "input", "hidden", "output" or "gate" (one neuron).  `refractory` is the refractory
    delay on the chip, in steps: 1 lets a neuron spike in the next step.

    Where spikes are graded (`synfire_bp.circuit.grades`): `graded` is what they carry, 1 if it is
    None; `signed` is what they carry where a signed pulse has opened the neuron.
    """

    name: str
    layer: str
    role: str
    refractory: int = 2
    graded: Grade | None = None
    signed: Grade | None = None


@dataclass(frozen=True)
class Source:
    """A population driven from outside: emits the sample's pattern in one phase."""

    name: str
    layer: str
    emits: int
    role: str


@dataclass(frozen=True)
class Phase:
    """One time step of a sample.

    `learning` is "potentiation" in the phases in which the reward signal is on, "depression" in
    those in which coincident spikes depress, and empty where no plastic synapse meets a
    coincidence.  It is "uptake" where the reward signal is on and weights take what tags hold.
    """

    index: int
    meaning: str
    learning: str = ""


@dataclass(frozen=True)
class Relay:
    """A one-to-one row: `pre` drives (or inhibits, or opens) `post`, once per extra delay.

    `weight` is the name of a fixed weight, or a number with its sign, such as "+64".  Where
    `signed`, its spike makes `post` emit its sum with its sign.
    """

    pre: str
    post: tuple[str, ...]
    weight: str = "relay"
    extra_delays: tuple[int, ...] = (0,)
    signed: bool = False

    @property
    def own_weight(self) -> FixedWeight | None:
        """The weight, if it is written as a number.

        Raises
        ------
        CircuitError
            If the chip has no such weight.
        """
        if self.weight[:1] not in ("+", "-"):
            return None
        return FixedWeight.from_value(self.weight, int(self.weight))


@dataclass(frozen=True)
class Matrix:
    """A weight matrix in addition to those of the weight layers, for plastic projections.

    Shape: units of layer `pre` by units of layer `post`.  `stands_for` is the number of the weight
    layer that it replaces when errors are propagated back; None if it replaces none.
    """

    name: str
    pre: str
    post: str
    stands_for: int | None = None


@dataclass(frozen=True)
class PlasticProjection:
    """An all-to-all projection with learning weights.

    It starts as `sign` times the matrix number `layer` (0: input to hidden, 1: hidden to output;
    after these the circuit's further matrices, where it has any), transposed or not, and must
    always stay equal to it.
    """

    pre: str
    post: str
    layer: int
    transposed: bool = False
    sign: int = 1

    @property
    def name(self) -> str:
        """`pre→post`, as printed in tables."""
        return f"{self.pre}→{self.post}"


_USUAL = {HALF: ("open",), 0: ("open", "half"), FULL: ("cancel",)}
"""The thresholds of the paper's gates, and the fixed weights that open a population to each."""


@dataclass(frozen=True)
class Gate:
    """In `phase`, population `opens` fires if its input exceeds `threshold`.

    Where `signed`, it fires if its input differs from the threshold, and its spike has the sign of
    the difference.
    """

    phase: int
    opens: str
    threshold: int = HALF
    signed: bool = False

    @property
    def population(self) -> str:
        """The population that the gate acts on."""
        return self.opens

    @property
    def weights(self) -> tuple[str, ...]:
        """Names of the fixed weights that the gate's spike carries."""
        return _USUAL.get(self.threshold) or ("open", f"{HALF - self.threshold:+d}")

    @property
    def own_weight(self) -> FixedWeight | None:
        """The weight in addition to `open` for a threshold other than 0, half or full.

        Raises
        ------
        CircuitError
            If the chip has no such weight.
        """
        if self.threshold in _USUAL:
            return None
        try:
            return FixedWeight.from_value(self.weights[-1], HALF - self.threshold)
        except CircuitError as error:
            raise CircuitError(
                f"gate of '{self.opens}' in phase {self.phase}: threshold {self.threshold} "
                f"cannot be gated: {error}"
            ) from None


@dataclass(frozen=True)
class Block:
    """In `phase`, population `closes` is closed further, `times` as strongly, for any input.

    With a `weight`, in weight units, the pulse carries that in place of the circuit's own `block`.
    """

    phase: int
    closes: str
    times: int = 1
    weight: int | None = None

    @property
    def population(self) -> str:
        """The population that the block acts on."""
        return self.closes

    @property
    def weights(self) -> tuple[str, ...]:
        """Names of the fixed weights that the gate's spike carries."""
        return self.times * ("block" if self.weight is None else f"{self.weight:+d}",)

    @property
    def own_weight(self) -> FixedWeight | None:
        """The weight that is not the circuit's own `block`.

        Raises
        ------
        CircuitError
            If the chip has no such weight.
        """
        if self.weight is None:
            return None
        return FixedWeight.from_value(self.weights[0], self.weight)


@dataclass(frozen=True)
class Projection:
    """A fixed projection, as a network is built from it.

    One to one if both populations have the same size, else one (the gate) to all.  Where `signed`,
    a spike also makes `post` emit its sum with its sign.
    """

    pre: str
    post: str
    weight: FixedWeight
    extra_delay: int = 0
    signed: bool = False
