"""What docs/extending.md shows, done as it says there, in a folder far from the clone."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synfire_bp as sb
from synfire_bp import registry
from synfire_bp.training.guarantees import unfollowed

PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")


def block(language, contains):
    """Return the one block of the page that has these words."""
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.S)
    (only,) = [code for code in found if contains in code]
    return only


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files that the page lets its reader save."""
    folder = tmp_path_factory.mktemp("reader")
    for name, language, contains in (
        ("sparse_feedback.py", "python", "class SparseFeedback"),
        ("forgetful.py", "python", "class ForgetfulCopies"),
        ("witness.py", "python", "class Witness"),
        ("bars.py", "python", "def bars"),
        ("frozen.py", "python", "class Frozen"),
        ("bars_curve.py", "python", "bars_curve"),
        ("check_it.py", "python", "def test_sparse_feedback_is_exact"),
        ("pairs.py", "python", '"pairs"'),
        ("traced.yaml", "yaml", "name: traced"),
        ("sparse.yaml", "yaml", "name: sparse"),
        ("shares.yaml", "yaml", "name: shares"),
        ("bars.yaml", "yaml", "name: bars"),
    ):
        (folder / name).write_text(block(language, contains))
    return folder


@pytest.fixture(scope="module")
def use(folder, command):
    """Run a command in the reader's folder, and expect it to succeed."""

    def run(*words):
        said = command(folder, [], *words)
        assert said.returncode == 0, said.stderr
        return said.stdout

    return run


@pytest.fixture
def untouched(monkeypatch):
    """Take back what a test registers."""
    monkeypatch.setenv("SYNFIRE_BP_PLUGINS", "")

    class Undo(Exception):
        pass

    with pytest.raises(Undo), registry.all_or_nothing():
        yield
        raise Undo


def test_every_block_of_code_is_used_by_a_test_of_this_file():
    known = 12
    assert len(re.findall(r"```(?:python|yaml)\n", PAGE)) == known


def test_the_first_variant_is_exact(use):
    small = ("--set", "network.sizes=[64, 20, 10]", "--samples", 100)
    found = json.loads(
        use("verify", "sparse.yaml", "--plugin", "sparse_feedback.py", *small, "--json", "-q")
    )
    assert found["exact"]
    assert all(row["learnt"] for row in found["projections"])


def test_a_rule_with_a_name_is_the_rule_of_the_model_file(folder, untouched):
    written = sb.Experiment.from_file(folder / "traced.yaml").learning.parsed()
    sb.load_plugin(str(folder / "pairs.py"))
    named = sb.Experiment.from_file("digits", ["learning.rule=pairs"]).learning.parsed()
    assert named == written


def test_the_first_variant_is_swept_over_in_worker_processes(use, folder):
    use("sweep", "shares.yaml", "--plugin", "sparse_feedback.py", "--out", "runs/shares",
        "--workers", 2, "-q")  # fmt: skip
    table = pd.read_parquet(folder / "runs" / "shares" / "runs.parquet")
    assert list(table.status) == 6 * ["ok"]
    assert sorted(set(table["sparse_feedback.share"])) == [0.25, 0.5, 1.0]


def test_the_page_s_data_set_engine_and_figure_work_together(use, folder):
    plugins = ("--plugin", "bars.py", "--plugin", "frozen.py", "--plugin", "bars_curve.py")
    use("train", "bars.yaml", "--engine", "oracle", "--out", "runs/bars", "-q", *plugins)
    use("train", "bars.yaml", "--engine", "frozen", "--out", "runs/frozen", "-q", *plugins)
    learnt, frozen = (sb.Run.open(folder / "runs" / name) for name in ("bars", "frozen"))
    assert learnt.metrics.accuracy_spikes.iloc[-1] > frozen.metrics.accuracy_spikes.iloc[-1]
    assert (frozen.weights["w1"] == frozen.weights["w1_init"]).all()
    names = [one["name"] for one in frozen.provenance["plugins"]]
    assert names == ["bars", "frozen"]
    use("figures", "bars_curve", *plugins)
    assert (folder / "figures" / "bars" / "bars_curve.png").exists()


def test_the_frozen_engine_answers_as_the_oracle_does(use, folder):
    plugins = ("--plugin", "bars.py", "--plugin", "frozen.py")
    use("train", "bars.yaml", "--engine", "oracle", "--out", "runs/answers", "-q", *plugins)
    answers = [
        json.loads(use("test", "runs/answers", "--engine", name, "--json", "-q", *plugins))
        for name in ("oracle", "frozen")
    ]
    assert answers[0] == answers[1]


