"""Energy and time on the chip: operations equal a count spike by spike, costs a sum by hand."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from synapses_one_by_one import every_synapse

import synfire_bp as sb
from synfire_bp.circuit import backprop_circuit, inference_circuit
from synfire_bp.circuit.reference import simulate
from synfire_bp.cli import main
from synfire_bp.errors import HardwareError
from synfire_bp.loihi import energy as model
from synfire_bp.loihi.parameters import FITTED
from synfire_bp.loihi.placement import ChipResources, place

TINY = (10, 8, 4)
SAMPLES = 12
# small cores, so that populations are split and spikes travel both ways
CHIP = ChipResources(
    cores=400, compartments=9, synaptic_memory=500, cores_per_tile=2, tile_columns=2
)


def simulated(circuit, *, learning):
    """Simulate a tiny circuit with random weights and patterns; return who fired."""
    rng = np.random.default_rng(3)
    weights = [2 * rng.integers(-50, 128, shape) for shape in (TINY[:2], TINY[1:])]
    plastic = [
        row.sign * (weights[row.layer].T if row.transposed else weights[row.layer])
        for row in circuit.plastic
    ]
    labels = rng.integers(0, TINY[2], SAMPLES)
    patterns = {
        "input": rng.integers(0, 2, (1, SAMPLES, TINY[0])) | (np.arange(TINY[0]) < 3),
        "target": np.eye(TINY[2], dtype=int)[labels][None],
    }
    names = {source.name for source in circuit.sources}
    changes = {} if learning else {"potentiation": 0, "depression": 0}
    fired, _ = simulate(circuit, plastic, {name: patterns[name] for name in names}, **changes)
    return fired[0]


def counted_spike_by_spike(circuit, fired, placement):
    """Count operations by following every spike to every synapse; shape as `operations` has."""
    core_of, n_cores = placement.core_of, placement.n_cores
    columns = {name: np.zeros((circuit.n_phases, n_cores)) for name in model.OPERATIONS}
    reached = [[] for _ in range(circuit.n_cells)]
    for pre, post, plastic in every_synapse(circuit):
        reached[pre].append((core_of[post], plastic))
    cores = [core // 2 for core in range(n_cores)]  # tile of each core
    for _, phase, cell in np.argwhere(fired):
        for core, plastic in reached[cell]:
            columns["synaptic_operations"][phase, core] += 1
            columns["learning_updates"][phase, core] += plastic
        home = core_of[cell]
        if home < 0:
            continue
        columns["active_updates"][phase, home] += 1
        for core in {core for core, _ in reached[cell]}:
            columns["spikes_in_tile"][phase, home] += 1
            (row, column), (to_row, to_column) = divmod(cores[home], 2), divmod(cores[core], 2)
            columns["hops_east_west"][phase, home] += abs(column - to_column)
            columns["hops_north_south"][phase, home] += abs(row - to_row)
    neurons = np.bincount(core_of[core_of >= 0], minlength=n_cores)
    columns["inactive_updates"] = len(fired) * neurons[None] - columns["active_updates"]
    return {name: values / len(fired) for name, values in columns.items()}


def recorded(circuit, fired):
    """Return spikes as a run records them: population to (neuron, step)."""
    steps = fired.reshape(-1, circuit.n_cells)
    return {
        name: np.nonzero(steps[:, place])[::-1]
        for name, place in circuit.slices.items()
    }  # fmt: skip


def sums(circuit, fired):
    """Return spikes per population and phase, as a run counts them."""
    return {name: fired[:, :, place].sum(axis=(0, 2)) for name, place in circuit.slices.items()}


@pytest.fixture(scope="module")
def tiny():
    """The training circuit, its spikes, and a placement over many small cores."""
    circuit = backprop_circuit(TINY)
    fired = simulated(circuit, learning=True)
    for name in ("h", "h<", "hT", "o", "d+", "d-", "c"):
        assert fired[..., circuit.slices[name]].any(), f"{name} is silent: a poor example"
    return circuit, fired, place(circuit, CHIP)


# ---------------------------------------------------------------- operations


def test_operations_of_every_phase_and_core_equal_a_count_spike_by_spike(tiny):
    circuit, fired, placement = tiny
    assert placement.n_tiles > 4
    counts = model.count_spikes(circuit, recorded(circuit, fired))
    counted = model.operations(circuit, counts, placement, SAMPLES)
    for name, expected in counted_spike_by_spike(circuit, fired, placement).items():
        np.testing.assert_allclose(counted[name].unstack("core"), expected, err_msg=name)
        assert expected.any(), name


def test_sums_per_population_give_the_same_operations_over_all_cores(tiny):
    circuit, fired, placement = tiny
    counted = model.operations(circuit, sums(circuit, fired), placement, SAMPLES)
    exact = counted_spike_by_spike(circuit, fired, placement)
    for name in model.OPERATIONS[:4]:
        per_phase = counted[name].groupby(level="phase").sum()
        np.testing.assert_allclose(per_phase, exact[name].sum(axis=1), err_msg=name)


def test_a_table_of_several_epochs_is_added_up(tiny):
    circuit, fired, placement = tiny
    half = SAMPLES // 2
    table = pd.DataFrame(
        [
            {"epoch": epoch, "population": name, "phase": phase, "spikes": spikes}
            for epoch, shown in ((0.5, fired[:half]), (1.0, fired[half:]))
            for name, per_phase in sums(circuit, shown).items()
            for phase, spikes in enumerate(per_phase)
        ]
    )
    whole = model.operations(circuit, sums(circuit, fired), placement, SAMPLES)
    pd.testing.assert_frame_equal(model.operations(circuit, table, placement, SAMPLES), whole)


@pytest.mark.parametrize("sizes", [(400, 400, 10), (784, 400, 10)])
def test_fan_outs_and_synaptic_operations_equal_a_hand_calculation(sizes):
    n_in, n_hid, n_out = sizes
    circuit = backprop_circuit(sizes)
    n = 100
    counts = {name: np.zeros(12, dtype=int) for name in circuit.population_sizes}
    for k in range(12):  # the gates, one step ahead
        counts[f"g{k}"][(k - 1) % 12] = n
    counts["input"][0] = 90 * n
    counts["x"][[1, 7, 11]] = 90 * n
    counts["h"][2] = 30 * n
    counts["o"][3] = 2 * n
    counts["d-"][4] = n
    rows = model.synaptic_operations(circuit, counts, n)
    fan_out = rows.groupby(["pre", "post"]).fan_out.max()
    for pre, post, expected in (
        ("x", "h", n_hid), ("x", "h<", n_hid), ("x", "h>", n_hid), ("h", "o", n_out),
        ("h", "o<", n_out), ("h", "o>", n_out), ("o", "hT", n_hid), ("oT", "hT", n_hid),
        ("m_h", "hT", 1), ("o<", "d+", 1), ("g1", "x", n_in), ("g2", "h<", n_hid),
        ("g5", "oT", n_out), ("g3", "g4", 1),
    ):  # fmt: skip
        assert fan_out[pre, post] == expected, (pre, post)
    # Read off Fig. 2.  What each spike reaches: x: h, h<, h> and m_x.  h: o, o<, o> and m_h.
    # o: hT, d+, d-.  d-: o, o<, o>, oT.
    gate = {
        1: n_in, 2: 4 * n_hid, 3: 5 * n_out + n_hid, 4: n_hid + n_out, 5: 2 * n_hid + 4 * n_out,
        6: n_in + n_hid + 2 * n_hid + 3 * n_out, 7: n_in, 8: 3 * n_hid, 9: 2 * n_hid + 4 * n_out,
        10: 2 * n_hid + 3 * n_out, 11: n_in, 0: 3 * n_out,
    }  # fmt: skip
    expected = {phase: gate[(phase + 1) % 12] + 1 for phase in range(12)}  # and the ring
    expected[0] += 90
    for phase in (1, 7, 11):
        expected[phase] += 90 * (3 * n_hid + 1)
    expected[2] += 30 * (3 * n_out + 1)
    expected[3] += 2 * (n_hid + 2)
    expected[4] += 4
    for phase, operations in expected.items():
        assert rows[phase].sum() == pytest.approx(operations), phase
    placement = place(circuit)
    counted = model.operations(circuit, counts, placement, n).groupby(level="phase").sum()
    assert counted.synaptic_operations.to_dict() == pytest.approx(expected)
    learning = {1: 90 * 3 * n_hid, 7: 90 * 3 * n_hid, 11: 90 * 3 * n_hid, 2: 30 * 3 * n_out,
                3: 2 * n_hid}  # fmt: skip
    assert counted.learning_updates.to_dict() == pytest.approx(
        {phase: learning.get(phase, 0) for phase in range(12)}
    )
    assert (counted.active_updates + counted.inactive_updates).to_numpy() == pytest.approx(
        circuit.n_neurons
    )


def test_the_learning_engine_visits_every_synapse_that_changes_and_at_most_all(tiny):
    circuit, fired, placement = tiny
    counts = sums(circuit, fired)
    visited = model.operations(circuit, counts, placement, SAMPLES).learning_updates
    every = model.operations(circuit, counts, placement, SAMPLES, visits="all").learning_updates
    changed = sum(
        np.einsum("spi,spj->p", fired[..., circuit.slices[row.pre]].astype(int),
                  fired[..., circuit.slices[row.post]].astype(int))
        for row in circuit.plastic
    )  # fmt: skip
    per_phase = visited.groupby(level="phase").sum().to_numpy() * SAMPLES
    assert changed.any()
    assert (changed <= per_phase + 1e-9).all()
    assert every.groupby(level="phase").sum().tolist() == [circuit.n_plastic_synapses] * 12


def test_nothing_learns_in_inference(tiny):
    _, fired, _ = tiny
    training, inference = backprop_circuit(TINY), inference_circuit(TINY)
    counts = model.forward_counts(inference, sums(training, fired), SAMPLES)
    for visits in ("active", "all"):
        counted = model.operations(inference, counts, place(inference), SAMPLES, visits=visits)
        assert (counted.learning_updates == 0).all()


def test_the_forward_part_of_training_fires_what_the_inference_circuit_fires():
    training, inference = backprop_circuit(TINY), inference_circuit(TINY)
    forward = model.forward_counts(
        inference, sums(training, simulated(training, learning=False)), SAMPLES
    )
    expected = sums(inference, simulated(inference, learning=False))
    assert forward.keys() == expected.keys()
    for name, counts in expected.items():
        assert forward[name].tolist() == counts.tolist(), name
    assert expected["h"][2] > 0 < expected["o"][3]


# ---------------------------------------------------------------- energy and time


def test_energy_is_the_sum_of_operations_times_the_table(tiny):
    circuit, fired, placement = tiny
    counted = model.operations(circuit, sums(circuit, fired), placement, SAMPLES)
    table = {  # pJ, Davies et al. 2018
        "synaptic_operations": 23.6, "learning_updates": 120, "active_updates": 81,
        "inactive_updates": 52, "spikes_in_tile": 1.7, "hops_east_west": 3.0,
        "hops_north_south": 4.0,
    }  # fmt: skip
    expected = sum(1e-12 * cost * counted[name].sum() for name, cost in table.items())
    prediction = model.energy(counted, placement)
    assert prediction.joules == pytest.approx(expected)
    assert prediction.phases.joules.sum() == pytest.approx(expected)
    assert prediction.terms.joules.sum() == pytest.approx(expected)
    assert prediction.energy_delay_product == pytest.approx(expected * prediction.seconds)


def test_a_step_takes_as_long_as_its_slowest_core_its_farthest_spike_and_the_barrier(tiny):
    circuit, fired, placement = tiny
    counts = model.count_spikes(circuit, recorded(circuit, fired))
    prediction = model.energy(model.operations(circuit, counts, placement, SAMPLES), placement)
    exact = counted_spike_by_spike(circuit, fired, placement)
    busy = sum(
        1e-9 * ns * exact[name]
        for name, ns in zip(model.OPERATIONS, (3.5, 6.1, 8.4, 5.3, 2.1), strict=False)
    )
    core_of = placement.core_of
    ways = np.zeros((circuit.n_cells, placement.n_cores))
    for pre, post, _ in every_synapse(circuit):
        if core_of[pre] >= 0:
            (row, column), (to_row, to_column) = (divmod(core_of[c] // 2, 2) for c in (pre, post))
            ways[pre, core_of[post]] = 4.1e-9 * abs(column - to_column) + 6.5e-9 * abs(row - to_row)
    barrier = 113e-9 + (465e-9 - 113e-9) * (placement.n_tiles - 1) / 31
    for phase, row in prediction.phases.iterrows():
        # the farthest way that any neuron of a core that sends in this phase has
        senders = np.flatnonzero(exact["spikes_in_tile"][phase])
        farthest = ways[np.isin(core_of, senders)].max()
        assert row.seconds == pytest.approx(busy[phase].max() + farthest + barrier)
        assert busy[phase][int(row.slowest_core)] == pytest.approx(busy[phase].max())
    assert prediction.seconds == pytest.approx(prediction.phases.seconds.sum())


def test_barriers_take_the_published_times_at_both_ends():
    table = model.EnergyTable()
    assert table.barrier_seconds(1) == pytest.approx(113e-9)
    assert table.barrier_seconds(32) == pytest.approx(465e-9)


def test_static_power_is_left_out_unless_it_is_given(tiny):
    circuit, fired, placement = tiny
    counted = model.operations(circuit, sums(circuit, fired), placement, SAMPLES)
    bare = model.energy(counted, placement)
    powered = model.energy(counted, placement, model.EnergyTable(static_power=0.5))
    assert bare.joules == bare.dynamic_joules
    assert powered.joules == pytest.approx(bare.joules + 0.5 * bare.seconds)
    assert powered.terms.joules["static_power"] == pytest.approx(0.5 * bare.seconds)
    assert "static power" in model.LEFT_OUT


def test_spreading_a_circuit_over_more_cores_shortens_a_sample_and_costs_hops():
    circuit = backprop_circuit((40, 60, 10))
    counts = {name: np.zeros(12, dtype=int) for name in circuit.population_sizes}
    for k in range(12):
        counts[f"g{k}"][(k - 1) % 12] = 1
    counts["x"][[1, 7, 11]] = 20
    together, spread = (
        model.energy(model.operations(circuit, counts, placement, 1), placement)
        for placement in (place(circuit), place(circuit, compartments_per_core=10))
    )
    assert spread.seconds < together.seconds
    assert spread.joules > together.joules
    hops = ["hops_east_west", "hops_north_south"]
    assert together.terms.operations[hops].sum() == 0 < spread.terms.operations[hops].sum()


def test_the_comparison_holds_the_published_numbers_and_their_ratio(tiny):
    circuit, fired, placement = tiny
    counted = model.operations(circuit, sums(circuit, fired), placement, SAMPLES)
    prediction = model.energy(counted, placement)
    table = model.compare({"training": prediction, "inference": prediction})
    published = {"training": (0.59, 1.48), "inference": (0.0025, 0.17)}  # mJ, ms
    for mode, (mj, ms) in published.items():
        rows = table[table["mode"] == mode].set_index("quantity")
        values = (1e3 * prediction.joules, 1e3 * prediction.seconds)
        for quantity, value, paper in zip(
            ("energy (mJ)", "time (ms)", "energy-delay product (µJ s)"),
            (*values, values[0] * values[1]),
            (mj, ms, mj * ms),
            strict=True,
        ):
            row = rows.loc[quantity]
            assert (row.model, row.paper) == (pytest.approx(value), pytest.approx(paper))
            assert row.ratio == pytest.approx(value / paper)
        watts = model.MEASURED[mode].unexplained_power(prediction)
        assert prediction.joules + watts * 1e-3 * ms == pytest.approx(1e-3 * mj)


# ---------------------------------------------------------------- a real run


@pytest.fixture(scope="module")
def run(experiment, tmp_path_factory):
    """A training of the spiking circuit with every spike of it recorded."""
    small = experiment("record.samples=40", "training.epochs=1")
    return sb.train(small, engine="circuit", out=tmp_path_factory.mktemp("runs") / "small")


def test_operations_from_the_counts_of_a_run_equal_its_recorded_spikes_one_by_one(run):
    circuit = backprop_circuit(run.experiment.network.sizes)
    counts, samples = model.last_counts(run.spike_counts, run.metrics)
    assert samples == 40
    steps = np.zeros((samples * 12, circuit.n_cells), dtype=bool)
    for name, (neuron, step) in run.spikes.items():
        steps[step, neuron + circuit.slices[name].start] = True
    placement = place(circuit)  # on one core, so that even spikes and hops are exact
    exact = counted_spike_by_spike(circuit, steps.reshape(samples, 12, -1), placement)
    for given in (counts, model.count_spikes(circuit, run.spikes)):
        counted = model.operations(circuit, given, placement, samples)
        for name, expected in exact.items():
            np.testing.assert_allclose(counted[name].unstack("core"), expected, err_msg=name)


@pytest.fixture
def described(monkeypatch, capfd):
    """Run `synfire-bp describe`; return exit code, standard output and standard error."""

    def describe(*arguments):
        monkeypatch.setattr(sys, "argv", ["synfire-bp", "describe", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        return caught.value.code or 0, *capfd.readouterr()

    return describe


def test_describe_prints_what_a_model_takes_of_the_chip(described):
    code, out, _ = described("mnist", "--hardware", "loihi1")
    assert code == 0
    cells = {line.split("  ")[0]: line.split() for line in out.splitlines()}
    placement = place(backprop_circuit((400, 400, 10), paper_gates=False))
    assert cells["compartments"][1] == "3,282"
    assert cells["cores"][1] == str(placement.n_cores)
    assert cells["synapses"][1] == f"{placement.cores.synapses.sum():,}"
    kilobytes = placement.cores["synaptic memory"].sum() / 8192
    assert cells["synaptic memory (KB)"][3] == f"{kilobytes:,.1f}"
    assert "cores limited by synaptic memory" in " ".join(out.split())
    assert "--run" in out


def test_describe_places_a_model_as_the_authors_did(described):
    code, out, _ = described("mnist", "--hardware", "loihi1", "--placement", "authors")
    assert code == 0
    cells = {line.split("  ")[0]: line.split() for line in out.splitlines()}
    assert cells["cores"][1] == "81"
    assert cells["compartments"][1] == "3,282"
    assert "cores limited by the authors' rule" in " ".join(out.split())
    code, _, err = described("mnist", "--placement", "authors")
    assert code == 2 and "--hardware" in err


def test_describe_prints_energy_and_time_of_a_run_beside_the_papers(described, run):
    code, out, _ = described(
        run.path / "experiment.yaml", "--hardware", "loihi1", "--run", run.path
    )
    assert code == 0
    circuit, inference = (
        make(run.experiment.network.sizes) for make in (backprop_circuit, inference_circuit)
    )
    counts, samples = model.last_counts(run.spike_counts, run.metrics)
    forward = model.forward_counts(inference, counts, samples)
    for mode, one, spikes in (("training", circuit, counts), ("inference", inference, forward)):
        prediction = model.energy(model.operations(one, spikes, place(one), samples), place(one))
        measured = model.MEASURED[mode]
        (line,) = [
            line.split() for line in out.splitlines()
            if line.startswith(f"{mode}  ") and "energy (mJ)" in line
        ]  # fmt: skip
        assert line[-3:] == [
            f"{value:.3g}"
            for value in (1e3 * prediction.joules, 1e3 * measured.joules,
                          prediction.joules / measured.joules)
        ]  # fmt: skip
        counted = model.operations(one, spikes, place(one), samples, visits=FITTED.visited)
        fitted = model.energy(counted, place(one), FITTED.table())
        for quantity, value, theirs in (
            ("energy (mJ)", 1e3 * fitted.joules, 1e3 * measured.joules),
            ("time (ms)", 1e3 * fitted.seconds, 1e3 * measured.seconds),
        ):
            (line,) = [line for line in out.splitlines()
                       if line.startswith(f"fitted, {mode}  ") and quantity in line]  # fmt: skip
            assert line.split()[-3:] == [f"{n:.3g}" for n in (value, theirs, value / theirs)]
    assert model.LEFT_OUT in out
    assert "The paper measured 400-400-10" in out


# ---------------------------------------------------------------- what is refused


def test_describe_refuses_what_does_not_fit_before_it_prints(described, run, tmp_path):
    for arguments, word in (
        (("mnist", "--set", "network.sizes=[400, 20000, 10]", "--hardware", "loihi1"), "128 cores"),
        (("mnist", "--hardware", "loihi1", "--run", run.path), "12-8-3"),
        (("mnist", "--hardware", "loihi1", "--run", tmp_path), "not a run directory"),
    ):
        code, out, err = described(*arguments)
        assert (code, out) == (1, "")
        assert word in err
    code, out, err = described("mnist", "--run", run.path)
    assert (code, out) == (2, "")
    assert "--hardware" in err


def test_a_run_of_the_oracle_has_no_spikes_to_count(experiment, tmp_path):
    run = sb.train(experiment(), engine="oracle", out=tmp_path / "oracle")
    with pytest.raises(HardwareError, match="oracle"):
        model.last_counts(run.spike_counts, run.metrics)


def test_spikes_of_another_circuit_or_number_of_samples_are_refused(tiny):
    circuit, fired, placement = tiny
    counts = sums(circuit, fired)

    def refused(words, counts=counts, circuit=circuit, samples=SAMPLES, **options):
        with pytest.raises(HardwareError, match=words):
            model.operations(circuit, counts, placement, samples, **options)

    refused("gate g0 fires once", samples=2 * SAMPLES)
    refused("must be within", samples=SAMPLES // 2)
    refused("whole number", samples=0)
    refused("population 'h' have the shape", counts | {"h": counts["h"][:5]})
    refused("population 'h'.*must be within", counts | {"h": 1000 * counts["h"]})
    refused("m_x is in only one", {name: c for name, c in counts.items() if name != "m_x"})
    refused("placement is for a circuit 10-8-4", circuit=backprop_circuit((5, 5, 3)))
    refused("must be 'coincidences', 'active' or 'all'", visits="some")
    with pytest.raises(HardwareError, match="lack population 'x'"):
        model.forward_counts(inference_circuit(TINY), {"input": counts["input"]}, SAMPLES)
    with pytest.raises(HardwareError, match="population 'x' name neurons"):
        model.count_spikes(circuit, {"x": (np.array([TINY[0]]), np.array([1]))})


@pytest.mark.parametrize("wrong", [{"static_power": -1.0}, {"active_updates": (float("nan"), 0.0)}])
def test_a_cost_that_cannot_be_is_refused(wrong):
    with pytest.raises(HardwareError, match=next(iter(wrong))):
        model.EnergyTable(**wrong)


def test_a_mode_that_was_not_measured_is_refused(tiny):
    circuit, fired, placement = tiny
    counted = model.operations(circuit, sums(circuit, fired), placement, SAMPLES)
    with pytest.raises(HardwareError, match="dreaming"):
        model.compare({"dreaming": model.energy(counted, placement)})
