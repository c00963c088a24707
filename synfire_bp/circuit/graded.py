"""The circuit whose errors are graded: both signs at once, 4 L + 1 phases for L weight layers.

For one sample and L weight layers, with h_0 = x and `steps` as in `synfire_bp.circuit.grades`::

    forward    a_l = h_(l-1) @ W_l       h_l = a_l > theta/2       l = 1 … L, and o = h_L
    error      u+ = steps(theta/2 + margin - a_L)      u- = steps(a_L - theta/2 + margin)
               d_L = u+ where t, -u- elsewhere, and 0 outside of the box
    backward   e_l = W_(l+1) @ d_(l+1)   d_l = steps(e_l) inside the box       l = L-1 … 1
    learning   W_l += 2 * outer(h_(l-1), d_l)

with every W as it was before the sample.  What a spike carries has a sign, so one phase does what
takes the paper's circuit two, and what depresses is what carries a negative number.  A learning
synapse multiplies what its two neurons carry.

**Phases.**  There are 4 L + 1 of them: nine with one hidden layer.

- 0: the input source emits.  2 l: layer l fires; 2 l + 1: its memory, which the next layer hears.
- 2 L + 1: the error d+ and d- at the output.
- Then two phases for each layer l = L … 1 (one for the first), beginning with p = 4 L + 2 - 2 l::

    p      layer l fires d_l, the memory before it and the transposed layer before it what they
           remember: W_l and its transposes learn
    p + 1  the transposed layer before it fires e, graded; so does the box derivative

A hidden layer fires its error as the output does, so what holds for one hidden layer holds for all.

**Two ways to fire.**  Layers are opened to a threshold on their way forward, as in the paper, and
their spikes carry 1.  For the error, a pulse that opens a neuron is *signed*: the neuron then says
its sum with its sign.  Which pulses are signed is a property of their synapses.

**Why sums stay small.**  What h sends in its learning phase is graded, and through W2 it would
reach the output, closed, with sums that no closing bias withstands.  So the memory of h, m_h, is
what W2 leads from: it says 0 or 1, and h itself reaches m_h alone.  That takes one phase more for
each hidden layer.  A graded error that a hidden layer sends back finds the transposed layer before
it open; what the same layer said on its way forward, 0 or 1, finds it closed, and blocked.

**Why every update is right.**  Weights change where both sides of a synapse fire in one phase.
Forward, a layer and the memory before it fire one phase after the other.  On the way back, the
memory before layer l fires in p alone, and the transposed layer in p and p + 1, but layer l not in
p + 1.

**What an output lacks.**  u+ sees the output's sum with the opposite sign, through a copy -W_L; it
is opened where that exceeds -(theta/2 + margin).  u- sees the sum itself.  Both act for the one
that they concern: d+ needs t, which d- must not have; d+ and d- need o<, and d- must not have o>.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.grades import ErrorGrades, Grade
from synfire_bp.circuit.numbers import FULL, HALF, LONGEST_EXTRA_DELAY, fixed_weights
from synfire_bp.circuit.rows import Block, Gate, Phase, PlasticProjection, Population, Relay, Source
from synfire_bp.circuit.schedule import GradedSchedule
from synfire_bp.errors import CircuitError

__all__ = ["graded_circuit"]

_SEES_THE_OUTPUT = ("o", "o<", "o>", "u-")
"""Populations that see the output's sum as it is."""

_OUTPUTS = (*_SEES_THE_OUTPUT, "u+")
"""And the one that sees its opposite."""

_LEVEL = 64
"""What a step of the output's error is worth on its way to d+ and d-, in weight units.  All steps
together are worth half of a threshold at the most, so that they do not stand in for o< or t."""

_OUTPUT_RELAYS = (
    # error at the output
    Relay("target", ("t",)),
    Relay("u+", ("d+",), f"+{_LEVEL}"),
    Relay("u-", ("d-",), f"+{_LEVEL}"),
    Relay("o<", ("d+", "d-"), "half"),
    Relay("t", ("d+",), "half"),
    Relay("t", ("d-",), f"-{HALF}"),
    Relay("o>", ("d-",), f"-{HALF}"),
    # the error back into the output layer
    Relay("d+", _SEES_THE_OUTPUT, "half"),
    Relay("d+", ("u+",), f"-{HALF}"),
    Relay("d-", _SEES_THE_OUTPUT, f"-{HALF}"),
    Relay("d-", ("u+",), "half"),
)


