"""Replay: the circuit shows a sample to itself once more, or its chain runs backwards.

`repeated` gives the circuit two more memories, of x and of the target.  They are opened in one
turn of the ring and act in the next, where the sources are silent.  `backwards` runs the gating
chain the other way round; what that does is a question to the circuit, not a claim about it.
"""

from __future__ import annotations

from dataclasses import replace

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.numbers import LONGEST_EXTRA_DELAY
from synfire_bp.circuit.reference import firing_table
from synfire_bp.circuit.rows import Gate, Population, Relay
from synfire_bp.errors import CircuitError

__all__ = ["MEMORIES", "backwards", "repeated"]

MEMORIES = (
    # memory, of whom, at which of its firings in a turn, counted from 0, it is read
    ("r_x", "x", 1),
    ("r_t", "t", 0),
)
"""Populations that keep a sample for one more turn of the ring."""


def repeated(circuit: Circuit, replays: int) -> Circuit:
    """Return a training circuit that shows each sample `replays` more times, from memory.

    Its ring goes round once more for each: `replays + 1` times as many phases.

    Raises
    ------
    CircuitError
        If a memory would have to last longer than the chip's longest delay.
    """
    turn, turns = circuit.n_phases, replays + 1
    populations, relays, gates = list(circuit.populations), [], []
    layers = {row.name: row.layer for row in circuit.populations}
    fires = firing_table(circuit)
    for memory, kept, firing in MEMORIES:
        shown, read = circuit.forward_phase(kept), fires[kept][firing]
        extra_delay = shown + turn - (read + 1) - 1
        if extra_delay > LONGEST_EXTRA_DELAY:
            raise CircuitError(
                f"replay: the memory of '{kept}' has to last {extra_delay + 1} steps, but the "
                f"chip's longest delay is {LONGEST_EXTRA_DELAY + 1}"
            )
        populations.append(Population(memory, layers[kept], f"memory of {kept} for the next turn"))
        relays += [Relay(kept, (memory,)), Relay(memory, (kept,), extra_delays=(extra_delay,))]
        gates += [Gate(turn * k + read + 1, memory) for k in range(replays)]
    emits = "; the input sources emit"  # in the first turn only
    return replace(
        circuit,
        phases=tuple(
            replace(
                row,
                index=turn * k + row.index,
                meaning=f"{row.meaning.split(emits)[0]} (replay {k})" if k else row.meaning,
            )
            for k in range(turns)
            for row in circuit.phases
        ),
        populations=tuple(populations),
        relays=(*circuit.relays, *relays),
        gates=(
            *(
                replace(row, phase=turn * k + row.phase)
                for k in range(turns)
                for row in circuit.gates
            ),
            *gates,
        ),
    )


def backwards(circuit: Circuit) -> Circuit:
    """Return a circuit whose gates come in the reverse order: phase 0 first, then the last one.

    Sources and reward keep their time, since they come from outside.
    """
    n = circuit.n_phases
    return replace(
        circuit, gates=tuple(replace(row, phase=-row.phase % n) for row in circuit.gates)
    )