def test_copies_that_may_drift_apart_do_so(folder, untouched):
    sb.load_plugin(str(folder / "forgetful.py"))
    small = ["network.sizes=[64, 20, 10]", "forgetful_copies={}"]
    experiment = sb.Experiment.from_file("digits", small)
    model = sb.assemble(experiment)
    assert not model.guarantees.copies_equal
    net = sb.build_network(model, sb.load_dataset("digits"))
    net.run(20)
    copies = {row.name: matrix for row, matrix in net.weights().items()}
    assert (copies["x→h"] != copies["x→h<"]).any()
    with pytest.raises(sb.errors.SynfireError, match="no copies that drift apart"):
        sb.verify(experiment, samples=10)


def test_a_population_that_a_plug_in_adds_fires_in_its_phase_alone(folder, untouched):
    sb.load_plugin(str(folder / "witness.py"))
    small = ["network.sizes=[64, 20, 10]", "witness={}"]
    model = sb.assemble(sb.Experiment.from_file("digits", small))
    net = sb.build_network(model, sb.load_dataset("digits"))
    net.run(30)
    spikes = dict(zip(net, net.spike_counts(), strict=True))
    assert spikes["seen"][4] == spikes["o"][3] > 0
    assert spikes["seen"].sum() == spikes["seen"][4]


def test_the_test_that_the_page_shows_passes(folder, untouched, monkeypatch):
    monkeypatch.chdir(folder)
    runpy.run_path(str(folder / "check_it.py"))["test_sparse_feedback_is_exact"]()


def test_short_whole_numbers_of_a_variant_become_those_of_a_variable_declared_integer():
    plan = sb.assemble(sb.Experiment.from_file("digits", ["network.sizes=[64, 8, 10]"])).network
    n = plan.layout.pre.size
    given = np.arange(n).astype(np.int16)
    own = plan.adding(sb.Lines(own_bounds=True), lambda *_: {"plastic.lowest": -given})
    numbers = own.numbers(sb.initial_weights((64, 8, 10), seed=0), sb.Moment())
    assert numbers["plastic.lowest"].dtype == np.int32
    assert (numbers["plastic.lowest"] == -np.arange(n)).all()
    assert numbers["plastic.w"].dtype == np.int16  # weights are held in 16 bits


def test_numbers_of_a_type_that_a_program_cannot_read_are_refused(tmp_path):
    from synfire_bp.program import Program, SampleFiles

    (tmp_path / "program.json").write_text('{"results": {}, "settable": {}}')
    samples = SampleFiles(np.zeros((1, 2), np.uint8), np.zeros(1, int))
    with pytest.raises(sb.errors.SimulationError, match=r"plastic\.mine is an array of float32"):
        Program(tmp_path).run({"plastic.mine": np.ones(3, np.float32)}, samples, np.zeros(1, int))


def test_a_clone_draws_figures_of_plug_ins_too(folder, untouched, tmp_path, capsys):
    from analysis.__main__ import main

    figure = str(folder / "bars_curve.py")
    assert main(["bars_curve", "--plugin", figure, "--runs", str(tmp_path)]) == 1
    assert "figure 'bars_curve' cannot be drawn" in capsys.readouterr().err  # there is no run
    assert main(["bars_curve", "--plugin", str(tmp_path / "absent.py")]) == 1
    assert "no such file" in capsys.readouterr().err


UNFOLLOWED = '''
import synfire_bp as sb


@sb.variant("lossy")
class Lossy(sb.Variant):
    """Says nothing of an integer part."""

    summary = "Nothing, in truth. null: nothing."


@sb.variant("followed")
class Followed(sb.Variant):
    """Has an integer part."""

    summary = "Nothing, in truth. null: nothing."

    def algorithm(self, algorithm):
        return algorithm
'''


def test_sections_of_plug_ins_without_an_integer_part_are_named_where_weights_differ(
    tmp_path, untouched
):
    (tmp_path / "unfollowed_sections.py").write_text(UNFOLLOWED)
    sb.load_plugin(str(tmp_path / "unfollowed_sections.py"))
    small = ["network.sizes=[64, 20, 10]"]
    lossy, followed = (
        sb.assemble(sb.Experiment.from_file("digits", [*small, f"{name}={{}}"]))
        for name in ("lossy", "followed")
    )
    assert "the section 'lossy' of" in unfollowed(lossy)
    assert "has no `algorithm`" in unfollowed(lossy)
    assert not unfollowed(followed)
    assert not unfollowed(sb.assemble(sb.Experiment.from_file("digits", small)))


def test_an_unknown_section_with_no_like_one_may_be_that_of_a_plug_in():
    with pytest.raises(sb.errors.ExperimentError, match=r"lossy: unknown key.*plug-in, load that"):
        sb.Experiment.from_dict({"name": "x", "lossy": {}})
