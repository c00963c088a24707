"""Synapses and reward of a brain: dice that all engines throw alike, and what is made of them.

Probabilities and bounds are numbers, not code: three small programs serve all tests but the slow
ones, two of what is `wild` (synapses that fail and a reward that is wrong, in training and in
inference) and one of what is `lawful` (what the oracle can follow).
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from plain_oracle import soft_share

import synfire_bp as sb
from synfire_bp import dice, oracle
from synfire_bp.circuit import backprop_circuit
from synfire_bp.circuit.layout import PlasticLayout
from synfire_bp.circuit.reference import simulate
from synfire_bp.circuit.weights import as_copy
from synfire_bp.engines import CircuitEngine, OracleEngine, Stray, make_engine
from synfire_bp.engines import circuit as engine_module
from synfire_bp.errors import ExperimentError, SynfireError
from synfire_bp.model import assemble
from synfire_bp.network import Moment, build_network, chance
from synfire_bp.network.lines import Lines, combined
from synfire_bp.network.neurons import first_seed
from synfire_bp.oracle import kernels as oracle_kernels
from synfire_bp.oracle.algorithm import SOFT_STEPS
from synfire_bp.oracle.working import Chance
from synfire_bp.training import dataset_of
from synfire_bp.training.schedule import epoch_order
from synfire_bp.training.verification import verify
from synfire_bp.variants import Guarantees
from synfire_bp.variants.reward import Reward
from synfire_bp.variants.synapses import Synapses, inhibitory_cells, weight_numbers

N = 60
"""Samples of the small trainings."""
FORWARD = ("x→h", "x→h<", "x→h>", "h→o", "h→o<", "h→o>")


def switches(section, **values):
    """Return overrides that set the entries of a section."""
    text = {True: "true", False: "false"}
    return [f"{section}.{key}={text.get(value, value)}" if isinstance(value, bool)
            else f"{section}.{key}={value}" for key, value in values.items()]  # fmt: skip


def wild(release=1.0, relay_release=1.0, update_probability=1.0, *, flip=0.0, grade=1.0, noise=0.0):
    return [
        *switches("synapses", release=release, relay_release=relay_release,
                  update_probability=update_probability),
        *switches("reward", flip=flip, grade=grade, noise=noise),
    ]  # fmt: skip


def lawful(dale=0.5, update_probability=1.0, levels=255):
    return switches("synapses", dale=dale, update_probability=update_probability, levels=levels,
                    shared=True)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def built_once():
    """Generate the code of a circuit once: even to find it compiled takes two seconds."""
    with pytest.MonkeyPatch.context() as patch:
        build = cache(lambda spec: engines_build([spec])[0])
        engines_build = engine_module.build_programs
        patch.setattr(
            engine_module, "build_programs", lambda specs: [build(s.bare()) for s in specs]
        )
        yield


@pytest.fixture(scope="module")
def model(experiment, small_npz):
    path = small_npz(n_train=N, active=0.6)

    def make(overrides=()):
        return experiment("training.seed=2", "training.epochs=2", *overrides, path=path)

    return make


def trained(experiment, cuts=(), samples=N):
    """Train a circuit from pause to pause; return what it did in the last part."""
    dataset = dataset_of(experiment)
    order = np.concatenate([epoch_order(experiment.training.seed, e, N) for e in (0, 1)])[:samples]
    engine = CircuitEngine(assemble(experiment), dataset, uses=["train"])
    weights, copies, segments = assemble(experiment).start, None, []
    for begin, end in zip([0, *cuts], [*cuts, len(order)], strict=True):
        segments.append(engine.train(weights, order[begin:end], copies=copies, shown_before=begin))
        weights, copies = segments[-1].weights, segments[-1].differing_copies
    engine.close()
    return segments


# ---------------------------------------------------------------- dice


def compiled_dice(numbers, moments, amounts, coarse, portions, tmp_path):
    """Throw the dice in C++."""
    code = "\n".join(
        function.implementations["cpp"].get_code(None)
        for function in (chance._bits, chance.chance, chance.in_steps, chance.in_portions)
    )
    source = tmp_path / "dice.cpp"
    source.write_text(
        "#include <cstdint>\n#include <cstdio>\n" + code + "\nint main() { long long n, m, a, c, p;"
        'while (scanf("%lld %lld %lld %lld %lld", &n, &m, &a, &c, &p) == 5)'
        'printf("%u %d %d %d\\n", mixed(n, m), chance(n, m), in_steps(a, c, n, m),'
        "in_portions(a, p, n, m)); }"
    )
    program = tmp_path / "dice"
    subprocess.run([shutil.which("g++"), "-O2", source, "-o", program], check=True)
    table = np.stack([numbers, moments, amounts, coarse, portions], axis=1)
    text = "\n".join(" ".join(map(str, row)) for row in table.tolist())
    said = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
    return np.array([line.split() for line in said.stdout.splitlines()], dtype=np.int64).T


def test_the_dice_fall_alike_in_numpy_in_cpp_and_in_the_oracle(tmp_path):
    rng = np.random.default_rng(0)
    n = 3000
    numbers = rng.integers(-(2**31), 2**31, n)
    numbers[:4] = 0, -1, 2**31 - 1, -(2**31)
    moments = rng.integers(0, 2**33, n)
    moments[4:8] = 0, 2**31 - 1, 2**32 - 1, 2**32
    amounts, portions = rng.integers(-4000, 4000, n), rng.integers(1, 2**15, n)
    coarse = 2 ** rng.integers(0, 8, n)
    bits, chances, steps, portioned = compiled_dice(
        numbers, moments, amounts, coarse, portions, tmp_path
    )
    np.testing.assert_array_equal(dice.mixed(numbers, moments), bits)
    np.testing.assert_array_equal(dice.chances(numbers, moments), chances)
    np.testing.assert_array_equal(dice.in_portions(amounts, portions, numbers, moments), portioned)
    for k in range(n):
        found = dice.in_steps(amounts[k], int(coarse[k]), numbers[k], int(moments[k]))
        assert found == steps[k]
        if numbers[k] >= 0:  # of weights, which are counted from 0
            assert oracle_kernels._mixed(numbers[k], moments[k]) == bits[k]


def test_draws_are_even_and_independent_over_numbers_moments_and_purposes():
    numbers, steps = np.arange(2000)[:, None], np.arange(500)[None, :]
    first = dice.chances(numbers, dice.moments(12345, "update") + steps)
    other = dice.chances(numbers, dice.moments(12345, "soft bounds") + steps)
    n = first.size
    assert first.min() >= 0
    assert first.max() < dice.CERTAIN
    for p in (0.01, 0.1, 0.5, 0.9):
        hit = first < dice.likelihood(p)
        sigma = np.sqrt(p * (1 - p))
        assert abs(hit.mean() - p) < 3 * sigma / np.sqrt(n)
        # no synapse and no moment is luckier than another
        for axis, size in ((0, len(numbers)), (1, steps.size)):
            spread = hit.mean(axis=axis).std()
            assert spread == pytest.approx(sigma / np.sqrt(size), rel=0.15)
    u, v = (draws / dice.CERTAIN - 0.5 for draws in (first, other))
    pairs = {
        "neighbours": (u[:-1], u[1:]),
        "far neighbours": (u[:-64], u[64:]),
        "next step": (u[:, :-1], u[:, 1:]),
        "next sample": (u[:, :-12], u[:, 12:]),
        "other purpose": (u, v),
    }
    for what, (a, b) in pairs.items():
        correlation = 12 * np.mean(a * b)
        assert abs(correlation) < 3.5 / np.sqrt(a.size), what
    assert np.histogram(u, 16)[0] / n == pytest.approx(1 / 16, rel=0.02)


amounts = st.integers(-(2**15), 2**15)


@given(amounts, st.integers(1, 2**15), st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_portions_are_the_whole_numbers_on_both_sides_and_know_no_sign(a, portion, number, moment):
    found = int(dice.in_portions(a, portion, number, moment))
    assert abs(found) in (abs(a) // portion, -(-abs(a) // portion))
    assert found == -int(dice.in_portions(-a, portion, number, moment))


@pytest.mark.parametrize(("amount", "portion"), [(100, 508), (-700, 508), (3, 32), (31, 32)])
def test_portions_keep_the_mean(amount, portion):
    n = 200_000
    found = dice.in_portions(np.full(n, amount), portion, np.arange(n), 77)
    rest = (abs(amount) % portion) / portion
    sigma = np.sqrt(rest * (1 - rest) / n)
    assert abs(found.mean() - amount / portion) < 3 * sigma


@given(
    hnp.arrays(np.int64, 24, elements=st.integers(-127, 127).map(lambda half: 2 * half)),
    st.sampled_from([None, *SOFT_STEPS]),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from([2, 4, 32]),
    st.sampled_from([2, -2, 6]),
    st.integers(0, 2**31 - 1),
)
def test_the_oracle_changes_a_weight_as_the_lines_say(weights, soft, p, step, change, seed):
    """The kernel's numba against the words of the circuit's lines, in NumPy."""
    section = Synapses(soft_bounds=soft is not None, soft_steps=soft or "to_bound",
                       update_probability=p, levels=512 // step - 1, shared=True)  # fmt: skip
    weights = np.clip(weights // step * step, -(254 // step * step), 254 // step * step)
    lowest, highest = -(254 // step * step), 254 // step * step
    numbers, moment = np.arange(24), 1 + 12 * 5
    thrown = [dice.moments(seed, stream) for stream in ("soft bounds", "update", "levels")]
    soft_dice, update_dice, level_dice = thrown
    dw = np.full(24, change)
    if soft:
        left, whole = soft_share(soft, weights, dw, lowest, highest)
        dw = 2 * dice.in_portions(dw * left, whole, numbers, soft_dice + moment)
    dw = dw * (dice.chances(numbers, update_dice + moment) < dice.likelihood(p))
    dw = dice.in_steps(dw, step, numbers, level_dice + moment)
    expected = np.clip(weights + dw, lowest, highest)
    kind = 0 if soft is None else 1 + SOFT_STEPS.index(soft)
    chance = Chance(kind, dice.likelihood(p), step, *thrown, 12)
    assert section.changes((4, 6), 254).step == step
    assert section.changes((4, 6), 254).soft_steps == (soft or "to_bound")
    found = [
        oracle_kernels._changed(w, change, lowest, highest, number, 5, chance)
        for w, number in zip(weights, numbers, strict=True)
    ]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("steps", "up", "down"),
    [
        # mean steps of a weight of 200, by hand: R = 254
        ("to_bound", 2 * 54 / 254, -2 * 454 / 254),
        ("outward", 2 * 54 / 254, -2),
        ("alike", 2 * 56 / 256, -2 * 56 / 256),
    ],
)
@pytest.mark.parametrize("weight", [200, -200])
def test_soft_bounds_leak_by_as_much_as_a_step_back_is_longer(steps, up, down, weight):
    n, section = 40_000, Synapses(soft_bounds=True, soft_steps=steps, shared=True)
    changes = section.changes((1, 1), 254)
    kind = 1 + SOFT_STEPS.index(changes.soft_steps)
    chance = Chance(kind, dice.CERTAIN, 2, *(dice.moments(1, name) for name in "abc"), 12)
    away, back = (
        np.mean([oracle_kernels._changed(weight, change, -254, 254, k, 0, chance)
                 for k in range(n)]) - weight
        for change in (np.sign(weight) * 2, np.sign(weight) * -2)
    )  # fmt: skip
    tolerance = 3 * 2 / np.sqrt(n)  # a step is 0 or 2, or 2 or 4: its spread is at most 1
    assert away == pytest.approx(np.sign(weight) * up, abs=tolerance)
    assert back == pytest.approx(np.sign(weight) * down, abs=tolerance)


@pytest.mark.parametrize(
    ("steps", "moves"), [("to_bound", {-4}), ("outward", {-2}), ("alike", {-2, 0})]
)
def test_a_weight_at_its_bound_is_not_stuck(steps, moves):
    kind = 1 + SOFT_STEPS.index(steps)
    chance = Chance(kind, dice.CERTAIN, 2, *(dice.moments(1, name) for name in "abc"), 12)
    found = [oracle_kernels._changed(254, -2, -254, 254, k, 0, chance) - 254 for k in range(2000)]
    assert set(found) == moves


@pytest.mark.parametrize("steps", SOFT_STEPS)
def test_the_circuit_takes_the_soft_steps_of_the_oracle(model, steps):
    soft = switches("synapses", soft_bounds=True, shared=True, soft_steps=steps)
    found = verify(model(soft), epochs=2)
    assert found.exact, found
    assert all(row.learnt for row in found.projections), found


# ---------------------------------------------------------------- nothing is wrong


def test_what_never_fails_is_the_circuit_of_the_paper(model):
    assert model(wild()).guarantees == Guarantees()
    found = verify(model(wild()), epochs=2)
    assert found.exact
    assert all(row.learnt for row in found.projections), found


def test_what_never_fails_leaves_the_oracle_of_the_paper(model):
    dataset = dataset_of(model())
    for engine in (
        OracleEngine(assemble(model(wild())), dataset),
        OracleEngine(assemble(model()), dataset),
    ):
        segment = engine.train(assemble(model()).start, np.arange(N))
        expected = OracleEngine(assemble(model()), dataset).train(
            assemble(model()).start, np.arange(N)
        )
        for one, other in zip(segment.weights, expected.weights, strict=True):
            np.testing.assert_array_equal(one, other)


# ---------------------------------------------------------------- what fails


def test_synapses_that_never_deliver_leave_the_hidden_layer_silent(model):
    (segment,) = trained(model(wild(release=0.0)))
    assert segment.spike_counts["x"].sum() > 0
    assert segment.spike_counts["h"].sum() == segment.spike_counts["o"].sum() == 0
    assert not segment.score.row()["accuracy_potential"] > 0.9


def test_relays_that_never_deliver_leave_the_input_silent_but_not_the_ring(model):
    (segment,) = trained(model(wild(relay_release=0.0)))
    counts = segment.spike_counts
    assert counts["input"].sum() > 0
    assert all(counts[name].sum() == 0 for name in ("x", "h", "o", "t", "d+", "d-"))
    assert all(counts[f"g{k}"].sum() >= N for k in range(12))


def test_weights_that_never_move_stay_as_they_were(model):
    (segment,) = trained(model(wild(update_probability=0.0)))
    assert segment.spike_counts["d+"].sum() + segment.spike_counts["d-"].sum() > 0
    for left, start in zip(segment.weights, assemble(model()).start, strict=True):
        np.testing.assert_array_equal(left, start)
    assert not segment.unequal


def test_a_training_that_paused_anywhere_ends_with_the_same_bits(model):
    experiment = model(wild(0.8, 0.95, 0.5))
    whole, *_ = trained(experiment)
    *_, last = trained(experiment, cuts=(7, 31))
    assert whole.unequal  # else this would be easy
    for row, matrix in whole.copies.items():
        np.testing.assert_array_equal(matrix, last.copies[row], err_msg=row.name)
    other, *_ = trained(model([*wild(0.8, 0.95, 0.5), "training.seed=5"]))
    assert any((whole.copies[row] != matrix).any() for row, matrix in other.copies.items())


def test_a_delivery_fails_as_often_as_asked(model):
    def relayed(p):
        (segment,) = trained(model(wild(relay_release=p)))
        counts = segment.spike_counts
        return counts["x"][1] / counts["input"][0], counts["input"][0]

    assert relayed(1.0)[0] == 1
    fraction, n = relayed(0.7)
    assert abs(fraction - 0.7) < 3 * np.sqrt(0.7 * 0.3 / n)


def test_brian2s_numpy_and_the_compiled_circuit_fail_alike(model):
    experiment = model(wild(0.7, 0.9, 0.5, flip=0.2, grade=0.75, noise=0.5))
    n = 8
    (compiled,) = trained(experiment, samples=n)
    dataset, circuit = dataset_of(experiment), assemble(experiment).circuit
    plan, seed = assemble(experiment).network, first_seed(experiment.training.seed)
    more = {}
    for source in plan.sources:
        more |= source(circuit, plan.layout, Moment(seed))
    net = build_network(
        circuit,
        weights=assemble(experiment).start,
        inputs=dataset.train.inputs,
        labels=dataset.train.labels,
        order=epoch_order(experiment.training.seed, 0, N)[:n],
        lines=plan.lines,
        more=more,
    )
    net.run(n)
    counts = dict(zip(net, net.spike_counts(), strict=True))
    for name, found in compiled.spike_counts.items():
        np.testing.assert_array_equal(found, counts[name], err_msg=name)
    for row, matrix in net.weights().items():
        np.testing.assert_array_equal(
            matrix, as_copy(row, {row.layer: compiled.copies[row]}), err_msg=row.name
        )


def test_stray_spikes_that_a_variant_makes_possible_are_counted_and_not_fatal(
    model, tmp_path, monkeypatch
):
    monkeypatch.setattr(engine_module, "strays", lambda circuit, counts: (Stray("h", 0, 3),))
    run = sb.train(model(wild(0.9)), out=tmp_path / "wild")
    assert run.activity.stray_spikes.tolist() == [3, 3]
    assert sb.test(run).strays
    with pytest.raises(SynfireError, match="synapses that fail"):
        sb.train(model(wild(0.9)), engine="oracle", out=tmp_path / "oracle")


def test_a_test_meets_failing_synapses_too(model, tmp_path):
    silent = sb.train(model([*wild(0.0), "training.epochs=1"]), out=tmp_path / "silent")
    assert silent.spike_counts.query("population == 'h'").spikes.sum() == 0
    tested = sb.test(silent)
    assert tested.spike_counts["x"].sum() > 0
    assert tested.spike_counts["h"].sum() == 0


# ---------------------------------------------------------------- one sign, shared dice, levels


@pytest.mark.parametrize("dale", [0.25, 0.5])
@pytest.mark.parametrize(("p", "levels"), [(1.0, 255), (0.5, 255), (1.0, 63), (0.5, 31)], ids=str)
def test_a_cell_keeps_its_sign_and_the_oracle_follows(model, dale, p, levels):
    experiment = model(lawful(dale, p, levels))
    found = verify(experiment, epochs=2)
    assert found.exact
    assert any(row.learnt for row in found.projections)
    (segment,) = trained(experiment)
    assert not segment.unequal
    by_name = {row.name: matrix for row, matrix in segment.copies.items()}
    for name in FORWARD:
        layer = 0 if name.startswith("x") else 1
        matrix = by_name[name]
        inhibitory = inhibitory_cells(len(matrix), dale, layer)
        assert (matrix[inhibitory] <= 0).all()
        assert (matrix[~inhibitory] >= 0).all()
        assert (matrix % experiment.synapses.step == 0).all()


def test_all_cells_may_be_of_one_kind(model):
    for dale, sign in ((0.0, 1), (1.0, -1)):
        (segment,) = trained(model(lawful(dale)), samples=20)
        assert all((sign * matrix >= 0).all() for matrix in segment.weights)


def test_shared_dice_go_on_where_they_were(model):
    experiment = model(lawful(0.5, 0.5, 31))
    whole, *_ = trained(experiment)
    *_, last = trained(experiment, cuts=(11, 12))
    dataset = dataset_of(experiment)
    order = epoch_order(experiment.training.seed, 0, N)
    engine = OracleEngine(assemble(experiment), dataset)
    half = engine.train(assemble(experiment).start, order[:25])
    rest = engine.train(half.weights, order[25:], shown_before=25)
    for layer, matrix in enumerate(whole.weights):
        np.testing.assert_array_equal(last.weights[layer], matrix)
        np.testing.assert_array_equal(rest.weights[layer], matrix)


def test_inhibitory_cells_are_as_many_as_asked_and_scattered():
    for n, fraction in ((400, 0.2), (64, 0.5), (10, 0.0), (7, 1.0)):
        assert inhibitory_cells(n, fraction, 0).sum() == round(fraction * n)
    chosen = inhibitory_cells(400, 0.2, 0)
    assert (chosen != inhibitory_cells(400, 0.2, 1)).any()
    per_column = chosen.reshape(20, 20).sum(axis=0)  # of an image
    assert per_column.max() < 12
    assert (inhibitory_cells(400, 0.4, 0) >= chosen).all()


def test_initial_weights_have_the_signs_of_their_cells_and_lie_on_levels(model):
    drawn = sb.initial_weights((30, 40, 5), 0)
    for layer, matrix in enumerate(Synapses(dale=0.2).started(drawn, 254)):
        np.testing.assert_array_equal(np.abs(matrix), np.abs(drawn[layer]))
    balanced = Synapses(dale=0.2, balanced=True).started(drawn, 254)
    for layer, matrix in enumerate(balanced):
        rare = inhibitory_cells(len(matrix), 0.2, layer)
        assert (matrix % 2 == 0).all()
        assert np.abs(matrix).max() <= 254
        fourfold = np.minimum(4 * np.abs(drawn[layer][rare].astype(int)), 254)
        np.testing.assert_array_equal(-matrix[rare], fourfold)
    for levels, step in ((255, 2), (31, 16), (3, 128)):
        section = Synapses(levels=levels)
        assert section.step == step
        lowest, highest = section.bounds((30, 40, 5), 254)
        for layer, matrix in enumerate(section.started(drawn, 254)):
            assert (matrix % step == 0).all()
            assert (np.abs(matrix - drawn[layer]) <= max(step // 2, 254 % step)).all()
            assert (lowest[layer] <= matrix).all()
            assert (matrix <= highest[layer]).all()
        assert len(np.arange(lowest[0][0, 0], highest[0][0, 0] + 1, step)) == levels


def test_every_copy_of_a_weight_has_its_number():
    circuit = backprop_circuit((3, 4, 2))
    layout = PlasticLayout(circuit)
    spread = layout.spread(weight_numbers(circuit.shapes))
    assert np.bincount(spread).tolist() == [3] * 12 + [5] * 8
    unpacked = layout.unpack(spread)
    for row, matrix in unpacked.items():
        expected = weight_numbers(circuit.shapes)[row.layer]
        np.testing.assert_array_equal(matrix, expected.T if row.transposed else expected)


# ---------------------------------------------------------------- reward


def test_a_reward_that_is_always_wrong_teaches_the_opposite(model):
    (segment,) = trained(model(wild(flip=1.0)))
    opposite = model(['learning.rule="dw = 2*x0*y0 - 4*r1*x0*y0"'])
    order = epoch_order(opposite.training.seed, 0, N)
    expected = OracleEngine(assemble(opposite), dataset_of(opposite)).train(
        assemble(opposite).start, order
    )
    for found, matrix, start in zip(
        segment.weights, expected.weights, assemble(opposite).start, strict=True
    ):
        np.testing.assert_array_equal(found, matrix)
        assert (matrix != start).any()
    assert not segment.unequal


def test_half_a_reward_makes_forward_weights_only_fall(model):
    experiment = model(wild(grade=0.5))
    (segment,) = trained(experiment)
    start = assemble(experiment).start
    fell = 0
    for row, matrix in segment.copies.items():
        if row.name in FORWARD:
            assert (matrix <= start[row.layer]).all()
            fell += (matrix < start[row.layer]).sum()
    assert fell > 10
    assert segment.unequal  # oT→hT falls where it should rise


def test_a_noisy_reward_is_the_same_wherever_a_training_paused(model):
    experiment = model(wild(flip=0.1, grade=0.75, noise=0.5))
    whole, *_ = trained(experiment)
    *_, last = trained(experiment, cuts=(13, 40))
    for row, matrix in whole.copies.items():
        np.testing.assert_array_equal(matrix, last.copies[row], err_msg=row.name)
        assert (matrix % 2 == 0).all()


@pytest.mark.parametrize(
    ("delay", "phases"), [(0, (5, 7)), (2, (7, 9)), (5, (0, 10)), (11, (4, 6))]
)
def test_a_late_reward_is_on_in_later_phases(delay, phases):
    circuit = Reward(delay=delay).circuit(backprop_circuit((3, 4, 2)))
    assert circuit.reward_phases == phases
    assert replace(circuit, phases=backprop_circuit((3, 4, 2)).phases) == backprop_circuit(
        (3, 4, 2)
    )
    for phase in (5, 7, 9, 11):
        assert circuit.phases[phase].learning


def moved_by(delay, samples=40):
    """Weights before and after samples of a small circuit whose reward is late, by projection."""
    rng = np.random.default_rng(4)
    paper = backprop_circuit((12, 8, 3))
    circuit = Reward(delay=delay).circuit(paper)
    start = sb.initial_weights(circuit.sizes, 1)
    patterns = {
        "input": rng.integers(0, 2, (1, samples, 12)),
        "target": np.eye(3, dtype=int)[rng.integers(0, 3, (1, samples))],
    }
    before = [as_copy(row, start).astype(int) for row in circuit.plastic]
    _, after = simulate(circuit, before, patterns)
    return {
        row.name: (old, new[0])
        for row, old, new in zip(circuit.plastic, before, after, strict=True)
    }


def test_with_a_reward_one_phase_late_weights_only_fall():
    """It is on in phases 6 and 8, where no spikes coincide; all that coincides depresses."""
    copies = moved_by(1)
    for name, (before, after) in copies.items():
        assert (after <= before).all(), name
        assert (after < before).any(), name
    before, after = moved_by(0)["x→h"]
    assert (after > before).any()


def test_with_a_reward_two_phases_late_only_the_second_layer_learns_the_opposite():
    """Phases 7 and 9: W2 depresses where it should potentiate, and W1 learns as it does else."""
    late, right = moved_by(2, samples=1), moved_by(0, samples=1)
    for name in right:
        (start, taught), (_, otherwise) = right[name], late[name]
        sign = -1 if "x" not in name else 1
        np.testing.assert_array_equal(otherwise - start, sign * (taught - start), err_msg=name)
    assert any((before != after).any() for name, (before, after) in right.items() if "x" in name)
    assert any((before != after).any() for name, (before, after) in right.items() if "o" in name)


def test_a_reward_half_as_strong_leaves_depression_alone(model):
    """4 * 1/2 - 2 = 0 where there is reward, -2 elsewhere."""
    segments = trained(model(wild(grade=0.5)))
    start = assemble(model()).start
    for row, after in segments[-1].copies.items():
        before = start[row.layer].astype(int)
        # a copy of -W2, turned to the sign of W2, rises where the synapse falls
        assert (row.sign * (after - before) <= 0).all(), row.name
    assert any((after != start[row.layer]).any() for row, after in segments[-1].copies.items())


def test_the_circuit_with_a_late_reward_is_the_one_of_its_rows(model):
    experiment = model(switches("reward", delay=2))
    circuit, dataset, n = assemble(experiment).circuit, dataset_of(experiment), 8
    inputs, labels = dataset.train.inputs[:n], dataset.train.labels[:n]
    weights = assemble(experiment).start
    net = build_network(circuit, weights=weights, inputs=inputs, labels=labels)
    net.run(n)
    patterns = {"input": inputs[None], "target": np.eye(circuit.sizes[-1], dtype=int)[labels][None]}
    _, expected = simulate(circuit, [as_copy(row, weights) for row in circuit.plastic], patterns)
    moved = 0
    for (row, matrix), reference in zip(net.weights().items(), expected, strict=True):
        np.testing.assert_array_equal(matrix, reference[0], err_msg=row.name)
        moved += (matrix != as_copy(row, weights)).sum()
    assert moved


# ---------------------------------------------------------------- what may be said together


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({"release": 1.5}, "synapses.release: is 1.5, but must be 1 or less"),
        ({"update_probability": -0.1}, "synapses.update_probability: is -0.1, but must be 0 or"),
        ({"dale": 20}, "synapses.dale: is 20, but must be 1 or less"),
        ({"levels": 16}, "synapses.levels: is 16, but must be one of 3, 7, 15, 31, 63, 127, 255"),
        ({"shared": True}, "synapses: shared: there are no random draws to share"),
        ({"shared": "yes", "levels": 31}, 'synapses.shared: is "yes", but must be true or false'),
        ({"balanced": True}, "synapses: balanced: only with dale between 0 and 1"),
        ({"relase": 0.5}, "synapses.relase: unknown key; did you mean release?"),
    ],
    ids=str,
)
def test_wrong_synapses_are_refused_with_their_line(said, answer):
    lines = [f"  {key}: {str(value).lower() if value is True else value}"
             for key, value in said.items()]  # fmt: skip
    text = "\n".join(
        ["name: bad", "dataset: {name: digits}", "network: {sizes: [64, 8, 10]}",
         "training: {epochs: 1}", "synapses:", *lines]
    )  # fmt: skip
    with pytest.raises(ExperimentError) as caught:
        sb.Experiment.from_yaml(text, "bad.yaml")
    (line,) = str(caught.value).splitlines()
    assert line.startswith("bad.yaml:")
    assert line.split(":", 1)[1].split(": ", 1)[0] in ("5", "6", "7")
    assert answer in line


@pytest.mark.parametrize(
    ("overrides", "answer"),
    [
        (["reward.flip=2"], "reward.flip: is 2, but must be 1 or less"),
        (["reward.delay=12"], "reward.delay: is 12, but must be 11 or less"),
        (["reward.grade=0.3"], "reward.grade: is 0.3, but must be a multiple of 0.0625"),
        (["hardware=loihi1", "reward.noise=0.5"], "grade, noise: the emulated chip's r1 is a"),
        (["hardware=loihi1", "synapses.levels=31"], "levels: the chip has its own"),
        (["hardware=loihi1", "synapses.dale=0.5"], "dale: needs bounds of plus and minus the same"),
        (["network.weight_limit=60", "synapses.levels=7"], "levels: 7 levels are steps of 64"),
    ],
    ids=str,
)
def test_switches_that_cannot_go_together_are_refused(model, overrides, answer):
    with pytest.raises(ExperimentError) as caught:
        model(overrides)
    assert answer in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "answer"),
    [
        (wild(release=0.5), "no synapses that fail"),
        (wild(relay_release=0.5), "no synapses that fail"),
        (wild(update_probability=0.5), "set synapses.shared: true"),
        (["synapses.levels=31"], "set synapses.shared: true"),
        (["synapses.soft_bounds=true"], "set synapses.shared: true"),
        (["reward.delay=1"], "no reward signal that is late"),
        (wild(noise=0.5), "no reward signal that is late, wrong or graded"),
    ],
    ids=str,
)
def test_the_oracle_says_what_it_cannot_follow(model, overrides, answer):
    experiment = model(overrides)
    with pytest.raises(SynfireError) as caught:
        make_engine("oracle", assemble(experiment), dataset_of(experiment))
    assert answer in str(caught.value)
    assert "use the engine 'circuit'" in str(caught.value)
    with pytest.raises(SynfireError, match="oracle"):
        verify(experiment)
    assert not experiment.guarantees.copies_equal


def test_a_section_without_entries_adds_nothing():
    assert combined([Synapses().lines(), Reward().lines()]) == Lines()
    assert Synapses().changes((3, 4, 2), 254) is None


def test_oracle_weights_move_within_their_own_bounds():
    rng = np.random.default_rng(0)
    inputs = (rng.random((200, 30)) < 0.5).astype(np.uint8)
    labels = rng.integers(0, 4, 200)
    section = Synapses(dale=0.5)
    circuit = backprop_circuit((30, 20, 4))
    w1, w2 = section.started(sb.initial_weights(circuit.sizes, 1), 254)
    samples = oracle.Samples.of(inputs, labels, 4)
    algorithm = oracle.Algorithm(circuit.sizes, changes=section.changes(circuit.sizes, 254))
    result = oracle.learn(samples, (w1, w2), np.arange(200), algorithm)
    assert min(result.weight_changes) > 0
    for layer, matrix in enumerate((w1, w2)):
        inhibitory = inhibitory_cells(len(matrix), 0.5, layer)
        assert (matrix[inhibitory] <= 0).all()
        assert (matrix[~inhibitory] >= 0).all()


# ---------------------------------------------------------------- at the paper's size


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ["synapses.dale=0.5"],
        ["synapses.dale=0.2", "synapses.balanced=true"],
        ["synapses.update_probability=0.5", "synapses.shared=true"],
        ["synapses.soft_bounds=true", "synapses.shared=true"],
        ["synapses.levels=63", "synapses.shared=true"],
        ["synapses.release=1.0", "synapses.relay_release=1.0"],
    ],
    ids=str,
)
def test_2000_digits_of_mnist_leave_no_weight_different(overrides):
    found = verify(sb.Experiment.from_file("mnist").changed(overrides), samples=2000)
    assert found.exact
    assert all(row.learnt > 1000 for row in found.projections)


def test_feedback_weights_of_their_own_go_with_one_sign_per_cell(model):
    found = verify(model(["feedback=kolen_pollack", "synapses.dale=0.3"]))
    assert found.exact
    assert all(row.learnt for row in found.projections), found


def test_feedback_that_is_fixed_goes_with_shared_dice(model):
    shared = ["synapses.update_probability=0.5", "synapses.shared=true"]
    found = verify(model(["feedback=feedback_alignment", *shared]))
    assert found.exact
    assert any(row.learnt for row in found.projections)


def test_dice_for_feedback_that_learns_are_what_the_oracle_cannot_follow(model, tmp_path):
    shared = ["synapses.update_probability=0.5", "synapses.shared=true"]
    wild_one = model(["feedback=kolen_pollack", *shared])
    with pytest.raises(SynfireError, match=r"not for feedback weights that learn .* 'circuit'"):
        sb.train(wild_one, engine="oracle", out=tmp_path / "oracle")
    assert sb.train(wild_one, out=tmp_path / "circuit").activity.unequal_weights.tolist() == [0, 0]


def test_one_sign_per_cell_holds_for_forward_weights_not_for_feedback(model):
    plain = assemble(model(["feedback=sign_symmetric"])).start
    dale = assemble(model(["feedback=sign_symmetric", "synapses.dale=0.3"])).start
    assert all((np.sign(dale[0]) * np.sign(dale[0][:, :1]) >= 0).all(axis=1))
    np.testing.assert_array_equal(np.abs(dale[2]), np.abs(plain[2]))
    np.testing.assert_array_equal(np.sign(dale[2]), np.sign(plain[1]) * (plain[2] != 0))
