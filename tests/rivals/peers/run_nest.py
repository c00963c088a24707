"""E-prop in NEST: python run_nest.py SETUP.npz RESULT.npz, in an environment with nest-simulator.

Takes what is shown and what it starts from, trains NEST's own neurons and synapses on it, and
writes loss, spikes and weights.  Needs NumPy and NEST, nothing else.
"""

import json
import sys

import nest
import numpy as np

DELAYS = 3  # input to cells, cells to readout, readout to readout; a step each
OFFSET = 1  # generators begin in step 1


def kernel(given, lesson):
    nest.set_verbosity("M_ERROR")
    nest.ResetKernel()
    nest.set(
        resolution=1.0,
        total_num_virtual_procs=1,
        eprop_learning_window=float(lesson["window"]),
        eprop_update_interval=float(lesson["steps"]),
        eprop_reset_neurons_on_update=True,
    )


def populations(given, lesson):
    cells, readout, learning = given["cells"], given["readout"], given["learning"]
    common = {
        "C_m": 1.0, "E_L": 0.0, "I_e": 0.0, "V_m": 0.0, "V_th": cells["threshold"],
        "tau_m": cells["membrane_time"], "t_ref": float(cells["refractory"]),
        "regular_spike_arrival": not cells["leaky_input"],
        "surrogate_gradient_function": "piecewise_linear",
        "surrogate_gradient_height": cells["surrogate_height"],
        "surrogate_gradient_width": cells["surrogate_width"],
        "c_reg": learning["rate_cost"], "f_target": learning["target_rate"],
    }  # fmt: skip
    adapts = {"adapt_beta": cells["adaptation"], "adapt_tau": cells["adaptation_time"]}
    made = None
    if cells["regular"]:
        made = nest.Create("eprop_iaf_bsshslm_2020", cells["regular"], common)
    if cells["adaptive"]:
        more = nest.Create("eprop_iaf_adapt_bsshslm_2020", cells["adaptive"], common | adapts)
        made = more if made is None else made + more
    loss = "mean_squared_error" if lesson["pattern"] else "cross_entropy"
    outputs = nest.Create(
        "eprop_readout_bsshslm_2020",
        lesson["n_out"],
        {
            "C_m": 1.0, "E_L": 0.0, "I_e": 0.0, "V_m": 0.0, "tau_m": readout["membrane_time"],
            "regular_spike_arrival": not readout["leaky_input"], "loss": loss,
        },
    )  # fmt: skip
    return made, outputs


def defaults(learning):
    optimizer = {
        "type": learning["optimizer"], "batch_size": learning["batch"], "eta": learning["rate"],
        "Wmin": -learning["weight_limit"], "Wmax": learning["weight_limit"],
    }  # fmt: skip
    if learning["optimizer"] == "adam":
        optimizer |= {key: learning[key] for key in ("beta_1", "beta_2", "epsilon")}
    nest.SetDefaults(
        "eprop_synapse_bsshslm_2020",
        {"optimizer": optimizer, "average_gradient": learning["mean_over_window"]},
    )


def connect(given, arrays, lesson, parrots, cells, outputs):
    everyone = {"rule": "all_to_all", "allow_autapses": False}
    plastic = {
        "synapse_model": "eprop_synapse_bsshslm_2020",
        "delay": 1.0,
        "tau_m_readout": given["readout"]["membrane_time"],
    }
    for pre, post, name in (
        (parrots, cells, "inputs"), (cells, cells, "recurrent"), (cells, outputs, "readout")
    ):  # fmt: skip
        nest.Connect(pre, post, everyone, plastic | {"weight": arrays[name].T})
    back = {"synapse_model": "eprop_learning_signal_connection_bsshslm_2020", "delay": 1.0}
    nest.Connect(outputs, cells, everyone, back | {"weight": arrays["feedback"]})
    if not lesson["pattern"]:
        rates = {"synapse_model": "rate_connection_delayed", "delay": 1.0, "receptor_type": 1}
        nest.Connect(outputs, outputs, everyone, rates | {"weight": 1.0})


