"""Graded spikes as Brian2 lines: what a spike carries, and what becomes of it at a synapse.

carried = steps of v above theta        with its sign, where a signed pulse has arrived
arriving += weight * carried            at every synapse; weight alone after an extra delay
dw = … * carried_pre * carried_post     where both neurons fire
"""

from __future__ import annotations

import numpy as np

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import PlasticLayout, cell_grades, fixed_synapses
from synfire_bp.network.lines import Lines
from synfire_bp.network.numbers import Moment, Numbers

__all__ = ["GRADED", "graded_numbers"]

GRADED = Lines(
    cells="""
    carried     : integer             # by the spike of this step; 0: there is none
    signing     : integer             # signed pulses that arrived since the last step
    step        : integer (constant)  # weight units that count as one
    most        : integer (constant)  # the largest number that a spike carries
    signed_step : integer (constant)  # the same where a signed pulse has arrived
    signed_most : integer (constant)
    """,
    step="""
    carried = carried_by(v - theta, signing, step, most, signed_step, signed_most)
    fired = carried != 0
    signing = 0
    """,
    fixed="""
    pulse_signed : integer (constant)  # 1: its pulses are signed
    waits        : integer (constant)  # 1: it has an extra delay, and delivers its weight alone
    """,
    fixed_sent=("(waits + (1 - waits) * carried_pre)",),
    fixed_also=(("signing", "pulse_signed"),),
    sent=("carried_pre",),
    change=("{change} * carried_pre * carried_post",),
    functions=("synfire_bp.network.functions:carried_by",),
)
"""The same for every circuit of graded spikes."""


def graded_numbers(circuit: Circuit, layout: PlasticLayout, at: Moment) -> Numbers:
    """Return what the spikes of every cell carry, which pulses are signed, and which wait."""
    signed = np.array([row.signed for row in circuit.projections], dtype=np.int32)
    table = fixed_synapses(circuit)
    return {
        **{f"cells.{name}": values for name, values in cell_grades(circuit).items()},
        "fixed.pulse_signed": signed[table["projection"]],
        "fixed.waits": (table["delay"] > 0).astype(np.int32),
    }
