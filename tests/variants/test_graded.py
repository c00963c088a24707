"""Errors that have a size: the integers, the rows and the circuit, bit by bit."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synfire_bp as sb
from synfire_bp.circuit.grades import Grade, carried, error_grades
from synfire_bp.circuit.reference import firing_table, simulate
from synfire_bp.cli import main
from synfire_bp.errors import CircuitError, ExperimentError, HardwareError, SynfireError
from synfire_bp.loihi import SPECS, constrain
from synfire_bp.model.experiment import json_schema
from synfire_bp.oracle import Algorithm, Samples, learn

SMALL = "network.sizes=[64, 20, 10]"
FALLING = "learning.accumulator={fractions: [0.25, 0.125], epochs: 1}"
GRADED = "errors={graded: true, margin: 256, box: [-512, 1536]}"
DEEP = "network.sizes=[64, 20, 15, 10]"
ERROR_GRADES = error_grades((12, 8, 3))
ONES = ((0, (0, 1024)), (256, (-512, 1536)), (320, (-256, 1024)))


def experiment(*overrides, name="digits"):
    return sb.Experiment.from_file(name, list(overrides))


def model(*overrides):
    return sb.assemble(experiment(SMALL, *overrides))


def begun(distance, step, most):
    """Return the begun steps of distances, with their sign, by floats."""
    return (np.sign(distance) * np.minimum(np.ceil(abs(distance) / step), most)).astype(int)


def by_hand(x, label, weights, margin, box, grades=ERROR_GRADES):
    """Return what graded errors add to the weights at one sample, from the definitions alone."""
    h, inside = [x], []
    for matrix in weights:
        a = h[-1] @ matrix
        h.append((a > 512).astype(int))
        inside.append((a > 0) & (a <= 1024))
    lacks = np.maximum(512 + margin - a, 0) * (a > box[0])
    too_much = np.maximum(a - 512 + margin, 0) * (a > box[0]) * (a <= box[1])
    wrong = np.where(np.arange(len(a)) == label, lacks, -too_much)
    d = [begun(wrong, grades.output.step, grades.output.most)]
    for layer in reversed(range(len(weights) - 1)):
        grade = grades.hidden[layer]
        d.insert(0, begun(weights[layer + 1] @ d[0], grade.step, grade.most) * inside[layer])
    return [np.outer(before, error) for before, error in zip(h, d, strict=False)]


def a_case(seed, shapes, n=40):
    """Return inputs, labels and weights with sums in all ranges."""
    rng = np.random.default_rng(seed)
    inputs = (rng.random((n, shapes[0][0])) < 0.5).astype(np.uint8)
    weights = [2 * rng.integers(-127, 128, shape) for shape in shapes]
    for matrix in weights[1:]:
        matrix += 2 * rng.integers(0, 60)
    labels = rng.integers(0, shapes[-1][1], n)
    return inputs, labels, [np.clip(w, -254, 254).astype(np.int16) for w in weights]


@pytest.mark.parametrize(("margin", "box"), ONES)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_the_integers_learn_by_the_definition(margin, box, seed):
    inputs, labels, weights = a_case(seed, ((12, 8), (8, 3)))
    expected = [w.astype(int) for w in weights]
    for x, label in zip(inputs.astype(int), labels, strict=True):
        steps = by_hand(x, label, expected, margin, box)
        expected = [
            np.clip(w + 2 * step, -254, 254) for w, step in zip(expected, steps, strict=True)
        ]
    algorithm = Algorithm((12, 8, 3), margin=margin, box=box, grades=ERROR_GRADES)
    learn(Samples.of(inputs, labels, n_out=3), weights, np.arange(len(labels)), algorithm)
    for found, wanted in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_deeper_integers_learn_by_the_definition(seed):
    sizes = (12, 9, 8, 7, 3)
    inputs, labels, weights = a_case(seed, tuple(pairwise(sizes)))
    expected, grades = [w.astype(int) for w in weights], error_grades(sizes)
    for x, label in zip(inputs.astype(int), labels, strict=True):
        steps = by_hand(x, label, expected, 256, (-512, 1536), grades)
        expected = [
            np.clip(w + 2 * step, -254, 254) for w, step in zip(expected, steps, strict=True)
        ]
    algorithm = Algorithm(sizes, margin=256, box=(-512, 1536), grades=grades)
    learn(Samples.of(inputs, labels, n_out=3), weights, np.arange(len(labels)), algorithm)
    for found, wanted in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


@given(seed=st.integers(0, 2**32), share=st.integers(1, 14))
@settings(max_examples=20, deadline=None)
def test_tags_collect_errors_times_their_size(seed, share):
    inputs, labels, weights = a_case(seed, ((12, 8), (8, 3)))
    expected = [w.astype(int) for w in weights]
    left = [np.zeros_like(w) for w in expected]
    for x, label in zip(inputs.astype(int), labels, strict=True):
        for k, step in enumerate(by_hand(x, label, expected, 256, (-512, 1536))):
            tag = left[k] + share * step
            left[k] = np.fmod(tag, 32)
            expected[k] = np.clip(expected[k] + 2 * np.fix(tag / 32).astype(int), -254, 254)
    algorithm = Algorithm(
        (12, 8, 3), margin=256, box=(-512, 1536), grades=ERROR_GRADES,
        fine=sb.assemble(experiment(FALLING)).rule.fine.__class__((share,)),
    )  # fmt: skip
    tags = algorithm.no_tags()
    learn(
        Samples.of(inputs, labels, n_out=3), weights, np.arange(len(labels)), algorithm, tags=tags
    )
    for found, wanted in zip((*weights, *tags), (*expected, *left), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_grades_of_one_step_are_the_papers_signs_but_for_an_output_that_is_just_right():
    inputs, labels, weights = a_case(3, ((12, 8), (8, 3)))
    wide = replace(ERROR_GRADES, output=Grade(2**14, 1), hidden=(Grade(2**14, 1),))
    ends = []
    for grades in (None, wide):
        left = [w.copy() for w in weights]
        algorithm = Algorithm((12, 8, 3), margin=255, box=(-512, 1536), grades=grades)
        learn(Samples.of(inputs, labels, n_out=3), left, np.arange(len(labels)), algorithm)
        ends.append(left)
    for signs, graded, start in zip(*ends, weights, strict=True):
        np.testing.assert_array_equal(signs, graded)
        assert (signs != start).any()


def check_rows(one, inputs, labels, weights):
    """Step the rows through samples; they must leave the weights of the integers."""
    n_out = weights[-1].shape[1]
    before = [w.copy() for w in weights]
    copies = [
        row.sign * (weights[row.layer].T if row.transposed else weights[row.layer])
        for row in one.circuit.plastic
    ]
    patterns = {"input": inputs[None], "target": np.eye(n_out, dtype=int)[labels][None]}
    fired, left = simulate(one.circuit, copies, patterns)
    order = np.arange(len(labels))
    learn(Samples.of(inputs, labels, n_out=n_out), weights, order, one.algorithm)
    assert all((w != start).any() for w, start in zip(weights, before, strict=True))
    for row, copy in zip(one.circuit.plastic, left, strict=True):
        wanted = weights[row.layer].T if row.transposed else weights[row.layer]
        np.testing.assert_array_equal(copy[0], row.sign * wanted, err_msg=row.name)
    return fired


def check_phases(circuit, fired):
    """No population may fire but in the phases that the circuit's table says."""
    table = firing_table(circuit)
    for name, place in circuit.slices.items():
        phases = set(np.flatnonzero(fired[0, :, :, place].any(axis=(0, 2))))
        assert phases <= set(table[name]), name


