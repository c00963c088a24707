"""Eligibility traces of synapses (`synfire_bp.circuit.eligibility`) as Brian2 code.

A coincidence adds to the trace the change that the rule would make to the weight.  At the end of
the last phase of a sample all synapses are visited: the weight takes reward x trace, and the trace
decays.  The functions that the statements call are in `synfire_bp.network.rule_functions`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.eligibility import GAINS, STEP_PARTS, WHOLE_REWARD, Eligibility
from synfire_bp.circuit.layout import PlasticLayout

__all__ = [
    "ELIGIBLE_SYNAPSE",
    "FADING_SYNAPSE",
    "end_of_sample",
    "left_of_each",
    "remembered",
]

ELIGIBLE_SYNAPSE = f"""
    eligible      : integer  # the trace, in parts of a step: {STEP_PARTS}
    remainder     : integer  # less than a step, in the same parts
    eligible_kept : integer (shared, constant)  # what a sample leaves of a trace, of 2^24
    eligible_gain : integer (shared, constant)  # in parts: {GAINS}
    eligible_turn : integer (shared, constant)  # time steps of a sample
    eligible_due = int(t_in_timesteps > 0 and t_in_timesteps % eligible_turn == 0) : integer (shared)
"""  # noqa: E501
"""Variables of such a synapse."""

FADING_SYNAPSE = """
    left_grown  : integer (constant)  # of a coincidence with r1, at the end of its sample, of 2^24
    left_shrunk : integer (constant)  # of one without
"""
"""Its further variables if its trace decays in every phase."""

_ALWAYS = str(WHOLE_REWARD // GAINS)
"""A reward of 1, before the gain."""


def remembered(change: str, eligible: Eligibility) -> str:
    """Return the expression of a trace after it takes up a change."""
    if eligible.in_phases:
        left = "left_shrunk + r1_post * (left_grown - left_shrunk)"
        change = f"trace_left({change}, {left})"
    return f"eligible + {change}"


def left_of_each(eligible: Eligibility, layout: PlasticLayout) -> dict[str, NDArray[np.int32]]:
    """Return `left_grown` and `left_shrunk` of every synapse, where a trace decays in every phase.

    A copy of the opposite sign grows where the others shrink, and counts as they do.
    """
    circuit = layout.circuit

    def left(kind: int) -> NDArray[np.int32]:
        return layout.per_row(
            lambda row: eligible.left(
                circuit.learning_phases(row.layer)[kind if row.sign > 0 else 1 - kind],
                circuit.n_phases,
            )
        )

    return {"left_grown": left(0), "left_shrunk": left(1)}


def end_of_sample(modulation: str) -> str:
    """Return the statements that apply a reward and let traces decay.

    Parameters
    ----------
    modulation : str
        The reward, before the gain; empty: 1.
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
