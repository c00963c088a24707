"""The page of a run: what it holds is what the circuit does, whatever the circuit is."""

from __future__ import annotations

import os
import re
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from edited import accepted
from typer.testing import CliRunner
from watch_pages import fired, held

import synfire_bp as sb
from synfire_bp.circuit import as_copy, simulate
from synfire_bp.cli.commands import app
from synfire_bp.errors import RunDirectoryError, SynfireError
from synfire_bp.training import dataset_of
from synfire_bp.watch import watching
from synfire_bp.watch.stops import course, how_many
from synfire_bp.watch.wiring import wiring

# -- what is shown is what the circuit does --------------------------------------------------------


@pytest.fixture(scope="module")
def stops(watched):
    """The weights of the stops of the page."""
    return course(watched, dataset_of(watched.model), 4)


@pytest.fixture(scope="module")
def stepped(watched, about, stops):
    """What plain NumPy does, cell by cell: who fired, weights afterwards; by stop and sample."""
    circuit, data = watched.model.circuit, dataset_of(watched.model)
    result = {}
    for k, stop in enumerate(stops):
        for j, sample in enumerate(about["samples"]):
            x, label = data.train.inputs[sample["number"]], data.train.labels[sample["number"]]
            plastic = [as_copy(row, stop.weights) for row in circuit.plastic]
            patterns = {"input": x[None, None], "target": np.eye(3, dtype=int)[[[label]]]}
            spikes, after = simulate(circuit, plastic, patterns)
            change = [new[0] - old for new, old in zip(after, plastic, strict=True)]
            result[k, j] = spikes[0, 0], change
    return result


def test_the_spikes_are_those_of_the_circuit_stepped_in_numpy(watched, about, stepped):
    circuit = watched.model.circuit
    for (k, j), (spikes, _) in stepped.items():
        shown = about["records"][k][j]["spikes"]
        for name, place in circuit.slices.items():
            for phase in range(circuit.n_phases):
                expected = spikes[phase, place]
                text = shown.get(name, {}).get(str(phase))
                found = fired(text or "", len(expected))
                assert (found == expected).all(), (k, j, name, phase)


def test_synapses_that_grow_and_shrink_are_counted_where_and_when_they_learn(
    watched, about, stepped
):
    circuit, seen = watched.model.circuit, 0
    for (k, j), (spikes, change) in stepped.items():
        record = about["records"][k][j]
        expected = {n: [int((c > 0).sum()), int((c < 0).sum())] for n, c in enumerate(change)}
        assert {n: counts for n, *counts in record["changed"]} == {
            n: counts for n, counts in expected.items() if any(counts)
        }
        for phase, n, met, up, down in record["learning"]:
            row = circuit.plastic[n]
            pre, post = (spikes[phase, circuit.slices[name]] for name in (row.pre, row.post))
            assert met == pre.sum() * post.sum()
            together = change[n][pre][:, post]  # some are at their limit
            assert (up, down) == ((together > 0).sum(), (together < 0).sum())
            assert (down if phase in (5, 7) else up) == 0
            seen += up + down
    assert seen > 0


def test_potentials_and_inputs_are_those_of_the_weights_and_the_data(watched, about, stops):
    data = dataset_of(watched.model).train
    for j, sample in enumerate(about["samples"]):
        x = data.inputs[sample["number"]].astype(int)
        assert sample["label"] == data.labels[sample["number"]]
        assert (fired(sample["input"], 12) == x).all()
        for k, stop in enumerate(stops):
            w1, w2 = (matrix.astype(int) for matrix in stop.weights)
            assert about["records"][k][j]["potentials"] == ((x @ w1 > 512) @ w2).tolist()


def test_stops_are_those_of_the_training_and_the_last_one_is_the_runs(watched, stops):
    data, weights = dataset_of(watched.model).train, stops[0].weights
    assert (stops[0].samples, stops[-1].samples) == (0, 120)
    orders = [sb.epoch_order(watched.experiment.training.seed, epoch, 40) for epoch in range(3)]
    shown = np.concatenate(orders)
    for before, stop in pairwise(stops):
        part = shown[before.samples : stop.samples]
        weights = tuple(matrix.copy() for matrix in weights)
        sb.oracle.train_epoch(data.inputs, data.labels, *weights, part)
        for ours, theirs in zip(weights, stop.weights, strict=True):
            assert (ours == theirs).all(), stop.samples
    assert (stops[0].weights[0] == watched.weights["w1_init"]).all()
    assert (stops[-1].weights[1] == watched.weights["w2"]).all()