@pytest.mark.parametrize(("margin", "box"), ONES)
def test_the_rows_do_what_the_integers_do(margin, box):
    one = model(f"errors={{graded: true, margin: {margin}, box: {list(box)}}}")
    check_phases(one.circuit, check_rows(one, *a_case(1, one.circuit.shapes)))


@pytest.mark.parametrize("sizes", [[64, 20, 15, 10], [64, 12, 14, 16, 10]])
def test_the_rows_of_deeper_circuits_do_what_the_integers_do(sizes):
    one = model(GRADED, f"network.sizes={sizes}")
    check_phases(one.circuit, check_rows(one, *a_case(1, one.circuit.shapes)))


def test_where_the_longest_delay_is_too_short_memories_are_handed_on():
    one = model(GRADED, f"network.sizes={[6, *(17 * [4]), 3]}")
    held = {row.name for row in one.circuit.populations if row.name.endswith("'")}
    assert held == {"m_x'", "m_h1'", "c1'", "c2'"}
    assert max(delay for row in one.circuit.relays for delay in row.extra_delays) == 62
    rng = np.random.default_rng(0)  # weights that keep all layers active and inside the box
    weights = [2 * rng.integers(75, 127, shape, dtype=np.int16) for shape in one.circuit.shapes]
    inputs = np.repeat([[1, 1, 1, 1, 0, 0]], 3, axis=0).astype(np.uint8)
    check_rows(one, inputs, np.array([0, 1, 2]), weights)


@pytest.mark.parametrize(
    "beside",
    [
        ("errors=graded",),
        (GRADED, FALLING),
        ("errors={graded: true, margin: 320, box: [-256, 1024]}", "network.paper_gates=false"),
        ("errors={graded: true, margin: 384, box: [-512, 1536]}", "network.weight_limit=100"),
        (GRADED, FALLING, DEEP),
        ("errors=graded", "network.sizes=[64, 20, 15, 12, 10]"),
    ],
    ids=["alone", "fine", "margin", "limit", "deep", "deeper"],
)
def test_the_circuit_equals_the_integers(beside):
    found = sb.verify(experiment(SMALL, *beside), samples=200, epochs=2)
    assert found.exact
    assert all(row.learnt for row in found.projections)


