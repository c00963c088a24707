"""Training: both engines to the same bits, whatever stops them on the way.

One small circuit, 40-10-3, serves all tests; 40 inputs, because that many large weights are what
it takes to make a closed population fire.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import synfire_bp as sb
from synfire_bp.circuit import reference
from synfire_bp.engines import CircuitEngine, OracleEngine
from synfire_bp.engines import circuit as engines
from synfire_bp.errors import (
    BuildError,
    CheckpointError,
    DatasetError,
    ExperimentError,
    Interrupted,
    InvariantError,
    RunDirectoryError,
    SynfireError,
)
from synfire_bp.model import assemble
from synfire_bp.progress import WorkProgress
from synfire_bp.runs import Run, RunWriter, load_checkpoint, save_checkpoint
from synfire_bp.training import course, training
from synfire_bp.training.interrupt import StopRequest

SIZES = (40, 10, 3)
SEED = 3
"""With this one every hidden and every output unit learns something within the four epochs."""
N_TEST = 100
LONG = 30_000
BOTH = pytest.mark.parametrize("engine", ["circuit", "oracle"])


@pytest.fixture(scope="module", autouse=True)
def built_once():
    """Generate the code of a circuit once: even to find it compiled takes two seconds."""
    with pytest.MonkeyPatch.context() as patch:
        build = cache(engines.build_programs)
        patch.setattr(engines, "build_programs", lambda specs: build(tuple(specs)))
        yield


@pytest.fixture(scope="module")
def patterns(tmp_path_factory):
    """Three patterns with a tenth of their pixels flipped: learnable, but not at once."""
    rng = np.random.default_rng(1)
    prototypes = rng.random((SIZES[2], SIZES[0])) < 0.35
    arrays = {}
    for split, n in (("train", LONG), ("test", N_TEST)):
        labels = rng.integers(0, SIZES[2], n)
        images = prototypes[labels] ^ (rng.random((n, SIZES[0])) < 0.1)
        arrays |= {f"x_{split}": 255 * images.astype(np.uint8), f"y_{split}": labels}
    arrays["x_train"][5] = 255
    path = tmp_path_factory.mktemp("patterns") / "patterns.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def model(experiment, patterns):
    """Make an experiment of this module; 4 epochs of 40 samples, tested twice an epoch."""

    def make(*overrides):
        usual = (
            f"training.seed={SEED}", "training.epochs=4", "training.samples=40",
            "training.evaluate_every=0.5",
        )  # fmt: skip
        return experiment(*usual, *overrides, sizes=SIZES, path=patterns)

    return make


RECORDED = 50
"""More than an epoch: tests and the end of an epoch cut the record into pieces."""


@pytest.fixture(scope="module")
def unbroken(model, tmp_path_factory):
    """Train with an engine, once per experiment and without a disturbance."""
    runs = {}

    def run(engine, *overrides):
        if (engine, overrides) not in runs:
            out = tmp_path_factory.mktemp("unbroken")
            runs[engine, overrides] = sb.train(model(*overrides), engine=engine, out=out)
        return runs[engine, overrides]

    return run


RECORD = f"record.samples={RECORDED}"


def assert_same_run(run, expected):
    """Compare everything that a training leaves behind, bit by bit, but the time that it took."""
    run = Run.open(run.path)
    assert run.finished
    assert set(run.weights) == set(expected.weights)
    for name, weights in expected.weights.items():
        np.testing.assert_array_equal(run.weights[name], weights, err_msg=name)
    timeless = [table.drop(columns="seconds") for table in (run.metrics, expected.metrics)]
    assert timeless[0].to_dict("records") == timeless[1].to_dict("records")
    assert run.activity.to_dict("records") == expected.activity.to_dict("records")
    assert run.spike_counts.to_dict("records") == expected.spike_counts.to_dict("records")
    assert (run.path / "spikes.npz").exists() == (expected.path / "spikes.npz").exists()
    if (run.path / "spikes.npz").exists():
        assert set(run.spikes) == set(expected.spikes)
        for name, (i, step) in expected.spikes.items():
            np.testing.assert_array_equal(run.spikes[name].i, i, err_msg=name)
            np.testing.assert_array_equal(run.spikes[name].step, step, err_msg=name)
        for name, value in expected.spikes_about.items():
            np.testing.assert_array_equal(run.spikes_about[name], value)


# ---------------------------------------------------------------- the algorithm, written once more


class Algorithm:
    """One sample after the other, as the paper's Methods say it, with nothing of synfire_bp."""

    def __init__(self, path, weights):
        with np.load(path) as data:
            self.x = {split: (data[f"x_{split}"] > 127).astype(int) for split in ("train", "test")}
            self.y = {split: data[f"y_{split}"] for split in ("train", "test")}
        self.w1, self.w2 = (w.astype(int) for w in weights)

    def outputs(self, split, samples=slice(None)):
        """Return hidden spikes and output potentials."""
        h = self.x[split][samples] @ self.w1 > 512
        return h, h @ self.w2

    def show(self, sample):
        """Learn a training sample; return what the network answered before."""
        x, label = self.x["train"][sample], self.y["train"][sample]
        t = np.arange(SIZES[2]) == label
        a1, (h, a2) = x @ self.w1, self.outputs("train", sample)
        o = a2 > 512
        error = (t & ~o & (a2 > 0)).astype(int) - (o & ~t & (a2 <= 1024))
        back = np.sign(self.w2 @ error) * ((a1 > 0) & (a1 <= 1024))
        self.w2 = np.clip(self.w2 + 2 * np.outer(h, error), -254, 254)
        self.w1 = np.clip(self.w1 + 2 * np.outer(x, back), -254, 254)
        return h, a2

    def train(self, order):
        """Learn samples in an order; return the row of the metrics and the hidden activity."""
        h, a2 = (np.array(all_) for all_ in zip(*map(self.show, order), strict=True))
        return self.row(a2, self.y["train"][order]) | {"hidden_active": h.mean()}

    def test(self):
        return self.row(self.outputs("test")[1], self.y["test"])

    @staticmethod
    def row(a2, labels):
        o = a2 > 512
        wrong = o != (np.arange(SIZES[2]) == labels[:, None])
        shares = [row[label] / max(row.sum(), 1) for row, label in zip(o, labels, strict=True)]
        return {
            "samples": len(labels),
            "accuracy_spikes": np.mean(shares),
            "accuracy_argmax": np.mean(o.argmax(axis=1) == labels),
            "accuracy_potential": np.mean(a2.argmax(axis=1) == labels),
            "silent": np.mean(~o.any(axis=1)),
            "exact": np.mean(~wrong.any(axis=1)),
            "mse": wrong.mean(),
        }


