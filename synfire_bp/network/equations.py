"""Brian2 equations of the neurons.

MEMORYLESS is the integer leaky integrate-and-fire neuron of the chip in its memoryless limit:
current and voltage decay completely within a step, so a neuron spikes if the weights that
arrived in this step, plus its bias, exceed its threshold.  All numbers are whole and exact.

    v(n)     = sum of weights that arrived + bias
    fired(n) = v(n) > theta          (strictly)
    the sum starts again from 0      (the reset)

The phase of the sample enters only into the reward signal `r1` and the output of the sources: the
populations are gated by the spikes of the gating chain.
"""

from __future__ import annotations

from collections.abc import Sequence

from synfire_bp.network.lines import NO_LINES, Lines

__all__ = [
    "EMIT",
    "MEMORYLESS",
    "MEMORYLESS_STEP",
    "PRESENT",
    "RECORDING",
    "clock_equations",
    "reward_equation",
]

MEMORYLESS = """
    arriving : integer             # weights that arrived since the last step
    v        : integer             # their sum plus the bias, compared with the threshold
    fired    : boolean             # whether the neuron spikes in this step
    bias     : integer (constant)  # negative where a gate has to open the neuron
    theta    : integer (constant)  # firing threshold
"""

MEMORYLESS_STEP = """
    v = arriving + bias
    fired = v > theta
    arriving = 0
"""
"""Update at the start of a time step; the threshold condition is `fired`."""

PRESENT = """
    sample = present_sample(t_in_timesteps)
"""
"""The sample that is being shown; the kick of the ring comes one step before sample 0."""

EMIT = """
    arriving += drive * int(phase == {phase}) * {pattern}
"""
"""A source is driven in its phase by the pattern of the sample (run for its subgroup)."""


RECORDING = """
    sample       : integer (shared)            # the one that is shown, from 0
    record_from  : integer (shared, constant)  # the first one whose spikes are recorded
    record_until : integer (shared, constant)  # the first one after these
    recording = sample >= record_from and sample < record_until : boolean (shared)
"""
"""The sample that is shown, and whether its spikes are recorded."""


def clock_equations(n_phases: int) -> str:
    """Return the equation of the phase for a ring of `n_phases`; phase 0 is in step 1."""
    return f"""
    phase = (t_in_timesteps + {n_phases - 1}) % {n_phases} : integer (shared)
    """


def reward_equation(reward_phases: Sequence[int], lines: Lines = NO_LINES) -> str:
    """Return the equation of the reward signal: 1 in the given phases, then changed by `lines`."""
    terms = [f"int(phase == {phase})" for phase in reward_phases]
    return f"""
    r1 = {lines.rewarded(" + ".join(terms) or "0")} : integer (shared)
    """