def show(arrays, lesson, parrots, outputs):
    """Give the inputs their spikes, and the readout its targets."""
    generators = nest.Create("spike_generator", lesson["n_in"])
    times = [arrays["times"][arrays["neurons"] == i] + OFFSET for i in range(lesson["n_in"])]
    generators.set([{"spike_times": one.astype(float)} for one in times])
    nest.Connect(generators, parrots, "one_to_one", {"delay": 1.0})
    n = lesson["steps"] * lesson["intervals"]
    if lesson["pattern"]:
        targets = np.tile(arrays["signal"], (lesson["intervals"], 1))
    else:
        one_hot = arrays["labels"][:, np.newaxis] == np.arange(lesson["n_out"])
        targets = np.repeat(one_hot, lesson["steps"], axis=0).astype(float)
    rates = nest.Create("step_rate_generator", lesson["n_out"])
    at = np.arange(n, dtype=float) + OFFSET + DELAYS
    rates.set([
        {"amplitude_times": at, "amplitude_values": targets[:, k].copy()}
        for k in range(lesson["n_out"])
    ])  # fmt: skip
    link = {"synapse_model": "rate_connection_delayed", "delay": 1.0, "receptor_type": 2}
    nest.Connect(rates, outputs, "one_to_one", link)
    return n


def matrix(pre, post, shape):
    found = nest.GetConnections(pre, post, synapse_model="eprop_synapse_bsshslm_2020")
    found = found.get(["source", "target", "weight"])
    weights = np.zeros(shape)
    rows = np.array(found["source"]) - pre[0].global_id
    weights[rows, np.array(found["target"]) - post[0].global_id] = found["weight"]
    return weights


def losses(events, outputs, lesson):
    """Return loss and answers of each interval, from what the readout recorded."""
    order = np.lexsort((events["times"], events["senders"]))
    shape = (lesson["n_out"], lesson["intervals"], lesson["steps"])
    said, wanted = (
        events[key][order].reshape(shape) for key in ("readout_signal", "target_signal")
    )
    window = slice(lesson["steps"] - lesson["window"], None)
    said, wanted = said[..., window], wanted[..., window]
    loss = 0.5 * (said - wanted) ** 2 if lesson["pattern"] else -wanted * np.log(said)
    return loss.sum(axis=(0, 2)), said.sum(axis=2).T


def main(setup, result):
    arrays = dict(np.load(setup))
    given = json.loads(str(arrays["given"]))
    lesson = given["lesson"]
    kernel(given, lesson)
    cells, outputs = populations(given, lesson)
    parrots = nest.Create("parrot_neuron", lesson["n_in"])
    defaults(given["learning"])
    connect(given, arrays, lesson, parrots, cells, outputs)
    n = show(arrays, lesson, parrots, outputs)
    start = float(OFFSET + DELAYS)
    meter = nest.Create(
        "multimeter",
        {"interval": 1.0, "record_from": ["readout_signal", "target_signal"],
         "start": start, "stop": start + n},
    )  # fmt: skip
    nest.Connect(meter, outputs)
    recorder = nest.Create("spike_recorder", {"stop": float(OFFSET + 1 + n)})
    nest.Connect(cells, recorder)
    # weights move when the presynaptic neuron fires next: let all of them fire once more
    last = nest.Create("spike_generator", 1, {"spike_times": [float(n + DELAYS)]})
    nest.Connect(last, parrots + cells, "all_to_all", {"weight": 1000.0})
    nest.Simulate(float(n + OFFSET + DELAYS + 1))
    loss, said = losses(meter.events, outputs, lesson)
    spikes = recorder.events
    steps = np.rint(spikes["times"]).astype(int) - OFFSET - 2  # stamp of step s is s + 3
    kept = steps < n
    np.savez(
        result,
        loss=loss,
        said=said,
        steps=steps[kept],
        cells=(spikes["senders"] - cells[0].global_id)[kept],
        inputs=matrix(parrots, cells, arrays["inputs"].shape),
        recurrent=matrix(cells, cells, arrays["recurrent"].shape),
        readout=matrix(cells, outputs, arrays["readout"].shape),
        version=nest.__version__,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