def test_brian2s_own_code_gives_the_same_weights_as_the_integers():
    one, data = model(GRADED), sb.load_dataset("digits")
    net = sb.build_network(one, data, order=np.arange(12))
    net.run(12)
    weights = [w.copy() for w in one.start]
    learn(
        Samples.of(data.train.inputs, data.train.labels, n_out=10), weights, np.arange(12),
        one.algorithm,
    )  # fmt: skip
    assert (weights[0] != one.start[0]).any()
    for row, copy in net.weights().items():
        wanted = weights[row.layer].T if row.transposed else weights[row.layer]
        np.testing.assert_array_equal(copy, row.sign * wanted, err_msg=row.name)


def test_both_engines_leave_the_same_tags():
    one, data = model(GRADED, FALLING), sb.load_dataset("digits")
    left = []
    for make in (sb.OracleEngine, sb.CircuitEngine):
        with closing(make(one, data)) as engine:
            left.append(dict(engine.train(one.start, np.arange(150)).tags))
    for name, tag in left[0].items():
        assert tag.any()
        np.testing.assert_array_equal(tag, left[1][name])


def test_a_sample_takes_nine_phases_and_both_signs_of_an_error_one():
    circuit = model(GRADED).circuit
    table = firing_table(circuit)
    assert circuit.n_phases == 9
    assert table["d+"] == table["d-"] == (5,)
    assert table["o"] == (4, 6) and table["h"] == (2, 8) and table["hT"] == (6, 7)
    assert circuit.reward_phases == (6, 8)


def test_a_further_hidden_layer_takes_four_more_phases():
    circuit = model(GRADED, DEEP).circuit
    table = firing_table(circuit)
    assert circuit.n_phases == 13 and circuit.reward_phases == (8, 10, 12)
    assert table["h1"] == (2, 12) and table["h2"] == (4, 10) and table["o"] == (6, 8)
    assert table["m_h1"] == (3, 10) and table["m_h2"] == (5, 8)
    assert table["h1T"] == (10, 11) and table["h2T"] == (8, 9)
    assert table["c1"] == (11,) and table["c2"] == (9,) and table["d+"] == (7,)
    assert model(GRADED, "network.sizes=[64, 9, 8, 7, 10]").circuit.n_phases == 17


def test_the_steps_of_hidden_errors_are_powers_of_two_near_a_multiple_of_a_root():
    """A sum of n terms of either sign grows as the root of n; the output's errors are few."""
    for sizes in ((64, 20, 10), (400, 300, 200, 100, 47), (9, 8, 7, 6, 5)):
        *deeper, last = (grade.step for grade in error_grades(sizes).hidden)
        assert last == 64
        for step, above in zip(deeper, sizes[2:-1], strict=True):
            assert step <= 80 * np.sqrt(above) < 2 * step


def test_what_one_error_says_never_stands_in_for_the_other_conditions_of_d():
    """All steps of an output's error together are worth no more than o< or t alone."""
    circuit = model(GRADED).circuit
    weights = circuit.fixed_weights
    (most,) = {circuit.payloads[name] for name in ("u+", "u-")}
    assert most * weights["+64"].value <= weights["half"].value == -weights["-512"].value


@pytest.mark.parametrize("sizes", [SMALL, DEEP])
def test_no_relay_lifts_a_closed_population_over_its_threshold(sizes):
    circuit = model(GRADED, sizes).circuit
    opening = {"open", "half"}
    for name in circuit.population_sizes:
        lifts = (
            circuit.payloads.get(row.pre, 1) * circuit.fixed_weights[row.weight].value
            for row in circuit.relays
            if name in row.post and not (row.pre.startswith("c") and row.weight in opening)
            for _ in row.extra_delays
            if circuit.bias(name)
        )
        assert sum(max(lift, 0) for lift in lifts) <= circuit.closing + 1024, name


def test_inference_answers_as_without():
    assert model(GRADED).inference.circuit == model().inference.circuit


def test_the_word_graded_alone_stands_for_the_switch():
    assert experiment("errors=graded").errors == experiment("errors={graded: true}").errors
    both = experiment("errors=graded", "errors.margin=256").errors
    assert both.graded and both.margin == 256
    assert {"enum": ["graded"]} in json_schema()["properties"]["errors"]["anyOf"]


def test_what_is_not_graded_is_as_before():
    assert model("errors={graded: false}").circuit == model().circuit
    assert not model().circuit.payloads and not model("errors.margin=256").network.lines


