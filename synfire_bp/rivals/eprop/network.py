"""The network as Brian2 objects: cells, readout, eligibility traces, updates.

All of a step happens within it.  In step s of an interval the cells take what input spikes and
spikes of step s-1 brought, and fire; the readout takes these spikes at once; its errors become the
learning signals of the same step; then each synapse adds to its gradient.  At the beginning of the
next interval the weights move, and all begins from rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import (
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    linked_var,
    ms,
)
from numpy.typing import NDArray

from synfire_bp.rivals.eprop.lesson import Lesson, Pattern, Weights
from synfire_bp.rivals.eprop.sections import Cells, Learning, Readout

__all__ = ["Built", "Setup", "build"]


@dataclass(frozen=True, eq=False)
class Setup:
    """All that decides a simulation.

    Attributes
    ----------
    cells, readout, learning : sections
        As in a model file.
    lesson : Lesson
        What is shown.
    weights : Weights
        What it starts from.
    learns : bool
        False: the weights stay.
    records_spikes : bool
        Whether each spike of the cells is kept.
    """

    cells: Cells
    readout: Readout
    learning: Learning
    lesson: Lesson
    weights: Weights
    learns: bool = True
    records_spikes: bool = False


@dataclass(frozen=True, eq=False)
class Built:
    """The Brian2 objects, to be run for `steps` steps of 1 ms."""

    network: Network
    steps: int
    outputs: StateMonitor
    counts: StateMonitor
    spikes: SpikeMonitor | None
    synapses: dict[str, Synapses]


_INPUTS = """
z_bar = alpha*z_bar + arriving_share*fires
fires = on
on = 0
"""
_CELLS = """
z_bar = alpha*z_bar + arriving_share*z
v = arriving_share*arriving + alpha*v - threshold_0*z
adapted = rho*adapted + z
arriving = 0
rests = (rests - 1)*int(rests > 0.5)
above = v - (threshold_0 + beta*adapted)
near = 1 - width*abs(above)
psi = height*near*int(near > 0)*int(rests < 0.5)
z = int(above >= 0)*int(rests < 0.5)
rests = rests + refractory_steps*z
fired = fired + z
"""
_TRACES = """
trace = psi_post*(z_bar_pre - beta_post*epsilon)
epsilon = rho*epsilon + trace
e_bar = kappa*e_bar + (1 - kappa)*trace
gradient = gradient + signal_post*e_bar
eligible = eligible + trace
"""
_COLLECT = """
total = total + (gradient + rate_cost_post*eligible)/divisor
gradient = 0
eligible = 0
e_bar = 0
epsilon = 0
"""
_COLLECT_READOUT = """
total = total + gradient/divisor
gradient = 0
"""
_DESCENT = """
moved = w - rate*(total/batch)
w = moved + int(moved > limit)*(limit - moved) - int(moved < -limit)*(limit + moved)
total = 0
"""
_ADAM = """
updates = int(t/update_time + 0.5)
begun = int(updates > 0)
size = rate*sqrt(1 - beta_2**updates)/(1 - begun*beta_1**updates)
mean_g = beta_1*mean_g + (1 - beta_1)*total/batch
mean_g2 = beta_2*mean_g2 + (1 - beta_2)*(total/batch)**2
moved = w - size*mean_g/(sqrt(mean_g2) + small)
w = moved + int(moved > limit)*(limit - moved) - int(moved < -limit)*(limit + moved)
total = 0
"""
_SYNAPSE = """
w : 1
gradient : 1
total : 1
mean_g : 1
mean_g2 : 1
"""
_ELIGIBLE = "epsilon : 1\ne_bar : 1\neligible : 1\n"

_FIRST, _COLLECTS, _UPDATES, _RESTS = range(4)
"""Order of what happens at the beginning of an interval."""
_READS, _ERRS, _SIGNALS, _ADDS = range(4)
"""Order of what happens at the end of a step."""


def build(setup: Setup) -> Built:
    """Return the network of a setup, for the device that is set."""
    inputs, generator, on = _inputs(setup)
    cells, outputs = _cells(setup), _outputs(setup)
    _link(outputs, cells, setup)
    weights = setup.weights
    synapses = {
        "inputs": _recurrent(inputs, cells, weights.inputs, setup, "w_in"),
        "recurrent": _recurrent(cells, cells, weights.recurrent, setup, "w_rec"),
        "readout": _read(cells, outputs, weights.readout, setup),
    }
    interval = setup.lesson.steps * ms
    told = StateMonitor(outputs, ["loss", "said"], record=True, dt=interval, when="start",
                        order=_FIRST, name="told")  # fmt: skip
    counts = StateMonitor(
        cells, ["fired"], record=True, dt=interval, when="start", order=_FIRST, name="counts"
    )
    spikes = SpikeMonitor(cells, name="cell_spikes") if setup.records_spikes else None
    objects: list[Any] = [inputs, generator, on, cells, outputs, *synapses.values(), told, counts]
    network = Network(objects if spikes is None else [*objects, spikes])
    return Built(network, setup.lesson.total + 1, told, counts, spikes, synapses)


def _numbers(setup: Setup) -> dict[str, Any]:
    """Return the numbers that the lines name."""
    cells, learning = setup.cells, setup.learning
    alpha, kappa = np.exp(-1 / cells.membrane_time), np.exp(-1 / setup.readout.membrane_time)
    return {
        "alpha": alpha,
        "arriving_share": 1 - alpha if cells.leaky_input else 1.0,
        "kappa": kappa,
        "read_share": 1 - kappa if setup.readout.leaky_input else 1.0,
        "rho": np.exp(-1 / cells.adaptation_time),
        "threshold_0": cells.threshold,
        "height": cells.surrogate_height,
        "width": cells.surrogate_width,
        "refractory_steps": float(cells.refractory),
        "divisor": float(setup.lesson.window) if learning.mean_over_window else 1.0,
        "rate": learning.rate,
        "batch": float(learning.batch),
        "beta_1": learning.beta_1,
        "beta_2": learning.beta_2,
        "small": learning.epsilon,
        "limit": learning.weight_limit,
        "update_time": setup.lesson.steps * learning.batch * ms,
        "steps": setup.lesson.steps,
        "silent_steps": setup.lesson.steps - setup.lesson.window,
    }


def _inputs(setup: Setup) -> tuple[NeuronGroup, SpikeGeneratorGroup, Synapses]:
    """Return the inputs, which have traces, and what makes them fire.

    What arrives in step s fires in s-1, and is switched on in s-2.
    """
    lesson = setup.lesson
    inputs = NeuronGroup(
        lesson.n_in, "z_bar : 1\non : 1\nfires : 1", threshold="fires > 0.5", reset="",
        namespace=_numbers(setup), name="inputs", method="exact",
    )  # fmt: skip
    inputs.run_regularly(_INPUTS, when="groups", name="inputs_step")
    inputs.run_regularly(
        "z_bar = 0", dt=lesson.steps * ms, when="start", order=_RESTS, name="inputs_rest"
    )
    first = np.zeros(lesson.n_in)
    first[lesson.neurons[lesson.times == 1]] = 1
    inputs.on = first
    later = lesson.times > 1
    generator = SpikeGeneratorGroup(
        lesson.n_in, lesson.neurons[later], (lesson.times[later] - 2) * ms, name="generator"
    )
    on = Synapses(generator, inputs, on_pre="on_post = 1", name="switch")
    on.connect(j="i")
    return inputs, generator, on


def _cells(setup: Setup) -> NeuronGroup:
    model = """
    v : 1
    z : 1
    z_bar : 1
    z_read : 1
    adapted : 1
    rests : 1
    psi : 1
    arriving : 1
    fired : 1
    rate_cost : 1
    signal : 1
    beta : 1 (constant)
    """
    n_out = setup.lesson.wanted.n_out
    model += "".join(f"back_{k} : 1 (constant)\nerror_{k} : 1 (linked)\n" for k in range(n_out))
    cells = NeuronGroup(
        setup.cells.count, model, threshold="z > 0.5", reset="", namespace=_numbers(setup),
        name="cells", method="exact",
    )  # fmt: skip
    adapts = np.arange(setup.cells.count) >= setup.cells.regular
    cells.beta = np.where(adapts, setup.cells.adaptation, 0.0)
    for k in range(n_out):
        setattr(cells, f"back_{k}", setup.weights.feedback[:, k])
    cells.run_regularly(_CELLS, when="groups", name="cells_step")
    signal = " + ".join(f"back_{k}*error_{k}" for k in range(n_out))
    cells.run_regularly(
        f"z_read = kappa*z_read + read_share*z\nsignal = {signal}",
        when="end", order=_SIGNALS, name="cells_signal",
    )  # fmt: skip
    interval, learning = setup.lesson.steps, setup.learning
    cost = f"{learning.rate_cost!r}*(fired/{interval} - {learning.target_rate / 1000!r})/{interval}"
    cells.run_regularly(
        f"rate_cost = {cost}", dt=interval * ms, when="start", order=_FIRST, name="cells_cost"
    )
    state = ("v", "z", "z_bar", "z_read", "adapted", "rests", "arriving", "fired")
    cells.run_regularly(
        "\n".join(f"{one} = 0" for one in state),
        dt=interval * ms, when="start", order=_RESTS, name="cells_rest",
    )  # fmt: skip
    return cells


def _outputs(setup: Setup) -> NeuronGroup:
    """Return the readout, with its loss and what it said of the interval so far."""
    wanted, numbers = setup.lesson.wanted, _numbers(setup)
    model = "y : 1\narriving : 1\nerror : 1\nloss : 1\nsaid : 1\n"
    active = "active = int(t_in_timesteps % steps >= silent_steps)\n"
    if isinstance(wanted, Pattern):
        numbers["wanted"] = TimedArray(wanted.signal, dt=1 * ms)
        errs = (
            "goal = wanted((t_in_timesteps % steps)*ms, i)\nanswer = y\n"
            "error = active*(answer - goal)\nloss = loss + 0.5*error**2\n"
        )
    else:
        numbers["wanted"] = TimedArray(wanted.labels.astype(float), dt=setup.lesson.steps * ms)
        model += "".join(f"y_{k} : 1 (linked)\n" for k in range(wanted.n_out))
        everyone = " + ".join(f"exp(y_{k})" for k in range(wanted.n_out))
        errs = (
            f"goal = int(int(wanted(t) + 0.5) == i)\nanswer = exp(y)/({everyone})\n"
            "error = active*(answer - goal)\nloss = loss - active*goal*log(answer)\n"
        )
    outputs = NeuronGroup(wanted.n_out, model, namespace=numbers, name="outputs", method="exact")
    if not isinstance(wanted, Pattern):
        for k in range(wanted.n_out):
            setattr(outputs, f"y_{k}", linked_var(outputs, "y", index=_all(k, wanted.n_out)))
    reads = "y = read_share*arriving + kappa*y\narriving = 0"
    outputs.run_regularly(reads, when="end", order=_READS, name="outputs_read")
    outputs.run_regularly(
        f"{active}{errs}said = said + active*answer", when="end", order=_ERRS, name="outputs_err"
    )
    outputs.run_regularly(
        "y = 0\narriving = 0\nloss = 0\nsaid = 0",
        dt=setup.lesson.steps * ms, when="start", order=_RESTS, name="outputs_rest",
    )  # fmt: skip
    return outputs


def _link(outputs: NeuronGroup, cells: NeuronGroup, setup: Setup) -> None:
    """Let the cells read the errors of all outputs."""
    for k in range(setup.lesson.wanted.n_out):
        linked = linked_var(outputs, "error", index=_all(k, setup.cells.count))
        setattr(cells, f"error_{k}", linked)


def _all(k: int, n: int) -> NDArray[np.int64]:
    return np.full(n, k, np.int64)


def _recurrent(
    source: NeuronGroup, cells: NeuronGroup, weights: NDArray[np.float64], setup: Setup, name: str
) -> Synapses:
    """Return synapses to the cells, with eligibility traces."""
    synapses = Synapses(
        source, cells, _SYNAPSE + _ELIGIBLE, on_pre="arriving_post += w",
        namespace=_numbers(setup), name=name,
    )  # fmt: skip
    _connect(synapses, weights, autapses=source is not cells)
    if setup.learns:
        synapses.run_regularly(_TRACES, when="end", order=_ADDS, name=f"{name}_traces")
        _update(synapses, _COLLECT, setup)
    return synapses


def _read(
    cells: NeuronGroup, outputs: NeuronGroup, weights: NDArray[np.float64], setup: Setup
) -> Synapses:
    """Return synapses to the readout, whose gradient needs no eligibility."""
    synapses = Synapses(
        cells, outputs, _SYNAPSE, on_pre="arriving_post += w", namespace=_numbers(setup),
        name="w_out",
    )  # fmt: skip
    _connect(synapses, weights, autapses=True)
    if setup.learns:
        adds = "gradient = gradient + error_post*z_read_pre"
        synapses.run_regularly(adds, when="end", order=_ADDS, name="w_out_traces")
        _update(synapses, _COLLECT_READOUT, setup)
    return synapses


def _connect(synapses: Synapses, weights: NDArray[np.float64], autapses: bool) -> None:
    pre, post = np.indices(weights.shape).reshape(2, -1)
    kept = slice(None) if autapses else pre != post
    synapses.connect(i=pre[kept], j=post[kept])
    synapses.w = weights.reshape(-1)[kept]


def _update(synapses: Synapses, collect: str, setup: Setup) -> None:
    """Let gradients be collected after each interval, and weights move after each batch."""
    interval = setup.lesson.steps * ms
    synapses.run_regularly(
        collect, dt=interval, when="start", order=_COLLECTS, name=f"{synapses.name}_collect"
    )
    moves = _DESCENT if setup.learning.optimizer == "gradient_descent" else _ADAM
    synapses.run_regularly(
        moves, dt=setup.learning.batch * interval, when="start", order=_UPDATES,
        name=f"{synapses.name}_update",
    )  # fmt: skip
