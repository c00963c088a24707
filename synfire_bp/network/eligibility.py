"""Synapses that remember (`synfire_bp.circuit.eligibility`) as Brian2 code.

A coincidence adds to the trace what the rule would add to the weight.  At the end of the last phase
of a sample all synapses are visited: the weight takes reward x trace, and the trace decays.
The functions that the statements call are in `synfire_bp.network.rule_functions`.
"""

from __future__ import annotations

from synfire_bp.circuit.eligibility import GAINS, STEP_PARTS, WHOLE_REWARD

__all__ = ["ELIGIBLE_SYNAPSE", "end_of_sample"]

ELIGIBLE_SYNAPSE = f"""
    eligible      : integer  # the trace, in parts of a step: {STEP_PARTS}
    remainder     : integer  # less than a step, in the same parts
    eligible_kept : integer (shared, constant)  # what a sample leaves of a trace, of 2^24
    eligible_gain : integer (shared, constant)  # in parts: {GAINS}
    eligible_turn : integer (shared, constant)  # time steps of a sample
    eligible_due = int(t_in_timesteps > 0 and t_in_timesteps % eligible_turn == 0) : integer (shared)
"""  # noqa: E501
"""What such a synapse has."""

_ALWAYS = str(WHOLE_REWARD // GAINS)
"""A reward of 1, before the gain."""


def end_of_sample(modulation: str) -> str:
    """Return the statements by which a reward is taken, and traces decay.

    Parameters
    ----------
    modulation : str
        What the reward is, before the gain; empty: 1.
    """
    reward = f"eligible_gain * {modulation or _ALWAYS}"
    return "\n".join(
        (
            f"remainder += eligible_due * granted(eligible, {reward})",
            "w += eligible_due * (bounded(w + 2 * steps_of(remainder), lowest, highest) - w)",
            f"remainder -= eligible_due * {STEP_PARTS} * steps_of(remainder)",
            "eligible += eligible_due * (trace_left(eligible, eligible_kept) - eligible)",
        )
    )