def graded_circuit(
    sizes: Sequence[int],
    grades: ErrorGrades,
    *,
    margin: int,
    box: tuple[int, int],
    closing: int,
    weight_limit: int,
    blocks: int,
) -> Circuit:
    """Return the training circuit whose errors are graded.

    Parameters
    ----------
    sizes : sequence of int
        Units of the input, every hidden layer, and the output; three or more.
    grades : ErrorGrades
        What errors carry, of as many hidden layers.
    margin : int
        How far from the threshold an output still is wrong, in weight units.
    box : tuple of two int
        Inputs between which an output learns, in weight units.
    closing, weight_limit : int
        As of `synfire_bp.circuit.paper.backprop_circuit`.
    blocks : int
        How often a hidden layer is blocked where spikes of learning synapses reach it closed, as
        in phase 0, when what x sent in the last phase arrives.

    Raises
    ------
    CircuitError
        If a size, a threshold, the closing bias or the weight limit is not one that the chip can
        have, or errors carry more than the circuit withstands, or those of too few or too many
        layers are graded.
    """
    _check(len(sizes) - 1, grades, closing)
    parts = _Parts(len(sizes) - 1, grades, margin, box, blocks)
    return Circuit(
        tuple(sizes),
        tuple(parts.phases()),
        parts.sources,
        tuple(parts.populations),
        tuple(parts.plastic),
        tuple(parts.relays),
        tuple(sorted((*parts.gates(), *parts.links), key=lambda row: row.phase)),
        closing,
        weight_limit,
        parts.layers,
    )


