"""The circuit whose errors are graded: both signs at once, nine phases instead of twelve.

For one sample, with `steps` as in `synfire_bp.circuit.grades`::

    forward    h = x @ W1 > theta/2          a2 = h @ W2          o = a2 > theta/2
    error      u+ = steps(theta/2 + margin - a2)      u- = steps(a2 - theta/2 + margin)
               d = u+ where t, -u- elsewhere, and 0 outside of the box
    backward   e = steps(W2 @ d)             d1 = e inside the hidden box
    learning   W2 += 2 * outer(h, d)         W1 += 2 * outer(x, d1)

with every W as it was before the sample.  What a spike carries has a sign, so one phase does what
takes the paper's circuit two, and what depresses is what carries a negative number.  A learning
synapse multiplies what its two neurons carry.

**Two ways to fire.**  Layers are opened to a threshold on their way forward, as in the paper, and
their spikes carry 1.  For the error, a pulse that opens a neuron is *signed*: the neuron then says
its sum with its sign.  Which pulses are signed is a property of their synapses.

**Why sums stay small.**  What h sends in its learning phase is graded, and through W2 it would
reach the output, closed, with sums that no closing bias withstands.  So the memory of h, m_h, is
what W2 leads from: it says 0 or 1, and h itself reaches m_h alone.  That takes one phase more.

**What an output lacks.**  u+ sees the output's sum with the opposite sign, through a copy -W2; it
is opened where that exceeds -(theta/2 + margin).  u- sees the sum itself.  Both act for the one
that they concern: d+ needs t, which d- must not have; d+ and d- need o<, and d- must not have o>.
"""

from __future__ import annotations

from collections.abc import Sequence

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.grades import ErrorGrades, Grade
from synfire_bp.circuit.numbers import FULL, HALF, fixed_weights
from synfire_bp.circuit.rows import Block, Gate, Phase, PlasticProjection, Population, Relay, Source
from synfire_bp.errors import CircuitError

__all__ = ["graded_circuit"]

PHASES = (
    Phase(0, "rest; the input sources emit"),
    Phase(1, "input: x"),
    Phase(2, "hidden layer: h and its box edges"),
    Phase(3, "memory of h"),
    Phase(4, "output layer: o, its box edges, what it lacks and has too much of; target t"),
    Phase(5, "error: d+ and d-, graded"),
    Phase(6, "memory of h meets the error: W2 and its transpose learn", learning="potentiation"),
    Phase(7, "backpropagated error; box derivative; memory of x"),
    Phase(8, "x meets the hidden error: W1 learns", learning="potentiation"),
)

SOURCES = (
    Source("input", "input", emits=0, role="source of the input spikes"),
    Source("target", "output", emits=3, role="source of the target spikes"),
)

_OUTPUTS = ("o", "o<", "o>", "u-")
"""Populations that see the output's sum as it is."""

_LEVEL = 64
"""What a step of the output's error is worth on its way to d+ and d-, in weight units.  All steps
together are worth half of a threshold at the most, so that they do not stand in for o< or t."""

PLASTIC = (
    PlasticProjection("x", "h", layer=0),
    PlasticProjection("x", "h<", layer=0),
    PlasticProjection("x", "h>", layer=0),
    *(PlasticProjection("m_h", name, layer=1) for name in _OUTPUTS),
    PlasticProjection("m_h", "u+", layer=1, sign=-1),
    PlasticProjection("o", "hT", layer=1, transposed=True),
)

