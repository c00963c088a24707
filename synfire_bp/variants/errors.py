"""When units count as wrong, and by how much: a margin, a box, a hidden threshold, graded errors.

In the paper a target learns until its unit fires, any other until its unit is silent, and a unit
learns only while its input is within 0 … 1024.  With a margin a target goes on until its input is
above 512 + margin, any other until it is below 512 - margin; the answer still is what exceeds 512.
With a wider box, units that have fallen silent can recover.

In the paper the sign of e alone determines the direction in which the weights into a hidden unit
change, and every e except 0 changes them by a whole step, however small it is.  With a threshold
for its layer, an e whose magnitude does not exceed the threshold changes nothing, and is not
propagated further back.

The margin needs two more populations at the output, `o+` and `o-`: each has its own copy of the
last weights, like `o<` and `o>`, and fires in the same phases.  A wider box needs other weights of
two gates, and a hidden layer's threshold other weights of the two gates by which its transposed
layer compares e with 0.  All neurons and synapses are of the paper's kinds.

Graded errors have a size where the paper's are signs, and spikes that carry a whole number: a
circuit of its own (`synfire_bp.circuit.graded`), of neurons that Loihi 2 has and Loihi 1 has not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator
from typing_extensions import Self

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.graded import graded_circuit
from synfire_bp.circuit.grades import LARGEST_HIDDEN, LAST_STEP, OUTPUT_GRADE, Grade, error_grades
from synfire_bp.circuit.numbers import FULL, HALF, FixedWeight
from synfire_bp.circuit.reader import shown
from synfire_bp.circuit.rows import Block, Gate, PlasticProjection, Population, Relay
from synfire_bp.circuit.rule import Rule
from synfire_bp.errors import CircuitError, RuleError
from synfire_bp.network.graded import GRADED, graded_numbers
from synfire_bp.network.plan import NetworkPlan
from synfire_bp.oracle.algorithm import Algorithm
from synfire_bp.section import unit
from synfire_bp.variants.base import Variant, variant

if TYPE_CHECKING:
    from synfire_bp.model.model import Model

__all__ = ["Errors"]

_ABOVE, _BELOW = "o+", "o-"
_ROLES = {
    _ABOVE: "output beyond the margin: enough of a target",
    _BELOW: "output within the margin: too much of any other",
}
_GRADED_MARGIN = 8
"""What a margin is a multiple of, so that -512 - margin can be gated."""

_LIKE = "o<"
"""The population whose rows tell how a copy of the output is reached and learns."""


@variant("errors")
class Errors(Variant):
    """When a unit counts as wrong, and by how much."""

    summary = (
        "When a unit counts as wrong, and by how much: graded, or a section. null: as in the paper."
    )
    word = "graded"
    position = 45

    margin: int = Field(
        default=0,
        ge=0,
        le=HALF,
        description="Distance from the threshold of 512 within which an input still counts as "
        "wrong, in weight units: a target learns until its input exceeds 512 + margin, any other "
        "unit until it is 512 - margin or less. An 8-bit mantissa times a power of two, like "
        "every fixed weight (0 ... 512)",
        json_schema_extra=unit("weight units"),
    )
    box: tuple[int, ...] = Field(
        strict=False,  # YAML has lists, not tuples; the numbers themselves stay strict
        default=(0, FULL),
        description="Range of inputs in which an output unit learns, in weight units: above the "
        "first value, up to the second. 512 minus each of them must be an 8-bit mantissa times a "
        "power of two. A range wider than the paper's lets silent units recover",
        json_schema_extra=unit("weight units"),
    )

    graded: bool = Field(
        default=False,
        description="Errors have a magnitude and not only a sign. At the output it is the number "
        f"of steps of {OUTPUT_GRADE.step} weight units, rounded up, from the input to where it "
        f"would be right, at most {OUTPUT_GRADE.most}; at a hidden unit the number of steps, "
        f"rounded up, in the backpropagated sum, at most {LARGEST_HIDDEN}. A step of the last "
        f"hidden layer is {LAST_STEP} weight units, that of another grows with the layer above. "
        "Graded spikes carry the magnitude, as on Loihi 2; a sample takes 9 phases with one hidden "
        "layer, and 4 more with each further one",
    )

    hidden_threshold: tuple[Annotated[int, Field(ge=0, le=FULL + HALF)], ...] = Field(
        strict=False,
        default=(),
        description="Value that the magnitude of a backpropagated error e must exceed for the "
        "weights into a hidden unit to learn, in weight units: one number per hidden layer, from "
        "the first layer on, such as [200, 30]. 512 minus each of them must be an 8-bit mantissa "
        "times a power of two. Empty: 0 for all, so only the sign of e counts",
        json_schema_extra=unit("weight units"),
    )

    @model_validator(mode="after")
    def _of_weights_that_there_are(self) -> Self:
        """Refuse thresholds that no gate can have."""
        if len(self.box) != 2:
            raise ValueError(
                f"box: has {len(self.box)} entries, but must have 2: a lower and an upper edge"
            )
        lower, upper = self.box
        if lower > upper:
            raise ValueError(f"box: {lower} ... {upper} goes down; must be [{upper}, {lower}]")
        if not lower <= HALF - self.margin or not HALF + self.margin <= upper:
            raise ValueError(
                f"box: {lower} ... {upper} must hold 512 - margin ... 512 + margin "
                f"({HALF - self.margin} ... {HALF + self.margin}); widen it, or lower margin"
            )
        if max(HALF - lower, upper - HALF) > FULL + HALF:
            raise ValueError(
                f"box: {lower} ... {upper} is wider than {-FULL} ... {2 * FULL}, beyond which a "
                "closed population would fire"
            )
        _check_weight("margin", "margin", self.margin)
        for key, threshold in (
            *(("box", edge) for edge in self.box),
            *(("hidden_threshold", least) for least in self.hidden_threshold),
        ):
            _check_weight(key, "edge" if key == "box" else "threshold", HALF - threshold)
        if self.graded and self.margin % _GRADED_MARGIN:
            below = self.margin // _GRADED_MARGIN * _GRADED_MARGIN
            raise ValueError(
                f"margin: {self.margin} is not a multiple of {_GRADED_MARGIN}, as graded errors "
                f"need it to be; the nearest are {below} and {below + _GRADED_MARGIN}"
            )
        if self.graded and self.hidden_threshold:
            raise ValueError(
                f"hidden_threshold: is {list(self.hidden_threshold)}, but graded errors have a "
                "size instead of a threshold; remove one of the two"
            )
        return self

    def fits(self, others: Mapping[str, Any]) -> None:
        """Refuse gates that open to three thresholds alone, and thresholds of no hidden layer."""
        if self.graded:
            _fits_graded(others)
        gating, network = others.get("gating"), others.get("network")
        if gating is not None and gating.opening == "shunting" and gating.pool > 1:
            raise ValueError(
                "margin, box, hidden_threshold: a pool that shunts opens to the thresholds 0, 512 "
                "and 1024 alone; set gating.opening to balance, or remove errors"
            )
        n_given = len(self.hidden_threshold)
        if network is not None and n_given and n_given != len(network.sizes) - 2:
            raise ValueError(
                f"hidden_threshold: has {n_given} entries, but network.sizes has "
                f"{len(network.sizes) - 2} hidden layers; give one for each"
            )

    def described(self, model: Model) -> Iterator[tuple[str, str]]:
        """Yield when a unit counts as wrong, and by how much."""
        above, below = HALF + self.margin, HALF - self.margin
        if self.margin:
            which = "" if self.graded else f"; {_ABOVE} and {_BELOW} compare with these thresholds"
            yield (
                "margin",
                f"a target learns until its input exceeds {HALF} + {self.margin} = {above}, any "
                f"other output until it is {HALF} - {self.margin} = {below} or less{which}",
            )
        if self.box != (0, FULL):
            lower, upper = self.box
            yield (
                "box derivative of the output",
                f"an output learns while its input is above {lower}, up to {upper} (paper: 0, "
                f"{FULL})",
            )
        for number, least in enumerate(self.hidden_threshold, 1):
            yield (
                f"errors of hidden layer {number}",
                (f"teach only where their magnitude exceeds {least} weight units (paper: 0)"),
            )
        if self.graded:
            for who, of, grade in _graded_of(model.circuit.sizes):
                yield (
                    f"graded errors, {who}",
                    f"{of}, in steps of {grade.step} weight units, rounded up, {grade.most} at "
                    "most; a weight moves by as many steps",
                )

    def circuit(self, circuit: Circuit) -> Circuit:
        """Return the training circuit with these thresholds; inference answers as ever."""
        if _LIKE not in circuit.population_sizes:
            return circuit
        if self.graded:
            return self._graded(circuit)
        thresholds = self._thresholds(circuit)
        circuit = replace(
            circuit,
            gates=tuple(_opening_at(thresholds, row) for row in circuit.gates),
            populations=tuple(map(self._told, circuit.populations)),
        )
        if not self.margin:
            return circuit
        circuit = _with_copy(circuit, _ABOVE, HALF + self.margin)
        circuit = _with_copy(circuit, _BELOW, HALF - self.margin)
        return replace(circuit, relays=tuple(map(_of_margin, circuit.relays)))

    def _graded(self, circuit: Circuit) -> Circuit:
        """Return the circuit of graded errors for the same layers, as firmly closed."""
        return graded_circuit(
            circuit.sizes, error_grades(circuit.sizes), margin=self.margin,
            box=(self.box[0], self.box[1]), closing=circuit.closing,
            weight_limit=circuit.weight_limit, blocks=_firmness(circuit),
        )  # fmt: skip

    def network(self, network: NetworkPlan) -> NetworkPlan:
        """Return the training network, whose spikes carry numbers if errors are graded."""
        if not self.graded or not network.learns:
            return network
        return network.adding(GRADED, graded_numbers)

    def _told(self, row: Population) -> Population:
        """Return a population whose role says above which input it fires."""
        edges = {"o<": ("lower", 0, self.box[0]), "o>": ("upper", FULL, self.box[1])}
        which, paper, own = edges.get(row.name, ("", 0, 0))
        if own == paper:
            return row
        return replace(row, role=f"{which} edge of the output box derivative: input above {own}")

    def _thresholds(self, circuit: Circuit) -> dict[str, tuple[int, int]]:
        """Return, by population, the paper's threshold of some gates, and their own."""
        edges = zip(("o<", "o>"), (0, FULL), self.box, strict=True)
        hidden = (f"{layer.replace('hidden', 'h')}T" for layer in circuit.layers[1:-1])
        least = zip(hidden, self.hidden_threshold, strict=False)  # there may be none
        return {name: (paper, own) for name, paper, own in edges} | {
            name: (0, own) for name, own in least
        }

    def algorithm(self, algorithm: Algorithm) -> Algorithm:
        """Return the algorithm with the same thresholds."""
        grades = error_grades(algorithm.sizes) if self.graded else None
        return replace(
            algorithm,
            grades=grades,
            margin=self.margin,
            box=(self.box[0], self.box[1]),
            hidden_thresholds=self.hidden_threshold,
        )