@BOTH
def test_a_training_is_the_algorithm_of_the_paper(unbroken, patterns, engine):
    run = unbroken(engine, RECORD)
    algorithm = Algorithm(patterns, sb.initial_weights(SIZES, SEED))
    rows = iter(run.metrics.to_dict("records"))
    activity = iter(run.activity.to_dict("records"))
    for epoch in range(4):
        order = sb.epoch_order(SEED, epoch, 40)
        for half, shown in enumerate((order[:20], order[20:])):
            trained, tested = algorithm.train(shown), algorithm.test()
            assert next(activity)["hidden_active"] == trained.pop("hidden_active")
            for split, expected in (("train", trained), ("test", tested)):
                row = next(rows)
                assert (row["epoch"], row["split"]) == (epoch + (half + 1) / 2, split)
                for name, value in expected.items():
                    assert row[name] == pytest.approx(value, rel=1e-12), name
    assert next(rows, None) is None
    np.testing.assert_array_equal(run.weights["w1"], algorithm.w1)
    np.testing.assert_array_equal(run.weights["w2"], algorithm.w2)
    for name, initial in zip(("w1", "w2"), sb.initial_weights(SIZES, SEED), strict=True):
        np.testing.assert_array_equal(run.weights[f"{name}_init"], initial)
        assert (run.weights[name] != initial).any(axis=0).all()  # else equality says little


