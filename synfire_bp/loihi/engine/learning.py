"""The chip's learning engine as Brian2 models: traces, tags, and rules once per learning epoch.

    engine = LearningEngine(
        SPECS["loihi1"], dw="dw = 2^-2*x1*y0 - 2^-2*x0*y1", epoch=2,
        traces={"x1": Trace(impulse=20, tau=10), "y1": Trace(impulse=20, tau=10)},
    )
    synapses = LoihiPlasticSynapses(source, target, engine=engine)
    synapses.connect()
    synapses.set_weights(mantissas)
    weights = StateMonitor(synapses, "w", record=[0, 1], when="end")
    traces = StateMonitor(synapses.pre_traces, "x1", record=True, when="end")

A learning epoch is `epoch` steps; the first begins with the first step of the simulation.  Each
step has this order:

1.  `start`, if an epoch begins: the traces decay, x <- x·exp(-epoch/tau) with stochastic rounding
   that preserves the mean; the flags `x0`, `y0`, `r0` are cleared.
2.  `synapses`: the spikes of this step are delivered, with the present weight and delay.
3.  `synapses`: each spike sets its flag and adds an impulse to its traces, up to at most 127.  This
   happens when the spike is sent, whatever the synapse's delay.
4.  `synapses`, if the epoch ends: all rules are evaluated from the same present state, and weight,
   tag and delay change together.

Monitors therefore see the state after a step if they record at its end (``when="end"``).

dw, dt and dd are rounded away from zero to whole numbers.  A weight whose mantissa changes in steps
takes |dw| // step of them, and one more with probability (|dw| mod step) / step; it is then clipped
to the format's range.  A tag is clipped to ±255, a delay to 0 … 62.

Random numbers come from Brian2: ``seed(n)`` before the run makes it reproducible, in runtime mode
as in C++ standalone, but the two modes draw different numbers.  None are drawn where the rule gives
only multiples of the step, and for traces that do not decay or decay completely.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from brian2 import NeuronGroup, Subgroup, ms
from numpy.typing import ArrayLike

from synfire_bp.dense.internals import CodeRunner
from synfire_bp.errors import HardwareError
from synfire_bp.loihi.emulation.checks import within
from synfire_bp.loihi.emulation.objects import code_class, remember
from synfire_bp.loihi.emulation.synapses import LoihiSynapses
from synfire_bp.loihi.engine.arithmetic import (
    added_function,
    faded_function,
    learning_functions,
)
from synfire_bp.loihi.engine.codeobject import epoch_class
from synfire_bp.loihi.engine.engine import LearningEngine
from synfire_bp.loihi.engine.statements import learning_code, once, shared_flags
from synfire_bp.loihi.spec import SignMode

__all__ = ["LoihiPlasticSynapses"]

FLAGS = ("x0", "y0", "r0")

BEGIN, DELIVER, LEARN = -20, 0, 2
"""Order of the operations within a slot of a step."""


class LoihiPlasticSynapses(LoihiSynapses):
    """Synapses of one projection that learn by the chip's engine.

    Parameters
    ----------
    source, target
        As for `LoihiSynapses`; both with the same clock.
    engine : LearningEngine
        Rules, traces, length of the learning epoch, and the chip.
    sign_mode, exponent
        As for `LoihiSynapses`.
    delayed : bool
        Whether synapses have extra delays (`set_delays`).  They do if a rule reads or changes
        delays.
    reward : group, optional
        Its spikes are the reward: flag `r0` and trace `r1` of all synapses.  Without it, set `r1`
        of `post_traces`, for example by its `run_regularly`.
    **kwds
        As of `DenseSynapses`.

    Attributes
    ----------
    pre_traces, post_traces : NeuronGroup or None
        `x0`, `x1`, `x2` of each presynaptic neuron, and `y0` … `y3`, `r0`, `r1` of each
        postsynaptic one, as far as they exist; numbered like the groups that `source` and `target`
        are part of.
    by_events : bool
        Whether only the synapses of neurons that spike are visited.  This is so if an epoch is one
        step and every product holds x0; the result is the same, in less time.

    Raises
    ------
    HardwareError
        If the weight exponent is out of range, or the reward is a subgroup.

    Notes
    -----
    Per synapse: `w` and `weight` as in `LoihiSynapses`, the tag `tag` (`t` of the rules), the delay
    `d` in steps; also the traces, by their names.
    """

    def __init__(
        self,
        source: Any,
        target: Any,
        *,
        engine: LearningEngine,
        sign_mode: SignMode = SignMode.MIXED,
        exponent: int = 0,
        delayed: bool = False,
        reward: Any = None,
        equations: str = "",
        **kwds: Any,
    ) -> None:
        reads = engine.variables
        delayed = delayed or "dd" in engine.rules or "d" in reads
        by_events = engine.epoch == 1 and all(r.always("x0") for r in engine.rules.values())
        code = learning_code(engine, sign_mode, by_events=by_events)
        model = shared_flags(engine)
        if "dt" in engine.rules or "t" in reads:
            model += "tag : integer\n"
        on_pre = {"pre": "arriving_post += weight"}
        if delayed:
            model += "d : integer  # extra delay in steps\nslot : integer  # of what is sent now\n"
            n_slots = engine.spec.longest_delay + 1
            first, size = target.start, len(_whole_group(target))
            on_pre = {
                "aim": f"slot = j + {first} + {size} * ((t_in_timesteps + d) % {n_slots})",
                "pre": "waiting += weight",
            }
        if by_events and code:
            on_pre["learn"] = code
        super().__init__(
            source,
            target,
            spec=engine.spec,
            sign_mode=sign_mode,
            exponent=exponent,
            equations=model + equations,
            on_pre=on_pre,
            delay=dict.fromkeys(on_pre, 0 * ms),
            namespace=learning_functions(engine, sign_mode, exponent) | kwds.pop("namespace", {}),
            **kwds,
        )
        remember(self, engine=engine, by_events=by_events, delayed=delayed)
        remember(self, pre_traces=None, post_traces=None)
        self._add_traces(reward)
        if delayed:
            self._add_waiting(n_slots)
        if by_events and code:
            self.learn.when, self.learn.order = "synapses", LEARN
        elif code:
            self.run_regularly(
                code, clock=self.clock, when="synapses", order=LEARN, name=f"{self.name}_learning",
                codeobj_class=epoch_class(),
            )  # fmt: skip

    def set_delays(self, steps: ArrayLike) -> None:
        """Set the extra delays in steps, in addition to the one step that every spike takes.

        Raises
        ------
        HardwareError
            If a delay is longer than the chip's longest, or the synapses were made without delays.
        """
        extra = within(f"{self.name}: delay", steps, 0, self.spec.longest_delay)
        if self.delayed:
            self.d = extra if extra.ndim else int(extra)
        elif extra.any():
            raise HardwareError(
                f"{self.name}: {extra[extra > 0].ravel()[0]} steps of delay for synapses that were "
                "made without delays; make them with delayed=True"
            )

    # -- traces ----------------------------------------------------------------------------------

    def _add_traces(self, reward: Any) -> None:
        names = self.engine.variables | set(self.engine.traces)
        if self.by_events:
            names -= {"x0"}
        if reward is not None:
            names |= {"r0", "r1"}
        before = sorted(name for name in names if name in ("x0", "x1", "x2"))
        after = sorted(name for name in names if name in ("y0", "y1", "y2", "y3", "r0", "r1"))
        if before:
            self.pre_traces = self._trace_group("pre", self.source, before)
            self._add_spikes(self.pre_traces, self.source, before)
        if after:
            self.post_traces = self._trace_group("post", self.target, after)
            self._add_spikes(self.post_traces, self.target, [n for n in after if n[0] == "y"])
        if reward is not None:
            self._add_reward(reward)

    def _trace_group(self, side: str, cells: Any, names: list[str]) -> NeuronGroup:
        """Return a group of flags and traces, one per cell, which decay at the start of epochs."""
        engine, acts = self.engine, None if self.engine.epoch == 1 else "acts"
        model, constants, begin = "", {}, ""
        if acts:
            model += f"acts = t_in_timesteps % {engine.epoch} == 0 : boolean (shared)\n"
        for name in names:
            model += f"{name} : {'boolean' if name in FLAGS else 'integer'}\n"
            if name in FLAGS:
                begin += f"{name} = {f'{name} and not acts' if acts else 'False'}\n"
            elif name in engine.traces:
                kept = engine.traces[name].kept(engine.epoch)
                constants[f"kept_{name}"] = kept
                if kept < 1:
                    left = f"faded({name}, kept_{name}, rand())" if kept else "0"
                    begin += once(acts, name, left) + "\n"
        traces = NeuronGroup(
            len(_whole_group(cells)), model, clock=self.clock, name=f"{self.name}_{side}_traces",
            namespace={"faded": faded_function(), "added": added_function(), **constants},
            codeobj_class=code_class(),
        )  # fmt: skip
        if begin:
            traces.run_regularly(
                begin, clock=self.clock, when="start", order=BEGIN, codeobj_class=epoch_class(),
                name=f"{traces.name}_begin",
            )  # fmt: skip
        self.contained_objects.append(traces)
        for name in names:
            # y0 with Brian2's own index, by which `DenseSynapses` recognises a flag of the target;
            # the others with one each, since a StateMonitor records one variable per index
            index = "_postsynaptic_idx" if name == "y0" else f"_{name}_idx"
            self.variables.add_reference(index, self, f"_synaptic_{side}")
            self.variables.add_reference(name, traces, index=index)
        return traces

    def _impulses(self, names: Iterable[str], spikes: str) -> str:
        """Return the effect of a number of spikes on flags and traces."""
        most, traces = 2**self.spec.trace_bits - 1, self.engine.traces
        code = ""
        for name in names:
            if name in FLAGS:
                code += f"{name} = {name} or {spikes} > 0\n"
            elif name in traces and traces[name].impulse:
                code += f"{name} = added({name}, {traces[name].impulse} * {spikes}, 0, {most})\n"
        return code

    def _add_spikes(self, traces: NeuronGroup, cells: Any, names: Iterable[str]) -> None:
        """Let the spikes of cells set their flags and add impulses to their traces."""
        if not (code := self._impulses(names, "1")):
            return
        traces.variables.add_reference("_spikespace", _whole_group(cells))
        runner = CodeRunner(
            traces, "reset", code, clock=self.clock, when="synapses", order=DELIVER,
            name=f"{traces.name}_spikes", needed_variables=["_spikespace"],
            template_kwds={"eventspace_variable": traces.variables["_spikespace"]},
            codeobj_class=code_class(),
        )  # fmt: skip
        traces.contained_objects.append(runner)

    def _add_reward(self, reward: Any) -> None:
        """Let each spike of a group reach all postsynaptic neurons."""
        if isinstance(reward, Subgroup):
            raise HardwareError(f"the reward of {self.name} is a subgroup; must be the whole group")
        traces, size = self.post_traces, len(reward)
        # a list of spikes ends with their number
        place = np.full(len(traces), size, dtype=np.int32)
        traces.variables.add_array(
            "_rewards_idx", size=len(traces), dtype=np.int32, values=place, constant=True,
            read_only=True,
        )  # fmt: skip
        traces.variables.add_reference("rewards", reward, "_spikespace", index="_rewards_idx")
        traces.run_regularly(
            self._impulses(("r0", "r1"), "rewards"), clock=self.clock, when="synapses",
            order=DELIVER, name=f"{traces.name}_reward", codeobj_class=code_class(),
        )  # fmt: skip

    # -- delays ----------------------------------------------------------------------------------

    def _add_waiting(self, n_slots: int) -> None:
        """Let sent weights wait in a slot for each step and target until they are due.

        Brian2's delays are fixed during a run, and deliver the weight at the time of arrival; the
        chip adds the weight at the time when the spike is sent.
        """
        target = _whole_group(self.target)
        size = len(target)
        waiting = NeuronGroup(
            size * n_slots, "waiting : integer", clock=self.clock, name=f"{self.name}_waiting",
            codeobj_class=code_class(),
        )  # fmt: skip
        self.variables.add_reference("waiting", waiting, index="slot")
        due = NeuronGroup(
            size, "", clock=self.clock, name=f"{self.name}_due", codeobj_class=code_class()
        )
        due.variables.add_array("slot", size=size, dtype=np.int32, unique=True)
        due.variables.add_reference("waiting", waiting, index="slot")
        due.variables.add_reference("arriving", target)
        for name, code, when, order in (
            ("number", f"slot = i + {size} * (t_in_timesteps % {n_slots})", "start", BEGIN),
            ("deliver", "arriving += waiting; waiting = 0", self.pre.when, self.pre.order + 1),
        ):
            due.run_regularly(
                code, clock=self.clock, when=when, order=order, name=f"{due.name}_{name}",
                codeobj_class=code_class(),
            )  # fmt: skip
        self.aim.when, self.aim.order = self.pre.when, self.pre.order - 1
        self.contained_objects.extend([waiting, due])


def _whole_group(cells: Any) -> Any:
    """Return the group that cells are part of."""
    return cells.source if isinstance(cells, Subgroup) else cells