def _graded_of(sizes: Sequence[int]) -> Iterator[tuple[str, str, Grade]]:
    """Yield each layer whose errors are graded, what an error measures there, and its grade."""
    grades = error_grades(sizes)
    yield "output", "its distance from where it would be right", grades.output
    for number, grade in enumerate(grades.hidden, 1):
        who = f"hidden layer {number}" if len(grades.hidden) > 1 else "hidden unit"
        yield who, "the backpropagated sum", grade


def _firmness(circuit: Circuit) -> int:
    """Return how often hidden layers are blocked: as h is, or twice in a deeper circuit."""
    times = (row.times for row in circuit.gates if isinstance(row, Block) and row.closes == "h")
    return max(times, default=2)


def _fits_graded(others: Mapping[str, Any]) -> None:
    """Refuse what cannot be combined with graded errors."""
    if others.get("hardware") is not None:
        raise ValueError(
            "graded: spikes of Loihi 1 have no payload (those of Loihi 2 have up to 32 bits); "
            "remove it, or hardware"
        )
    if "network" in others and (block := others["network"].resting_block) is not None:
        raise ValueError(
            f"graded: network.resting_block is {block}, but the circuit of graded errors blocks "
            "its hidden layer in phases of its own; remove one of the two"
        )
    for name in ("feedback", "reward", "synapses", "gating"):
        if others.get(name) is not None:
            raise ValueError(
                f"graded: the section '{name}' changes a circuit whose errors are signs; remove "
                "one of the two"
            )
    if "learning" in others:
        _fits_rule(others["learning"].parsed())


