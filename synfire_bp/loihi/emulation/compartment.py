"""A compartment of the chip as Brian2 code: its equations and its step.

The functions that the step uses are in `synfire_bp.loihi.emulation.arithmetic`.
"""

from __future__ import annotations

__all__ = ["COMPARTMENT", "NOISE", "compartment_step"]

COMPARTMENT = """
    arriving   : integer             # effective weights that arrived since the last step
    u          : integer             # synaptic current
    v          : integer             # voltage, after the reset
    v_compared : integer             # voltage that was compared with the threshold
    resting    : integer             # steps for which the neuron is still refractory
    fired      : boolean             # whether the neuron spikes in this step
    overflows  : integer             # steps in which the current exceeded its bits
    bias       : integer (constant)  # mantissa times 2^exponent
    theta      : integer (constant)  # threshold: mantissa times 2^6
    u_kept     : integer (constant)  # 4096 - current decay - offset
    v_kept     : integer (constant)  # 4096 - voltage decay - offset
    rests      : integer (constant)  # refractory delay
"""

NOISE = """
    noise_offset   : integer (constant)
    noise_exponent : integer (constant)
"""


def compartment_step(noise: str | None = None) -> str:
    """Return the update of a compartment at the start of a time step, as Brian2 code.

    `noise` selects what noise is added to: the current "u", as a further input that wraps around in
    the accumulator with the others and decays as they do, or the voltage "v" of the step.
    """
    draw = "noise(noise_offset, noise_exponent, rand())"
    q = f"input_held(input_held(arriving) + {draw})" if noise == "u" else "input_held(arriving)"
    into_v = f" + {draw}" if noise == "v" else ""
    return f"""
    u = decayed(u, u_kept) + {q}
    overflows += int(u != current_held(u))
    u = current_held(u)
    resting -= int(resting > 0)
    v_compared = int(resting == 0) * voltage_held(decayed(v, v_kept) + u + bias{into_v})
    fired = v_compared > theta
    v = int(not fired) * v_compared
    resting += int(fired) * (rests - resting)
    arriving = 0
    """
