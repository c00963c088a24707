"""The inference network as a NIR graph, run back by another simulator."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import synfire_bp as sb
from synfire_bp.errors import SynfireError
from synfire_bp.exchange.nir import NEURONS, nir_graph
from synfire_bp.model.forward import forward_thresholds

SHOWN = 100
DT = 1e-3


@pytest.fixture(scope="module")
def digits():
    return sb.load_dataset("digits")


@pytest.fixture(scope="module", params=["digits", "variants/digits_deep"])
def run(request, tmp_path_factory):
    """A trained network with one hidden layer, and one with two."""
    model = sb.Experiment.from_file(request.param, ["training.epochs=2"])
    return sb.train(model, engine="oracle", out=tmp_path_factory.mktemp("nir") / "run")


def of_the_algorithm(run, inputs):
    """Return spikes and potentials, shape (n, n_out), of the algorithm in integers."""
    forward = [run.weights[f"w{n}"] for n in range(1, len(run.model.circuit.sizes))]
    return sb.oracle.forward(inputs, *forward)


def stepped(graph, inputs, dt):
    """Return a graph's output for inputs (steps, n), by NIR's equations in forward Euler steps."""
    import nir

    state = {}
    outputs = []
    following = dict(graph.edges)
    for given in inputs.astype(float):
        name, value = "input", given
        while (name := following[name]) != "output":
            node = graph.nodes[name]
            if isinstance(node, nir.Linear):
                value = node.weight.astype(float) @ value
            elif isinstance(node, nir.Threshold):
                value = (value > node.threshold).astype(float)
            elif isinstance(node, nir.LI):
                v = state.get(name, 0 * value)
                value = state[name] = v + dt / node.tau * (node.v_leak - v + node.r * value)
            elif isinstance(node, nir.LIF):
                v = state.get(name, 0 * value)
                v = v + dt / node.tau * (node.v_leak - v + node.r * value)
                value = (v > node.v_threshold).astype(float)
                state[name] = np.where(value > 0, node.v_reset, v)
            else:
                raise AssertionError(f"unknown node {type(node).__name__}")
        outputs.append(value)
    return np.array(outputs)


def test_without_the_package_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "nir", None)
    pattern = r"package 'nir', which is not installed.*pip install 'synfire_bp\[nir\]'"
    with pytest.raises(SynfireError, match=pattern):
        nir_graph([np.ones((2, 1), dtype=int)], [0])


@pytest.mark.parametrize("neurons", NEURONS)
def test_the_graph_computes_what_the_algorithm_computes(run, digits, neurons):
    pytest.importorskip("nir")
    inputs = digits.test.inputs[:SHOWN]
    expected = of_the_algorithm(run, inputs)
    spikes = stepped(run.to_nir(neurons=neurons), inputs, DT)
    np.testing.assert_array_equal(spikes, expected.spikes)
    assert 0 < expected.spikes.sum() < expected.spikes.size
    potentials = stepped(run.to_nir(neurons=neurons, readout="potentials"), inputs, DT)
    np.testing.assert_array_equal(potentials, expected.potentials)


def test_a_graph_is_stored_and_read_again(run, tmp_path):
    nir = pytest.importorskip("nir")
    graph = run.to_nir()
    nir.write(tmp_path / "run.nir", graph)
    back = nir.read(tmp_path / "run.nir")
    assert sorted(back.edges) == sorted(graph.edges)
    np.testing.assert_array_equal(back.nodes["w1"].weight, run.weights["w1"].T)
    np.testing.assert_array_equal(back.nodes["o"].threshold, np.full(10, 512))


def test_spyx_reads_the_graph_and_gives_equal_spikes_and_potentials(run, digits, tmp_path):
    """One hundred images, one after the other in consecutive steps of one simulation."""
    nir = pytest.importorskip("nir")
    pytest.importorskip("spyx")
    from spyx.nir import from_nir

    nir.write(tmp_path / "run.nir", run.to_nir(neurons="integrator", dt=DT))
    graph = nir.read(tmp_path / "run.nir")
    shown = digits.test.inputs[:SHOWN].astype(np.float32)[:, None, :]
    _, (outputs, states) = from_nir(graph, shown, dt=DT, return_all_states=True)
    expected = of_the_algorithm(run, digits.test.inputs[:SHOWN])
    np.testing.assert_array_equal(np.asarray(outputs)[:, 0], expected.spikes)
    np.testing.assert_array_equal(np.asarray(states[-1])[:, 0], expected.potentials)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"neurons": "cuba"}, "neurons is 'cuba'; must be one of threshold, integrator, lif"),
        ({"readout": "voltage"}, "readout is 'voltage'; must be one of spikes, potentials"),
        ({"dt": 0}, "dt is 0 s; must be a number greater than 0"),
        ({"dt": float("inf")}, "dt is inf s; must be a number greater than 0"),
        ({"dt": True}, "dt is True s; must be a number greater than 0"),
        ({"dt": None}, "dt is None s; must be a number greater than 0"),
        ({"thresholds": [512]}, r"shapes \(4, 3\), \(3, 2\), with 1 thresholds; must be"),
        ({"weights": [np.ones((4, 3)), np.ones((4, 2))]}, r"shapes \(4, 3\), \(4, 2\)"),
    ],
)
def test_what_fits_no_graph_is_refused(changed, said):
    given = {"weights": [np.ones((4, 3)), np.ones((3, 2))], "thresholds": [512, 512]}
    with pytest.raises(SynfireError, match=said):
        nir_graph(**given | changed)


def test_thresholds_are_those_of_the_gates_on_the_way_forward():
    deep = sb.assemble(sb.Experiment.from_file("variants/digits_deep"))
    assert forward_thresholds(deep) == (512, 512, 512)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("variants/digits_lif", "its neurons are not memoryless threshold units"),
        (
            "variants/digits_release",
            r"a variant changes its inference network.*\(its sections: syn",
        ),
    ],
)
def test_a_model_whose_inference_is_no_function_of_the_pixels_is_refused(name, said):
    with pytest.raises(SynfireError, match=said):
        forward_thresholds(sb.assemble(sb.Experiment.from_file(name)))
