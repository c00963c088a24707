"""How errors come back: each kind against its algorithm, against the circuit, and resumed."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import lines_of, numbers_of
from small import SMALL

import synfire_bp as sb
from synfire_bp.circuit import Matrix
from synfire_bp.circuit.decay import WHOLE, kept, shrunk
from synfire_bp.circuit.weights import initial_feedback
from synfire_bp.engines import CircuitEngine, OracleEngine
from synfire_bp.engines import circuit as engines
from synfire_bp.errors import CircuitError, ExperimentError, RunDirectoryError, SynfireError
from synfire_bp.model import Experiment, assemble
from synfire_bp.network import build_network
from synfire_bp.network.lines import Lines
from synfire_bp.oracle import Algorithm, Decay, Samples, learn
from synfire_bp.runs import load_checkpoint
from synfire_bp.training import dataset_of, verification
from synfire_bp.training.alignment import alignment, angle, mean_unit_angle

VARIANTS = Path(__file__).parents[2] / "models" / "variants"
DECAYS = ("feedback=kolen_pollack", "feedback.decay=0.05", "feedback.every=7")
DETERMINISTIC = {
    "feedback_alignment": ("feedback=feedback_alignment",),
    "sign_symmetric": ("feedback=sign_symmetric",),
    "kolen_pollack": ("feedback=kolen_pollack",),
    "kolen_pollack_decay": DECAYS,
    "output_only": ("feedback=output_only",),
}
EACH = pytest.mark.parametrize("name", DETERMINISTIC)
OWN = ("feedback_alignment", "sign_symmetric", "kolen_pollack", "kolen_pollack_decay")
SEED = "training.seed=10"
"""With this one each kind of feedback ends with weights of its own."""


@pytest.fixture(scope="module", autouse=True)
def built_once():
    """Look for a compiled program once: even to find it takes a moment."""
    with pytest.MonkeyPatch.context() as patch:
        build = cache(engines.build_programs)

        def bare(specs):
            return build(tuple(spec.bare() for spec in specs))

        patch.setattr(engines, "build_programs", bare)
        yield


@pytest.fixture(scope="module")
def model(experiment, small_npz):
    path = small_npz(SMALL, n_train=60)

    def make(*overrides):
        return experiment(SEED, *overrides, path=path)

    return make


# ---------------------------------------------------------------- decay

weights_ = st.integers(-127, 127).map(lambda steps: 2 * steps)
decays = st.floats(0, 1)


@given(w=weights_, v=weights_, decay=decays)
def test_decay_keeps_the_order_and_brings_no_two_weights_further_apart(w, v, decay):
    after_w, after_v = (int(shrunk(np.array(x), kept(decay))) for x in (w, v))
    assert (after_w <= after_v) if w <= v else (after_w >= after_v)
    assert abs(after_w - after_v) <= abs(w - v)
    assert after_w % 2 == 0
    assert int(shrunk(np.array(-w), kept(decay))) == -after_w
    exact = abs(w) // 2 * (1 - decay)
    assert abs(abs(after_w) / 2 - exact) < 1 + 127 / WHOLE + 1e-9


@given(w=weights_.filter(bool), decay=st.floats(0, 1, exclude_min=True))
def test_a_weight_that_decays_loses_a_step_at_least(w, decay):
    assert abs(int(shrunk(np.array(w), kept(decay)))) <= abs(w) - 2


def test_no_decay_is_none_and_whole_decay_leaves_nothing():
    w = np.arange(-254, 256, 2, dtype=np.int16)
    np.testing.assert_array_equal(shrunk(w, kept(0)), w)
    assert not shrunk(w, kept(1)).any()


@given(
    w=weights_,
    v=weights_,
    decay=st.floats(0.001, 1),
    updates=st.lists(st.sampled_from([-2, 0, 2]), max_size=300),
)
def test_weights_that_get_equal_updates_never_part_and_meet_when_these_end(w, v, decay, updates):
    pair, apart = np.array([w, v]), abs(w - v)
    for update in updates + 127 * [0]:
        pair = shrunk(np.clip(pair + update, -254, 254), kept(decay))
        assert abs(pair[0] - pair[1]) <= apart
        apart = abs(pair[0] - pair[1])
    assert apart == 0


# ---------------------------------------------------------------- the algorithm, written once more


def plain(samples, labels, w1, w2, back, algorithm, shown):
    """Show samples in order, one after the other, as the module's text says; return the weights."""
    w1, w2 = w1.astype(int), w2.astype(int)
    own = None if back is None else back.astype(int)
    hidden_learns, back_learns = algorithm.learns[0], algorithm.learns[-1]
    every, keep = (0, 0) if algorithm.decay is None else (
        algorithm.decay.every, algorithm.decay.keep
    )  # fmt: skip
    for k, (x, label) in enumerate(zip(samples.astype(int), labels, strict=True)):
        a1 = x @ w1
        h = a1 > 512
        a2 = h @ w2
        o, t = a2 > 512, np.arange(w2.shape[1]) == label
        d = (t & ~o & (a2 > 0)).astype(int) - (o & ~t & (a2 <= 1024))
        e = (w2 if own is None else own) @ d
        change = 2 * np.outer(h, d)
        w2 = np.clip(w2 + change, -254, 254)
        if own is not None and back_learns:
            own = np.clip(own + change, -254, 254)
        if hidden_learns:
            d1 = np.sign(e) * ((a1 > 0) & (a1 <= 1024))
            w1 = np.clip(w1 + 2 * np.outer(x, d1), -254, 254)
        if every and (shown + k + 1) % every == 0:
            w2 = np.sign(w2) * 2 * (abs(w2) // 2 * keep // WHOLE)
            if own is not None and back_learns:
                own = np.sign(own) * 2 * (abs(own) // 2 * keep // WHOLE)
    return w1, w2, own


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**20),
    own=st.booleans(),
    back_learns=st.booleans(),
    hidden_learns=st.booleans(),
    every=st.sampled_from([0, 1, 3, 7]),
    decay=st.sampled_from([0.01, 0.1, 0.5]),
    shown=st.integers(0, 20),
    cut=st.integers(0, 30),
)
def test_the_oracle_does_what_an_algorithm_says_in_one_go_or_in_two(
    seed, own, back_learns, hidden_learns, every, decay, shown, cut
):
    rng = np.random.default_rng(seed)
    x = (rng.random((30, 12)) < 0.6).astype(np.uint8)
    labels = rng.integers(0, 3, 30)
    weights = sb.initial_weights((12, 8, 3), seed)
    back = initial_feedback((12, 8, 3), seed)[1] if own else None
    learns = (hidden_learns, True, *([back_learns] if own else []))
    algorithm = Algorithm(
        (12, 8, 3), feedback=(1,) if own else (), learns=learns,
        decay=Decay(every, kept(decay), (False, *learns[1:])) if every else None,
    )  # fmt: skip
    expected = plain(x, labels, *weights, back, algorithm, shown)
    samples = Samples.of(x, labels, 3)
    for parts in ([np.arange(30)], [np.arange(cut), np.arange(cut, 30)]):
        w1, w2 = (w.copy() for w in weights)
        held, before = None if back is None else back.copy(), shown
        for part in parts:
            matrices = (w1, w2, *([held] if own else []))
            learn(samples, matrices, part, algorithm, shown=before)
            before += len(part)
        for found, wanted in zip((w1, w2, held), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("back", "said"),
    [
        (np.zeros((3, 8), dtype=np.int16), r"are \(3, 8\); must be \(8, 3\)"),
        (np.zeros((8, 3)), "b2 must be a two-dimensional array of signed integers"),
        (np.zeros((8, 3), dtype=np.int8), "16 bits"),
    ],
)
def test_a_feedback_matrix_that_does_not_fit_is_refused(back, said):
    samples = Samples.of(np.zeros((1, 12), dtype=np.uint8), np.zeros(1, dtype=int), 3)
    weights = sb.initial_weights((12, 8, 3), 0)
    with pytest.raises(SynfireError, match=said):
        learn(samples, (*weights, back), np.arange(1), Algorithm((12, 8, 3), feedback=(1,)))