def test_both_engines_leave_the_same_numbers(unbroken):
    circuit, oracle = unbroken("circuit", RECORD), unbroken("oracle", RECORD)
    for name in ("w1", "w2", "w1_init", "w2_init"):
        np.testing.assert_array_equal(circuit.weights[name], oracle.weights[name])
    timeless = [run.metrics.drop(columns="seconds") for run in (circuit, oracle)]
    assert timeless[0].to_dict("records") == timeless[1].to_dict("records")
    shared = [name for name in circuit.activity if name in oracle.activity]
    assert {"hidden_active", "output_active", "stray_spikes", "unequal_weights"} <= set(shared)
    assert circuit.activity[shared].to_dict("records") == oracle.activity[shared].to_dict("records")
    assert not circuit.activity[["stray_spikes", "unequal_weights"]].any(axis=None)


def test_the_network_learns(model, tmp_path):
    run = sb.train(model("training.epochs=40"), engine="oracle", out=tmp_path)
    tests = run.metrics[run.metrics.split == "test"].accuracy_spikes
    chance = np.mean(np.load(model().dataset.path)["y_test"] == 0)
    assert tests.iloc[-1] > chance + 0.3


@pytest.mark.parametrize(
    ("every", "epochs"),
    [
        (0.5, [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]),
        (1, [1, 2, 3, 4]),
        (1.5, [1.5, 3, 4]),
        (3, [3, 4]),
        (100, [4]),
    ],
)
def test_tests_come_as_often_as_asked_and_at_the_end(model, tmp_path, every, epochs):
    run = sb.train(model(f"training.evaluate_every={every}"), engine="oracle", out=tmp_path)
    train, test = (run.metrics[run.metrics.split == split] for split in ("train", "test"))
    assert train.epoch.tolist() == test.epoch.tolist() == epochs
    assert train.samples.tolist() == (40 * np.diff([0, *epochs])).tolist()
    assert set(test.samples) == {N_TEST}
    assert run.activity.epoch.tolist() == epochs


def test_how_often_the_network_is_tested_does_not_change_what_it_learns(model, unbroken, tmp_path):
    run = sb.train(model("training.evaluate_every=0.3"), engine="oracle", out=tmp_path)
    for name, weights in unbroken("oracle", RECORD).weights.items():
        np.testing.assert_array_equal(run.weights[name], weights)


def test_a_run_is_tested_as_it_was_while_it_was_trained(unbroken):
    run = unbroken("circuit", RECORD)
    last = run.metrics.to_dict("records")[-1]
    for engine in ("circuit", "oracle"):
        row = sb.test(run, engine=engine).score.row()
        assert row == {name: last[name] for name in row}
    scores = {engine: sb.test(run, engine=engine, split="train").score for engine in
              ("circuit", "oracle")}  # fmt: skip
    assert scores["circuit"] == scores["oracle"]
    assert scores["circuit"].samples == 40


