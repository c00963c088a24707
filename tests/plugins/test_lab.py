"""A package from outside, installed and used by the command line from another folder."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml

import synfire_bp as sb
from synfire_bp.errors import PluginError

MODEL = """
name: striped
requires: ["lab>=1.2"]
dataset: {name: stripes}
network: {sizes: [36, 20, 12]}
deaf: {to: [3, 7]}
training: {epochs: 2, samples: 120}
"""

SWEEP = """
name: spreads
model: model.yaml
engine: memo
parameters:
  network.initial_spread: [0.5, 1.0]
design: {kind: grid}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder far from the clone, with a model and a sweep."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "model.yaml").write_text(MODEL)
    (folder / "sweep.yaml").write_text(SWEEP)
    return folder


@pytest.fixture(scope="module")
def use(folder, lab, command):
    """Run a command with the package, and expect it to succeed."""

    def run(*words):
        said = command(folder, [lab], *words)
        assert said.returncode == 0, said.stderr
        return said.stdout

    return run


@pytest.fixture(scope="module")
def trained(use, folder):
    """A run of the spiking circuit, one epoch of two, then taken up."""
    use("train", "model.yaml", "--out", "runs/one", "--epochs", 1, "-q")
    use("train", "model.yaml", "--out", "runs/one", "--resume", "-q")
    return folder / "runs" / "one"


def test_the_list_of_plug_ins_says_what_is_there_from_where_and_what_it_adds(use, lab):
    (listed,) = json.loads(use("plugins", "--json"))
    assert (listed["name"], listed["version"]) == ("lab", "1.2.0")
    assert listed["file"] == str(lab / "lab_synfire" / "__init__.py")
    assert listed["adds"] == {
        "data set": ["stripes"], "variant": ["deaf"], "engine": ["memo"], "figure": ["lab_curve"],
        "rule": ["lab_pairs"],
    }  # fmt: skip
    assert "stripes" in use("plugins")


def test_the_circuit_with_lines_of_a_plug_in_equals_its_integer_part(use):
    found = json.loads(use("verify", "model.yaml", "--json", "-q"))
    assert found["exact"]
    assert all(row["different"] == 0 and row["learnt"] > 0 for row in found["projections"])


def test_the_variant_changes_what_is_learnt(use, folder):
    for name, more in (("deaf", ()), ("hearing", ("--set", "deaf=null"))):
        use("train", "model.yaml", "--engine", "oracle", "--out", f"other/{name}", "-q", *more)
    deaf, hearing = (np.load(folder / "other" / name / "weights.npz") for name in
                     ("deaf", "hearing"))  # fmt: skip
    assert (deaf["w1_init"] == hearing["w1_init"]).all()
    assert (deaf["w1"] != hearing["w1"]).any()


def test_a_run_with_a_plug_in_is_taken_up_and_tested_and_knows_it(use, trained, lab):
    assert "accuracy by spikes" in use("test", "runs/one")
    (stored,) = json.loads((trained / "provenance.json").read_text())["plugins"]
    assert (stored["name"], stored["version"]) == ("lab", "1.2.0")
    assert stored["module"] == "lab_synfire"
    assert stored["file"].startswith(str(lab))


def test_a_resumed_run_ends_with_the_bits_of_one_that_was_not_stopped(use, trained, folder):
    use("train", "model.yaml", "--out", "other/whole", "-q")
    whole = np.load(folder / "other" / "whole" / "weights.npz")
    for name, matrix in np.load(trained / "weights.npz").items():
        np.testing.assert_array_equal(matrix, whole[name])


def test_a_rule_of_a_plug_in_trains_the_circuit_and_its_run_knows_it(use, folder):
    by_rule = ("--set", "learning.rule=lab_pairs", "--set", "deaf=null", "--set", "requires=[]")
    data = ("--set", "dataset.name=digits", "--set", "network.sizes=[64, 8, 10]")
    use("train", "model.yaml", "--out", "runs/pairs", "--epochs", 1, "-q", *by_rule, *data)
    use("train", "model.yaml", "--out", "runs/pairs", "--resume", "-q", *by_rule, *data)
    run = folder / "runs" / "pairs"
    (stored,) = json.loads((run / "provenance.json").read_text())["plugins"]
    assert stored["name"] == "lab"
    weights = np.load(run / "weights.npz")
    assert (weights["w1"] != weights["w1_init"]).any()
    said = " ".join(use("describe", "model.yaml", *by_rule).split())  # columns are aligned
    assert "trace x1 32 a spike, time constant 4 phases" in said


