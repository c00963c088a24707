"""Recordings as Neo objects, and what Elephant and NWB make of them."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import synfire_bp as sb
from synfire_bp.errors import RunDirectoryError, SynfireError
from synfire_bp.exchange.neo import neo_block
from synfire_bp.exchange.recording import Recording

SMALL = ["network.sizes=[64, 12, 10]"]
SHOWN = 5
PHASES = 12


@pytest.fixture(scope="module")
def digits():
    return sb.load_dataset("digits")


@pytest.fixture(scope="module")
def net(digits):
    """A network that has shown five samples."""
    network = sb.build_network(sb.assemble(sb.Experiment.from_file("digits", SMALL)), digits)
    network.run(SHOWN)
    return network


@pytest.fixture(scope="module")
def run(tmp_path_factory, experiment):
    """A run of the compiled circuit whose last three samples were recorded."""
    path = tmp_path_factory.mktemp("recorded") / "run"
    return sb.train(experiment("record.samples=3"), engine="circuit", out=path)


def toy(**changed):
    """Two samples of four phases in which h of a 2-3-2 network fires now and then."""
    given = {
        "name": "toy",
        "circuit": sb.inference_circuit((2, 3, 2)),
        "spikes": {"h": (np.array([2, 0, 2]), np.array([6.0, 2.0, 2.0]))},
        "stop": 8.0,
        "resolution": 1.0,
        "first": 0.0,
        "period": 4.0,
        "samples": {"sample": np.array([30, 7]), "label": np.array([1, 0])},
        "potentials": np.array([[10, -20], [600, 4]]),
        "read_at": 3.0,
    }
    return Recording(**given | changed)


# ---------------------------------------------------------------- what is in a block


@pytest.mark.parametrize("package", ["neo", "quantities"])
def test_without_the_package_the_message_names_the_extra(monkeypatch, package):
    if package != "neo":
        pytest.importorskip("neo")  # which imports it
    for name in [name for name in sys.modules if name.partition(".")[0] in ("neo", package)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    pattern = rf"package '{package}', which is not installed.*pip install 'synfire_bp\[neo\]'"
    with pytest.raises(SynfireError, match=pattern):
        neo_block(toy())


def test_every_cell_has_a_train_in_its_place_silent_ones_too():
    pytest.importorskip("neo")
    block = neo_block(toy())
    (segment,) = block.segments
    assert [(group.name, len(group.spiketrains)) for group in block.groups] == [
        ("input", 2), ("x", 2), ("h", 3), ("o", 2), ("g0", 1), ("g1", 1), ("g2", 1), ("g3", 1)
    ]  # fmt: skip
    assert len(segment.spiketrains) == 13
    trains = {group.name: group.spiketrains for group in block.groups}["h"]
    assert [train.rescale("ms").magnitude.tolist() for train in trains] == [[2.0], [], [2.0, 6.0]]
    for unit, train in enumerate(trains):
        assert train.annotations == {"population": "h", "unit": unit, "role": "hidden layer"}
        assert (float(train.t_start), float(train.t_stop)) == (0.0, 8.0)
        assert float(train.sampling_rate.rescale("kHz")) == 1.0


def test_an_epoch_says_which_sample_was_shown_when():
    pytest.importorskip("neo")
    (epoch,) = neo_block(toy()).segments[0].epochs
    assert epoch.name == "samples"
    assert epoch.times.rescale("ms").magnitude.tolist() == [0.0, 4.0]
    assert epoch.durations.rescale("ms").magnitude.tolist() == [4.0, 4.0]
    assert epoch.labels.tolist() == ["sample 30, label 1", "sample 7, label 0"]
    assert epoch.array_annotations["label"].tolist() == [1, 0]


def test_potentials_are_a_signal_with_one_value_per_sample():
    pytest.importorskip("neo")
    (signal,) = neo_block(toy()).segments[0].irregularlysampledsignals
    np.testing.assert_array_equal(signal.magnitude, [[10, -20], [600, 4]])
    assert signal.times.rescale("ms").magnitude.tolist() == [3.0, 7.0]


def test_a_segment_per_sample_holds_its_own_part():
    pytest.importorskip("neo")
    block = neo_block(toy(), "h", per_sample=True)
    first, second = block.segments
    assert [s.annotations for s in block.segments] == [
        {"sample": 30, "label": 1}, {"sample": 7, "label": 0}
    ]  # fmt: skip
    assert [t.magnitude.tolist() for t in first.spiketrains] == [[2.0], [], [2.0]]
    assert [t.magnitude.tolist() for t in second.spiketrains] == [[], [], [6.0]]
    assert (float(second.t_start), float(second.t_stop)) == (4.0, 8.0)
    assert second.irregularlysampledsignals[0].magnitude.tolist() == [[600, 4]]
    assert len(block.groups[0].spiketrains) == 6


def test_populations_can_be_chosen_and_unknown_ones_are_refused():
    pytest.importorskip("neo")
    block = neo_block(toy(), ["g1", "h"])
    assert [group.name for group in block.groups] == ["h", "g1"]
    with pytest.raises(SynfireError, match="no population 'q'; known are input, x, h, o, g0"):
        neo_block(toy(), ["h", "q"])


@pytest.mark.parametrize(
    ("i", "time", "said"), [(3, 2.0, "of neuron 3"), (0, 8.0, "of time 8"), (0, -1.0, "time -1")]
)
def test_spikes_that_the_circuit_cannot_have_are_refused(i, time, said):
    pytest.importorskip("neo")
    with pytest.raises(SynfireError, match=rf"population 'h' has a spike .*{said}"):
        neo_block(toy(spikes={"h": (np.array([i]), np.array([time]))}))


# ---------------------------------------------------------------- of a network and of a run


def test_a_network_hands_over_its_spikes_at_its_own_times(net):
    pytest.importorskip("neo")
    block = net.to_neo()
    (segment,) = block.segments
    assert (float(segment.t_start), float(segment.t_stop)) == (0.0, 1 + SHOWN * PHASES)
    place = net.circuit.slices["h"]
    found = {(t.annotations["unit"], time) for t in segment.spiketrains
             if t.annotations["population"] == "h" for time in t.times.magnitude}  # fmt: skip
    i, t = np.asarray(net.recorder.i[:]), np.asarray(net.recorder.t[:]) * 1e3
    assert found == {
        (cell - place.start, round(time))
        for cell, time in zip(i, t, strict=True)
        if place.start <= cell < place.stop
    }
    assert sum(map(len, segment.spiketrains)) == len(i)
    assert segment.epochs[0].times.magnitude.tolist() == [1 + PHASES * n for n in range(SHOWN)]


def test_the_potentials_of_a_network_are_those_of_the_algorithm(digits):
    pytest.importorskip("neo")
    model = sb.assemble(sb.Experiment.from_file("digits", SMALL))
    network = sb.build_network(model, digits, learn=False)
    network.run(4)
    (signal,) = network.to_neo(["o"]).segments[0].irregularlysampledsignals
    expected = sb.oracle.forward(digits.test.inputs[:4], *model.start).potentials
    np.testing.assert_array_equal(signal.magnitude, expected)
    assert signal.times.rescale("ms").magnitude.tolist() == [4.0, 8.0, 12.0, 16.0]


def test_a_network_that_has_not_run_hands_over_silence(digits):
    pytest.importorskip("neo")
    fresh = sb.build_network(sb.assemble(sb.Experiment.from_file("digits", SMALL)), digits)
    (segment,) = fresh.to_neo().segments
    assert sum(map(len, segment.spiketrains)) == 0
    assert (len(segment.epochs[0]), len(segment.irregularlysampledsignals)) == (0, 0)


def test_a_run_hands_over_what_it_recorded(run):
    pytest.importorskip("neo")
    block = run.to_neo()
    (segment,) = block.segments
    assert block.name == "small"
    assert block.annotations["engine"] == "circuit"
    assert block.annotations["first"] == 37
    assert float(segment.t_stop) == 3 * PHASES
    gates = [t for t in segment.spiketrains if t.annotations["population"] == "g3"]
    assert gates[0].times.magnitude.tolist() == [2.0, 14.0, 26.0]  # it opens phase 3
    assert sum(map(len, segment.spiketrains)) == sum(len(s.i) for s in run.spikes.values())
    labels = segment.epochs[0].array_annotations["label"]
    np.testing.assert_array_equal(labels, run.spikes_about["labels"])


def test_the_recorded_potentials_say_which_outputs_fired(run):
    pytest.importorskip("neo")
    segment = run.to_neo(["o"]).segments[0]
    (signal,) = segment.irregularlysampledsignals
    assert signal.times.rescale("ms").magnitude.tolist() == [3.0, 15.0, 27.0]
    for train in segment.spiketrains:
        at = train.times.magnitude
        fired = {int(time // PHASES) for time in at[at % PHASES == 3]}
        over = signal.magnitude[:, train.annotations["unit"]] > 512
        assert fired == set(np.flatnonzero(over))


def test_a_run_without_a_record_says_how_to_make_one(tmp_path, experiment):
    run = sb.train(experiment(), engine="oracle", out=tmp_path / "run")
    with pytest.raises(RunDirectoryError, match=r"no spikes were recorded.*record\.samples=3"):
        run.to_neo()


# ---------------------------------------------------------------- Elephant, NWB


def test_elephant_finds_each_gate_one_phase_after_the_one_before(net):
    pytest.importorskip("elephant")
    import quantities as pq
    from elephant.conversion import BinnedSpikeTrain
    from elephant.spike_train_correlation import cross_correlation_histogram

    trains = {t.annotations["population"]: t for t in net.to_neo().segments[0].spiketrains}
    lags = {}
    for k in range(1, PHASES - 1):  # the kick of g0 comes before the first sample
        pair = [
            BinnedSpikeTrain(trains[name], bin_size=1 * pq.ms) for name in (f"g{k}", f"g{k + 1}")
        ]
        counts, at = cross_correlation_histogram(*pair, window=[-5, 5])
        counts = counts.magnitude.ravel()
        assert counts.sum() == counts.max(), f"g{k}: more than one peak"
        lags[k] = int(at[counts.argmax()])
        assert counts.max() == SHOWN
    assert set(lags.values()) == {1}


def test_elephant_bins_a_raster_that_is_the_census_of_the_circuit(net):
    pytest.importorskip("elephant")
    import quantities as pq
    from elephant.conversion import BinnedSpikeTrain

    trains = list(net.to_neo(["h"]).segments[0].spiketrains)
    raster = BinnedSpikeTrain(trains, bin_size=1 * pq.ms).to_bool_array()
    assert raster.shape == (12, 1 + SHOWN * PHASES)
    per_phase = raster[:, 1:].sum(axis=0).reshape(SHOWN, PHASES).sum(axis=0)
    np.testing.assert_array_equal(per_phase, net.spike_counts()[list(net).index("h")])


@pytest.mark.parametrize("per_sample", [False, True])
def test_spikes_potentials_and_samples_go_through_nwb_and_come_back(tmp_path, per_sample):
    pytest.importorskip("pynwb")
    from datetime import datetime, timezone

    from neo.io import NWBIO

    block = neo_block(toy(), per_sample=per_sample)
    block.annotate(
        session_description="test", identifier="run",
        session_start_time=datetime(2024, 11, 1, tzinfo=timezone.utc),
    )  # fmt: skip
    NWBIO(str(tmp_path / "run.nwb"), mode="w").write_block(block)
    back = NWBIO(str(tmp_path / "run.nwb"), mode="r").read_block()
    assert [s.name for s in back.segments] == [s.name for s in block.segments]
    for sent, got in zip(block.segments, back.segments, strict=True):
        times = {t.name: t.rescale("ms").magnitude for t in sent.spiketrains}
        stored = {t.name: t.rescale("ms").magnitude for t in got.spiketrains}
        assert set(stored) == set(times)
        for name, expected in times.items():
            np.testing.assert_allclose(stored[name], expected, err_msg=name)
        assert got.epochs[0].labels.tolist() == sent.epochs[0].labels.tolist()
        ((before,), (after,)) = (s.irregularlysampledsignals for s in (sent, got))
        np.testing.assert_array_equal(after.magnitude, before.magnitude)