@given(above=st.integers(-5000, 5000), signing=st.integers(0, 1))
def test_what_a_spike_carries_counts_begun_steps(above, signing):
    found = carried(above, signing, 64, 4, 128, 7)
    plain, signed = begun(np.array(above), 64, 4), begun(np.array(above), 128, 7)
    assert found == (signed if signing else max(plain, 0))


@pytest.mark.parametrize(
    ("grade", "said"),
    [((3, 1), "step is 3; must be a power of two"), ((4, 0), "must be 1 or more")],
)
def test_a_grade_that_is_none_is_refused(grade, said):
    with pytest.raises(CircuitError, match=said):
        Grade(*grade)


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ("hardware=loihi1", "spikes of Loihi 1 have no payload .* remove it, or hardware"),
        ("hardware.symmetric=true", "spikes of Loihi 1 have no payload"),
        ("feedback=feedback_alignment", "the section 'feedback' changes"),
        ("reward.delay=1", "the section 'reward' changes"),
        ("synapses={soft_bounds: true}", "the section 'synapses' changes"),
        ("gating.replay=1", "the section 'gating' changes"),
        ("learning.rule=dw = 6*r1*x0*y0 - 2*x0*y0", "must add with r1 what it takes away"),
        ("errors.margin=300", "300 is not a multiple of 8, .* 296 and 304"),
    ],
)
def test_what_cannot_be_combined_with_graded_errors_is_refused_in_words(beside, said):
    with pytest.raises(ExperimentError, match=f"errors.*{said}"):
        experiment(GRADED, beside)


def test_a_step_that_a_tag_can_hold_once_but_not_as_often_as_an_error_says_is_refused():
    beside = "learning.rule=dw = 16*r1*x0*y0 - 8*x0*y0", "learning.accumulator={fractions: [1]}"
    assert experiment(*beside).learning.accumulator
    with pytest.raises(ExperimentError, match=r"errors: graded: .* takes? the tag to \d+ of 255"):
        experiment(*beside, GRADED)


def test_neurons_in_millivolts_are_refused():
    one = sb.assemble(experiment(SMALL, "errors=graded", name="variants/digits_lif"))
    with pytest.raises(SynfireError, match="cannot be combined with what the other variants"):
        sb.CircuitEngine.check(one)


@pytest.mark.parametrize(
    "but",
    [{"sizes": (12, 8, 6, 3)}, {"feedback": (1,)}, {"semantics": "numpy"}, {"depression": -4}],
)
def test_the_algorithm_refuses_what_it_cannot_grade(but):
    with pytest.raises(SynfireError, match=r"errors\.graded: "):
        Algorithm(**{"sizes": (12, 8, 3), "grades": ERROR_GRADES} | but)


def test_the_chip_refuses_graded_spikes_and_one_with_payloads_holds_them():
    circuit, chip = model(GRADED).circuit, SPECS["loihi1"]
    held, report = constrain(circuit, chip)
    assert held is None
    assert set(report.object) == set(circuit.payloads) and set(report.action) == {"refused"}
    with pytest.raises(
        HardwareError, match=r"graded spike is .* the chip has spikes without a payload"
    ):
        constrain(circuit, chip, strict=True)
    most = max(circuit.payloads.values())
    enough = replace(chip, payload_bits=most.bit_length())
    assert constrain(circuit, enough)[0] is circuit
    assert constrain(circuit, replace(chip, payload_bits=1))[0] is None
    assert constrain(model().circuit, chip)[1].empty


def test_describe_tells_what_spikes_carry_and_which_chip_has_them(capsys, monkeypatch):
    monkeypatch.setattr(
        "sys.argv", ["synfire-bp", "describe", "mnist_fine_graded", "--hardware", "loihi1"]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "graded spikes carry up to 15 (h, h<, h>, hT); 4 (" in said and "Loihi 1 does not" in said
    )
    assert "the chip cannot run the training circuit" in said


def test_the_shipped_model_is_mnist_fine_but_for_its_errors_and_what_it_collects():
    plain, graded = experiment(name="mnist_fine"), experiment(name="mnist_fine_graded")
    ours, theirs = graded.decisive(), plain.decisive()
    assert graded.errors.graded
    differ = {key for key in ours if ours[key] != theirs.get(key)}
    assert differ <= {"errors.graded", "errors.margin", "learning.accumulator"}


def test_the_shipped_deep_model_is_the_graded_one_of_the_depth_study():
    graded, deep = experiment(name="mnist_fine_graded"), experiment(name="mnist_fine_graded_deep")
    ours, theirs = deep.decisive(), graded.decisive()
    differ = {key for key in ours if ours[key] != theirs.get(key)}
    assert differ <= {"network.sizes", "learning.accumulator"}
    fractions = (one.learning.accumulator.fractions for one in (graded, deep))
    assert next(fractions) == next(fractions)