# ---------------------------------------------------------------- circuit and oracle


@EACH
def test_circuit_and_oracle_learn_the_same(model, name):
    result = sb.verify(model(*DETERMINISTIC[name]), epochs=3)
    assert result.exact
    assert result.samples == 180
    learnt = {row.projection: row.learnt > 0 for row in result.projections}
    fixed = {
        "feedback_alignment": {"o→hT", "oT→hT"},
        "sign_symmetric": {"o→hT", "oT→hT"},
        "output_only": {"x→h", "x→h<", "x→h>"},
    }.get(name, set())
    assert {projection for projection, moved in learnt.items() if not moved} == fixed


def test_steps_without_a_moment_are_spared_the_loop_over_synapses(model, program_cache):
    experiment = model(*DECAYS)
    CircuitEngine(assemble(experiment), dataset_of(experiment), uses=["train"]).close()
    sources = list(program_cache.glob("*/code_objects/variant_after*.cpp"))
    assert any("const int _N = feedback_due ?" in source.read_text() for source in sources)


def test_feedback_through_other_weights_teaches_other_things(model):
    """Else the comparisons would show nothing: each kind ends with weights of its own."""
    ends = {}
    for name, overrides in {"paper": (), **DETERMINISTIC}.items():
        experiment = model(*overrides)
        engine = OracleEngine(assemble(experiment), dataset_of(experiment))
        order = np.tile(np.arange(60), 3)
        ends[name] = b"".join(
            w.tobytes() for w in engine.train(assemble(experiment).start, order).weights[:2]
        )
    assert len(set(ends.values())) == len(ends)