RELAYS = (
    # input and its memory
    Relay("input", ("x",)),
    Relay("x", ("m_x",), extra_delays=(5,)),
    Relay("m_x", ("x",)),
    # hidden layer, its memory and its box derivative
    Relay("h", ("m_h",)),
    Relay("m_h", ("m_h", "hT"), extra_delays=(2,)),
    Relay("h<", ("c",), extra_delays=(4,)),
    Relay("h>", ("c",), "inhibition", extra_delays=(4,)),
    Relay("c", ("h", "h<", "h>"), "open"),
    Relay("c", ("h", "h<", "h>"), "half", signed=True),
    Relay("hT", ("h", "h<", "h>"), "half"),
    # error at the output
    Relay("target", ("t",)),
    Relay("u+", ("d+",), f"+{_LEVEL}"),
    Relay("u-", ("d-",), f"+{_LEVEL}"),
    Relay("o<", ("d+", "d-"), "half"),
    Relay("t", ("d+",), "half"),
    Relay("t", ("d-",), f"-{HALF}"),
    Relay("o>", ("d-",), f"-{HALF}"),
    # the error back into the output layer
    Relay("d+", _OUTPUTS, "half"),
    Relay("d+", ("u+",), f"-{HALF}"),
    Relay("d-", _OUTPUTS, f"-{HALF}"),
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
    sizes : sequence of three int
        Units in the input, hidden and output layer.
    grades : ErrorGrades
        What errors carry.
    margin : int
        How far from the threshold an output still is wrong, in weight units.
    box : tuple of two int
        Inputs between which an output learns, in weight units.
    closing, weight_limit : int
        As of `synfire_bp.circuit.paper.backprop_circuit`.
    blocks : int
        How often the hidden layer is blocked in phase 0, when what x sent in phase 8 arrives.

    Raises
    ------
    CircuitError
        If a size, a threshold, the closing bias or the weight limit is not one that the chip can
        have, or errors carry more than the circuit withstands.
    """
    _check(grades, closing)
    return Circuit(
        tuple(sizes), PHASES, SOURCES, _populations(grades), PLASTIC, RELAYS,
        _gates(margin, box, blocks), closing, weight_limit,
    )  # fmt: skip


def _check(grades: ErrorGrades, closing: int) -> None:
    """Refuse errors so large that they stand in for o< or t, or that open what is closed."""
    relay = fixed_weights(closing)["relay"].value
    limits = {"output": HALF // _LEVEL, "hidden": (closing + FULL) // relay - 1}
    for layer, largest in limits.items():
        if (most := getattr(grades, layer).most) > largest:
            raise CircuitError(
                f"graded errors: those of the {layer} layer carry up to {most}; must be {largest} "
                "or less"
            )


def _populations(grades: ErrorGrades) -> tuple[Population, ...]:
    output, hidden = Grade(HALF, grades.output.most), Grade(HALF, grades.hidden.most)
    handed_on = Grade(_LEVEL, grades.output.most)
    return (
        Population("x", "input", "input layer"),
        Population("m_x", "input", "memory of x"),
        Population("h", "hidden", "hidden layer; then its error", signed=hidden),
        Population("h<", "hidden", "lower edge of the hidden box derivative", signed=hidden),
        Population("h>", "hidden", "upper edge of the hidden box derivative", signed=hidden),
        Population("m_h", "hidden", "memory of h"),
        Population("c", "hidden", "hidden box derivative: h< and not h>"),
        Population(
            "hT", "hidden", "transposed hidden layer: memory of h, then the error", refractory=1,
            signed=grades.hidden,
        ),
        Population("t", "output", "target"),
        Population("o", "output", "output layer; then its error", signed=output),
        Population("o<", "output", "lower edge of the output box derivative", signed=output),
        Population("o>", "output", "upper edge of the output box derivative", signed=output),
        Population("u+", "output", "what a target lacks", graded=grades.output, signed=output),
        Population(
            "u-", "output", "what any other has too much of", graded=grades.output, signed=output
        ),
        Population("d+", "output", "positive error: of a target", graded=handed_on),
        Population("d-", "output", "negative error: of any other", graded=handed_on),
    )  # fmt: skip


def _gates(margin: int, box: tuple[int, int], blocks: int) -> tuple[Gate | Block, ...]:
    outputs = (*_OUTPUTS, "u+")
    return (
        *(Block(0, name, blocks) for name in ("h", "h<", "h>")),
        Gate(1, "x"),
        Gate(2, "h"),
        Gate(2, "h<", threshold=0),
        Gate(2, "h>", threshold=FULL),
        Gate(3, "m_h"),
        Gate(4, "o"),
        Gate(4, "o<", threshold=box[0]),
        Gate(4, "o>", threshold=box[1]),
        Gate(4, "u+", threshold=-HALF - margin),
        Gate(4, "u-", threshold=HALF - margin),
        Gate(4, "t"),
        Gate(5, "d+", threshold=FULL),
        Gate(5, "d-"),
        Gate(6, "m_h"),
        Gate(6, "hT"),
        *(Gate(6, name, threshold=0, signed=True) for name in outputs),
        Gate(7, "hT", threshold=0, signed=True),
        Gate(7, "m_x"),
        Gate(7, "c"),
        *(Block(7, name) for name in outputs),
        Gate(8, "x"),
    )