def _check(depth: int, grades: ErrorGrades, closing: int) -> None:
    """Refuse errors of other layers, or so large that they stand in for o< or t, or open others."""
    if depth < 2 or len(grades.hidden) != depth - 1:
        raise CircuitError(
            f"graded errors: there are {depth + 1} layers and grades of {len(grades.hidden)} "
            "hidden ones; must be three layers or more, and as many grades as there are hidden ones"
        )
    relay = fixed_weights(closing)["relay"].value
    limits = {"output": HALF // _LEVEL, "hidden": (closing + FULL) // relay - 1}
    found = {"output": grades.output.most, "hidden": max(grade.most for grade in grades.hidden)}
    for layer, largest in limits.items():
        if found[layer] > largest:
            raise CircuitError(
                f"graded errors: those of the {layer} layer carry up to {found[layer]}; must be "
                f"{largest} or less"
            )


@dataclass(frozen=True)
class _Hidden:
    """The populations of a hidden layer."""

    layer: str
    h: str
    where: str

    @property
    def units(self) -> tuple[str, ...]:
        """Return what the weights into the layer reach."""
        return (self.h, f"{self.h}<", f"{self.h}>")

    @property
    def memory(self) -> str:
        return f"m_{self.h}"

    @property
    def box(self) -> str:
        return self.h.replace("h", "c")

    @property
    def transposed(self) -> str:
        return f"{self.h}T"


class _Parts:
    """The rows of the circuit, collected layer by layer; gates and phases in the order of time."""

    def __init__(
        self, depth: int, grades: ErrorGrades, margin: int, box: tuple[int, int], blocks: int
    ):
        self.at, self.grades, self.margin, self.edges = GradedSchedule(depth), grades, margin, box
        self.blocks, self.depth, self.inner = blocks, depth, range(1, depth)
        number = {layer: f"{layer}" if depth > 2 else "" for layer in self.inner}
        self.hidden = {
            layer: _Hidden(f"hidden{n}", f"h{n}", f"hidden layer {n}".strip())
            for layer, n in number.items()
        }
        self.layers = ("input", *(own.layer for own in self.hidden.values()), "output")
        self.sources = (
            Source("input", "input", 0, "source of the input spikes"),
            Source("target", "output", self.at.forward(depth) - 1, "source of the target spikes"),
        )
        self.populations: list[Population] = []
        self.plastic: list[PlasticProjection] = []
        self.relays: list[Relay] = []
        self.links: list[Gate] = []
        self._input()
        for layer in self.inner:
            self._hidden(layer)
        self._output()

    # -- names -----------------------------------------------------------------------------

    def into(self, layer: int) -> tuple[str, ...]:
        """Return what the weights into a layer reach."""
        return _OUTPUTS if layer == self.depth else self.hidden[layer].units

    def heard(self, layer: int) -> str:
        """Return the population that the weights into a layer lead from."""
        return "x" if layer == 1 else self.hidden[layer - 1].memory

    def fires(self, layer: int) -> str:
        return "o" if layer == self.depth else self.hidden[layer].h

    # -- rows ------------------------------------------------------------------------------

    def _input(self) -> None:
        self.populations += [
            Population("x", "input", "input layer"),
            Population("m_x", "input", "memory of x"),
        ]
        self.relays.append(Relay("input", ("x",)))
        self._kept("m_x", "input", [Relay("x", ("m_x",))], 1, self.at.learns(1) - 1)
        self.relays.append(Relay("m_x", ("x",)))

    def _hidden(self, layer: int) -> None:
        own, at, grade = self.hidden[layer], self.at, self.grades.hidden[layer - 1]
        signed, h = Grade(HALF, grade.most), own.h
        self.populations += [
            Population(h, own.layer, f"{own.where}; then its error", signed=signed),
            Population(f"{h}<", own.layer, f"lower edge of the box of {h}", signed=signed),
            Population(f"{h}>", own.layer, f"upper edge of the box of {h}", signed=signed),
            Population(own.memory, own.layer, f"memory of {h}"),
            Population(own.box, own.layer, f"box derivative of {h}: {h}< and not {h}>"),
            Population(
                own.transposed, own.layer, f"transposed {own.where}: memory of {h}, then the error",
                refractory=1, signed=grade,
            ),
        ]  # fmt: skip
        self.plastic += [
            PlasticProjection(self.heard(layer), post, layer=layer - 1) for post in own.units
        ]
        if layer > 1:
            self._send_back(layer)
        fired, learns = at.forward(layer), at.learns(layer + 1)
        self.relays.append(Relay(h, (own.memory,)))
        self._kept(
            own.memory, own.layer, [Relay(own.memory, (own.memory, own.transposed))],
            fired + 1, learns,
        )  # fmt: skip
        self._kept(
            own.box, own.layer,
            [Relay(f"{h}<", (own.box,)), Relay(f"{h}>", (own.box,), "inhibition")],
            fired, learns + 1,
        )  # fmt: skip
        self.relays += [
            Relay(own.box, own.units, "open"),
            Relay(own.box, own.units, "half", signed=True),
            Relay(own.transposed, own.units, "half"),
        ]

    def _output(self) -> None:
        output, handed_on = self.grades.output, Grade(_LEVEL, self.grades.output.most)
        signed = Grade(HALF, output.most)
        self.populations += [
            Population(name, "output", role, graded=graded, signed=signs)
            for name, role, graded, signs in (
                ("t", "target", None, None),
                ("o", "output layer; then its error", None, signed),
                ("o<", "lower edge of the output box derivative", None, signed),
                ("o>", "upper edge of the output box derivative", None, signed),
                ("u+", "what a target lacks", output, signed),
                ("u-", "what any other has too much of", output, signed),
                ("d+", "positive error: of a target", handed_on, None),
                ("d-", "negative error: of any other", handed_on, None),
            )
        ]
        heard, last = self.heard(self.depth), self.depth - 1
        self.plastic += [PlasticProjection(heard, name, last) for name in _SEES_THE_OUTPUT]
        self.plastic.append(PlasticProjection(heard, "u+", last, sign=-1))
        self._send_back(self.depth)
        self.relays += _OUTPUT_RELAYS

    def _send_back(self, layer: int) -> None:
        """Add the transposed copy of the weights into a layer."""
        back = self.hidden[layer - 1].transposed
        self.plastic.append(
            PlasticProjection(self.fires(layer), back, layer=layer - 1, transposed=True)
        )

    def _kept(self, name: str, layer: str, heard: Sequence[Relay], fired: int, wanted: int) -> None:
        """Add relays of what fired in one phase that arrive in a later one.

        Where the longest delay is too short, they lead by way of others of their layer, which are
        named with a prime each.
        """
        longest = LONGEST_EXTRA_DELAY + 1
        n_links = (wanted - fired - 1) // longest
        for left in reversed(range(n_links)):
            link = name + "'" * (left + 1)
            self.populations.append(Population(link, layer, f"holds what {name} needs"))
            self.links.append(Gate(fired + longest, link))
            self.relays += [
                Relay(row.pre, (link,), row.weight, extra_delays=(LONGEST_EXTRA_DELAY,))
                for row in heard
            ]
            heard, fired = [Relay(link, heard[0].post)], fired + longest
        self.relays += [
            Relay(row.pre, row.post, row.weight, extra_delays=(wanted - fired - 1,))
            for row in heard
        ]

    # -- in the order of time --------------------------------------------------------------

    def gates(self) -> Iterator[Gate | Block]:
        """Yield what opens and closes populations."""
        yield from (Block(0, name, self.blocks) for name in self.into(1))
        yield Gate(1, "x")
        for layer in self.inner:
            yield from self._forward(layer)
        yield from self._answer()
        for layer in range(self.depth, 1, -1):
            yield from self._back(layer)
        yield Gate(self.at.learns(1), "x")

    def _forward(self, layer: int) -> Iterator[Gate | Block]:
        phase, own = self.at.forward(layer), self.hidden[layer]
        for name, threshold in zip(own.units, (HALF, 0, FULL), strict=True):
            yield Gate(phase, name, threshold)
        yield Gate(phase + 1, own.memory)
        if layer > 1:
            yield Block(phase + 1, self.hidden[layer - 1].transposed, self.blocks)

    def _answer(self) -> Iterator[Gate]:
        phase, (lower, upper) = self.at.forward(self.depth), self.edges
        yield Gate(phase, "o")
        yield Gate(phase, "o<", threshold=lower)
        yield Gate(phase, "o>", threshold=upper)
        yield Gate(phase, "u+", threshold=-HALF - self.margin)
        yield Gate(phase, "u-", threshold=HALF - self.margin)
        yield Gate(phase, "t")
        yield Gate(self.at.error, "d+", threshold=FULL)
        yield Gate(self.at.error, "d-")

    def _back(self, layer: int) -> Iterator[Gate | Block]:
        phase, below = self.at.learns(layer), self.hidden[layer - 1]
        output = layer == self.depth
        yield Gate(phase, below.memory)
        yield Gate(phase, below.transposed)
        if output:  # a hidden layer is opened by its box derivative
            yield from (Gate(phase, name, threshold=0, signed=True) for name in _OUTPUTS)
        yield Gate(phase + 1, below.transposed, threshold=0, signed=True)
        if layer == 2:
            yield Gate(phase + 1, "m_x")
        yield Gate(phase + 1, below.box)
        times = 1 if output else self.blocks
        yield from (Block(phase + 1, name, times) for name in self.into(layer))

    def phases(self) -> Iterator[Phase]:
        """Yield what happens in each phase."""
        yield Phase(0, "rest; the input sources emit")
        yield Phase(1, "input: x")
        for layer, own in self.hidden.items():
            phase = self.at.forward(layer)
            yield Phase(phase, f"{own.where}: {own.h} and its box edges")
            yield Phase(phase + 1, f"memory of {own.h}")
        yield Phase(
            self.at.forward(self.depth),
            "output layer: o, its box edges, what it lacks and has too much of; target t",
        )
        yield Phase(self.at.error, "error: d+ and d-, graded")
        for layer in range(self.depth, 1, -1):
            phase = self.at.learns(layer)
            of = "" if layer == self.depth else f" of {self.fires(layer)}"
            yield Phase(
                phase,
                f"memory of {self.hidden[layer - 1].h} meets the error{of}: W{layer} and its "
                "transpose learn",
                learning="potentiation",
            )
            also = "; memory of x" if layer == 2 else ""
            yield Phase(phase + 1, f"backpropagated error; box derivative{also}")
        yield Phase(
            self.at.learns(1), f"x meets the error of {self.fires(1)}: W1 learns",
            learning="potentiation",
        )  # fmt: skip