def test_a_notebook_runs_the_same_lines(model):
    """Brian2's runtime mode: its functions are Python's, not the compiled ones."""
    experiment = model(*DECAYS)
    dataset, circuit = dataset_of(experiment), assemble(experiment).circuit
    weights, order = assemble(experiment).start, np.arange(15)
    variant = experiment.feedback
    net = build_network(
        circuit, weights=weights, inputs=dataset.train.inputs, labels=dataset.train.labels,
        order=order, lines=lines_of(variant, circuit),
        more=numbers_of(variant, circuit, 0, shown=4),
    )  # fmt: skip
    net.run(len(order))
    left = OracleEngine(assemble(experiment), dataset).train(weights, order, shown_before=4).weights
    for row, matrix in net.weights().items():
        held = row.sign * (matrix.T if row.transposed else matrix)
        np.testing.assert_array_equal(held, left[row.layer], err_msg=row.name)


@pytest.mark.parametrize(
    "overrides",
    [
        DECAYS,
        ("feedback=weight_drift", "feedback.drift=0.2", "feedback.failure=0.3",
         "feedback.decay=0.05", "feedback.every=7"),
    ],
)  # fmt: skip
def test_the_circuit_ends_with_the_same_bits_wherever_it_was_stopped(model, overrides):
    experiment = model(*overrides)
    weights, order = assemble(experiment).start, np.arange(60)
    with closing(
        CircuitEngine(assemble(experiment), dataset_of(experiment), uses=["train"])
    ) as engine:
        whole = engine.train(weights, order).copies
        for cuts in ([7], [20, 28], [13]):  # a moment just past, coming, and neither
            held, copies, before = weights, None, 0
            for part in np.split(order, cuts):
                done = engine.train(held, part, copies=copies, shown_before=before)
                held, copies, before = done.weights, done.differing_copies, before + len(part)
            for row, matrix in whole.items():
                np.testing.assert_array_equal(done.copies[row], matrix, err_msg=row.name)


# ---------------------------------------------------------------- drift and failing updates