def test_a_run_with_data_named_by_a_relative_path_is_tested_from_anywhere(
    experiment, patterns, tmp_path, monkeypatch
):
    monkeypatch.chdir(patterns.parent)
    relative = experiment("training.samples=40", sizes=SIZES, path=patterns.name)
    sb.train(relative, engine="oracle", out=tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    assert sb.test(Run.open("run"), engine="oracle").score.samples == N_TEST


# ---------------------------------------------------------------- spikes


def shown_and_weights(patterns, first, last, n=40):
    """Return which samples are shown from number `first` on, and the weights before them."""
    orders = np.concatenate([sb.epoch_order(SEED, epoch, n) for epoch in range(-(-last // n))])
    algorithm = Algorithm(patterns, sb.initial_weights(SIZES, SEED))
    for sample in orders[:first]:
        algorithm.show(sample)
    return orders[first:last], algorithm


def simulated(circuit, algorithm, shown):
    """Return who fires in which step, shape (steps, cells), by the circuit's rows alone."""
    layers = (algorithm.w1, algorithm.w2)
    plastic = [
        row.sign * (layers[row.layer].T if row.transposed else layers[row.layer])
        for row in circuit.plastic
    ]
    target = np.arange(SIZES[2]) == algorithm.y["train"][shown][:, None]
    patterns = {"input": algorithm.x["train"][shown][None], "target": target.astype(int)[None]}
    fired, _ = reference.simulate(circuit, plastic, patterns)
    return fired.reshape(-1, circuit.n_cells)


def test_recorded_spikes_are_those_of_the_circuit_of_the_paper(unbroken, patterns):
    run = unbroken("circuit", RECORD)
    shown, algorithm = shown_and_weights(patterns, 160 - RECORDED, 160)
    np.testing.assert_array_equal(run.spikes_about["samples"], shown)
    np.testing.assert_array_equal(run.spikes_about["labels"], algorithm.y["train"][shown])
    assert run.spikes_about["first"] == 160 - RECORDED

    circuit = sb.backprop_circuit(SIZES)
    fired = simulated(circuit, algorithm, shown)
    assert set(run.spikes) == set(circuit.slices)
    for name, (i, step) in run.spikes.items():
        expected = set(zip(*(at.tolist() for at in np.nonzero(fired[:, circuit.slices[name]])),
                           strict=True))  # fmt: skip
        assert len(i) == len(expected), name
        assert set(zip(step.tolist(), i.tolist(), strict=True)) == expected, name
    assert len(run.spikes["d+"].i) + len(run.spikes["d-"].i) > 0  # something was learnt


def test_spikes_are_counted_by_population_and_phase(unbroken, patterns):
    counts = unbroken("circuit", RECORD).spike_counts
    counts = counts.set_index(["epoch", "population", "phase"]).spikes
    images = (np.load(patterns)["x_train"] > 0).sum(axis=1)
    order = sb.epoch_order(SEED, 0, 40)
    assert counts[0.5, "x", 1] == images[order[:20]].sum()
    assert counts[1.0, "x", 1] == images[order[20:]].sum()
    for phase in range(12):
        assert counts[0.5, "t", phase] == (20 if phase == 3 else 0)  # one target a sample
        for k in range(12):
            fires = phase == (k - 1) % 12  # g_k opens phase k
            assert counts[0.5, f"g{k}", phase] == (20 if fires else 0)


def test_the_oracle_records_nothing_and_says_so_only_when_asked(unbroken, model):
    assert not (unbroken("oracle", RECORD).path / "spikes.npz").exists()
    dataset = training.dataset_of(model())
    with pytest.raises(SynfireError, match="the oracle has no spikes to record"):
        OracleEngine(assemble(model()), dataset).train(
            sb.initial_weights(SIZES, SEED), np.arange(3), record=True
        )


# ---------------------------------------------------------------- what is asked for must be there


def test_more_training_samples_than_there_are_are_refused(model, tmp_path):
    too_many = model(f"training.samples={LONG + 1}")
    with pytest.raises(SynfireError, match=r"training\.samples is 30001.* 30000 training samples"):
        sb.train(too_many, engine="oracle", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_more_samples_are_recorded_than_are_shown(model, tmp_path):
    run = sb.train(model("record.samples=161"), engine="circuit", out=tmp_path / "run")
    assert len(run.spikes_about["samples"]) == 160
    assert run.spikes_about["first"] == 0


def test_an_unknown_engine_is_refused(model, tmp_path):
    said = r"engine 'orcale' is unknown; did you mean oracle\?.* use one of circuit, oracle"
    with pytest.raises(SynfireError, match=said):
        sb.train(model(), engine="orcale", out=tmp_path / "run")


# ---------------------------------------------------------------- going on


@BOTH
def test_a_finished_training_is_left_as_it_is_by_resume(model, unbroken, tmp_path, engine):
    run = sb.train(model(RECORD), engine=engine, out=tmp_path)
    before = (tmp_path / "checkpoint.npz").read_bytes()
    sb.train(model(RECORD), engine=engine, out=tmp_path, resume=True)
    assert (tmp_path / "checkpoint.npz").read_bytes() == before
    assert_same_run(run, unbroken(engine, RECORD))


@BOTH
def test_a_training_made_longer_equals_a_long_one(model, unbroken, tmp_path, engine):
    short = sb.train(model(RECORD, "training.epochs=2"), engine=engine, out=tmp_path)
    assert short.experiment.training.epochs == 2
    run = sb.train(model(RECORD, "training.epochs=3"), engine=engine, out=tmp_path, resume=True)
    assert run.metrics.epoch.max() == 3
    run = sb.train(model(RECORD), engine=engine, out=tmp_path, resume=True)
    assert Run.open(tmp_path).experiment.training.epochs == 4
    assert_same_run(run, unbroken(engine, RECORD))


def test_spikes_of_an_earlier_end_do_not_outlive_a_longer_training(model, tmp_path):
    two = model("training.epochs=2")
    sb.train(two.changed(["record.samples=5"]), engine="circuit", out=tmp_path)
    assert (tmp_path / "spikes.npz").exists()
    sb.train(model("training.epochs=3"), engine="circuit", out=tmp_path, resume=True)
    assert not (tmp_path / "spikes.npz").exists()


def test_samples_that_were_shown_already_cannot_be_recorded(model, tmp_path):
    sb.train(model("record.samples=5"), engine="circuit", out=tmp_path)
    with pytest.raises(ExperimentError, match=r"from number 155 on, but 160 were shown already"):
        sb.train(model("record.samples=6"), engine="circuit", out=tmp_path, resume=True)
    run = sb.train(model("record.samples=5"), engine="circuit", out=tmp_path, resume=True)
    assert len(run.spikes_about["samples"]) == 5


def test_a_training_is_not_cut_short(model, tmp_path):
    sb.train(model(), engine="oracle", out=tmp_path)
    with pytest.raises(RunDirectoryError, match=r"in epoch 4 already, but training\.epochs is 3"):
        sb.train(model("training.epochs=3"), engine="oracle", out=tmp_path, resume=True)
    assert Run.open(tmp_path).experiment.training.epochs == 4


def test_a_damaged_checkpoint_is_not_gone_on_from(model, tmp_path):
    sb.train(model("training.epochs=1"), engine="oracle", out=tmp_path)
    file = tmp_path / "checkpoint.npz"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x10
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"checkpoint\.npz: is damaged"):
        sb.train(model(), engine="oracle", out=tmp_path, resume=True)
    assert file.read_bytes() == content


# ---------------------------------------------------------------- Ctrl-C


class _Interrupting(WorkProgress):
    """Progress that presses Ctrl-C when it is told of samples for the third time."""

    told = 0

    def reached(self, done):
        super().reached(done)
        type(self).told += 1
        if self.told == 3:
            signal.raise_signal(signal.SIGINT)


LONG_MODEL = (f"training.samples={LONG}", "training.epochs=2", "training.evaluate_every=1")


@BOTH
def test_an_interrupted_training_goes_on_to_the_same_bits(
    model, unbroken, tmp_path, monkeypatch, engine
):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(_Interrupting, "told", 0)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with monkeypatch.context() as patch:
        patch.setattr(training, "WorkProgress", _Interrupting)
        with pytest.raises(Interrupted) as caught:
            sb.train(model(*LONG_MODEL), engine=engine, out=tmp_path / "run")
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert not list((tmp_path / "tmp").iterdir())

    stands = load_checkpoint(tmp_path / "run" / "checkpoint.npz")
    done = stands.epoch * LONG + stands.position
    assert 0 < stands.position < LONG  # in the middle of an epoch
    assert f"stopped after {done:,} of {2 * LONG:,} samples; go on with resume=True" in str(
        caught.value
    )
    assert not Run.open(tmp_path / "run").finished
    run = sb.train(model(*LONG_MODEL), engine=engine, out=tmp_path / "run", resume=True)
    assert_same_run(run, unbroken(engine, *LONG_MODEL))


@BOTH
def test_an_interrupted_test_is_made_up_for(model, unbroken, tmp_path, monkeypatch, engine):
    machine = {"circuit": CircuitEngine, "oracle": OracleEngine}[engine]
    original = machine.test

    def interrupted(self, *arguments, **options):
        signal.raise_signal(signal.SIGINT)
        return original(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(machine, "test", interrupted)
        with pytest.raises(Interrupted, match="stopped after 20 of 160 samples"):
            sb.train(model(RECORD), engine=engine, out=tmp_path)
        assert Run.open(tmp_path).metrics.empty
        with pytest.raises(Interrupted, match="stopped after 20 of 160 samples"):
            sb.train(model(RECORD), engine=engine, out=tmp_path, resume=True)
    run = sb.train(model(RECORD), engine=engine, out=tmp_path, resume=True)
    assert_same_run(run, unbroken(engine, RECORD))


def test_an_interrupted_record_is_made_anew_without_a_gap(model, unbroken, tmp_path, monkeypatch):
    original = CircuitEngine.train
    pieces = []

    def interrupted(self, weights, order, *, record=False, **options):
        if record:
            pieces.append(len(order))
            if len(pieces) == 2:
                order = order[:7]
                signal.raise_signal(signal.SIGINT)
        return original(self, weights, order, record=record, **options)

    with monkeypatch.context() as patch:
        patch.setattr(CircuitEngine, "train", interrupted)
        with pytest.raises(Interrupted, match="stopped after 120 of 160 samples"):
            sb.train(model(RECORD), engine="circuit", out=tmp_path)
    assert pieces == [10, 20]  # from sample 110 to the end of the epoch, to the test in the next
    run = sb.train(model(RECORD), engine="circuit", out=tmp_path, resume=True)
    assert_same_run(run, unbroken("circuit", RECORD))


def test_signals_are_noted_once_and_given_back():
    before = signal.getsignal(signal.SIGTERM)
    hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the suite may run under nohup
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with StopRequest() as stop:
                assert not stop()
                signal.raise_signal(number)
                assert stop()
                with pytest.raises(KeyboardInterrupt):
                    signal.raise_signal(number)
    finally:
        signal.signal(signal.SIGHUP, hangup)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_hangup_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with StopRequest() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert not stop()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_the_main_thread_signals_are_left_alone():
    before, inside = signal.getsignal(signal.SIGINT), []

    def work():
        with StopRequest() as stop:
            inside.extend([signal.getsignal(signal.SIGINT), stop()])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [before, False]


# ---------------------------------------------------------------- other processes, killed

_SCRIPT = """
import sys
import synfire_bp as sb
from synfire_bp.training import course
course._REST = 0  # save at every pause
model, engine, out = sys.argv[1:]
sb.train(sb.Experiment.from_yaml(model), engine=engine, out=out, resume=True)
"""


def start(model, engine, out, tmp):
    """Train in a process of its own."""
    tmp.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, model.to_yaml(), engine, str(out)],
        env=os.environ | {"TMPDIR": str(tmp)},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_saves(process, out, saves=1):
    """Wait until a process has been seen to write so many checkpoints, or has ended."""
    file = out / "checkpoint.npz"

    def written():
        return file.stat().st_mtime_ns if file.exists() else None

    before = written()
    while saves and process.poll() is None:
        time.sleep(0.001)
        if (now := written()) != before:
            before, saves = now, saves - 1


def test_saving_takes_a_small_share_of_the_time_however_many_tests_there_are(
    model, tmp_path, monkeypatch
):
    clock, saves = [0.0], []
    save, test = RunWriter.save, OracleEngine.test

    def slow_save(writer, *args, **how):
        save(writer, *args, **how)
        saves.append(clock[0])
        clock[0] += 1

    def slow_test(engine, *args, **how):
        clock[0] += 1
        return test(engine, *args, **how)

    monkeypatch.setattr(course.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(RunWriter, "save", slow_save)
    monkeypatch.setattr(OracleEngine, "test", slow_test)
    often = model("training.samples=100", "training.epochs=4", "training.evaluate_every=0.01")
    run = sb.train(often, engine="oracle", out=tmp_path / "run")
    assert len(run.metrics) == 2 * 400  # every test is there at the end
    assert 400 / 110 < len(saves) <= 2 + 400 / 100


def test_ctrl_c_ends_a_process_after_a_whole_sample(model, tmp_path):
    many = model(f"training.samples={LONG}", "training.epochs=1000")
    process = start(many, "circuit", tmp_path / "run", tmp_path / "tmp")
    wait_for_saves(process, tmp_path / "run")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Interrupted: stopped after" in said
    assert not list((tmp_path / "tmp").iterdir())

    # the rest of the epoch, and the whole once more by the other engine
    stands = load_checkpoint(tmp_path / "run" / "checkpoint.npz")
    plan = (f"training.samples={LONG}", f"training.epochs={stands.epoch + 1}")
    run = sb.train(model(*plan), engine="circuit", out=tmp_path / "run", resume=True)
    oracle = sb.train(model(*plan), engine="oracle", out=tmp_path / "oracle")
    for name, weights in oracle.weights.items():
        np.testing.assert_array_equal(run.weights[name], weights)


KILLED_MODEL = (
    "training.samples=3000", "training.epochs=12", "training.evaluate_every=0.5",
    "record.samples=600",
)  # fmt: skip


@pytest.mark.parametrize(("engine", "kills", "pause"), [("circuit", 2, 0.08), ("oracle", 4, 0.01)])
def test_a_training_killed_at_random_moments_ends_with_the_bits_of_one_that_was_not(
    model, unbroken, tmp_path, engine, kills, pause
):
    expected = unbroken(engine, *KILLED_MODEL)
    rng = np.random.default_rng(20241109)
    out, hit = tmp_path / "run", 0
    for kill in range(kills + 1):
        process = start(model(*KILLED_MODEL), engine, out, tmp_path / "tmp")
        if kill == 0:
            time.sleep(rng.uniform(0, 0.5))  # while it starts
        else:
            # some of the 49 saves, and then about the time from one to the next: while it trains,
            # tests or writes
            wait_for_saves(process, out, rng.integers(1, 8))
            time.sleep(rng.uniform(0, pause))
        process.kill()
        _, said = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), said
        hit += process.returncode == -signal.SIGKILL
    assert hit >= 2  # of a training that was still running
    run = sb.train(model(*KILLED_MODEL), engine=engine, out=out, resume=True)
    assert_same_run(run, expected)
    assert not list(out.glob(".*.tmp"))


# ---------------------------------------------------------------- broken invariants


def stray_spikes(circuit, algorithm, shown):
    """Return (population, phase) to the spikes that the circuit's rows put where none may be."""
    fired = simulated(circuit, algorithm, shown).reshape(len(shown), circuit.n_phases, -1)
    allowed = sb.firing_table(circuit)
    counts = {
        (name, phase): int(fired[:, phase, place].sum())
        for name, place in circuit.slices.items()
        for phase in set(range(circuit.n_phases)) - set(allowed[name])
    }
    return {at: count for at, count in counts.items() if count}


def test_stray_spikes_end_a_training_unless_it_is_told_to_keep_going(
    model, patterns, tmp_path, capsys
):
    one, two = (model("training.evaluate_every=1", f"training.epochs={n}") for n in (1, 2))
    sb.train(one, engine="circuit", out=tmp_path)
    # 40 weights of 254 and one image with all pixels on: more than a closed population withstands
    file = tmp_path / "checkpoint.npz"
    stands = load_checkpoint(file)
    heavy = np.full_like(stands.weights[0], 254)
    save_checkpoint(file, replace(stands, weights=(heavy, stands.weights[1])))
    before = file.read_bytes()

    circuit, shown = sb.backprop_circuit(SIZES), sb.epoch_order(SEED, 1, 40)
    algorithm = Algorithm(patterns, (heavy, stands.weights[1]))
    expected = stray_spikes(circuit, algorithm, shown)
    assert expected["h", 0] > 0

    with pytest.raises(InvariantError) as caught:
        sb.train(two, engine="circuit", out=tmp_path, resume=True)
    said = str(caught.value)
    assert said.startswith("epoch 2, training: stray spikes: ")
    assert f"h {expected['h', 0]}x in phase 0" in said
    assert f"withstands a sum of inputs of {8192 + 1024}" in said
    assert "Raise network.closing (now 8192, at most 32128)" in said
    assert "keep_going=True continues in spite of this" in said
    assert file.read_bytes() == before
    assert not Run.open(tmp_path).finished

    run = sb.train(two, engine="circuit", out=tmp_path, resume=True, keep_going=True, quiet=False)
    assert "warning: epoch 2, training: stray spikes: " in capsys.readouterr().err
    assert run.finished
    assert run.activity.stray_spikes.tolist() == [0, sum(expected.values())]

    # what the message advises
    assert not stray_spikes(replace(circuit, closing=16384), algorithm, shown)
    assert "network.paper_gates: false blocks the hidden populations more firmly" in said
    assert not stray_spikes(sb.backprop_circuit(SIZES, paper_gates=False), algorithm, shown)


# ---------------------------------------------------------------- progress


def test_a_training_tells_of_every_test_in_a_line_unless_it_is_quiet(model, tmp_path, capsys):
    run = sb.train(model(), engine="oracle", out=tmp_path / "told", quiet=False)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line for line in captured.err.splitlines() if line.startswith("epoch ")]
    tests = run.metrics[run.metrics.split == "test"].to_dict("records")
    assert len(lines) == len(tests) == 8
    for line, row in zip(lines, tests, strict=True):
        assert line.startswith(f"epoch {row['epoch']:g}: train ")
        assert f"test {100 * row['accuracy_spikes']:.2f} % by spikes" in line

    sb.train(model(), engine="oracle", out=tmp_path / "quiet")
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_on_a_terminal_a_bar_tells_how_far_the_work_is(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with WorkProgress() as progress:
        progress.begin("small", 80, 20)
        progress.reached(50)
    assert "50/80" in capsys.readouterr().err


def test_elsewhere_there_are_lines_and_no_bar(capsys):
    with WorkProgress() as progress:
        progress.begin("small", 80)
        progress.reached(50)
        progress.note("a [bracketed] line that is longer than eighty characters" + 40 * "." + "!")
    err = capsys.readouterr().err
    assert err == "a [bracketed] line that is longer than eighty characters" + 40 * "." + "!\n"


def test_a_run_is_not_tested_on_data_that_changed_since(tmp_path, small_npz, experiment):
    path = small_npz((12, 8, 3))
    trained = sb.train(experiment(path=path), engine="oracle", out=tmp_path / "run")
    before = sb.test(trained, engine="oracle").score
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["y_test"] = (arrays["y_test"] + 1) % 3
    np.savez(path, **arrays)
    with pytest.raises(DatasetError, match=r"was trained on random.npz with sha256:"):
        sb.test(trained, engine="oracle")
    assert before.samples == len(arrays["y_test"])


def test_what_a_start_left_that_failed_is_taken_up_by_the_corrected_command(
    model, unbroken, tmp_path, monkeypatch
):
    def refused(*_):
        raise BuildError("no compiler")

    with monkeypatch.context() as patch:
        patch.setattr(training, "make_engine", refused)
        for other in (model(), model("network.weight_limit=200")):
            with pytest.raises(BuildError, match="no compiler"):
                sb.train(other, engine="circuit", out=tmp_path / "run")
    run = sb.train(model(), engine="oracle", out=tmp_path / "run")
    assert_same_run(run, unbroken("oracle"))
    with pytest.raises(RunDirectoryError, match="already holds this experiment"):
        sb.train(model(), engine="oracle", out=tmp_path / "run")
