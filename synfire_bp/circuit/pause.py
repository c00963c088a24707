"""A pause between answer and target, in which an environment outside the circuit sees the answer.

In the paper's circuit the target arrives together with the answer, so the target cannot depend on
the answer.  With two additional phases it can: the output fires in phase F, the source of targets
emits in F + 1, the target t fires in F + 2, and everything that followed F comes two phases later.
Spikes of the forward pass that are needed later get two steps of extra delay.
"""

from __future__ import annotations

from dataclasses import replace

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.rows import Block, Gate, Phase, Relay, Source

__all__ = ["PAUSE", "pausing"]

PAUSE = 2
"""Phases between an answer and its target."""

_TARGET = "target"
"""The source whose spikes wait."""


def pausing(circuit: Circuit) -> Circuit:
    """Return a training circuit whose targets come two phases after its answers.

    Parameters
    ----------
    circuit : Circuit
        The paper's, or a deep one.

    Raises
    ------
    CircuitError
        If a delay becomes longer than the chip has.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> from synfire_bp.circuit.pause import pausing
    >>> circuit = pausing(sb.backprop_circuit((4, 3, 2)))
    >>> circuit.n_phases, circuit.reward_phases, circuit.forward_phase("o"), circuit.forward_phase("t")
    (14, (7, 9), 3, 5)
    """  # noqa: E501
    answer = circuit.forward_phase("o")
    targets = {name for row in circuit.relays if row.pre == _TARGET for name in row.post}

    def later(phase: int) -> int:
        return phase + PAUSE if phase > answer else phase

    def gate(row: Gate | Block) -> Gate | Block:
        return replace(
            row, phase=row.phase + PAUSE if row.population in targets else later(row.phase)
        )

    def relay(row: Relay) -> Relay:
        fires = _first_phase(circuit, row.pre)
        if fires is None or fires > answer or row.pre in targets:
            return row
        delays = tuple(later(fires + 1 + extra) - fires - 1 for extra in row.extra_delays)
        return replace(row, extra_delays=delays)

    waiting = (
        Phase(answer + 1, "rest; the answer was seen: the source of targets emits"),
        Phase(answer + 2, "target t"),
    )
    phases = [replace(phase, index=later(phase.index)) for phase in circuit.phases]
    phases[answer] = replace(
        phases[answer], meaning=phases[answer].meaning.replace("; target t", "")
    )
    return replace(
        circuit,
        phases=(*phases[: answer + 1], *waiting, *phases[answer + 1 :]),
        sources=tuple(
            replace(row, emits=row.emits + PAUSE) if row.name == _TARGET else row
            for row in circuit.sources
        ),
        relays=tuple(map(relay, circuit.relays)),
        gates=tuple(sorted(map(gate, circuit.gates), key=lambda row: row.phase)),
    )


def _first_phase(circuit: Circuit, population: str) -> int | None:
    """Return the phase in which a population first fires; None: no gate and no source opens it."""
    source = next((row for row in circuit.sources if row.name == population), None)
    if isinstance(source, Source):
        return source.emits if population != _TARGET else None
    gated = circuit.gated(population).values()
    return min((row.phase for row in gated if isinstance(row, Gate)), default=None)