@pytest.fixture(scope="module")
def disturbed(model):
    """Train the circuit on some samples with disturbed copies; return it before and after."""

    def run(*overrides, samples=60):
        experiment = model("feedback=weight_drift", *overrides)
        weights = assemble(experiment).start
        with closing(
            CircuitEngine(assemble(experiment), dataset_of(experiment), uses=["train"])
        ) as engine:
            done = engine.train(weights, np.arange(samples))
        return {
            row.name: (weights[row.layer].astype(int), matrix.astype(int))
            for row, matrix in done.copies.items()
        }

    return run


def test_where_every_update_fails_nothing_is_learnt(disturbed):
    for before, after in disturbed("feedback.failure=1.0").values():
        np.testing.assert_array_equal(before, after)


def test_failing_updates_are_as_many_as_asked_and_differ_between_copies(disturbed):
    alike, half = disturbed("feedback.failure=1e-9"), disturbed("feedback.failure=0.5")
    moved = [sum(abs(after - before).sum() for before, after in run.values())
             for run in (alike, half)]  # fmt: skip
    assert 0.25 < moved[1] / moved[0] < 0.8
    assert all((alike["h→o"][1] == alike[name][1]).all() for name in ("h→o<", "o→hT", "oT→hT"))
    assert any((half["h→o"][1] != half[name][1]).any() for name in ("h→o<", "o→hT", "oT→hT"))


def test_drift_moves_every_weight_a_step_at_each_moment_where_it_is_certain(disturbed):
    quiet = ("feedback.failure=1.0", "feedback.drift=1.0", "feedback.every=9")
    for samples, moments in ((8, 0), (9, 1), (60, 6)):
        for before, after in disturbed(*quiet, samples=samples).values():
            steps = (after - before) // 2
            inside = abs(before) + 2 * moments <= 254
            assert (abs(steps) <= moments).all()
            assert (steps[inside] % 2 == moments % 2).all()
    ups = np.concatenate([(a > b).ravel() for b, a in disturbed(*quiet, samples=9).values()])
    assert 0.4 < ups.mean() < 0.6  # of 408 weights
    assert all(abs(after).max() <= 254 for _, after in disturbed(*quiet).values())


def test_drift_hangs_on_the_seed_and_on_nothing_else(disturbed):
    quiet = ("feedback.failure=1.0", "feedback.drift=0.3", "feedback.every=5")
    first, again, other = (
        disturbed(*quiet, *more) for more in ((), (), ("training.seed=4",))
    )  # fmt: skip
    changes = [
        np.concatenate([(after - before).ravel() for before, after in run.values()])
        for run in (first, again, other)
    ]
    np.testing.assert_array_equal(changes[0], changes[1])
    assert (changes[0] != changes[2]).mean() > 0.3
    assert np.mean(changes[0] != 0) > 0.15


def test_the_oracle_says_why_it_cannot_follow_copies_that_differ(model, tmp_path):
    experiment = model("feedback=weight_drift", "feedback.drift=0.1")
    with pytest.raises(SynfireError, match=r"weight_drift.*use the engine 'circuit'"):
        sb.train(experiment, engine="oracle", out=tmp_path / "run")
    with pytest.raises(SynfireError, match="weight_drift"):
        verification.verify(experiment)


# ---------------------------------------------------------------- angles


def test_angles_are_those_of_geometry():
    one = np.array([[2, 0], [0, 4]])
    assert angle(one, one) == pytest.approx(0, abs=1e-5)
    assert angle(one, -one) == pytest.approx(180)
    assert angle(one, np.array([[0, 6], [-2, 0]])) == pytest.approx(90)
    assert angle(np.array([[2, 0]]), np.array([[2, 2]])) == pytest.approx(45)
    assert angle(one, np.zeros((2, 2), dtype=int)) == 90
    # of units: 45 and 0 degrees
    assert mean_unit_angle(one, np.array([[2, 2], [0, 2]])) == pytest.approx(22.5)


