"""The rows of the training circuit (paper: Figs. 1-2 and Methods).

Compare this file with Fig. 2 of the paper, row by row: the populations, the twelve phases of one
training sample, the projections between populations, and the gates that open or block a population
in a phase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.numbers import (
    CLOSING,
    FULL,
    STRONGEST_BLOCK,
    WEAKEST_BLOCK,
    WEIGHT_LIMIT,
)
from synfire_bp.circuit.rows import Block, Gate, Phase, PlasticProjection, Population, Relay, Source
from synfire_bp.errors import CircuitError

__all__ = [
    "GATES",
    "PHASES",
    "PLASTIC",
    "POPULATIONS",
    "RELAYS",
    "RESTING_BLOCKS",
    "SOURCES",
    "backprop_circuit",
    "inference_circuit",
]

PHASES = (
    Phase(0, "rest; the input sources emit"),
    Phase(1, "input: x"),
    Phase(2, "hidden layer: h and its box edges"),
    Phase(3, "output layer: o and its box edges; target t; memory of h"),
    Phase(4, "error: d+ and d-"),
    Phase(5, "memory of h meets d+: W2 and its transposes grow", learning="potentiation"),
    Phase(6, "positive part of the backpropagated error; box derivative; memory of x"),
    Phase(7, "x meets d1+: W1 grows", learning="potentiation"),
    Phase(8, "rest"),
    Phase(9, "memory of h meets d-: W2 and its transposes shrink", learning="depression"),
    Phase(10, "negative part of the backpropagated error"),
    Phase(11, "x meets d1-: W1 shrinks", learning="depression"),
)


SOURCES = (
    Source("input", "input", emits=0, role="source of the input spikes"),
    Source("target", "output", emits=2, role="source of the target spikes"),
)


POPULATIONS = (
    Population("x", "input", "input layer"),
    Population("m_x", "input", "memory of x"),
    Population("h", "hidden", "hidden layer"),
    Population("h<", "hidden", "lower edge of the hidden box derivative: input above 0"),
    Population("h>", "hidden", "upper edge of the hidden box derivative: input above threshold"),
    Population("m_h", "hidden", "memory of h"),
    Population("c", "hidden", "hidden box derivative: h< and not h>"),
    Population(
        "hT", "hidden", "transposed hidden layer: memory of h, then the error", refractory=1
    ),
    Population("t", "output", "target"),
    Population("o", "output", "output layer"),
    Population("o<", "output", "lower edge of the output box derivative: input above 0"),
    Population("o>", "output", "upper edge of the output box derivative: input above threshold"),
    Population("d+", "output", "positive error: target but no output"),
    Population("d-", "output", "negative error: output but no target"),
    Population("oT", "output", "transposed output layer: the error of the opposite sign"),
)


PLASTIC = (
    PlasticProjection("x", "h", layer=0),
    PlasticProjection("x", "h<", layer=0),
    PlasticProjection("x", "h>", layer=0),
    PlasticProjection("h", "o", layer=1),
    PlasticProjection("h", "o<", layer=1),
    PlasticProjection("h", "o>", layer=1),
    PlasticProjection("o", "hT", layer=1, transposed=True),
    PlasticProjection("oT", "hT", layer=1, transposed=True, sign=-1),
)


RELAYS = (
    # input and its memory
    Relay("input", ("x",)),
    Relay("x", ("m_x",), extra_delays=(4,)),
    Relay("m_x", ("x",), extra_delays=(0, 4)),
    # hidden layer, its memory and its box derivative
    Relay("h", ("m_h",)),
    Relay("m_h", ("h", "hT"), extra_delays=(1, 5)),
    Relay("hT", ("h", "h<", "h>")),
    Relay("h<", ("c",), extra_delays=(3,)),
    Relay("h>", ("c",), "inhibition", extra_delays=(3,)),
    Relay("c", ("h", "h<", "h>"), "open", extra_delays=(0, 4)),
    # error at the output
    Relay("target", ("t",)),
    Relay("t", ("d+",)),
    Relay("t", ("d-",), "inhibition"),
    Relay("o", ("d-",)),
    Relay("o", ("d+",), "inhibition"),
    Relay("o>", ("d-",), "inhibition"),
    Relay("o<", ("d-", "d+"), "open"),
    # the error back into the output layer and its transpose
    Relay("d+", ("o", "o<", "o>")),
    Relay("d+", ("oT",), extra_delays=(4,)),
    Relay("d-", ("o", "o<", "o>"), extra_delays=(4,)),
    Relay("d-", ("oT",)),
)


GATES: tuple[Gate | Block, ...] = (
    *(Block(0, name) for name in ("o", "o<", "o>")),
    Gate(1, "x"),
    Gate(2, "h"),
    Gate(2, "h<", threshold=0),
    Gate(2, "h>", threshold=FULL),
    *(Gate(3, name) for name in ("o", "t", "m_h")),
    Gate(3, "o<", threshold=0),
    Gate(3, "o>", threshold=FULL),
    *(Block(4, name) for name in ("hT", "oT")),
    *(Gate(5, name) for name in ("h", "hT", "oT", "o", "o<", "o>")),
    *(Gate(6, name) for name in ("m_x", "c")),
    Gate(6, "hT", threshold=0),
    *(Block(6, name) for name in ("o", "o<", "o>")),
    Gate(7, "x"),
    *(Block(8, name) for name in ("h", "h<", "h>")),
    *(Gate(9, name) for name in ("h", "hT", "oT", "o", "o<", "o>")),
    Gate(10, "hT", threshold=0),
    *(Block(10, name) for name in ("o", "o<", "o>")),
    Gate(11, "x"),
)


RESTING_BLOCKS = tuple(
    Block(phase, name, times=2) for phase in (0, 8) for name in ("h", "h<", "h>")
)
"""Not in the paper, which blocks only once, in phase 8.  The spikes of x in phases 7 and 11 reach
the hidden layer in phases 8 and 0, and on MNIST the sums of trained weights exceed the closing
bias, and sometimes even bias and block together."""


def backprop_circuit(
    sizes: Sequence[int],
    *,
    closing: int = CLOSING,
    weight_limit: int = WEIGHT_LIMIT,
    paper_gates: bool = True,
    resting_block: int | None = None,
) -> Circuit:
    """Return the training circuit: twelve phases, learning on.

    Parameters
    ----------
    sizes : sequence of three int
        Units in the input, hidden and output layer.
    closing : int
        Magnitude of the closing bias; raise it if wide inputs make closed populations fire.
    weight_limit : int
        Plastic weights are clipped to plus or minus this.
    paper_gates : bool
        Whether the gates are the paper's; if not, `RESTING_BLOCKS` take the place of its blocks of
        the hidden layer.
    resting_block : int, optional
        How firmly these block, in weight units; by default twice as firmly as the paper.

    Raises
    ------
    CircuitError
        If the chip cannot have a size, the closing bias, the weight limit or the block, or a block
        is given with the paper's gates.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> circuit = sb.backprop_circuit((400, 400, 10))
    >>> circuit.n_phases, circuit.reward_phases
    (12, (5, 7))
    """
    if resting_block is not None and (paper_gates or not _is_block(resting_block)):
        raise CircuitError(
            f"resting_block is {resting_block!r:.40}; must be a whole number from {WEAKEST_BLOCK} "
            f"to {STRONGEST_BLOCK}, given with paper_gates=False"
        )
    gates = GATES if paper_gates else _with_resting_blocks(resting_block)
    return Circuit(
        tuple(sizes), PHASES, SOURCES, POPULATIONS, PLASTIC, RELAYS, gates, closing, weight_limit
    )


def _is_block(strength: object) -> bool:
    if isinstance(strength, bool) or not isinstance(strength, int):
        return False
    return WEAKEST_BLOCK <= strength <= STRONGEST_BLOCK


def _with_resting_blocks(strength: int | None) -> tuple[Gate | Block, ...]:
    blocks = RESTING_BLOCKS
    if strength is not None:
        blocks = tuple(replace(row, times=1, weight=-strength) for row in blocks)
    instead = {(row.phase, row.population) for row in blocks}
    kept = (row for row in GATES if (row.phase, row.population) not in instead)
    return (*blocks, *kept)


def inference_circuit(
    sizes: Sequence[int], *, closing: int = CLOSING, weight_limit: int = WEIGHT_LIMIT
) -> Circuit:
    """Return the inference circuit: the forward part of the training circuit, four phases.

    Its rows are those of the training circuit: the input source, x, h and o, what joins them, and
    the gates that open them on the way forward.

    Parameters
    ----------
    sizes, closing, weight_limit
        As of `backprop_circuit`.

    Returns
    -------
    Circuit
        Four phases, in which nothing is learnt.

    Raises
    ------
    CircuitError
        As `backprop_circuit`.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> sb.inference_circuit((400, 400, 10)).n_phases
    4
    """
    keep = {"input", "x", "h", "o"}
    phases = PHASES[:4]
    return Circuit(
        tuple(sizes),
        phases,
        tuple(row for row in SOURCES if row.name in keep),
        tuple(row for row in POPULATIONS if row.name in keep),
        tuple(row for row in PLASTIC if {row.pre, row.post} <= keep),
        tuple(row for row in RELAYS if row.pre in keep and set(row.post) <= keep),
        tuple(
            row
            for row in GATES
            if isinstance(row, Gate) and row.population in keep and row.phase < len(phases)
        ),
        closing,
        weight_limit,
    )