def test_accuracies_are_those_of_a_test_at_each_stop(watched, about, stops):
    with_oracle = sb.OracleEngine(watched.model, dataset_of(watched.model))
    for stop, shown in zip(stops, about["stops"], strict=True):
        score = with_oracle.test(stop.weights, "test").score.row()
        assert shown == {
            "samples": stop.samples,
            "accuracy": pytest.approx(score["accuracy_spikes"]),
        }


def test_samples_that_nobody_names_are_chosen_the_same_again(watched, tmp_path):
    pages = [
        held(sb.watch_run(watched, tmp_path / name, checkpoints=2)) for name in ("a.html", "b.html")
    ]
    assert pages[0] == pages[1]
    numbers = [sample["number"] for sample in pages[0]["samples"]]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == watching.USUAL_SAMPLES
    assert [stop["samples"] for stop in pages[0]["stops"]] == [0, 120]


# -- any circuit draws itself ----------------------------------------------------------------------

CIRCUITS = (
    "digits", "mnist_fine", "mnist_fine_graded", "mnist_fine_deep",
    "mnist_fine_graded_deep", "variants/digits_deep",
    "variants/digits_feedback_alignment", "variants/digits_direct_feedback",
    "variants/digits_replay", "variants/digits_reverse", "variants/digits_pools",
)  # fmt: skip


@pytest.mark.parametrize("name", CIRCUITS)
def test_every_row_of_a_circuit_is_drawn(name):
    circuit = sb.assemble(sb.Experiment.from_file(name)).circuit
    drawn = wiring(circuit, (8, 8))
    names = [row["name"] for row in drawn["populations"]]
    assert [*names, *drawn["chain"]] == list(circuit.population_sizes)
    assert [phase["meaning"] for phase in drawn["phases"]] == [p.meaning for p in circuit.phases]
    gates = {(p["name"], gate["phase"]) for p in drawn["populations"] for gate in p["gates"]}
    assert gates == {(row.population, row.phase) for row in circuit.gates}
    lines = {
        (row["pre"], row["post"], row["weight"], delay)
        for row in drawn["projections"]
        if row["kind"] != "plastic"
        for delay in row["delays"]
    }
    assert lines == {
        (row.pre, row.post, row.weight.value, row.extra_delay)
        for row in circuit.projections
        if row.pre not in circuit.gate_names
    }
    plastic = [row for row in drawn["projections"] if row["kind"] == "plastic"]
    assert [(row["pre"], row["post"]) for row in plastic] == [
        (row.pre, row.post) for row in circuit.plastic
    ]
    for row in drawn["populations"]:
        rows, columns = row["grid"]
        assert rows * columns >= row["size"]


def test_matrices_have_their_names_and_the_sign_and_direction_of_the_copy():
    circuit = sb.assemble(sb.Experiment.from_file("variants/digits_feedback_alignment")).circuit
    weights = {
        f"{row['pre']}→{row['post']}": row["weight"]
        for row in wiring(circuit, (8, 8))["projections"]
        if row["kind"] == "plastic"
    }
    assert weights["x→h1"] == "W1" if "x→h1" in weights else weights["x→h"] == "W1"
    assert {weights["o→h1T" if "o→h1T" in weights else "o→hT"]} == {"B2ᵀ"}
    assert {weights["oT→h1T" if "oT→h1T" in weights else "oT→hT"]} == {"−B2ᵀ"}