def test_the_way_back_of_copies_that_differ_is_their_sum(model):
    circuit = assemble(model()).circuit
    w1, w2 = assemble(model()).start
    copies = {row.name: (w1, w2)[row.layer] for row in circuit.plastic}
    assert alignment(circuit, (w1, w2), copies) == {"angle_b2": 0, "unit_angle_b2": 0}
    copies |= {"o→hT": 3 * w2, "oT→hT": -w2}
    assert alignment(circuit, (w1, w2), copies)["angle_b2"] == 0
    copies |= {"o→hT": -w2, "oT→hT": -w2}
    assert alignment(circuit, (w1, w2), copies)["angle_b2"] == 180


# ---------------------------------------------------------------- what a training leaves


@pytest.mark.parametrize("name", OWN)
def test_a_run_holds_the_feedback_matrix_and_its_angle(model, tmp_path, name):
    experiment = model(*DETERMINISTIC[name], "training.epochs=3")
    run = sb.train(experiment, engine="oracle", out=tmp_path)
    held = run.weights
    assert set(held) == {f"{m}{end}" for m in ("w1", "w2", "b2") for end in ("", "_init")}
    for matrix, start in zip(("w1", "w2", "b2"), assemble(experiment).start, strict=True):
        np.testing.assert_array_equal(held[f"{matrix}_init"], start)
    fixed = name in ("feedback_alignment", "sign_symmetric")
    assert (held["b2"] == held["b2_init"]).all() == fixed
    assert run.activity.angle_b2.iloc[-1] == pytest.approx(angle(held["w2"], held["b2"]), abs=1e-4)
    assert len(run.activity.angle_b2) == 3
    assert (
        sb.test(run, engine="oracle").score.row()["accuracy_spikes"]
        == (run.metrics.accuracy_spikes.iloc[-1])
    )


def test_the_paper_has_no_angle(model, tmp_path):
    run = sb.train(model(), engine="oracle", out=tmp_path)
    assert "angle_b2" not in run.activity
    assert set(run.weights) == {"w1", "w2", "w1_init", "w2_init"}


def test_decay_counts_on_in_a_resumed_training(model, tmp_path):
    overrides = (*DECAYS, "training.evaluate_every=0.3")  # pauses at 18, 36, 54 samples, …
    whole = sb.train(model(*overrides, "training.epochs=3"), engine="oracle", out=tmp_path / "a")
    sb.train(model(*overrides), engine="oracle", out=tmp_path / "b")
    assert load_checkpoint(tmp_path / "b" / "checkpoint.npz").names == ("w1", "w2", "b2")
    longer = model(*overrides, "training.epochs=3")
    resumed = sb.train(longer, engine="oracle", out=tmp_path / "b", resume=True)
    for name, matrix in whole.weights.items():
        np.testing.assert_array_equal(resumed.weights[name], matrix, err_msg=name)
    every = sb.train(model(*DECAYS, "training.epochs=3"), engine="oracle", out=tmp_path / "c")
    np.testing.assert_array_equal(every.weights["b2"], whole.weights["b2"])


def test_a_folder_of_the_paper_is_not_taken_for_one_of_a_variant(model, tmp_path):
    sb.train(model(), engine="oracle", out=tmp_path)
    with pytest.raises(RunDirectoryError, match=r'feedback\.kind: null there, "kolen_pollack"'):
        sb.train(model(*DETERMINISTIC["kolen_pollack"]), engine="oracle", out=tmp_path)


# ---------------------------------------------------------------- what it starts from


def test_feedback_starts_independent_of_the_weights_or_with_their_signs(model):
    sizes = ("network.sizes=[50, 200, 10]",)
    _, w2, back = assemble(model("feedback=kolen_pollack", *sizes)).start
    _, same, signed = assemble(model("feedback=sign_symmetric", *sizes)).start
    np.testing.assert_array_equal(w2, same)
    assert abs(angle(w2, back) - 90) < 5  # of 2,000 weights
    np.testing.assert_array_equal(np.sign(signed), np.sign(w2) * (back != 0))
    np.testing.assert_array_equal(abs(signed), abs(back) * (w2 != 0))
    assert 0.8 < back.std() / w2.std() < 1.25
    assert abs(back).max() <= 240
    limited = assemble(model("feedback=kolen_pollack", "network.weight_limit=100")).start
    assert abs(limited[2]).max() <= 100