def _fits_rule(rule: Rule) -> None:
    """Refuse a learning rule that does not take an error times a number, or too large a tag."""
    if not rule.by_coincidence or rule.coincidence()[0] != -rule.coincidence()[1]:
        raise ValueError(
            f"graded: learning.rule is '{shown(rule.text)}'; must add with r1 what it takes away "
            "without, where x0 and y0 meet, and read nothing else"
        )
    if rule.fine is not None:
        try:
            rule.fine.check(max(map(abs, rule.coincidence())) * LARGEST_HIDDEN)
        except RuleError as error:
            raise ValueError(
                f"graded: an error of {LARGEST_HIDDEN} moves a weight as often: {error}"
            ) from None


def _opening_at(thresholds: Mapping[str, tuple[int, int]], row: Gate | Block) -> Gate | Block:
    """Return a gate with its population's own threshold in the place of the paper's."""
    if isinstance(row, Gate) and row.opens in thresholds:
        paper, own = thresholds[row.opens]
        if row.threshold == paper:
            return replace(row, threshold=own)
    return row


def _with_copy(circuit: Circuit, name: str, threshold: int) -> Circuit:
    """Return the circuit with one more copy of the output, that fires above a threshold."""
    layer = circuit.layers[-1]
    gates = (
        replace(row, opens=name, threshold=HALF if row.threshold == HALF else threshold)
        if isinstance(row, Gate)
        else replace(row, closes=name)
        for row in circuit.gates
        if row.population == _LIKE
    )
    plastic: tuple[PlasticProjection, ...] = tuple(
        replace(row, post=name) for row in circuit.plastic if row.post == _LIKE
    )
    return replace(
        circuit,
        populations=(*circuit.populations, Population(name, layer, _ROLES[name])),
        plastic=(*circuit.plastic, *plastic),
        relays=tuple(
            replace(row, post=(*row.post, name)) if _LIKE in row.post else row
            for row in circuit.relays
        ),
        gates=tuple(sorted((*circuit.gates, *gates), key=lambda row: row.phase)),
    )


def _of_margin(row: Relay) -> Relay:
    """Return a relay from the output to its error as it is with a margin."""
    if row.pre != "o" or not {"d+", "d-"} & set(row.post):
        return row
    return replace(row, pre=_ABOVE if row.weight == "inhibition" else _BELOW)


def _check_weight(key: str, what: str, value: int) -> None:
    """Refuse a margin, or an edge or a threshold that 512 less `value` is, if no gate has it."""
    try:
        FixedWeight.from_value(key, value)
    except CircuitError:
        near, said = _nearest(value), f"{value}"
        if what != "margin":
            sign = 1 if value > 0 else -1
            near = sorted(HALF - sign * distance for distance in near)
            said = f"{HALF - value} - {HALF} = {-value}"
        raise ValueError(
            f"{key}: {said} is not an 8-bit mantissa times a power of two; the nearest {what}s "
            f"that are: {near[0]} and {near[1]}"
        ) from None


def _nearest(value: int) -> list[int]:
    """Return the nearest magnitudes below and above that a fixed weight can have."""
    step = 1
    while abs(value) // step > 255:
        step *= 2
    below = abs(value) // step * step
    return [below, below + step]