def test_graded_spikes_carry_the_numbers_that_the_weights_give_by_hand(experiment, tmp_path):
    made = experiment("errors.graded=true", "errors.margin=64", "training.epochs=2")
    run = sb.train(made, engine="oracle", out=tmp_path / "run")
    about = held(sb.watch_run(run, samples=[0, 3, 11, 39], checkpoints=2))
    data, negative, larger = dataset_of(run.model).train, 0, 0
    for records, when in zip(about["records"], ("_init", ""), strict=True):
        w1, w2 = (run.weights[f"{name}{when}"].astype(int) for name in ("w1", "w2"))
        for record, sample in zip(records, about["samples"], strict=True):
            h = data.inputs[sample["number"]].astype(int) @ w1 > 512
            sums, target = h @ w2, np.arange(3) == sample["label"]
            inside = (sums > 0) & (target | (sums <= 1024))
            lacks, exceeds = (np.clip(-(-(64 + d) // 256), 0, 4) for d in (512 - sums, sums - 512))
            error = np.where(inside, np.where(target, lacks, -exceeds), 0)
            back = w2 @ error
            expected = np.sign(back) * np.minimum(-(-abs(back) // 64), 15)
            assert (numbers(record, "d+", 5, 3) == np.maximum(error, 0)).all()
            assert (numbers(record, "d-", 5, 3) == np.maximum(-error, 0)).all()
            assert (numbers(record, "o", 6, 3) == error).all()
            assert (numbers(record, "hT", 7, len(w2)) == expected).all()
            assert (numbers(record, "h", 2, len(w2)) == h).all()
            negative, larger = negative + (expected < 0).sum(), larger + (abs(expected) > 1).sum()
    assert negative
    assert larger


def numbers(record, name, phase, size):
    """Return what the spikes of a population carry in a phase; 0: no spike."""
    fires = fired(record["spikes"].get(name, {}).get(str(phase), ""), size)
    carried = np.zeros(size, dtype=int)
    carried[fires] = record["carried"].get(name, {}).get(str(phase), 1)
    return carried


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("digits", ""),
        ("variants/digits_gate_failure", "a gate's pulse fails: with a probability of 0.001"),
        ("variants/digits_pools", "pool: 64 neurons a link of the chain"),
        ("variants/digits_lif", "potentials: rest -54 mV"),
        ("variants/digits_believed_answer", "target: the network's own answer"),
        ("mnist_loihi1", "chip: loihi1, emulated to the last bit"),
    ],
)
def test_a_page_says_in_what_a_model_is_not_the_papers(name, said):
    model = sb.assemble(sb.Experiment.from_file(name))
    found = watching.differences(model)
    assert said in "; ".join(f"{label}: {text}" for label, text in found["variants"])
    assert bool(found["variants"]) == bool(said)
    drifts = any("drift apart" in note for note in found["notes"])
    assert drifts == (not model.guarantees.copies_equal)
    assert found["tries"] == ("answer" in name)


# -- the file --------------------------------------------------------------------------------------


def test_the_page_asks_for_nothing_and_holds_its_data_whatever_a_run_is_called(page, about):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"https?:|@import|url\(|<link|<img|\bsrc=|\bhref=", text)
    assert "default-src 'none'" in text
    assert text.count("</script>") == 2
    assert about["run"] in page.name
    assert "<!--" in about["run"]
    assert "<!--" not in text
    assert page.stat().st_size < 200_000


def test_a_page_lies_beside_its_run_and_is_replaced_as_a_whole(watched, page):
    assert page == watched.path.with_name(f"{watched.path.name}-watch.html")
    before = page.read_bytes()
    assert sb.watch_run(str(watched.path), samples=[0, 3, 11, 39], checkpoints=4) == page
    assert page.read_bytes() == before
    assert not list(page.parent.glob(".*.tmp"))


# -- what is refused -------------------------------------------------------------------------------


def said(*arguments, **options):
    with pytest.raises(SynfireError) as caught:
        sb.watch_run(*arguments, **options)
    return str(caught.value)


def test_what_cannot_be_shown_is_named_with_its_limit(watched, tmp_path):
    assert "no such run" in said(tmp_path / "nowhere")
    assert "no training sample 40" in said(watched, samples=[0, 40])
    assert "0 to 39" in said(watched, samples=[-1])
    assert "1.5 is not a whole number" in said(watched, samples=[1.5])
    assert "1 to 24" in said(watched, samples=range(25))
    assert "1 to 24" in said(watched, samples=[])
    assert "from 2, start and end, to 12" in said(watched, checkpoints=13)
    assert "from 2, start and end, to 12" in said(watched, checkpoints=True)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_hold_the_page_is_refused_before_anything_is_recorded(
    watched, tmp_path, monkeypatch
):
    monkeypatch.setattr(watching, "gathered", None)
    assert "is a folder; out must name a file" in said(watched, tmp_path)
    assert "there is no folder" in said(watched, tmp_path / "none" / "page.html")
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    assert "cannot be written; change out" in said(watched, tmp_path / "page.html")


def test_a_page_replaces_a_page_and_no_other_file(watched, tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "gathered", None)
    weights = watched.path / "weights.npz"
    before = weights.read_bytes()
    assert "is no page of HTML; out must name a new file" in said(watched, weights)
    assert weights.read_bytes() == before
    os.mkfifo(tmp_path / "pipe")
    assert "is no page of HTML" in said(watched, tmp_path / "pipe")


def test_a_huge_page_is_refused_with_the_limit(watched, monkeypatch):
    monkeypatch.setattr(watching, "LARGEST_PAGE", 1000)
    text = said(watched, samples=range(24), checkpoints=12)
    assert "24 samples at 12 checkpoints" in text
    assert "ask for fewer samples or checkpoints" in text


def test_a_page_is_smaller_than_the_estimate_that_is_held_against_the_limit(watched, page, about):
    records = len(about["stops"]) * len(about["samples"])
    estimate = records * watching.most_characters(watched.model.circuit)
    with_records = len(str(about["records"]))
    assert with_records < 2 * estimate


def test_a_training_that_was_stopped_is_told_how_to_go_on(experiment, watched, tmp_path):
    run = sb.train(experiment("training.epochs=2"), engine="oracle", out=tmp_path / "run")
    text = (run.path / "provenance.json").read_text()
    (run.path / "provenance.json").write_text(text.replace('"finished": true', '"finished": false'))
    accepted(run.path)
    text = said(run.path)
    assert "is not finished" in text
    assert "resume=True" in text


def test_the_run_of_a_rival_is_refused_as_one(tmp_path):
    (tmp_path / "rival.json").write_text("{}")
    assert "run of a rival" in said(tmp_path)


def test_weights_that_are_not_those_of_the_training_are_shown_at_start_and_end_alone(
    experiment, tmp_path
):
    run = sb.train(experiment("training.epochs=2"), engine="oracle", out=tmp_path / "run")
    weights = dict(np.load(run.path / "weights.npz"))
    weights["w2"] = weights["w2"] + np.int16(2)
    np.savez(run.path / "weights.npz", **weights)
    accepted(run.path)
    text = said(run.path)
    assert "24 weights of w2 are not those of the same training" in text
    assert "checkpoints=2" in text
    assert not (tmp_path / "run-watch.html").exists()
    assert len(held(sb.watch_run(run.path, samples=[0], checkpoints=2))["stops"]) == 2


def test_what_the_integers_cannot_follow_has_two_stops_and_the_page_says_why():
    model = sb.assemble(sb.Experiment.from_file("variants/digits_gate_failure"))
    run = SimpleNamespace(model=model, path="runs/x")
    stops, why = how_many(run, None)
    assert stops == 2
    assert "gates that could fail" in why
    assert "engine" not in why  # the page shows the circuit already
    assert how_many(run, 2) == (2, "")
    with pytest.raises(SynfireError, match=r"cannot be found again.*ask for 2"):
        how_many(run, 3)


def test_the_command_says_where_the_page_is_and_refuses_in_its_own_words(watched, tmp_path):
    out = tmp_path / "page.html"
    common = ["watch", str(watched.path), "--out", str(out), "--quiet"]
    done = CliRunner().invoke(app, [*common, "--samples", "3,0", "--checkpoints", "2"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"{out}: ")
    assert [sample["number"] for sample in held(out)["samples"]] == [3, 0]
    wrong = CliRunner().invoke(app, [*common, "--samples", "3,x"])
    assert wrong.exit_code == 2
    assert "Invalid value for --samples: 'x' is not a whole number" in wrong.output
    refused = CliRunner().invoke(app, [*common[:3], str(tmp_path)])
    assert isinstance(refused.exception, RunDirectoryError)
    assert "--out must name a file" in str(refused.exception)