def test_a_circuit_with_feedback_of_its_own_knows_shapes_and_names(model):
    made = assemble(model("feedback=kolen_pollack"))
    circuit, inference = made.circuit, made.inference.circuit
    assert circuit.shapes == ((12, 8), (8, 3), (8, 3))
    assert circuit.matrix_names == ("w1", "w2", "b2")
    assert [(row.name, row.sign) for row in circuit.plastic if row.layer == 2] == [
        ("o→hT", 1), ("oT→hT", -1),
    ]  # fmt: skip
    assert circuit.structure() == sb.backprop_circuit(SMALL).structure()
    assert inference == sb.inference_circuit(SMALL)
    assert sb.firing_table(circuit) == sb.firing_table(sb.backprop_circuit(SMALL))
    with pytest.raises(CircuitError, match="'b6' takes the place of layer 5; must be below 2"):
        replace(circuit, further=(Matrix("b6", "hidden", "output", stands_for=5),))
    with pytest.raises(CircuitError, match="names the unknown layer 'hiden'"):
        replace(circuit, further=(Matrix("b2", "hiden", "output", stands_for=1),))
    with pytest.raises(CircuitError, match=r"more than one matrix is named \['w2'\]"):
        replace(circuit, further=(Matrix("w2", "hidden", "output", stands_for=1),))


def test_the_paper_adds_no_line(model):
    assert assemble(model("feedback=symmetric")).network.lines == Lines()
    symmetric, plain = assemble(model("feedback=symmetric")), assemble(model())
    assert symmetric.circuit == plain.circuit
    assert symmetric.inference.circuit == plain.inference.circuit


# ---------------------------------------------------------------- bad input

TEXT = """\
name: small
dataset: {name: digits}
network: {sizes: [64, 10, 10]}
training: {epochs: 2}
feedback:
"""


@pytest.mark.parametrize(
    ("entries", "line", "said"),
    [
        ("kind: direct_feedback_alignment", 5, "feedback: .*same as feedback_alignment"),
        ("kind: feedback_alignmnet", 6, "kind: .*did you mean feedback_alignment"),
        ("decay: 0.1", 6, "decay: has no effect on feedback.kind 'symmetric'"),
        ("kind: feedback_alignment\n  decay: 0.1", 7, "decay: .*use feedback.kind: kolen_pollack"),
        ("kind: kolen_pollack\n  drift: 0.1", 7, "drift: .*use feedback.kind: weight_drift"),
        ("kind: kolen_pollack\n  failure: 0.1", 7, "failure: .*use feedback.kind: weight_drift"),
        ("kind: kolen_pollack\n  decay: 1.5", 7, "decay: is 1.5, but must be 1 or less"),
        ("kind: weight_drift\n  drift: -0.1", 7, "drift: is -0.1, but must be 0 or greater"),
        ("kind: weight_drift\n  drift: .nan", 7, "drift: .*a finite number"),
        ("kind: weight_drift", 5, "failure: is missing: nothing disturbs the copies"),
        ("kind: kolen_pollack\n  every: 100", 7, "every: has no effect without"),
        ("kind: kolen_pollack\n  decay: 0.1\n  every: 0", 8, "every: is 0, but must be 1"),
        ("kind: kolen_pollack\n  decy: 0.1", 7, "decy: unknown key; did you mean decay"),
        ("[1]", 5, "feedback: is .* but must be a section"),
    ],
)
def test_what_does_not_go_together_is_refused_with_its_line(entries, line, said):
    with pytest.raises(ExperimentError, match=rf"small.yaml:{line}: (feedback\.)?{said}") as caught:
        Experiment.from_yaml(f"{TEXT}  {entries}\n", "small.yaml")
    assert len(str(caught.value).splitlines()) == 1


