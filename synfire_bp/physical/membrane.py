"""The parameters of neurons in physical units: each with its meaning and its unit.

Their combined effect, and the mapping of a circuit from whole numbers to millivolts, is in
`synfire_bp.physical.mapping` and docs/physical.md.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from synfire_bp.errors import ExperimentError
from synfire_bp.section import Section, unit

__all__ = ["Membrane"]

Synapse = Literal["delta", "exponential", "conductance"]


class Membrane(Section):
    """Parameters of neurons in physical units, in continuous time."""

    kind: Literal["lif", "custom"] = Field(
        default="lif",
        description="lif: leaky integrate-and-fire; custom: your own equations, threshold, reset.",
    )
    phase: float = Field(
        default=5.0,
        gt=0,
        le=1000,
        description="Length of one phase of the circuit, in ms.",
        json_schema_extra=unit("ms"),
    )
    dt: float = Field(
        default=0.25,
        gt=0,
        description="Time step of the simulation, in ms; a phase holds a whole number of them, at "
        "least 8.",
        json_schema_extra=unit("ms"),
    )
    window: float = Field(
        default=0.25,
        gt=0,
        description="How long a gate's pulse keeps a population open, in ms; a whole number of "
        "time steps, less than a quarter of a phase. With a long window, late inputs make cells "
        "fire late.",
        json_schema_extra=unit("ms"),
    )
    membrane_time: float = Field(
        default=0.5,
        gt=0,
        description="Membrane time constant in ms. The larger it is, the more of a sum is left "
        "one phase later; up to a tenth of a phase the circuit is exact.",
        json_schema_extra=unit("ms"),
    )
    refractory: float = Field(
        default=2.0,
        gt=0,
        description="Refractory period in ms: the membrane stays at its reset potential and takes "
        "no input. At least as long as the window.",
        json_schema_extra=unit("ms"),
    )
    resting: float = Field(
        default=-54.0,
        ge=-120,
        le=0,
        description="Resting potential without inhibition, in mV.",
        json_schema_extra=unit("mV"),
    )
    resistance: float = Field(
        default=100.0,
        gt=0,
        description="Membrane resistance in megaohm.",
        json_schema_extra=unit("MΩ"),
    )
    quantum: float = Field(
        default=2**-8,
        gt=0,
        le=0.1,
        description="Millivolts per weight unit: the size of a postsynaptic potential when the "
        "gate's pulse comes. The default, 2^-8, puts the threshold 4 mV above rest and a closed "
        "population 32 mV below it.",
        json_schema_extra=unit("mV per weight unit"),
    )
    relay: int = Field(
        default=1024,
        gt=512,
        le=4096,
        multiple_of=2,
        description="Weight of relay synapses and, with a minus sign, of inhibitory ones, in "
        "weight units. The chip's circuit has 520; twice the half threshold leaves the most room "
        "for noise.",
        json_schema_extra=unit("weight units"),
    )
    dead_zone: int = Field(
        default=0,
        ge=0,
        lt=512,
        multiple_of=2,
        description="Where the circuit tests whether a sum is above 0, the sum must be above "
        "this instead, in weight units; keeps noise from deciding where the sum is 0.",
        json_schema_extra=unit("weight units"),
    )
    synapse: Synapse = Field(
        default="delta",
        description="delta: a spike shifts the membrane potential at once; exponential: it "
        "starts a decaying current; conductance: it opens a decaying conductance.",
    )
    synaptic_time: float | None = Field(
        default=None,
        gt=0,
        description="Time constant of exponential and conductance synapses, in ms. null: 0.25.",
        json_schema_extra=unit("ms"),
    )
    excitatory_reversal: float = Field(
        default=0.0,
        le=200,
        description="Reversal potential of excitation (conductance), in mV.",
        json_schema_extra=unit("mV"),
    )
    inhibitory_reversal: float = Field(
        default=-80.0,
        ge=-200,
        description="Reversal potential of inhibition (conductance), in mV.",
        json_schema_extra=unit("mV"),
    )
    delay: float | None = Field(
        default=None,
        gt=0,
        description="Mean time from a spike to its arrival at a synapse, in ms; the next gate's "
        "pulse comes one phase after the spike. null: chosen such that the postsynaptic "
        "potential peaks at that time.",
        json_schema_extra=unit("ms"),
    )
    delay_spread: float = Field(
        default=0.0,
        ge=0,
        description="Standard deviation of the delays, in ms; each synapse has a fixed delay, "
        "drawn from training.seed: normal, cut off at two standard deviations.",
        json_schema_extra=unit("ms"),
    )
    synaptic_noise: float = Field(
        default=0.0,
        ge=0,
        le=10,
        description="Standard deviation of each postsynaptic potential, as a fraction of its "
        "mean; drawn for each spike and synapse.",
    )
    membrane_noise: float = Field(
        default=0.0,
        ge=0,
        description="Standard deviation of the membrane potential in mV (Ornstein-Uhlenbeck with "
        "the membrane's time constant). Sources and the gating chain have no noise.",
        json_schema_extra=unit("mV"),
    )
    equations: str | None = Field(
        default=None,
        description="Only custom: Brian2 equations. They define v in volt, and may use tau_m, E_L, "
        "R, I_tonic, I_syn, gate, theta and closed.",
    )
    threshold: str | None = Field(
        default=None, description="Only custom: condition for a spike, such as v + gate > theta."
    )
    reset: str | None = Field(
        default=None, description="Only custom: what a spike does, such as v = closed."
    )
    method: Literal["exponential_euler", "euler", "rk2", "rk4", "heun"] = Field(
        default="exponential_euler",
        description="Only custom: how Brian2 integrates the equations.",
    )

    @field_validator("equations", "threshold", "reset")
    @classmethod
    def _belongs_to_custom(cls, text: str | None, info: ValidationInfo) -> str | None:
        kind, given = info.data.get("kind"), info.field_name
        if kind == "custom" and not (text and text.strip()):
            raise ValueError(f"is missing; a custom neuron needs {given}")
        if kind == "lif" and text is not None:
            raise ValueError("has no effect on the kind lif; remove it, or use neuron.kind: custom")
        if kind != "custom" or text is None:
            return text
        # import brian2, which takes a second, only where a model file needs it
        from synfire_bp.physical.custom import check_custom

        synapse, equations = info.data.get("synapse"), info.data.get("equations")
        try:
            if given == "equations" and synapse:
                check_custom(synapse, text)
            elif synapse and equations:
                check_custom(synapse, equations, **{str(given): text})
        except ExperimentError as error:
            raise ValueError(str(error)) from None
        return text

    @field_validator("method")
    @classmethod
    def _method_solves_the_equations(cls, method: str, info: ValidationInfo) -> str:
        data = info.data
        if data.get("kind") == "custom" and data.get("synapse") and data.get("equations"):
            from synfire_bp.physical.custom import check_method

            try:
                check_method(data["synapse"], data["equations"], method)
            except ExperimentError as error:
                raise ValueError(str(error)) from None
        elif data.get("kind") == "lif" and method != "exponential_euler":
            raise ValueError("has no effect on the kind lif; remove it")
        return method
