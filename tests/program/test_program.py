"""The circuit as a compiled C++ program: equal to the algorithm, compiled once, checked each run.

The compiler is reached through a script that notes each call, so that a test can say whether
anything was compiled.  Programs are kept in the folder of the session (`conftest.py`).
"""

from __future__ import annotations

import os
import pickle
import re
import shutil
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tally_program

from synfire_bp import (
    Experiment,
    backprop_circuit,
    epoch_order,
    inference_circuit,
    initial_weights,
    oracle,
)
from synfire_bp.circuit.layout import PlasticLayout
from synfire_bp.circuit.reference import firing_table, simulate
from synfire_bp.circuit.rule import PAPER_RULE, parse_rule
from synfire_bp.circuit.weights import as_copy
from synfire_bp.engines import (
    CircuitEngine,
    CircuitProgram,
    OracleEngine,
    Stray,
    explain_strays,
)
from synfire_bp.errors import BuildError, InvariantError, RuleError, SimulationError
from synfire_bp.files import LOCK
from synfire_bp.model import assemble
from synfire_bp.network import chip_step_numbers
from synfire_bp.program import SampleFiles, build, build_programs
from synfire_bp.program.cache import BUILDING, KNOWN, USED, clear, entries
from synfire_bp.program.locks import OwnedFolder
from synfire_bp.training import dataset_of, train
from synfire_bp.training.verification import verify

WIDE = (48, 9, 4)
"""Layer sizes whose 48 inputs, at the weight limit, make closed neurons fire: 12192 > 9216."""
LOPSIDED = "dw = 6*r1*x0*y0 - 2*x0*y0"
"""A rule that adds 4 with reward and takes 2 without."""

PROJECTIONS = ["x→h", "x→h<", "x→h>", "h→o", "h→o<", "h→o>", "o→hT", "oT→hT"]


class Compiler:
    """A script named g++ that notes each call and passes it on."""

    def __init__(self, folder, *, ends_with=None):
        real = shutil.which(os.environ.get("CXX") or "g++")
        self.folder, self.log = folder, folder / "calls"
        script = folder / "g++"
        work = f"echo '{ends_with}' >&2; exit 1" if ends_with else f'exec {real} "$@"'
        script.write_text(
            "#!/bin/sh\n"
            f'case "$*" in *--version*) exec {real} "$@" ;; esac\n'
            f'echo called >> "{self.log}"\n'
            f"{work}\n"
        )
        script.chmod(0o755)

    def first_on_path(self, patch):
        patch.setenv("PATH", f"{self.folder}{os.pathsep}{os.environ['PATH']}")
        patch.delenv("CXX", raising=False)

    @property
    def calls(self):
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0