def test_decay_needs_weights_as_fine_as_its_steps():
    text = TEXT.replace("feedback:", "hardware: {weight_bits: 6}\nfeedback:")
    with pytest.raises(ExperimentError, match=r"small.yaml:6: feedback: .*weight_bits 6"):
        Experiment.from_yaml(f"{text}  kind: kolen_pollack\n  decay: 0.1\n", "small.yaml")
    Experiment.from_yaml(f"{text}  kind: kolen_pollack\n", "small.yaml")


def test_a_kind_alone_may_be_written_and_overridden():
    values = {
        "name": "x", "dataset": {"name": "digits"}, "network": {"sizes": [64, 10, 10]},
        "training": {"epochs": 1}, "feedback": "kolen_pollack",
    }  # fmt: skip
    short = Experiment.from_dict(values)
    assert short == Experiment.from_dict({**values, "feedback": {"kind": "kolen_pollack"}})
    assert short.changed(["feedback.decay=0.1"]).feedback.decay == 0.1
    assert Experiment.from_dict(values, overrides=["feedback.decay=0.1"]).feedback.decay == 0.1
    assert short.changed(["feedback=null"]).fingerprint() != short.fingerprint()
    assert Experiment.from_yaml(short.to_yaml()) == short


# ---------------------------------------------------------------- models


@pytest.mark.parametrize("data", ["digits", "mnist"])
@pytest.mark.parametrize("name", [*DETERMINISTIC, "weight_drift"])
def test_every_kind_has_a_model_file_that_names_its_source(data, name):
    file = VARIANTS / f"{data}_{name}.yaml"
    experiment = Experiment.from_file(file)
    assert experiment.name == file.stem
    assert experiment.dataset.name == data
    assert experiment.feedback.kind == name.removesuffix("_decay")
    assert (experiment.feedback.decay is not None) == name.endswith("_decay")
    assert any(year in file.read_text() for year in ("1960", "1994", "2008", "2014", "2016"))


@pytest.mark.slow
@pytest.mark.mnist
@EACH
def test_circuit_and_oracle_learn_mnist_the_same(name):
    overrides = ("feedback.every=300",) if name.endswith("_decay") else ()
    experiment = Experiment.from_file(VARIANTS / f"mnist_{name}.yaml", overrides)
    result = sb.verify(experiment, samples=2000)
    assert result.exact
    assert sum(row.learnt for row in result.projections) > 10_000


@pytest.mark.parametrize(
    "entries", ["kind: output_only", "kind: kolen_pollack, decay: 0.1, every: 40"]
)
def test_deeper_networks_learn_the_same_in_circuit_and_oracle(entries):
    text = TEXT.replace("[64, 10, 10]", "[64, 12, 11, 10]").rstrip() + f" {{{entries}}}\n"
    result = sb.verify(Experiment.from_yaml(text, "small.yaml"), samples=150)
    assert result.exact
    assert any(row.learnt for row in result.projections)


@pytest.mark.parametrize("kind", ["feedback_alignment", "direct_feedback_alignment"])
def test_a_deeper_network_has_a_matrix_for_each_hidden_layer(kind):
    text = TEXT.replace("[64, 10, 10]", "[64, 12, 11, 10]").rstrip() + f" {kind}\n"
    experiment = Experiment.from_yaml(text)
    shapes = [matrix.shape for matrix in assemble(experiment).start]
    direct = kind == "direct_feedback_alignment"
    back = [(12, 10), (11, 10)] if direct else [(12, 11), (11, 10)]
    assert shapes == [(64, 12), (12, 11), (11, 10), *back]
    data = sb.load_dataset("digits")
    learnt = OracleEngine(assemble(experiment), data).train(
        assemble(experiment).start, np.arange(200)
    )
    for before, after in zip(assemble(experiment).start[3:], learnt.weights[3:], strict=True):
        np.testing.assert_array_equal(before, after)
    assert (learnt.weights[0] != assemble(experiment).start[0]).any()
