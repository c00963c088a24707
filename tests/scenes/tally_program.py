"""A program that is no circuit: units that count for how many steps their pixel was on."""

from __future__ import annotations

from dataclasses import dataclass

from synfire_bp.program import ProgramNetwork, Result

STEP = 0.002  # seconds


@dataclass(frozen=True)
class Tally:
    """What the program is built from."""

    n_inputs: int
    steps_per_sample: int
    stock: bool = False

    def bare(self):
        return self

    def about(self):
        return {"counts": self.n_inputs}

    def build(self, functions, codeobj_class):
        from brian2 import Clock, Network, NeuronGroup, SpikeMonitor, second

        common = {"clock": Clock(dt=STEP * second, name="beat"), "codeobj_class": codeobj_class}
        units = NeuronGroup(
            self.n_inputs,
            "sample : integer (shared)\non : boolean\ntotal : integer\nweight : integer (constant)",
            threshold="on",
            reset="total += weight",
            namespace=functions,
            name="units",
            **common,
        )
        look = units.run_regularly(
            "sample = present_sample(t_in_timesteps)", when="start", name="look", **common
        )
        see = units.run_regularly(
            "on = input_pattern(sample, i) > 0", when="start", order=1, name="see", **common
        )
        seen = SpikeMonitor(units, name="seen", codeobj_class=codeobj_class)
        return ProgramNetwork(
            Network(units, look, see, seen),
            {
                "total": Result(units.variables["total"], size=self.n_inputs),
                "unit": Result(seen.variables["i"]),
                "step": Result(seen.variables["t"], "steps", step=STEP),
                "shown": Result(units.variables["sample"], "last sample", size=1),
            },
        )
