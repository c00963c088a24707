"""The benchmark: what is compared agrees, what is counted is right, what was slow to start is told.

No time is asserted.  The samples of the small benchmark are shown here to the circuit stepped cell
by cell in NumPy (`synfire_bp.circuit.reference`), which says what every spike touched.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

import synfire_bp as sb
from analysis import bench as figures
from analysis.__main__ import main as draw
from synfire_bp import bench as bench_package
from synfire_bp.bench import (
    Bandwidth,
    Bench,
    Exponent,
    Grid,
    Measure,
    Point,
    Reported,
    Series,
    Task,
    Timing,
    Traffic,
    bench,
    bench_report,
    benchmark,
    fit_exponent,
    in_turns,
    measured_bandwidth,
    memory_bound,
    one_core,
    ratio,
    read,
    run_process,
    scaling,
    show_oracle,
    synthetic_inputs,
    train_plain,
)
from synfire_bp.bench.result import Machine
from synfire_bp.bench.scaling import _closed
from synfire_bp.circuit.reference import simulate
from synfire_bp.circuit.weights import as_copy
from synfire_bp.cli import main
from synfire_bp.engines import CircuitProgram
from synfire_bp.errors import ExperimentError, Interrupted, RunDirectoryError, SimulationError
from synfire_bp.program import SampleFiles, build_programs
from synfire_bp.program.digests import seal
from synfire_bp.progress import WorkProgress

SAMPLES, BEFORE = 11, 2  # timed, and shown before these: a fifth
SIZES = (12, 8, 3)
PHASES = 12
RULE = "dw = 4*r1*x0*y0 - 2*x0*y0"


@pytest.fixture(scope="module")
def model(experiment):
    half = "training.evaluate_every=0.5"  # as shipped models: too often for a start with one sample
    return experiment("training.seed=4", half, n_train=9)  # fewer than are shown: a second epoch


@pytest.fixture(scope="module")
def cache_before(program_cache):
    return sorted(program_cache.rglob("*"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / "bench"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """Where the benchmark finds room for temporary files."""
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def result(model, folder, cache_before, scratch):
    """A benchmark of the small model, with a grid of its own size alone."""
    grid = Grid(hidden=(SIZES[1],), inputs=(SIZES[0],))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(scratch))
        return bench(model, samples=SAMPLES, repeats=1, grid=grid, out=folder)


@pytest.fixture(scope="module")
def shown(model):
    """The samples of the benchmark, as a training shows them: patterns and labels."""
    arrays = np.load(model.dataset.path)
    inputs, labels = (arrays["x_train"] > 127).astype(np.uint8), arrays["y_train"]
    order = np.concatenate([sb.epoch_order(4, epoch, len(labels)) for epoch in (0, 1)])
    order = order[: BEFORE + SAMPLES]
    return inputs[order], labels[order]


@pytest.fixture(scope="module")
def fired(model, shown):
    """Who fired in each step of the timed samples: population to (steps, neurons)."""
    inputs, labels = shown
    circuit = sb.backprop_circuit(SIZES)
    weights = sb.initial_weights(SIZES, 4)
    patterns = {"input": inputs[None], "target": np.eye(3, dtype=int)[labels][None]}
    spikes, _ = simulate(circuit, [as_copy(row, weights) for row in circuit.plastic], patterns)
    steps = spikes[0, BEFORE:].reshape(SAMPLES * PHASES, -1)
    return {name: steps[:, place] for name, place in circuit.slices.items()}


# -- what is compared --------------------------------------------------------------------------


@given(
    seed=st.integers(0, 10**6),
    sizes=st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 5)),
    limit=st.sampled_from([200, 230, 254]),
)
@settings(max_examples=50)
def test_plain_numpy_ends_with_the_weights_of_the_oracle(seed, sizes, limit):
    rng = np.random.default_rng(seed)
    inputs = (rng.random((40, sizes[0])) < 0.6).astype(np.uint8)
    labels = rng.integers(0, sizes[2], 40)
    weights = [2 * rng.integers(-limit // 2, limit // 2 + 1, s) for s in (sizes[:2], sizes[1:])]
    w1, w2 = (w.astype(float) for w in weights)
    train_plain(inputs, labels, w1, w2, limit=limit)
    o1, o2 = (w.astype(np.int16) for w in weights)
    sb.oracle.train_epoch(inputs, labels, o1, o2, np.arange(40), limit=limit)
    np.testing.assert_array_equal(w1, o1)
    np.testing.assert_array_equal(w2, o2)


def test_plain_numpy_meets_every_case_of_the_box_derivatives_and_the_limits():
    rng = np.random.default_rng(1)
    inputs = (rng.random((400, 30)) < 0.5).astype(np.uint8)
    labels = rng.integers(0, 4, 400)
    start = [2 * rng.integers(-127, 128, shape) for shape in ((30, 20), (20, 4))]
    w1, w2 = (w.astype(float) for w in start)
    train_plain(inputs, labels, w1, w2)
    o1, o2 = (w.astype(np.int16) for w in start)
    sb.oracle.train_epoch(inputs, labels, o1, o2, np.arange(400))
    np.testing.assert_array_equal(w1, o1)
    np.testing.assert_array_equal(w2, o2)
    assert np.count_nonzero(w1 != start[0]) > 100 and np.count_nonzero(w2 != start[1]) > 10
    assert abs(w1).max() == 254
    a1 = inputs @ start[0]
    assert all(np.any(inside) for inside in (a1 <= 0, (a1 > 0) & (a1 <= 1024), a1 > 1024))


def test_all_contenders_end_with_the_same_weights_without_stray_spikes(result):
    assert {name: cost.different for name, cost in result.costs.items()} == dict.fromkeys(
        ("numpy", "stock", "circuit", "oracle"), 0
    )
    assert result.strays == 0


def test_the_task_is_the_beginning_of_the_training(model, shown):
    dataset = sb.load_dataset("npz", path=model.dataset.path)
    task = benchmark._task(model, dataset, SAMPLES)
    np.testing.assert_array_equal(task.inputs, shown[0])
    np.testing.assert_array_equal(task.labels, shown[1])
    w1, w2 = (w.copy() for w in sb.initial_weights(SIZES, 4))
    sb.oracle.train_epoch(*shown, w1, w2, np.arange(len(shown[1])))
    for mine, expected in zip(show_oracle(task, task.shown), (w1, w2), strict=True):
        np.testing.assert_array_equal(mine, expected)
    assert np.any(w1 != task.weights[0])


# -- how it is measured ------------------------------------------------------------------------


def test_contenders_are_measured_in_turns_and_their_start_is_told_apart():
    now, calls = [0.0], []

    def contender(name, start, per_sample):
        def show(n):
            calls.append((name, n))
            now[0] += start + n * per_sample

        return show

    contenders = {"a": contender("a", 3.0, 0.25), "b": contender("b", 0.0, 0.5)}
    seen = []
    times = in_turns(contenders, before=2, samples=8, repeats=3, progress=seen.append,
                     clock=lambda: now[0])  # fmt: skip
    assert calls == [("a", 2), ("a", 10), ("b", 2), ("b", 10)] * 3
    assert times["a"].ms.rounds == pytest.approx([250] * 3)
    assert times["b"].ms.rounds == pytest.approx([500] * 3)
    assert times["a"].start_ms.rounds == pytest.approx([3000] * 3)
    assert times["b"].start_ms.rounds == pytest.approx([0] * 3)
    assert seen[-1] == 3 * 2 * (2 + 10)


def test_one_slow_round_does_not_move_the_median_and_noise_is_recognised():
    assert Measure.of([1.0, 9.0, 1.2]).median == 1.2
    assert Measure.of([1.0, 1.1, 1.2, 9.0, -5.0]).resolved
    assert not Measure.of([0.2, -0.05, 0.5]).resolved
    assert not Measure.of([-1.0, -1.0, -1.0]).resolved


def test_a_ratio_is_taken_round_by_round_and_not_of_noise():
    found = ratio(Measure.of([4.0, 4.5, 5.0]), Measure.of([8.0, 10.0, 10.0]))
    assert found.rounds == (0.5, 0.45, 0.5) and found.median == 0.5
    skipped = ratio(Measure.of([1.0, -5.0, 1.0, 1.0]), Measure.of([2.0, 2.0, 4.0, 3.0]))
    assert skipped.rounds == (1 / 2, 1 / 4, 1 / 3)
    assert ratio(Measure.of([1.0, 1.0]), Measure.of([-1.0, 1.0])) is None


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system cannot pin")
def test_one_core_holds_this_process_and_its_children_and_is_given_back(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    allowed = os.sched_getaffinity(0)
    ask = "import os; print(sorted(os.sched_getaffinity(0)), os.environ['OMP_NUM_THREADS'])"
    with one_core() as core:
        assert os.sched_getaffinity(0) == {core}
        child = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
        from threadpoolctl import threadpool_info

        assert all(pool["num_threads"] == 1 for pool in threadpool_info())
    assert child.stdout.split() == [f"[{core}]", "1"]
    assert os.sched_getaffinity(0) == allowed
    assert "OMP_NUM_THREADS" not in os.environ and os.environ["MKL_NUM_THREADS"] == "7"


def test_the_peak_memory_of_a_process_is_its_own_not_that_of_who_started_it():
    bare = [sys.executable, "-I", "-S", "-c"]
    small = run_process([*bare, "pass"]).peak_memory_mb
    large = run_process([*bare, "x = bytearray(b'x' * 90_000_000)"]).peak_memory_mb
    mine = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    assert small < mine / 2
    assert 85 < large - small < 200


def test_a_process_that_fails_is_named_with_what_it_said():
    with pytest.raises(SimulationError, match=r"exit code 5.*no luck"):
        run_process(
            [sys.executable, "-c", "import sys; print('no luck', file=sys.stderr); sys.exit(5)"]
        )


def test_the_programs_peak_memory_holds_at_least_their_synapses(result):
    synapses = sb.backprop_circuit(SIZES).n_plastic_synapses
    for name in ("stock", "circuit"):
        peak = result.costs[name].peak_memory_mb
        assert synapses * 10 / 1e6 < peak < 100  # pre, post and weight; and no Python
    assert result.starts["oracle"].peak_memory_mb.median > 60  # NumPy and more


def test_the_machine_names_the_blas_of_numpy_with_its_kernel(monkeypatch):
    import threadpoolctl

    def found(*libraries):
        monkeypatch.setattr(threadpoolctl, "threadpool_info", lambda: list(libraries))
        return Machine.here(None, None).blas

    numpy = {"user_api": "blas", "internal_api": "openblas", "version": "0.3.30",
             "architecture": "Haswell", "filepath": "/x/numpy.libs/libopenblas.so"}  # fmt: skip
    scipy = numpy | {"architecture": "Zen", "filepath": "/x/scipy.libs/libopenblas.so"}
    assert found({"user_api": "openmp"}, scipy, numpy) == "openblas 0.3.30, kernel Haswell"
    bare = {"user_api": "blas", "internal_api": "mkl", "version": None}
    assert found(bare) == "mkl of unknown version, kernel not known"
    assert found() == "not known"


def test_the_report_and_the_file_name_the_blas_and_older_files_are_read(result, tmp_path):
    said = f"NumPy's BLAS: {result.machine.blas}."
    assert any(said in item for item in bench_report(result) if isinstance(item, str))
    stored = json.loads(result.json())
    assert stored["machine"].pop("blas") == result.machine.blas
    (tmp_path / "bench.json").write_text(json.dumps(stored))
    older = read(tmp_path)
    assert older.machine == replace(result.machine, blas=None)
    assert not any("BLAS" in item for item in bench_report(older) if isinstance(item, str))


# -- what is counted ---------------------------------------------------------------------------


def test_the_synapses_that_spikes_touch_are_those_of_the_circuit_stepped_by_hand(result, fired):
    circuit = sb.backprop_circuit(SIZES)
    touched = sum(fired[row.pre].sum() * fired[row.post].shape[1] for row in circuit.plastic)
    assert result.bound.traffic.delivered == pytest.approx(touched / SAMPLES)


def test_the_synapses_that_learn_are_the_rows_in_which_somebody_fired(result, fired):
    rows = {"x": ("h", "h<", "h>"), "h": ("o", "o<", "o>"), "o": ("hT",), "oT": ("hT",)}
    touched = 0
    for step in range(SAMPLES * PHASES):
        for pre, posts in rows.items():
            targets = np.concatenate([fired[name][step] for name in posts])
            if targets.any():
                touched += int(fired[pre][step].sum()) * len(targets)
    assert touched > 0
    assert result.bound.traffic.learning == pytest.approx(touched / SAMPLES)


def test_the_bound_of_memory_is_bytes_over_bandwidth():
    bandwidth = Bandwidth(10**6, Measure.of([10.0]), Measure.of([20.0]))
    bound = memory_bound(Traffic(delivered=300_000, learning=50_000), bandwidth)
    assert bound.bytes == 2 * 300_000 + 4 * 50_000
    assert bound.ms == pytest.approx(1000 * (600_000 / 10e9 + 200_000 / 20e9))


def test_the_bandwidth_is_that_of_an_array_of_the_weights_size(result):
    assert result.bound.bandwidth.working_set == 2 * sb.backprop_circuit(SIZES).n_plastic_synapses
    measured = measured_bandwidth(80_000, 2)
    assert measured.working_set == 80_000
    assert all(rate > 0 for rate in measured.read.rounds + measured.update.rounds)


# -- scaling -----------------------------------------------------------------------------------


def test_synthetic_inputs_are_as_active_as_the_data_at_random_places():
    rng = np.random.default_rng(0)
    data = (rng.random((300, 40)) < rng.random((300, 1))).astype(np.uint8)
    made = synthetic_inputs(data, 100, seed=3)
    assert made.shape == (300, 100) and made.dtype == np.uint8 and set(np.unique(made)) == {0, 1}
    np.testing.assert_array_equal(made.sum(axis=1), np.rint(data.sum(axis=1) * 2.5))
    assert np.ptp(made.mean(axis=0)) < 0.3, "places must not be preferred"
    assert len({row.tobytes() for row in made}) > 250
    np.testing.assert_array_equal(made, synthetic_inputs(data, 100, seed=3))
    assert np.any(made != synthetic_inputs(data, 100, seed=4))


@given(
    exponent=st.floats(-2, 2), factor=st.floats(1e-3, 1e3),
    noise=st.lists(st.floats(-0.5, 0.5), min_size=6, max_size=6),
)  # fmt: skip
def test_the_exponent_and_its_interval_are_those_of_a_straight_line_through_logarithms(
    exponent, factor, noise
):
    x = np.array([100, 200, 400, 800, 1600, 3200])
    y = factor * x**exponent * np.exp(noise)
    fit = fit_exponent(x, y)
    design = np.column_stack([np.log(x), np.ones(6)])
    best, *_ = np.linalg.lstsq(design, np.log(y), rcond=None)
    left = np.log(y) - design @ best
    error = np.sqrt(left @ left / 4 * np.linalg.inv(design.T @ design)[0, 0])
    assert fit.exponent == pytest.approx(best[0], abs=1e-9)
    # Student's t, 4 degrees of freedom, 97.5 %: 2.7764
    assert fit.high - fit.exponent == pytest.approx(2.7764451 * error, rel=1e-5, abs=1e-7)
    assert fit.exponent - fit.low == pytest.approx(2.7764451 * error, rel=1e-5, abs=1e-7)


def test_an_exponent_needs_sizes_and_times_above_zero():
    assert fit_exponent([10, 20], [1, 4]).exponent == pytest.approx(2)
    assert fit_exponent([10, 20], [1, 4]).low is None
    assert fit_exponent([10, 20, 40], [1, -1, 16]).points == 2
    assert fit_exponent([10, 20], [1, 0]) is None
    assert fit_exponent([10, 10], [1, 2]) is None


@pytest.mark.parametrize(
    ("active", "largest", "closing", "silent"),
    [
        (8, 32128, 1024, True),  # 8 * 254 is below 1024 + 1024
        (12, 32128, 2048, True),
        (12, 1152, 1152, False),  # 12 * 254 is more than this withstands
    ],
)
def test_the_closing_bias_is_raised_until_closed_populations_stay_silent(
    monkeypatch, active, largest, closing, silent
):
    monkeypatch.setattr(scaling, "WIDEST_CLOSING", largest)
    circuit = sb.backprop_circuit(SIZES, closing=1024)
    inputs = np.zeros((4, SIZES[0]), dtype=np.uint8)
    inputs[:, :active] = 1
    weights = (np.full(SIZES[:2], 254, dtype=np.int16), np.zeros(SIZES[1:], dtype=np.int16))
    task = Task(inputs, np.zeros(4, dtype=int), weights, RULE, 254, 1, 3)
    (program,) = build_programs([CircuitProgram(circuit, RULE)])
    with SampleFiles(inputs, task.labels) as files:
        machine, found = _closed(program, circuit, task, files, WorkProgress(quiet=True))
    assert machine.circuit.closing == closing
    assert (found.strays == 0) == silent


def test_sizes_of_the_grid_change_one_layer_and_keep_the_others():
    grid = Grid(hidden=(5, 6), inputs=(7,))
    assert grid.sizes((40, 30, 10)) == {
        "hidden": [(40, 5, 10), (40, 6, 10)],
        "input": [(7, 30, 10)],
    }
    assert Grid().sizes((400, 400, 10))["hidden"][-1] == (400, 3200, 10)


def test_the_point_at_the_models_own_size_shows_the_models_own_samples(result):
    (point,), (other,) = (result.scaling[layer].points for layer in ("hidden", "input"))
    assert point == other
    assert point.sizes == SIZES and not point.synthetic
    assert (point.strays, point.different) == (0, 0)
    assert point.bound.traffic == result.bound.traffic


# -- the result --------------------------------------------------------------------------------


def test_the_result_is_written_and_read_back_whole(result, folder):
    assert [path.name for path in folder.iterdir()] == ["bench.json"]
    assert read(folder) == result
    stored = json.loads((folder / "bench.json").read_text())
    assert stored["schema"] == 1 and stored["sizes"] == list(SIZES)
    assert (stored["samples"], stored["before"], stored["repeats"]) == (SAMPLES, BEFORE, 1)
    assert set(stored["costs"]) == {"numpy", "stock", "circuit", "oracle"}
    for cost in stored["costs"].values():
        assert len(cost["ms"]["rounds"]) == len(cost["start_ms"]["rounds"]) == 1
    assert len(stored["starts"]["circuit"]["seconds"]["rounds"]) == 1
    assert stored["builds"]["circuit_cold_s"] > stored["builds"]["circuit_warm_s"]["median"]


def test_the_time_of_the_chip_stands_only_beside_the_network_it_was_reported_for(result):
    assert result.reported == {} and "circuit/chip" not in result.ratios


def test_the_benchmark_leaves_caches_environment_and_temporary_files_as_they_were(
    result, cache_before, program_cache, scratch
):
    assert os.environ["SYNFIRE_BP_CACHE"] == str(program_cache)
    gone = [path for path in cache_before if not path.exists()]
    assert [path for path in gone if "building-" not in str(path)] == []  # of other processes
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "no such benchmark; make it with: synfire_bp.bench.bench.experiment, out="),
        ("{", "is not a benchmark of this version"),
        ('{"schema": 2}', "is not a benchmark of this version"),
    ],
)
def test_a_missing_or_foreign_result_is_refused(tmp_path, content, complaint):
    if content is not None:
        (tmp_path / "bench.json").write_text(content)
    with pytest.raises(RunDirectoryError, match=complaint):
        read(tmp_path)


@pytest.mark.parametrize(
    ("overrides", "options", "complaint"),
    [
        ((), {"samples": 0}, "samples is 0; must be 1 or more"),
        ((), {"repeats": -1}, "repeats is -1; must be 1 or more"),
        (("learning.rule=dw = 4*r1*x0*y0",), {}, "adds 4 with reward and 0 without"),
        (("hardware=loihi1",), {}, "hardware=null"),
    ],
)
def test_what_cannot_be_measured_is_refused_at_once(model, tmp_path, overrides, options, complaint):
    with pytest.raises(ExperimentError, match=complaint):
        bench(model.changed(overrides), out=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_named_before_anything_is_measured(model, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunDirectoryError, match="pass another folder as out"):
        bench(model, out=tmp_path / "file" / "out")


def test_ctrl_c_ends_the_benchmark_without_a_result(model, tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark, "build_programs", stopped)
    with pytest.raises(Interrupted, match="nothing was written"):
        bench(model, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


# -- what is printed and drawn -----------------------------------------------------------------


def clear_result(result: Bench) -> Bench:
    """The small result with given times at the sizes of a default grid, some with stray spikes."""
    costs = {
        name: replace(cost, ms=Measure.of([ms, 1.1 * ms, 0.9 * ms]), samples_per_second=1000 / ms)
        for (name, cost), ms in zip(result.costs.items(), (0.4, 0.6, 0.06, 0.005), strict=True)
    }
    point = result.scaling["hidden"].points[0]
    series = {}
    for layer, sizes in Grid().sizes((400, 400, 10)).items():
        points = tuple(
            resized(point, size, synthetic=layer == "input" and size[0] != 400) for size in sizes
        )
        law = {"circuit": Exponent(0.7, 0.5, 0.9, 6), "oracle": Exponent(1.0, 0.9, 1.1, 6)}
        series[layer] = Series(points, law)
    return replace(
        result, costs=costs, scaling=series, reported={"chip": Reported(1.48, "the paper")},
        ratios={"circuit/numpy": Measure.of([0.15]), "circuit/stock": None,
                "circuit/chip": Measure.of([0.04])},
    )  # fmt: skip


def resized(point: Point, sizes, *, synthetic: bool) -> Point:
    touched = sizes[0] * sizes[1] * 2.5
    traffic = Traffic(touched, touched / 5)
    times = {
        engine: Timing(Measure.of([c * touched, 1.2 * c * touched]), point.times[engine].start_ms)
        for engine, c in (("circuit", 2e-7), ("oracle", 1e-8))
    }
    return replace(
        point, sizes=sizes, synthetic=synthetic, times=times, strays=3 * (sizes[1] == 3200),
        bound=replace(point.bound, traffic=traffic, ms=touched * 1e-8),
    )  # fmt: skip


@pytest.fixture(scope="module")
def clear(result):
    return clear_result(result)


def test_the_report_tells_every_time_and_every_doubt(clear):
    tables = [item for item in bench_report(clear) if not isinstance(item, str)]
    said = " ".join(item for item in bench_report(clear) if isinstance(item, str))
    assert all(len(row) == len(table.heads) for table in tables for row in table.rows)
    costs = {row[0]: row[1:] for row in tables[0].rows}
    assert costs["algorithm, plain NumPy"][0] == "0.4"
    assert costs["the chip: reported, not measured"][0] == "1.48"
    assert costs["circuit, Brian2 alone"][3] == "", "an unknown ratio is no number"
    assert "3 stray spikes at the closing bias 8192" in said
    assert "0.70 (6 sizes, 95 % interval 0.50 … 0.90)" in said
    assert "Synthetic inputs" in said


def test_times_lost_in_noise_are_not_printed_as_times(clear):
    noisy = replace(clear.costs["circuit"], ms=Measure.of([-0.1, 0.3, 0.1]))
    unclear = replace(clear, costs=clear.costs | {"circuit": noisy})
    table = next(iter(bench_report(unclear)))
    assert {row[0]: row[1] for row in table.rows}["circuit, synfire_bp"] == "lost in noise"
    assert any("do not stand out from the noise" in caution for caution in unclear.cautions())


def test_a_disagreement_is_told(clear):
    wrong = replace(clear.costs["stock"], different=5)
    broken = replace(clear, costs=clear.costs | {"stock": wrong}, strays=2)
    said = " ".join(broken.cautions())
    assert "do NOT agree: 5 weights" in said and "2 stray spikes" in said


def test_the_figures_hold_the_numbers_of_the_benchmark(clear):
    table = figures.cost_numbers(clear)
    measured = table[table["kind"] == "measured"]
    for name, cost in clear.costs.items():
        assert measured["ms"][measured["what"] == name].tolist() == list(cost.ms.rounds)
    assert table["ms"][table["what"] == "chip"].tolist() == [1.48]
    assert list(dict.fromkeys(table["what"]))[:3] == ["chip", "stock", "numpy"]
    table = figures.scaling_numbers(clear)
    assert len(table) == 2 * 6 * 3
    wide = table[(table["sizes"] == "400-3200-10") & (table["what"] == "circuit")].iloc[0]
    assert wide["ms"] == pytest.approx(1.1 * 2e-7 * 400 * 3200 * 2.5)
    assert (wide["units"], wide["strays"], wide["exponent"]) == (3200, 3, 0.7)
    assert Counter(table["inputs"]) == {"data": 3 * 7, "synthetic": 3 * 5}


def drawn_points(figure, label):
    return [
        tuple(point)
        for axes in figure.axes
        for line in axes.lines
        if line.get_label() == label
        for point in np.column_stack(line.get_data())
    ]


def test_the_figures_draw_every_number_of_their_tables(clear):
    table = figures.cost_numbers(clear)
    figure = figures.draw_cost(table)
    for what in table["what"].unique():
        ((x, _),) = drawn_points(figure, what)
        assert x == table["median_ms"][table["what"] == what].iloc[0]
    table = figures.scaling_numbers(clear)
    figure = figures.draw_scaling(table)
    for what in ("circuit", "oracle"):
        for inputs in ("data", "synthetic"):
            rows = table[(table["what"] == what) & (table["inputs"] == inputs)]
            expected = list(zip(rows["touched"], rows["ms"], strict=True))
            assert sorted(drawn_points(figure, f"{what} {inputs}")) == sorted(expected)
    strays = table[(table["strays"] > 0) & (table["what"] != "bound")]
    assert len(drawn_points(figure, "strays")) == len(strays) == 2


@pytest.mark.parametrize(
    ("numbers", "drawing"),
    [(figures.cost_numbers, figures.draw_cost), (figures.scaling_numbers, figures.draw_scaling)],
)
def test_no_text_of_the_figures_is_small_cut_off_or_on_top_of_another(clear, numbers, drawing):
    figure = drawing(numbers(clear))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    outside = {
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        for label in (tick.label1, tick.label2)
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }
    texts = [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible()]
    boxes = {t: t.get_window_extent(canvas.get_renderer()) for t in texts if t not in outside}
    assert len(boxes) > 10
    for text, box in boxes.items():
        assert text.get_fontsize() >= 6, text
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, text
    for (a, box), (b, other) in combinations(boxes.items(), 2):
        assert not box.overlaps(other), (a, b)


def test_the_figures_of_a_benchmark_are_drawn_if_named_or_if_there_is_one(
    result, folder, tmp_path, capsys
):
    out = tmp_path / "figures"
    assert draw(["bench_cost", "--runs", str(folder.parent), "--out", str(out)]) == 0
    written = {path.name for path in (out / "bench").iterdir()}
    assert written == {f"bench_cost.{k}" for k in ("png", "csv")}
    draw(["--runs", str(folder.parent), "--out", str(out)])
    assert (out / "bench" / "bench_scaling.png").exists()
    capsys.readouterr()
    draw(["--runs", str(tmp_path), "--out", str(out)])  # no benchmark: not missed
    assert "'bench_" not in capsys.readouterr().err
    assert draw(["bench_cost", "--runs", str(tmp_path), "--out", str(out)]) == 1
    assert "make it with: synfire-bp bench" in capsys.readouterr().err


def test_a_figure_of_what_was_not_measured_is_refused_by_name(result, tmp_path, capsys):
    (tmp_path / "bench").mkdir()
    alone = replace(result, scaling=None)
    (tmp_path / "bench" / "bench.json").write_text(alone.json())
    assert draw(["bench_scaling", "--runs", str(tmp_path), "--out", str(tmp_path / "f")]) == 1
    assert "the scaling was not measured" in capsys.readouterr().err


# -- the command line --------------------------------------------------------------------------


@pytest.fixture
def command(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["synfire-bp", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0, *capsys.readouterr()

    return run


def test_the_command_measures_what_is_asked_and_prints_it(command, clear, monkeypatch, tmp_path):
    asked = {}

    def measure(experiment, **options):
        asked.update(options, name=experiment.name)
        return clear

    monkeypatch.setattr(bench_package, "bench", measure)
    code, said, _ = command(
        "bench", "digits", "--samples", 7, "--repeats", 3, "--no-scaling", "--out", tmp_path
    )
    assert code == 0
    assert asked == {"name": "digits", "samples": 7, "repeats": 3, "grid": None, "out": tmp_path,
                     "quiet": False}  # fmt: skip
    assert "the chip: reported, not measured" in said and "Caution" in said
    code, said, _ = command("bench", "--json", "--quiet")
    assert (asked["name"], asked["grid"], asked["quiet"]) == ("mnist", Grid(), True)
    assert json.loads(said) == json.loads(clear.json())


def test_a_mistake_at_the_command_is_answered_without_a_traceback(command):
    for arguments, complaint in (
        (("bench", "nmist"), "did you mean mnist?"),
        (("bench", "digits", "--samples", 0), "samples is 0; must be 1 or more"),
    ):
        code, _, said = command(*arguments)
        assert code == 1 and complaint in said and "Traceback" not in said


def test_the_cache_is_listed_and_emptied_by_command(command, monkeypatch, tmp_path):
    key = "abc" * 8
    program = tmp_path / "cache" / key
    program.mkdir(parents=True)
    about = {"sizes": [5, 4, 3], "phases": 12, "learns": True, "stock": True}
    (program / "about.json").write_text(json.dumps(about))
    (program / "program.json").write_text("x" * (2_500_000 - len(json.dumps(about))))
    (program / "main").write_text("")
    seal(program)
    monkeypatch.setenv("SYNFIRE_BP_CACHE", str(tmp_path / "cache"))
    code, said, _ = command("cache", "list")
    assert code == 0
    row = next(line for line in said.splitlines() if line.startswith(key))
    assert row.split()[:6] == [key, "5-4-3", "12", "learns,", "stock", "2.5"]
    code, said, _ = command("cache", "clear")
    assert code == 0 and "1 programs removed" in said
    assert not program.exists()