@pytest.fixture(scope="module", autouse=True)
def compiler(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        compiler = Compiler(tmp_path_factory.mktemp("compiler"))
        compiler.first_on_path(patch)
        yield compiler


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    folder = tmp_path / "programs"
    monkeypatch.setenv("SYNFIRE_BP_CACHE", str(folder))
    return folder


def content(folder):
    """Return every file of a folder with the time of its last change; not when it was used."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != USED)
    return {path: path.stat().st_mtime_ns for path in files}


def reference_spikes(circuit, dataset, weights, order, **steps):
    """Return (samples, phases, cells) and the weights, from the rows of the circuit alone."""
    inputs, labels = dataset.train.inputs[order], dataset.train.labels[order]
    patterns = {"input": inputs, "target": np.arange(circuit.sizes[-1]) == labels[:, None]}
    fired, plastic = simulate(
        circuit,
        [as_copy(row, weights) for row in circuit.plastic],
        {name: pattern[None].astype(int) for name, pattern in patterns.items()},
        **steps,
    )
    return fired[0], [matrix[0] for matrix in plastic]


# -- equal to the algorithm -----------------------------------------------------------------------


def assert_exact(found, samples):
    assert found.samples == samples
    assert [row.projection for row in found.projections] == PROJECTIONS
    assert [row.different for row in found.projections] == [0] * 8
    assert min(row.learnt for row in found.projections) > 0  # or equality would mean nothing
    assert found.scores_equal
    assert found.strays == ()
    assert found.exact


@pytest.mark.parametrize(
    ("sizes", "seed", "epochs"), [((12, 8, 3), 1, 2), ((7, 19, 2), 2, 1), (WIDE, 3, 3)], ids=str
)
def test_the_circuit_equals_the_algorithm_in_all_eight_projections(experiment, sizes, seed, epochs):
    model = experiment(f"training.seed={seed}", sizes=sizes, n_train=50, seed=seed)
    found = verify(model, epochs=epochs)
    assert_exact(found, 50 * epochs)
    assert [row.compared for row in found.projections] == [
        *[sizes[0] * sizes[1]] * 3,
        *[sizes[1] * sizes[2]] * 5,
    ]


@pytest.mark.mnist
@pytest.mark.skipif("SYNFIRE_BP_DATA" not in os.environ, reason="SYNFIRE_BP_DATA is not set")
def test_the_circuit_equals_the_algorithm_on_mnist_at_the_size_of_the_paper():
    found = verify(Experiment.from_file("mnist"), samples=500)
    assert_exact(found, 500)
    assert sum(row.compared for row in found.projections) == 500_000


def test_the_program_fires_spike_for_spike_as_the_rows_say(experiment):
    model = experiment(seed=5)
    dataset, weights = dataset_of(model), initial_weights(model.network.sizes, 5)
    order = epoch_order(5, 0, 40)
    with closing(CircuitEngine(assemble(model), dataset)) as engine:
        segment = engine.train(weights, order, record=True)
    circuit = assemble(model).circuit
    spikes, plastic = reference_spikes(circuit, dataset, weights, order)
    for name, at in circuit.slices.items():
        assert np.array_equal(segment.spike_counts[name], spikes[:, :, at].sum(axis=(0, 2))), name
        neuron, step = segment.recorded[name]
        found = np.zeros((40 * circuit.n_phases, at.stop - at.start), dtype=bool)
        found[step, neuron] = True
        assert np.array_equal(found, spikes[:, :, at].reshape(found.shape)), name
        assert found.sum() == len(step)
    for row, wanted in zip(circuit.plastic, plastic, strict=True):
        assert np.array_equal(segment.copies[row], as_copy(row, [wanted, wanted])), row.name


def test_a_spike_that_triggers_learning_arrives_with_the_weight_from_before(experiment):
    model = experiment(active=1.1)  # all inputs on; the first label is 0
    # all hidden units fire (a1 = 600); output 0 sums to 400, below its target
    w1, w2 = np.full((12, 8), 50, np.int16), np.full((8, 3), -2, np.int16)
    w2[:, 0] = [100] * 4 + [0] * 4  # 2 after learning: units 4 ... 7 would then see an error
    with closing(CircuitEngine(assemble(model), dataset_of(model))) as engine:
        segment = engine.train((w1, w2), np.array([0]))
    assert (segment.weights[1] - w2).tolist() == [[2, 0, 0]] * 8
    assert (segment.weights[0] - w1).tolist() == [[2] * 4 + [0] * 4] * 12
    assert segment.unequal == {}


def test_the_inference_program_answers_as_the_algorithm(experiment):
    model = experiment(seed=6, n_train=64)
    dataset, rng = dataset_of(model), np.random.default_rng(6)
    draw = np.arange(-100, 255, 2, dtype=np.int16)
    weights = tuple(rng.choice(draw, shape) for shape in pairwise(model.network.sizes))
    with closing(CircuitEngine(assemble(model), dataset)) as engine:
        tested = {split: engine.test(weights, split) for split in ("train", "test")}
    for split, segment in tested.items():
        samples = getattr(dataset, split)
        answer = oracle.forward(samples.inputs, *weights)
        targets = np.arange(3) == samples.labels[:, None]
        assert 0.2 < answer.spikes.mean() < 0.8
        assert segment.samples == len(samples) == segment.score.samples
        right = answer.spikes.argmax(axis=1) == samples.labels
        assert segment.score.correct_argmax == right.sum()
        right = answer.potentials.argmax(axis=1) == samples.labels
        assert segment.score.correct_potential == right.sum()
        assert segment.score.squared_errors == (answer.spikes != targets).sum()
        assert segment.strays == ()


# -- compiled once --------------------------------------------------------------------------------


def test_a_program_trains_on_other_data_weights_and_orders_without_compiling_again(
    experiment, compiler, empty_cache
):
    first = experiment("training.seed=1", seed=10)
    with closing(CircuitEngine(assemble(first), dataset_of(first))):
        pass  # now it is compiled
    calls, files = compiler.calls, content(empty_cache)
    assert any(path.name == "main" for path in files)

    other = experiment("training.seed=2", "network.weight_limit=254", seed=11, n_train=70, n_test=5)
    results = []
    for model, seed, n in ((first, 1, 40), (other, 2, 70)):
        dataset = dataset_of(model)
        algorithm = OracleEngine(assemble(model), dataset)
        with closing(CircuitEngine(assemble(model), dataset)) as engine:
            for order in (epoch_order(seed, 0, n), epoch_order(seed, 1, n)[: n // 2]):
                weights = initial_weights(model.network.sizes, seed)
                found, wanted = engine.train(weights, order), algorithm.train(weights, order)
                assert all(map(np.array_equal, found.weights, wanted.weights))
                assert found.score == wanted.score
                results.append(found.weights[0])
    assert all(np.any(a != b) for k, a in enumerate(results) for b in results[:k])
    assert compiler.calls == calls
    assert content(empty_cache) == files


def test_builds_at_the_same_time_in_threads_and_processes_do_not_clash(
    empty_cache, compiler, tmp_path
):
    """One program, from nothing: by a process with two threads, and by another at the same time."""
    spec = CircuitProgram(inference_circuit((3, 2, 2)), None)
    script = (
        "import pickle, sys; from synfire_bp.program import build_programs; "
        "specs = pickle.load(open(sys.argv[1], 'rb')); "
        "print(*(program.folder for program in build_programs(specs)), sep='\\n')"
    )
    before, builders = compiler.calls, []
    for name, specs in (("two threads", [spec, spec]), ("one thread", [spec])):
        path = tmp_path / name
        path.write_bytes(pickle.dumps(specs))
        builders.append(
            subprocess.Popen(
                [sys.executable, "-c", script, str(path)],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
    said = [builder.communicate() for builder in builders]
    assert [builder.returncode for builder in builders] == [0, 0], said
    (folder,) = {Path(line) for stdout, _ in said for line in stdout.splitlines()}
    assert set(empty_cache.iterdir()) == {folder, empty_cache / KNOWN}  # nothing half-built is left

    calls = compiler.calls
    assert calls > before  # the script does note what is compiled
    (program,) = build_programs([spec])
    assert program.folder == folder
    assert compiler.calls == calls

    weights = np.full((3, 2), 254, np.int16), np.array([[254, 252], [8, 254]], np.int16)
    inputs = np.tri(4, 3, -1, dtype=np.uint8)
    start = chip_step_numbers(spec.circuit, PlasticLayout(spec.circuit), weights)
    with SampleFiles(inputs, np.zeros(4, int)) as samples:
        result = program.run(start, samples, np.arange(4))
    assert result.arrays["readout.potential"].tolist() == [[0, 0]] * 3 + [[262, 506]]  # 3 * 254


def test_a_network_that_is_no_circuit_becomes_a_program_too(empty_cache, monkeypatch):
    scenes = Path(tally_program.__file__).parent  # where the generator's process finds it
    monkeypatch.setenv("PYTHONPATH", f"{scenes}{os.pathsep}{Path(__file__).parents[2]}")
    (program,) = build_programs([tally_program.Tally(n_inputs=5, steps_per_sample=3)])
    assert [entry.about for entry in entries()] == [{"counts": 5}]
    rng = np.random.default_rng(0)
    inputs, order, weight = rng.random((6, 5)) < 0.5, np.array([4, 0, 0, 5]), np.arange(1, 6)
    with SampleFiles(inputs.astype(np.uint8), np.zeros(6, int)) as samples:
        result = program.run({"units.weight": weight.astype(np.int32)}, samples, order)
    assert result.samples == 4
    on = np.repeat(inputs[order], 3, axis=0)  # (steps, units)
    assert sorted(result.arrays) == ["step", "total", "unit"]
    assert result.arrays["total"].tolist() == (weight * on.sum(axis=0)).tolist()
    assert list(zip(result.arrays["step"], result.arrays["unit"], strict=True)) == [
        tuple(at) for at in np.argwhere(on)
    ]


# -- what stops a build ---------------------------------------------------------------------------

TINY = CircuitProgram(backprop_circuit((3, 2, 2)), PAPER_RULE)


def test_a_missing_compiler_is_named(empty_cache, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BuildError, match=r"'g\+\+' is not on the PATH; install .*engine='oracle'"):
        build_programs([TINY])
    assert not empty_cache.exists()


def test_a_missing_compiler_of_ones_own_is_named(empty_cache, monkeypatch):
    monkeypatch.setenv("CXX", "icpx-of-nobody -fast")
    with pytest.raises(BuildError, match="'icpx-of-nobody' is not on the PATH"):
        build_programs([TINY])


def test_a_compiler_that_does_not_run_is_named(empty_cache, monkeypatch):
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(BuildError, match=r"the C\+\+ compiler 'false' does not run"):
        build_programs([TINY])


def test_a_stock_program_is_brian2s_own_with_its_clock_and_its_sources(empty_cache):
    programs = build_programs([TINY, replace(TINY, stock=True)])
    ours, stock = ((program.folder / "others.cpp").read_text() for program in programs)
    assert "processor_time.cpp" in ours and "processor_time.cpp" not in stock
    for program, rows in zip(programs, (True, False), strict=True):
        files = program.folder.glob("code_objects/*.h")
        assert any("class Rows" in file.read_text() for file in files) == rows


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_cxx_means_the_usual_compiler(empty_cache, monkeypatch, empty):
    monkeypatch.setenv("CXX", empty)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BuildError, match=r"'g\+\+' is not on the PATH"):
        build_programs([TINY])


def test_what_the_compiler_complains_of_is_passed_on_and_nothing_is_kept(
    empty_cache, tmp_path, monkeypatch
):
    folder = tmp_path / "bin"
    folder.mkdir()
    Compiler(folder, ends_with="fatal: no room for templates").first_on_path(monkeypatch)
    with pytest.raises(BuildError, match=r"(?s)compiling the C\+\+ code failed:.*no room for temp"):
        build_programs([TINY])
    assert {path.suffix for path in empty_cache.rglob("*") if path.is_file()} <= {".lock"}


def test_a_rule_that_cannot_be_read_stops_the_generation(empty_cache):
    with pytest.raises(RuleError, match=r"unknown factor 'z0'"):
        build_programs([CircuitProgram(TINY.circuit, "dw = 2*x0*z0")])
    assert not any(empty_cache.glob("*"))


def test_numbers_are_no_part_of_a_program_and_structure_is():
    spec = CircuitProgram(backprop_circuit((2, 3, 2)), PAPER_RULE)
    same = CircuitProgram(
        backprop_circuit((2, 3, 2), closing=16384, weight_limit=100), "dw = 6*x0*y0*r1 - 8*y0*x0"
    )
    assert same != spec
    assert same.bare() == spec.bare()
    others = [
        CircuitProgram(backprop_circuit((2, 3, 3)), PAPER_RULE),
        CircuitProgram(backprop_circuit((2, 3, 2)), "dw = 4*r1*x0*y0 - 2*x0*y0*w"),
        CircuitProgram(backprop_circuit((2, 3, 2)), None),
        CircuitProgram(backprop_circuit((2, 3, 2)), PAPER_RULE, stock=True),
    ]
    assert all(other.bare() != spec.bare() for other in others)


def test_the_cache_lists_what_it_holds_and_can_be_emptied(empty_cache):
    assert entries() == []
    (program,) = build_programs([TINY])
    (entry,) = entries()
    assert entry.folder == program.folder
    assert entry.about == {
        "sizes": list(TINY.circuit.sizes), "phases": TINY.circuit.n_phases,
        "learns": TINY.rule is not None, "stock": False, "chip": False, "physical": False,
    }  # fmt: skip
    assert entry.size >= (program.folder / "main").stat().st_size
    program.close()
    with OwnedFolder(BUILDING, empty_cache) as under_way:
        assert clear() == (1, 0)
        assert list(empty_cache.iterdir()) == [under_way.path]
    assert build_programs([TINY])[0].folder == program.folder  # compiled anew


@pytest.mark.parametrize("below", [False, True], ids=["a file", "below a file"])
def test_a_cache_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch, below):
    file = tmp_path / "occupied"
    file.write_text("")
    folder = file / "programs" if below else file
    monkeypatch.setenv("SYNFIRE_BP_CACHE", str(folder))
    with pytest.raises(
        BuildError, match=f"cannot write to .*{re.escape(str(folder))}: .*set SYNFIRE_BP_CACHE"
    ):
        build_programs([TINY])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_cache_folder_without_permission_is_named(tmp_path, monkeypatch):
    tmp_path.chmod(0o500)
    monkeypatch.setenv("SYNFIRE_BP_CACHE", str(tmp_path / "programs"))
    with pytest.raises(BuildError, match="Permission denied; set SYNFIRE_BP_CACHE"):
        build_programs([TINY])


# -- what stops a run -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_program(experiment):
    """The training program of the small experiments, with numbers to start from."""
    circuit = assemble(experiment()).circuit
    (program,) = build_programs([CircuitProgram(circuit, PAPER_RULE)])
    weights = initial_weights(circuit.sizes, 0)
    rule = parse_rule(PAPER_RULE)
    return program, chip_step_numbers(circuit, PlasticLayout(circuit), weights, rule)


@pytest.mark.parametrize(
    ("inputs", "order", "message"),
    [
        (np.ones((4, 12)), np.array([], dtype=int), "given no sample"),
        (np.ones((4, 12)), np.array([0, 4]), "order.i32 names no sample"),
        (np.ones((4, 12)), np.array([-1]), "order.i32 names no sample"),
        (np.ones((4, 11)), np.array([0]), "inputs.u8 and labels.i32 do not fit"),
    ],
)
def test_a_program_refuses_samples_that_do_not_fit(small_program, inputs, order, message):
    program, start = small_program
    with (
        SampleFiles(inputs, np.zeros(4, int)) as samples,
        pytest.raises(SimulationError, match=message),
    ):
        program.run(start, samples, order)


def test_samples_are_removed_from_the_disk():
    with SampleFiles(np.ones((4, 12)), np.zeros(4, int)) as samples:
        assert {path.name for path in samples.folder.iterdir()} == {
            LOCK, "inputs.u8", "labels.i32",
        }  # fmt: skip
    assert not samples.folder.exists()


# -- broken invariants ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def overdriven(experiment):
    """An experiment on patterns of all inputs, to be run from weights at their limit."""
    return experiment(sizes=WIDE, active=1.1, n_train=6, n_test=4)


def at_the_limit(sizes, seed=0, spread=1.0):
    return tuple(np.full(shape, 254, dtype=np.int16) for shape in pairwise(sizes))


def test_spikes_of_closed_populations_are_found(overdriven):
    circuit, dataset = assemble(overdriven).circuit, dataset_of(overdriven)
    assert circuit.largest_sums()["h"] == 12192 > circuit.withstands()
    order, weights = np.arange(6), at_the_limit(WIDE)
    with closing(CircuitEngine(assemble(overdriven), dataset)) as engine:
        segment = engine.train(weights, order)
    spikes, _ = reference_spikes(circuit, dataset, weights, order)
    allowed = firing_table(circuit)
    expected = {
        (name, phase): int(spikes[:, phase, at].sum())
        for name, at in circuit.slices.items()
        for phase in set(range(12)) - set(allowed[name])
        if spikes[:, phase, at].any()
    }
    assert {(stray.population, stray.phase): stray.spikes for stray in segment.strays} == expected
    # x fires for the last time in phase 11; what it sends arrives one step later
    assert {name for name, phase in expected if phase == 0} == {"h", "h<", "h>"}


def test_stray_spikes_stop_a_training_and_are_explained(overdriven, tmp_path, monkeypatch):
    monkeypatch.setattr("synfire_bp.model.model.initial_weights", at_the_limit)
    with pytest.raises(InvariantError) as caught:
        train(overdriven, engine="circuit", out=tmp_path / "run")
    message = str(caught.value)
    assert message.startswith("epoch 1, training: stray spikes: ")
    for part in ("h< ", "x in phase 0", "withstands a sum of inputs of 9216", "now 8192",
                 "Raise network.closing", "now 254", "keep_going=True"):  # fmt: skip
        assert part in message


def test_stray_spikes_are_only_reported_if_asked_for(overdriven, tmp_path, monkeypatch):
    monkeypatch.setattr("synfire_bp.model.model.initial_weights", at_the_limit)
    run = train(overdriven, engine="circuit", out=tmp_path / "run", keep_going=True)
    assert run.activity["stray_spikes"].sum() > 0


def test_a_larger_closing_bias_keeps_closed_populations_silent(overdriven, compiler):
    """As the explanation advises; the sum of 12192 stays below 16384 + 1024."""
    model = overdriven.changed(["network.closing=16384"])
    dataset, weights, order = dataset_of(model), at_the_limit(WIDE), np.arange(6)
    calls = compiler.calls
    with closing(CircuitEngine(assemble(model), dataset)) as engine:
        segment = engine.train(weights, order)
    assert compiler.calls == calls  # a bias is a number, not code
    assert segment.strays == ()
    assert segment.spike_counts["h"][2] == 6 * WIDE[1]
    wanted = OracleEngine(assemble(model), dataset).train(weights, order)
    assert all(map(np.array_equal, segment.weights, wanted.weights))


def test_verification_is_not_exact_with_stray_spikes(overdriven, monkeypatch):
    monkeypatch.setattr("synfire_bp.model.model.initial_weights", at_the_limit)
    found = verify(overdriven)
    assert found.strays
    assert not found.exact


def test_an_explanation_of_many_strays_is_short(overdriven):
    circuit = assemble(overdriven).circuit
    text = explain_strays(circuit, [Stray("h", phase, 3) for phase in range(9)])
    assert "h 3x in phase 0; h 3x in phase 1" in text
    assert "phase 6" not in text
    assert "and 3 more" in text


def test_a_lopsided_rule_makes_copies_of_the_weights_differ_and_stops_the_training(
    experiment, tmp_path
):
    """o→hT is learnt in the same phases as h→o; oT→hT, of the other sign, in the other ones."""
    model = experiment(f"learning.rule={LOPSIDED}", seed=8)
    circuit, dataset = assemble(model).circuit, dataset_of(model)
    weights, order = initial_weights(model.network.sizes, 0), epoch_order(0, 0, 40)
    with closing(CircuitEngine(assemble(model), dataset)) as engine:
        segment = engine.train(weights, order)
    _, plastic = reference_spikes(circuit, dataset, weights, order, potentiation=4, depression=-2)
    first, last = plastic[3], -plastic[7].T  # h→o, and what oT→hT stands for
    assert segment.unequal == {"oT→hT": np.count_nonzero(first != last)}
    assert segment.unequal["oT→hT"] > 0

    with pytest.raises(InvariantError, match=r"copies of a weight matrix differ \(oT→hT: \d+ w"):
        train(model, engine="circuit", out=tmp_path / "run")

    found = verify(model)
    assert {row.projection for row in found.projections if row.different} >= {"oT→hT"}
    assert not found.exact


@pytest.mark.parametrize("module", ["synfire_bp.standalone", "synfire_bp.standalone.build"])
def test_the_old_name_of_a_circuits_spec_still_stands_for_it(module, monkeypatch):
    monkeypatch.delitem(sys.modules, module, raising=False)  # it warns when it is first imported
    with pytest.warns(DeprecationWarning, match=r"import from synfire_bp\.engines\.spec"):
        assert import_module(module).ProgramSpec is CircuitProgram


def test_of_two_that_want_the_same_program_the_second_waits(tmp_path):
    known, order = tmp_path / "known" / "key", []

    def second():
        with build._alone(known):
            order.append("second")

    with build._alone(known):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]
    with build._alone(tmp_path / "known" / "other"):  # another structure: nobody waits
        pass