def test_a_sweep_over_a_plug_in_s_model_with_its_engine_in_worker_processes(use, folder):
    use("sweep", "sweep.yaml", "--workers", 2, "--out", "sweep", "-q")
    table = pd.read_parquet(folder / "sweep" / "runs.parquet")
    assert list(table.status) == ["ok", "ok"]
    assert set(table.engine) == {"memo"}


def test_a_figure_of_a_plug_in_is_drawn(use, trained, folder):
    use("figures", "lab_curve", "--out", "drawn")
    assert (folder / "drawn" / "lab" / "lab_curve.png").stat().st_size > 1000
    assert "lab_curve: all/lab/lab_curve.png" in use("figures", "--out", "all")  # digits are not


def test_the_schema_and_the_description_know_the_plug_in(use):
    schema = json.loads(use("schema"))
    assert "deaf" in schema["properties"]
    assert "stripes" in schema["$defs"]["DatasetSection"]["properties"]["name"]["enum"]
    assert "36-20-12" in use("describe", "model.yaml")
    assert "stripes" in use("data", "list")


# ---------------------------------------------------------------- without it


def test_without_the_package_every_command_says_what_to_install(folder, trained, command):
    for words in (
        ("train", "model.yaml", "--engine", "oracle", "--out", "other/none"),
        ("verify", "model.yaml"),
        ("describe", "model.yaml"),
    ):
        said = command(folder, [], *words)
        assert said.returncode == 1
        assert "model.yaml:3: requires: the plug-in 'lab>=1.2' is not loaded" in said.stderr
        assert "pip install 'lab>=1.2'" in said.stderr
        assert "Traceback" not in said.stderr
    said = command(folder, [], "train", "model.yaml", "--engine", "memo", "--out", "other/none")
    assert said.returncode == 2
    assert "engine 'memo' is unknown" in said.stderr.replace("\n", " ")


def test_a_run_of_a_plug_in_that_is_not_there_reads_its_numbers(trained):
    run = sb.Run.open(trained)
    assert len(run.metrics) == 4
    assert set(run.weights) == {"w1", "w2", "w1_init", "w2_init"}
    assert run.provenance["plugins"][0]["name"] == "lab"
    with pytest.raises(PluginError, match=r"plug-in 'lab' 1\.2\.0, which is not loaded") as caught:
        _ = run.experiment
    assert "pip install lab-synfire==1.2.0" in str(caught.value)
    with pytest.raises(PluginError, match="which is not loaded"):
        sb.test(run)


def test_a_run_of_another_version_is_read_with_a_warning_and_not_gone_on_with(
    trained, folder, lab, command, tmp_path
):
    newer = tmp_path / "site"
    shutil.copytree(lab, newer)
    (about,) = newer.glob("lab_synfire-*.dist-info")
    metadata = about / "METADATA"
    metadata.write_text(metadata.read_text().replace("Version: 1.2.0", "Version: 1.3.0"))
    about.rename(newer / "lab_synfire-1.3.0.dist-info")
    described = command(
        folder, [newer], "describe", "model.yaml", "--hardware", "loihi1", "--run", "runs/one"
    )
    assert described.returncode == 0
    assert "'lab' 1.2.0, but loaded is plug-in 'lab' 1.3.0" in described.stderr
    for words in (("test", "runs/one"), ("train", "model.yaml", "--out", "runs/one", "--resume")):
        said = command(folder, [newer], *words, "-q")
        assert said.returncode == 1
        assert "'lab' 1.2.0, but loaded is plug-in 'lab' 1.3.0" in said.stderr
        assert "pip install lab-synfire==1.2.0" in said.stderr
    (folder / "old.yaml").write_text(MODEL.replace("lab>=1.2", "lab<1.3"))
    said = command(folder, [newer], "describe", "old.yaml")
    assert "asks for another version than the loaded plug-in 'lab' 1.3.0" in said.stderr


def test_an_installed_package_can_be_left_out_for_a_file_that_registers_the_same(
    folder, lab, command, monkeypatch
):
    (folder / "ours.py").write_text((lab / "lab_synfire" / "stripes.py").read_text())
    words = ("data", "list", "--plugin", "ours.py")
    said = command(folder, [lab], *words)
    assert said.returncode == 1
    assert "'stripes' is registered already, by plug-in 'lab' 1.2.0" in said.stderr
    assert "leave that plug-in out: SYNFIRE_BP_WITHOUT=lab" in said.stderr
    monkeypatch.setenv("SYNFIRE_BP_WITHOUT", "lab")
    assert "stripes" in command(folder, [lab], *words).stdout


def test_the_run_s_model_file_is_a_whole_one(trained):
    stored = yaml.safe_load((trained / "experiment.yaml").read_text())
    assert stored["requires"] == ["lab>=1.2"]
    assert stored["deaf"] == {"to": [3, 7]}
