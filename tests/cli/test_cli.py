"""The command line: what it prints, what it refuses and how, and what it leaves when it is stopped.

`run` is the command in this process, with all that a user would see of it.  `spawn` is the
installed command in a process of its own, where signals, limits and Python's last words count.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from edited import accepted

import synfire_bp as sb
from synfire_bp.cli import main
from synfire_bp.data.idx import RemoteFile
from synfire_bp.data.published import COLLECTIONS, Collection
from synfire_bp.engines import CircuitEngine
from synfire_bp.engines import circuit as circuit_engine
from synfire_bp.model import list_models
from synfire_bp.program import Program
from synfire_bp.program.cache import entries
from synfire_bp.runs import Run, load_checkpoint

PROJECT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("synfire-bp")
SMALL = (12, 8, 3)
MODEL = """\
name: small
dataset: {{name: npz, path: {data}}}
network: {{sizes: [12, 8, 3]}}
training: {{epochs: 2}}
"""
TRAIN = ("train", "small.yaml", "--engine", "oracle", "--out", "new")
N_WEIGHTS = {
    "x→h": 96, "x→h<": 96, "x→h>": 96, "h→o": 24, "h→o<": 24, "h→o>": 24, "o→hT": 24, "oT→hT": 24,
}  # fmt: skip
"""Weights of each projection for 12-8-3; Fig. 2 of the paper."""


@dataclass
class Said:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


def spawn(*arguments, command=(COMMAND,), environment=None, **options):
    """Run the installed command in a process of its own."""
    done = subprocess.run(
        [*map(str, command), *map(str, arguments)],
        env=os.environ | (environment or {}), capture_output=True, text=True, timeout=120,
        **options,
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def run(monkeypatch, capfd):
    """Run the command in this process; also what programs that it starts write is caught."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["synfire-bp", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:  # and nothing else: that would be a traceback
            main()
        return Said(caught.value.code or 0, *capfd.readouterr())

    return run


@pytest.fixture(scope="module", autouse=True)
def built_once():
    """Generate the code of a circuit once: even to find it compiled takes two seconds."""
    with pytest.MonkeyPatch.context() as patch:
        build = cache(circuit_engine.build_programs)
        patch.setattr(circuit_engine, "build_programs", lambda specs: build(tuple(specs)))
        yield


@pytest.fixture(scope="module")
def data(small_npz):
    return small_npz()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, data):
    """Go to an empty folder with `small.yaml`, away from the machine's own data and cache."""
    monkeypatch.delenv("SYNFIRE_BP_DATA", raising=False)
    monkeypatch.setattr("synfire_bp.data.published.cache_folder", lambda: tmp_path / "cache")
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # processes write as they usually do
    monkeypatch.setenv("COLUMNS", "200")  # of usage errors, which typer folds
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "small.yaml").write_text(MODEL.format(data=data))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data):
    """What `synfire-bp train small.yaml` says and leaves: the circuit, with every default."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "small.yaml").write_text(MODEL.format(data=data))
    return spawn("train", "small.yaml", cwd=folder), folder


@pytest.fixture
def copied(trained, here):
    """A run directory of the circuit, to be spoilt."""
    shutil.copytree(trained[1] / "runs" / "small", here / "run")
    return here / "run"


def tree(folder):
    """Return every file of a folder with its content, and every folder; locks mean nothing."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path.name != ".lock"
    }


@contextmanager
def unchanged(folder):
    before = tree(folder)
    yield
    assert tree(folder) == before


def assert_refused(said, *named, code=1):
    """Require one message on stderr that names all that is asked for, and no traceback."""
    assert said.code == code
    assert said.out == ""
    assert "Traceback" not in said.err
    if code == 1:
        assert said.err.startswith("synfire-bp: ")
        assert said.err.count("synfire-bp: ") == 1
    for what in named:
        assert str(what) in said.err


def assert_whole(folder):
    """Require that every file of a run directory, finished or not, can be read."""
    assert not list(folder.glob(".*.tmp"))
    assert sb.Experiment.from_file(folder / "experiment.yaml").name == "small"
    assert json.loads((folder / "provenance.json").read_text())["finished"] is False
    for file in folder.glob("*.csv"):
        pd.read_csv(file)
    for file in folder.glob("*.npz"):
        with np.load(file) as arrays:
            assert [arrays[name] for name in arrays.files]


def assert_same_weights(folder, expected):
    for name, weights in expected.weights.items():
        np.testing.assert_array_equal(Run.open(folder).weights[name], weights, err_msg=name)


def table(text):
    """Return the rows of printed tables by their first column."""
    cells = (re.split(r" {2,}", line.strip()) for line in text.splitlines())
    return {first: rest for first, *rest in cells if rest}


def per_cent(fraction):
    return f"{100 * fraction:.2f} %"


# ---------------------------------------------------------------- train


def test_train_runs_the_circuit_tells_of_every_test_and_ends_with_the_accuracy(trained, data):
    said, folder = trained
    assert said.code == 0
    run = Run.open(folder / "runs" / "small")
    assert (run.engine, run.finished) == ("circuit", True)
    tests = run.metrics[run.metrics.split == "test"].to_dict("records")
    assert [row["epoch"] for row in tests] == [1, 2]
    told = [line for line in said.err.splitlines() if line.startswith("epoch ")]
    for line, row in zip(told, tests, strict=True):
        assert f"test {per_cent(row['accuracy_spikes'])} by spikes" in line
    assert said.out == (
        f"runs/small: test accuracy after epoch 2: {per_cent(tests[-1]['accuracy_spikes'])} by "
        f"spikes, {per_cent(tests[-1]['accuracy_potential'])} by potential\n"
        "  by spikes: a silent output is wrong; k output units that spike count 1/k if the right "
        "one is among them\n"
        "  by potential: the output unit with the greatest summed input\n"
    )


def test_both_engines_leave_the_same_weights(run, trained, here):
    assert run(*TRAIN).code == 0
    oracle = Run.open(here / "new")
    assert oracle.engine == "oracle"
    assert (oracle.weights["w1"] != oracle.weights["w1_init"]).any()
    assert_same_weights(trained[1] / "runs" / "small", oracle)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--seed", "3"], "small-seed3"),
        (["--engine", "oracle"], "small-oracle"),
        (["--engine", "oracle", "--seed", "0"], "small-oracle-seed0"),
        (["--engine", "oracle", "--epochs", "1", "--set", "training.seed=4"], "small-oracle"),
    ],
)
def test_a_run_is_named_after_model_engine_and_seed_as_given(run, here, options, name):
    said = run("train", "small.yaml", *options)
    assert said.code == 0
    assert said.out.startswith(f"runs/{name}: test accuracy")
    assert [path.name for path in (here / "runs").iterdir()] == [name]
    assert Run.open(here / "runs" / name).finished


def test_options_change_what_the_model_file_says_and_go_before_set(run, here):
    said = run(
        *TRAIN, "--epochs", "3", "--samples", "8", "--seed", "9",
        "--set", "network.weight_limit=100", "--set", "learning.rule=dw = 8*r1*x0*y0 - 4*x0*y0",
        "--set", "training.seed=5", "--set", "training.evaluate_every=1.5",
    )  # fmt: skip
    assert said.code == 0
    used = yaml.safe_load((here / "new" / "experiment.yaml").read_text())
    assert used["training"] == {
        "epochs": 3, "samples": 8, "evaluate_every": 1.5, "seed": 9, "renew_copies": False,
    }  # fmt: skip
    assert used["network"]["weight_limit"] == 100
    assert used["learning"]["rule"] == "dw = 8*r1*x0*y0 - 4*x0*y0"
    metrics = Run.open(here / "new").metrics
    assert metrics[metrics.split == "train"].epoch.tolist() == [1.5, 3]
    assert metrics[metrics.split == "train"].samples.tolist() == [12, 12]


def test_resume_makes_a_training_longer_or_begins_one(run, here, data):
    assert run(*TRAIN, "--resume", "--epochs", "1").code == 0
    assert run(*TRAIN, "--resume", "--epochs", "3").code == 0
    longer = sb.Experiment.from_file("small.yaml", overrides=["training.epochs=3"])
    assert_same_weights(here / "new", sb.train(longer, engine="oracle", out=here / "at once"))


# ---------------------------------------------------------------- test


@pytest.mark.parametrize("engine", ["circuit", "oracle"])
def test_test_gives_the_accuracies_of_the_end_of_the_training(run, trained, engine):
    folder = trained[1] / "runs" / "small"
    last = Run.open(folder).metrics.to_dict("records")[-1]
    said = run("test", folder, "--engine", engine)
    assert said.code == 0
    assert f"{folder}, test samples, {engine}" in said.out
    rows = table(said.out)
    assert rows["samples"] == ["20"]
    assert rows["accuracy by spikes"] == [per_cent(last["accuracy_spikes"])]
    assert rows["accuracy by argmax"] == [per_cent(last["accuracy_argmax"])]
    assert rows["accuracy by potential"] == [per_cent(last["accuracy_potential"])]
    assert rows["no output spike"] == [per_cent(last["silent"])]

    numbers = json.loads(run("test", folder, "--engine", engine, "--json").out)
    assert numbers == {name: last[name] for name in numbers}
    assert set(numbers) == {
        "samples", "accuracy_spikes", "accuracy_argmax", "accuracy_potential", "silent", "exact",
        "mse",
    }  # fmt: skip


def test_test_shows_the_training_samples_if_asked(run, trained, data):
    folder = trained[1] / "runs" / "small"
    numbers = json.loads(run("test", folder, "--split", "train", "--json").out)
    weights = Run.open(folder).weights
    with np.load(data) as arrays:
        hidden = (arrays["x_train"] // 255).astype(int) @ weights["w1"] > 512
        answers = (hidden @ weights["w2"]).argmax(axis=1)
        assert numbers["samples"] == 40
        assert numbers["accuracy_potential"] == np.mean(answers == arrays["y_train"])


# ---------------------------------------------------------------- verify


def test_verify_ends_well_if_no_weight_differs(run, data):
    said = run("verify", "small.yaml", "--seed", "3")
    assert said.code == 0
    assert "small: circuit against oracle, 40 samples, seed 3" in said.out
    assert said.out.endswith("scores equal; 0 stray spikes\nequal\n")
    rows = table(said.out)
    assert {name: int(rows[name][0]) for name in N_WEIGHTS} == N_WEIGHTS
    assert {rows[name][1] for name in N_WEIGHTS} == {"0"}
    assert all(int(rows[name][2]) > 0 for name in N_WEIGHTS)

    found = json.loads(run("verify", "small.yaml", "--seed", "3", "--json").out)
    assert found["exact"] is found["scores_equal"] is True
    assert {row["projection"]: row["compared"] for row in found["projections"]} == N_WEIGHTS
    assert {row["projection"]: str(row["learnt"]) for row in found["projections"]} == {
        name: rows[name][2] for name in N_WEIGHTS
    }


def test_verify_shows_as_many_samples_as_asked(run):
    found = json.loads(run("verify", "small.yaml", "--samples", "7", "--epochs", "3", "--json").out)
    assert found["samples"] == 21


LOPSIDED = "learning.rule=dw = 6*r1*x0*y0 - 2*x0*y0"
"""It adds 4 with reward and takes 2 without: o→hT and oT→hT, of opposite sign, drift apart."""


def test_verify_fails_if_weights_differ(run, here, small_npz):
    (here / "small.yaml").write_text(MODEL.format(data=small_npz(seed=8)))
    said = run("verify", "small.yaml", "--set", LOPSIDED)
    assert said.code == 1
    assert said.out.endswith("\nNOT EQUAL\n")
    rows = table(said.out)
    assert int(rows["oT→hT"][1]) > 0

    said = run("verify", "small.yaml", "--set", LOPSIDED, "--json")
    assert said.code == 1
    found = json.loads(said.out)
    assert found["exact"] is False
    assert {row["projection"]: str(row["different"]) for row in found["projections"]} == {
        name: rows[name][1] for name in N_WEIGHTS
    }


def test_a_broken_invariant_ends_a_training_unless_it_is_told_to_keep_going(run, here, small_npz):
    (here / "small.yaml").write_text(MODEL.format(data=small_npz(seed=8)))
    command = ("train", "small.yaml", "--set", LOPSIDED, "--out", "new")
    assert_refused(said := run(*command, "--quiet"), "copies of a weight matrix differ (oT→hT: ")
    assert "--keep-going" in said.err
    assert_whole(here / "new")
    said = run(*command, "--resume", "--keep-going")
    assert said.code == 0
    assert "warning: epoch 1, training: copies of a weight matrix differ (oT→hT: " in said.err
    assert Run.open(here / "new").activity.unequal_weights.iloc[-1] > 0


# ---------------------------------------------------------------- describe, models, schema


def test_describe_counts_the_neurons_and_synapses_of_the_paper(run):
    said = run("describe", "mnist")
    assert said.code == 0
    rows = table(said.out)
    # six hidden populations and seven of the output's size; x and its memory; gates
    neurons = 2 * 400 + 6 * 400 + 7 * 10 + 12
    all_to_all = 3 * 400 * 400 + 3 * 400 * 10 + 2 * 10 * 400
    assert (neurons, all_to_all) == (3282, 500_000)
    assert rows["neurons, without sources"] == [f"{neurons:,}", f"{400 + 400 + 10 + 4}"]
    assert rows["learning synapses"] == ["500,000", "0"]
    assert rows["all-to-all synapses"] == ["500,000", f"{400 * 400 + 400 * 10:,}"]
    assert rows["time steps a sample"] == ["12", "4"]


def test_describe_lists_phases_populations_and_projections_one_a_line(run, monkeypatch):
    monkeypatch.delenv("COLUMNS")
    said = run("describe", "small.yaml", "--set", "network.sizes=[12, 9, 3]")
    assert said.code == 0
    lines = [line.rstrip() for line in said.out.splitlines()]
    for title in ("Phases", "Populations", "Learning projections, all to all",
                  "Fixed projections, one to one", "Counts"):  # fmt: skip
        assert title in lines
    circuit = sb.backprop_circuit((12, 9, 3))
    rows = table(said.out)
    for phase in circuit.phases:
        assert rows[str(phase.index)][0] == phase.meaning
    for population in circuit.populations:
        fires = ", ".join(map(str, sb.firing_table(circuit)[population.name]))
        size = circuit.population_sizes[population.name]
        assert rows[population.name] == [str(size), fires, population.role]
    assert rows["oT→hT"] == ["27", "-W2ᵀ"]
    assert rows["x→h"] == ["108", "W1"]


def test_every_shipped_model_is_listed(run):
    said = run("models")
    assert said.code == 0
    listed = table(said.out)
    for name in list_models():
        assert listed[name] == [sb.Experiment.from_file(name).description]


def test_describe_writes_a_page_or_json_of_what_it_prints(run, here):
    printed = run("describe", "small.yaml")
    assert printed.code == 0
    assert printed.out.startswith("small\n")
    said = run("describe", "small.yaml", "--html", "small.html")
    assert (said.code, said.out, said.err) == (0, "small.html\n", "")
    page = (here / "small.html").read_text()
    described = json.loads(run("describe", "small.yaml", "--json").out)
    for part in described["parts"]:
        assert f"<summary>{part['title']}</summary>" in page
        assert f"\n{part['title']}\n" in printed.out


def test_a_page_of_a_description_replaces_a_page_and_nothing_else(run, here):
    before = (here / "small.yaml").read_bytes()
    for place, why in (
        ("small.yaml", "is no page of HTML; --html must name a new file"),
        ("", "is a folder; --html must name a file"),
        ("none/small.html", "there is no folder none; make it, or change --html"),
    ):
        said = run("describe", "small.yaml", "--html", place)
        assert (said.code, said.out) == (1, "")
        assert why in said.err
    assert (here / "small.yaml").read_bytes() == before
    both = run("describe", "small.yaml", "--html", "small.html", "--json")
    assert both.code == 2
    assert "--html and --json are both given" in both.err
    assert not (here / "small.html").exists()


def test_a_rival_is_described_as_one_and_a_sweep_is_named_as_one(run):
    said = run("describe", "drtp")
    assert said.code == 0
    assert "direct random target projection" in said.out.lower()
    assert_refused(run("describe", "drtp", "--hardware", "loihi1"), code=2)
    assert_refused(run("describe", "bits_hidden"), "synfire-bp sweep bits_hidden")
    assert_refused(run("train", "drtp"), "synfire-bp rival drtp")


def test_the_schema_is_printed_or_written_as_json(run, here):
    printed = run("schema")
    assert printed.code == 0
    assert set(json.loads(printed.out)["properties"]) == {
        "base", *sb.Experiment.whole().model_fields
    }  # fmt: skip
    said = run("schema", "--out", "model.json")
    assert (said.code, said.out, said.err) == (0, "", "")
    assert json.loads((here / "model.json").read_text()) == json.loads(printed.out)


@pytest.mark.parametrize("command", [(COMMAND,), (sys.executable, "-m", "synfire_bp")])
def test_the_version_is_that_of_the_package(command):
    said = spawn("--version", command=command)
    assert (said.code, said.out, said.err) == (0, f"{sb.__version__}\n", "")


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("train", "engine epochs samples seed set out resume keep-going quiet"),
        ("test", "engine split json quiet"),
        ("verify", "epochs samples seed set json quiet"),
        ("describe", "set"),
        ("schema", "out"),
    ],
)
def test_help_names_every_option(run, command, options):
    said = run(command, "--help")
    assert said.code == 0
    for option in options.split():
        assert f"--{option} " in said.out


# ---------------------------------------------------------------- data


@pytest.fixture
def published(monkeypatch, tmp_path):
    """Four tiny files in place of MNIST's, on a web server of this machine."""
    folder, files = tmp_path / "web", []
    folder.mkdir()
    for file in COLLECTIONS["mnist"].files:
        values = np.arange(4 if len(file.shape) == 1 else 4 * 28 * 28).astype(np.uint8)
        shape = (4, *file.shape[1:])
        header = bytes((0, 0, 8, len(shape))) + np.array(shape, ">u4").tobytes()
        content = gzip.compress(header + values.tobytes())
        (folder / file.name).write_bytes(content)
        files.append(
            RemoteFile(file.name, shape, gzip_md5=hashlib.md5(content).hexdigest())
        )  # fmt: skip

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setitem(COLLECTIONS, "mnist", Collection(url, *files))
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


def test_data_is_fetched_listed_and_checked(run, published, tmp_path):
    folder = tmp_path / "cache" / "mnist"
    assert table(run("data", "list").out)["mnist"][:2] == ["absent", str(folder)]

    said = run("data", "fetch", "mnist", "--quiet")
    assert (said.code, said.err) == (0, "")
    names = [file.name for file in COLLECTIONS["mnist"].files]
    assert said.out.splitlines() == [str(folder / name) for name in names]
    assert tree(folder) == tree(published)

    rows = table(run("data", "list").out)
    assert rows["mnist"][:2] == ["present", str(folder)]
    assert rows["digits"][0] == "bundled"
    said = run("data", "check")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith("ok  digits")
    assert [line.split(": ")[0] for line in lines[1:]] == [f"ok  {folder / n}" for n in names]

    (folder / names[1]).write_bytes((folder / names[1]).read_bytes()[:-9])
    (folder / names[2]).unlink()
    said = run("data", "check", "mnist")
    assert said.code == 1
    assert f"BAD {folder / names[1]}: truncated" in said.out
    assert f"BAD {folder / names[2]}: missing" in said.out
    assert f"ok  {folder / names[0]}: " in said.out


def test_a_download_that_is_not_to_be_had_is_refused(run, published, tmp_path):
    name = COLLECTIONS["mnist"].files[0].name
    (published / name).unlink()
    assert_refused(run("data", "fetch", "mnist"), f"/{name}: download failed: 404")
    assert not (tmp_path / "cache").exists()


# ---------------------------------------------------------------- quiet


def test_quiet_commands_write_nothing_to_stderr(run, trained):
    for said in (
        spawn(*TRAIN, "--quiet"),
        spawn("verify", "small.yaml", "--quiet"),
        run("train", "small.yaml", "-q"),
        run("test", "runs/small", "-q"),
        run("test", "runs/small", "-q", "--engine", "oracle"),
    ):
        assert said.code == 0
        assert said.err == ""
        assert said.out


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["train", "minst"], ["minst: no such model file", "did you mean mnist?"]),
        (["train", "smal.yaml"], ["smal.yaml: no such model file", "mnist_small"]),
        (["verify", "digit"], ["digit: no such model file", "did you mean digits?"]),
        (["describe", "fashion-mnist"], ["fashion-mnist: ", "did you mean fashion_mnist?"]),
        (["train", "."], [".: is a folder, not a model file"]),
        ([*TRAIN, "--set", "training.epocs=3"], ["training.epocs: unknown key", "mean epochs?"]),
        ([*TRAIN, "--set", "trainin.epochs=3"], ["trainin: unknown key", "mean training?"]),
        ([*TRAIN, "--set", "training.epochs"], ["'training.epochs'", "such as training.seed=3"]),
        ([*TRAIN, "--set", "training.epochs=two"], ["training.epochs: ", '"two"', "whole number"]),
        ([*TRAIN, "--set", "network.sizes=12"], ["network.sizes: ", "is 12", "list of three"]),
        ([*TRAIN, "--set", "network.sizes=[12, 0, 3]"], ["network.sizes[1]", "is 0", "1 or great"]),
        ([*TRAIN, "--set", "network.sizes=[12, -8, 3]"], ["network.sizes[1]", "is -8"]),
        ([*TRAIN, "--set", "network.sizes=[13, 8, 3]"], ["npz", "12 inputs", "the model has 13"]),
        ([*TRAIN, "--set", "network.sizes=[12, 8, 2]"], ["npz", "label", "is 2", "needs 0 ... 1"]),
        ([*TRAIN, "--set", "dataset.crop=1"], ["npz", "crop = 1", "flat (12 values each)"]),
        (
            [*TRAIN, "--set", "dataset.name=minst"],
            ["dataset.name", '"minst"', "did you mean mnist"],
        ),
        ([*TRAIN, "--set", "learning.rule=dw = 3*x0"], ["learning.rule", "3*x0 lacks y0"]),
        ([*TRAIN, "--set", "learning.rule=dw = 3*x0*y0"], ["oracle cannot follow", "circuit"]),
        ([*TRAIN, "--epochs", "0"], ["training.epochs", "is 0", "1 or greater"]),
        ([*TRAIN, "--epochs", "-3"], ["training.epochs", "is -3", "1 or greater"]),
        ([*TRAIN, "--samples", "0"], ["training.samples", "is 0", "1 or greater"]),
        ([*TRAIN, "--samples", "-1"], ["training.samples", "is -1", "1 or greater"]),
        ([*TRAIN, "--samples", "41"], ["training.samples is 41", "40 training samples"]),
        ([*TRAIN, "--seed", "-1"], ["training.seed", "is -1", "0 or greater"]),
        (["verify", "small.yaml", "--epochs", "0"], ["epochs is 0", "1 or more"]),
        (["verify", "small.yaml", "--samples", "0"], ["training.samples", "is 0"]),
        (["test", "nowhere"], ["nowhere: no such run", "synfire-bp train MODEL --out nowhere"]),
        (["test", "."], [".: is not a run directory", "experiment.yaml"]),
        (["data", "check", "minst"], ["'minst'", "did you mean 'mnist'?"]),
        (["data", "fetch", "npz"], ["'npz'", "nothing to fetch"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_answered_with_one_message_and_nothing_is_written(run, here, arguments, named):
    with unchanged(here):
        assert_refused(run(*arguments), *named)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["train", "small.yaml", "--engine", "orcale"], ["--engine", "'orcale'", "oracle"]),
        (["test", "runs/small", "--engine", "orcale"], ["--engine", "'orcale'", "circuit"]),
        (["test", "runs/small", "--split", "all"], ["--split", "'all'", "train"]),
        (["train", "small.yaml", "--epochs", "two"], ["--epochs", "'two'", "whole number"]),
        (["train", "small.yaml", "--samples", "1.5"], ["--samples", "'1.5'", "whole number"]),
        (["verify", "small.yaml", "--seed", "x"], ["--seed", "'x'", "whole number"]),
        (["train", "small.yaml", "--epoch", "2"], ["--epoch", "--epochs"]),
        (["train"], ["MODEL"]),
        (["trian", "small.yaml"], ["'trian'", "train"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_that_cannot_be_understood_is_answered_with_its_usage(
    run, here, arguments, named
):
    with unchanged(here):
        said = run(*arguments)
    assert_refused(said, code=2)
    for what in named:
        assert what.lower() in said.err.lower()


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("epochs: 2", "epocs: 2", [":4: training.epocs: unknown key", "did you mean epochs?"]),
        ("training:", "trainings:", [":4: trainings: unknown key", "did you mean training?"]),
        ("epochs: 2", "epochs: '2'", [":4: training.epochs: ", '"2"', "whole number"]),
        ("epochs: 2", "epochs: 0", [":4: training.epochs: ", "is 0", "1 or greater"]),
        ("[12, 8, 3]", "[12, 8]", [":3: network.sizes: ", "[12, 8]", "list of three sizes"]),
        ("[12, 8, 3]", "[12, -8, 3]", [":3: network.sizes[1]: ", "is -8", "1 or greater"]),
        ("name: npz", "name: nzp", [":2: dataset.name: ", '"nzp"', "did you mean npz?"]),
        ("8, 3]", "8, 3", [":3: ", "not valid YAML"]),
    ],
)  # fmt: skip
def test_a_bad_model_file_is_answered_with_line_key_and_value(run, here, right, wrong, named):
    text = (here / "small.yaml").read_text()
    assert text.count(right) == 1
    (here / "small.yaml").write_text(text.replace(right, wrong))
    named[0] = f"small.yaml{named[0]}"
    for command in (TRAIN, ("verify", "small.yaml"), ("describe", "small.yaml")):
        with unchanged(here):
            assert_refused(run(*command), *named)


def test_all_problems_of_a_model_are_told_at_once(run, here):
    said = run(*TRAIN, "--epochs", "0", "--set", "training.sed=1", "--set", "network.closing=1")
    assert_refused(said, "training.epochs: ", "training.sed: ", "network.closing: ")
    assert len(said.err.splitlines()) == 3


# ---------------------------------------------------------------- bad data


def saved(path, **changes):
    """Write the small data set anew, with other arrays."""
    with np.load(path) as arrays:
        stored = dict(arrays)
    with open(path, "wb") as file:
        np.savez(file, **(stored | changes))


def flipped(content):
    """Flip a bit of the first image."""
    place = content.index(b"\x93NUMPY") + 130
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda f: f.unlink(), ["No such file or directory"]),
        (lambda f: f.write_bytes(b""), ["damaged"]),
        (lambda f: f.write_bytes(f.read_bytes()[:-40]), ["damaged"]),
        (lambda f: f.write_bytes(flipped(f.read_bytes())), ["x_train: damaged"]),
        (lambda f: saved(f, y_train=np.full(40, 3)), ["train label 0 is 3", "0 ... 2"]),
        (lambda f: saved(f, y_test=np.r_[np.zeros(19, int), 7]), ["test label 19 is 7", "0 ... 2"]),
        (lambda f: saved(f, y_train=np.full(40, -1)), ["y_train, label 0 is -1"]),
        (lambda f: saved(f, y_train=np.zeros(39, int)), ["y_train has 39 labels, expected 40"]),
        (
            lambda f: saved(
                f, x_train=np.ones((40, 4, 4), "u1") * 255, x_test=np.ones((20, 4, 4), "u1") * 255
            ),
            ["4 x 4 = 16 inputs", "the model has 12"],
        ),
    ],
    ids=["missing", "empty", "truncated", "altered", "train label", "test label", "negative label",
         "too few labels", "shape"],
)  # fmt: skip
def test_bad_data_of_ones_own_are_refused_by_every_command_that_needs_them(
    run, here, trained, data, spoil, named
):
    file = here / "data.npz"
    shutil.copy(data, file)
    shutil.copytree(trained[1] / "runs" / "small", here / "run")
    for model in (here / "small.yaml", here / "run" / "experiment.yaml"):
        model.write_text(model.read_text().replace(str(data), str(file)))
    accepted(here / "run")
    spoil(file)
    for command in (TRAIN, ("verify", "small.yaml"), ("test", "run", "--engine", "oracle")):
        with unchanged(here):
            assert_refused(run(*command), file, *named)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "no such file"),
        (lambda whole: whole[: len(whole) // 2], "truncated"),
        (lambda whole: whole, "altered: MD5"),
        (lambda whole: b"<html>" + whole, "not an intact gzip file"),
    ],
    ids=["missing", "truncated", "altered", "no gzip file"],
)
def test_bad_files_of_mnist_are_refused_by_name(run, here, tmp_path, monkeypatch, content, what):
    monkeypatch.setenv("SYNFIRE_BP_DATA", str(tmp_path / "data"))
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for file in COLLECTIONS["mnist"].files:
        (folder / file.name).touch()
    first = COLLECTIONS["mnist"].files[0]
    if content is None:
        (folder / first.name).unlink()
    else:  # images of the right number and shape, but all black
        shape = first.shape
        header = bytes((0, 0, 8, 3)) + np.array(shape, ">u4").tobytes()
        black = gzip.compress(header + bytes(shape[0] * shape[1] * shape[2]), 1)
        (folder / first.name).write_bytes(content(black))
    with unchanged(here):
        said = run("train", "mnist", "--engine", "oracle", "--out", "new")
        assert_refused(said, folder / first.name, what, "synfire-bp data fetch mnist")


# ---------------------------------------------------------------- bad run directories


def test_a_run_of_another_experiment_is_left_alone(run, copied, here):
    with unchanged(here):
        for more in ((), ("--resume",)):
            said = run("train", "small.yaml", "--out", "run", "--seed", "4", *more)
            assert_refused(said, "run: holds another experiment; choose another --out")
            assert "training.seed: 0 there, 4 asked for" in said.err
            said = run("train", "small.yaml", "--out", "run", "--engine", "oracle", *more)
            assert_refused(said, "engine: circuit there, oracle asked for")
        said = run("train", "small.yaml", "--out", "run")
        assert_refused(said, "run: already holds this experiment; add --resume")


@pytest.mark.parametrize(
    ("out", "what"),
    [("full", "is not empty and no run directory (it holds mine.txt)"), ("file", "is a file")],
)
def test_what_is_no_run_directory_is_left_alone(run, here, out, what):
    (here / "full").mkdir()
    (here / "full" / "mine.txt").write_text("mine")
    (here / "file").write_text("mine")
    with unchanged(here):
        for more in ((), ("--resume",)):
            said = run("train", "small.yaml", "--engine", "oracle", "--out", out, *more)
            assert_refused(said, f"{out}: {what}")


def unwritable():
    """Return places where not even root can make a file."""
    return [folder for folder in ("/proc", "/sys") if os.path.isdir(folder)]


@pytest.mark.skipif(not unwritable(), reason="neither /proc nor /sys here")
@pytest.mark.parametrize("folder", unwritable())
def test_a_read_only_place_is_named(run, here, folder):
    with unchanged(here):
        said = run("train", "small.yaml", "--engine", "oracle", "--out", f"{folder}/run")
        assert_refused(said, f"{folder}/run: cannot be used as a run directory", "choose an --out")
        said = run("schema", "--out", f"{folder}/model.json")
        assert_refused(said, f"{folder}/model.json: cannot be written")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(run, here):
    (here / "closed").mkdir(mode=0o500)
    said = run("train", "small.yaml", "--engine", "oracle", "--out", "closed/run")
    assert_refused(said, "closed/run: cannot be used as a run directory: Permission denied")
    assert list((here / "closed").iterdir()) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"",
        lambda whole: whole[: len(whole) // 2] + b"\xff" + whole[len(whole) // 2 + 1 :],
    ],
    ids=["truncated", "empty", "altered"],
)
def test_a_damaged_checkpoint_is_not_gone_on_from(run, here, copied, damage):
    file = copied / "checkpoint.npz"
    file.write_bytes(damage(file.read_bytes()))
    with unchanged(here):
        said = run("train", "small.yaml", "--out", "run", "--resume", "--epochs", "3")
        assert_refused(said, "run/checkpoint.npz: is damaged", "choose another --out")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--seed", "4"], ["belongs to another model", "seed differ"]),
        (["--set", "network.sizes=[12, 9, 3]"], ["belongs to another model", "network"]),
        ([], ["belongs to the engine 'oracle', not 'circuit'", "--engine oracle"]),
    ],
    ids=["seed", "sizes", "engine"],
)
def test_a_checkpoint_of_another_model_is_not_gone_on_from(run, here, copied, options, named):
    assert run(*TRAIN, *options).code == 0
    if options:  # of the same engine, so that the model alone is to blame
        said = run("train", "small.yaml", "--engine", "oracle", "--out", "other")
        assert said.code == 0
        engine, out = "oracle", "other"
    else:
        engine, out = "circuit", "run"
    shutil.copy(here / "new" / "checkpoint.npz", here / out)
    with unchanged(here):
        said = run("train", "small.yaml", "--engine", engine, "--out", out, "--resume")
        assert_refused(said, f"{out}/checkpoint.npz: ", *named)


def test_a_run_without_readable_weights_is_not_tested(run, here, copied):
    for file, damage, what in (
        ("weights.npz", b"PK", "is damaged"),
        ("experiment.yaml", b"name: [", "was changed"),
    ):
        (copied / file).write_bytes(damage)
        with unchanged(here):
            assert_refused(run("test", "run"), "run", what)


# ---------------------------------------------------------------- full disks


@pytest.mark.parametrize(
    ("limit", "file"), [(0, "manifest.json"), (4000, "checkpoint.npz")]
)  # fmt: skip
def test_files_that_cannot_grow_are_named_and_left_out_whole(here, limit, file):
    options = ("--set", "network.sizes=[12, 800, 3]", "--quiet")
    model = sb.Experiment.from_file("small.yaml", overrides=[options[1]])
    expected = sb.train(model, engine="oracle", out=here / "unlimited")
    assert (expected.path / "checkpoint.npz").stat().st_size > 4000
    assert (expected.path / "experiment.yaml").stat().st_size < 4000

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    said = spawn(*TRAIN, *options, preexec_fn=limited)
    assert_refused(said, f"new/{file}: cannot be written: File too large", "choose an --out")
    assert not (here / "new" / "checkpoint.npz").exists()
    if limit:
        assert_whole(here / "new")
    else:
        assert tree(here / "new") == {}

    said = spawn(*TRAIN, *options, "--resume")
    assert (said.code, said.err) == (0, "")
    assert_same_weights(here / "new", expected)


def may_mount():
    """Return whether a process can be given a file system of its own."""
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", tempfile.gettempdir()]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def on_a_small_disk(size, *arguments, environment=None):
    """Run the command with a file system of its own in `disk`, kept in `disk` as it was left."""
    script = (
        'mount -t tmpfs -o size="$0" none disk && "$@"; code=$?; tar -cf left.tar disk; exit $code'
    )
    Path("disk").mkdir()
    said = spawn(
        size, COMMAND, *arguments, command=("unshare", "-rm", "sh", "-c", script),
        environment=environment,
    )  # fmt: skip
    subprocess.run(["tar", "-xf", "left.tar"], check=True)
    return said


@pytest.mark.skipif(not may_mount(), reason="cannot mount a small disk here (unshare -rm)")
def test_a_full_disk_costs_nothing_that_was_saved(here):
    options = ("--set", "network.sizes=[12, 800, 3]", "--quiet")
    model = sb.Experiment.from_file("small.yaml", overrides=[options[1]])
    expected = sb.train(model, engine="oracle", out=here / "elsewhere")
    train = (*TRAIN[:-1], "disk/run", *options)

    said = on_a_small_disk("24k", *train)  # six blocks
    assert_refused(said, "disk/run/checkpoint.npz: cannot be written: No space left on device")
    assert "make room and go on with --resume" in said.err
    assert_whole(here / "disk" / "run")
    assert spawn(*train, "--resume").code == 0
    assert_same_weights(here / "disk" / "run", expected)


@pytest.mark.skipif(not may_mount(), reason="cannot mount a small disk here (unshare -rm)")
def test_a_full_disk_under_the_compiled_program_is_no_result(here, copied):
    said = on_a_small_disk("64k", "test", "run", environment={"TMPDIR": str(here / "disk")})
    assert_refused(said, f"is the disk of {here / 'disk'}", "full?")
    assert tree(here / "disk") == {}


@pytest.mark.skipif(not may_mount(), reason="cannot mount a small disk here (unshare -rm)")
@pytest.mark.parametrize("size", ["80k", "300k"])  # too little for arrays, and for sources
def test_a_full_disk_under_the_compiled_programs_is_named_and_costs_no_run_folder(here, size):
    (here / "tmp").mkdir()
    train = ("train", "small.yaml", "--out", "new", "--quiet")
    elsewhere = {"SYNFIRE_BP_CACHE": str(here / "disk" / "programs"), "TMPDIR": str(here / "tmp")}
    said = on_a_small_disk(size, *train, environment=elsewhere)
    assert_refused(said, "No space left on device; set SYNFIRE_BP_CACHE to a folder")
    assert len(said.err.splitlines()) == 1
    assert not [path for path in (here / "disk").rglob("*") if path.is_file() and path.suffix == ""]
    assert tree(here / "tmp") == {}
    assert spawn(*train[:2], "--engine", "oracle", *train[2:]).code == 0  # no --resume


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("command", ["models", "schema", "--version"])
def test_output_that_cannot_be_written_is_an_error(command):
    with open("/dev/full", "w") as full:
        done = subprocess.run([COMMAND, command], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "synfire-bp: output: No space left on device\n"


@pytest.mark.parametrize("command", [["describe", "mnist"], ["--version"]])
def test_a_reader_who_has_seen_enough_is_no_error_to_tell_of(command):
    process = subprocess.Popen(
        [COMMAND, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 1
    process.stderr.close()


def test_a_terminal_without_arrows_shows_something_else():
    said = spawn("describe", "digits", environment={"PYTHONIOENCODING": "ascii"})
    assert (said.code, said.err) == (0, "")
    assert table(said.out)["oT?hT"] == ["4,000", "-W2?"]


C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_commands_work_where_the_locale_has_only_ascii(here, trained):
    train = ("train", "small.yaml", "--out", "nëw rün", "--quiet")
    said = spawn(*train, environment=C_LOCALE)
    assert (said.code, said.err) == (0, "")
    assert_same_weights(here / "nëw rün", Run.open(trained[1] / "runs" / "small"))
    said = spawn("describe", "digits", environment=C_LOCALE)
    assert table(said.out)["oT?hT"] == ["4,000", "-W2?"]
    said = spawn("train", "→.yaml", environment=C_LOCALE)
    assert said.code == 1
    assert "???.yaml" in said.err and "Traceback" not in said.err


def test_a_user_without_a_home_is_told_what_to_set_and_then_can_work(
    here, trained, tmp_path, monkeypatch
):
    nobody = tmp_path / "nobody"
    nobody.mkdir()
    (nobody / "sitecustomize.py").write_text(
        "import pwd\ndef getpwuid(_): raise KeyError('uid not found')\npwd.getpwuid = getpwuid\n"
    )
    path = os.pathsep.join(filter(None, [str(nobody), os.environ.get("PYTHONPATH")]))
    monkeypatch.delenv("HOME", raising=False)
    train = ("train", "small.yaml", "--out", "new", "--quiet")
    with monkeypatch.context() as patch:
        for name in ("SYNFIRE_BP_CACHE", "XDG_CACHE_HOME"):
            patch.delenv(name, raising=False)
        for command in (("cache", "list"), ("cache", "clear"), train):
            said = spawn(*command, environment={"PYTHONPATH": path})
            assert_refused(said, "set SYNFIRE_BP_CACHE", "XDG_CACHE_HOME", "HOME")
            assert len(said.err.splitlines()) == 1
        said = spawn("verify", "~/small.yaml", environment={"PYTHONPATH": path})
        assert_refused(said)
    said = spawn(*train, environment={"PYTHONPATH": path})
    assert (said.code, said.err) == (0, "")
    assert_same_weights(here / "new", Run.open(trained[1] / "runs" / "small"))
    assert sorted(path.name for path in here.iterdir()) == ["new", "small.yaml"]


def test_a_damaged_program_is_told_of_in_a_line_and_one_in_use_is_kept(
    run, here, copied, monkeypatch
):
    programs = here / "programs"
    monkeypatch.setenv("SYNFIRE_BP_CACHE", str(programs))
    before = spawn("test", "run", "--quiet")
    entry, other = entries()
    (entry.folder / "about.json").write_text('["cut')
    assert re.search(rf"{entry.key} +\? ", run("cache", "list").out)
    said = spawn("test", "run", "--quiet")
    assert (said.code, said.out) == (0, before.out)
    assert said.err == (
        f"synfire-bp: {entry.folder}: this compiled program is damaged (about.json was changed); "
        "it is compiled again\n"
    )
    assert other.folder.exists()
    in_use = Program.found(entry.folder, again=None)
    assert run("cache", "clear").out == f"{programs}: 1 programs removed, 1 kept: in use\n"
    in_use.close()
    assert run("cache", "clear").out == f"{programs}: 1 programs removed\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory cannot be limited")
def test_a_network_too_large_for_the_memory_is_refused(run, here, monkeypatch):
    said = run(*TRAIN, "-q", "--set", "network.sizes=[12, 10000000000, 3]")
    assert_refused(said, "10000000000", "network.sizes", "1000000 or less")

    def full(*_):
        raise MemoryError

    monkeypatch.setattr("synfire_bp.training.training.make_engine", full)
    assert_refused(run(*TRAIN, "-q"), "not enough memory", "network.sizes")
    assert_whole(here / "new")


# ---------------------------------------------------------------- no compiler


def test_a_missing_compiler_is_named_with_a_way_on(run, here, tmp_path, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    (tmp_path / "empty").mkdir()
    without = {"PATH": str(tmp_path / "empty")}
    with unchanged(here):
        said = spawn("verify", "small.yaml", "--quiet", environment=without)
        assert_refused(said, "'g++' is not on the PATH", "--engine oracle")
    said = spawn("train", "small.yaml", "--out", "new", "--quiet", environment=without)
    assert_refused(said, "'g++' is not on the PATH", "apt install g++", "--engine oracle")
    assert_whole(here / "new")
    assert run("train", "small.yaml", "--out", "new", "--resume").code == 0
    said = spawn(*TRAIN[:-1], "oracle", "--quiet", environment=without)
    assert (said.code, said.err) == (0, "")
    assert_same_weights(here / "new", Run.open(here / "oracle"))


# ---------------------------------------------------------------- Ctrl-C


def press_ctrl_c(ready, *arguments, environment=None):
    """Start the command and, as soon as `ready`, interrupt it as a terminal does: all of it."""
    process = subprocess.Popen(
        [COMMAND, *arguments], env=os.environ | (environment or {}), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 60
    while not ready() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    return Said(process.returncode, out, err)


def test_check_tells_mends_accepts_and_restores(run, copied):
    said = run("check", "run")
    assert said.code == 0
    assert set(re.findall(r"^ *(\S+) +whole", said.out, re.MULTILINE)) == {
        file.name for file in copied.iterdir() if file.name != ".lock"
    }
    whole = (copied / "metrics.csv").read_bytes()
    (copied / "metrics.csv").write_bytes(whole[:50])
    said = run("check", "run")
    assert (said.code, (copied / "metrics.csv").read_bytes()) == (0, whole)
    assert re.search(r"metrics\.csv +mended", said.out)

    (copied / "metrics.csv").write_bytes(whole.replace(b"test", b"best"))
    said = run("check", "run")
    assert said.code == 1
    assert re.search(r"metrics\.csv +changed by hand .*--accept accepts it as it is", said.out)
    assert run("check", "run", "--restore").code == 0
    assert (copied / "metrics.csv").read_bytes() == whole
    (copied / "metrics.csv").write_bytes(whole.replace(b"test", b"best"))
    assert run("check", "run", "--accept").code == 0
    assert set(Run.open(copied).metrics.split) == {"train", "best"}
    both = run("check", "run", "--accept", "--restore")
    assert both.err == "synfire-bp: --accept and --restore exclude each other; choose one\n"


def test_a_damaged_run_is_refused_by_its_file_and_the_command_that_mends_it(run, copied):
    content = bytearray((copied / "weights.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (copied / "weights.npz").write_bytes(content)
    said = run("test", "run", "--engine", "oracle", "--quiet")
    assert said.code == 1
    assert re.search(r"run/weights\.npz: .*synfire-bp check run", said.err)
    assert run("check", "run").code == run("test", "run", "--engine", "oracle", "--quiet").code == 0


@pytest.mark.parametrize("engine", ["circuit", "oracle"])
def test_ctrl_c_leaves_a_checkpoint_from_which_resume_finishes(run, trained, here, engine):
    (here / "tmp").mkdir()
    train = ("train", "small.yaml", "--engine", engine, "--out", "new", "--quiet")
    said = press_ctrl_c(
        (here / "new" / "checkpoint.npz").exists, *train, "--epochs", "1000000",
        environment={"TMPDIR": str(here / "tmp")},
    )  # fmt: skip
    assert_refused(said, code=130)
    assert re.fullmatch(
        r"synfire-bp: stopped after [\d,]+ of 40,000,000 samples; go on with --resume and --out "
        r"new\n",
        said.err,
    )
    assert tree(here / "tmp") == {}
    assert_whole(here / "new")

    stands = load_checkpoint(here / "new" / "checkpoint.npz")
    assert f"{40 * stands.epoch + stands.position:,} of" in said.err
    epochs = stands.epoch + 1
    assert run(*train, "--resume", "--epochs", epochs).code == 0
    model = sb.Experiment.from_file("small.yaml", overrides=[f"training.epochs={epochs}"])
    assert_same_weights(here / "new", sb.train(model, engine="oracle", out=here / "unbroken"))


@pytest.mark.parametrize("stage", ["*", "others.cpp", "*.o"])  # generated, joined, compiled
def test_ctrl_c_while_the_program_is_built_is_no_fault_of_the_compiler(run, here, trained, stage):
    train = ("train", "small.yaml", "--out", "new")
    programs = here / "programs"
    said = press_ctrl_c(
        lambda: any(programs.glob(f"building-*/program/{stage}")), *train, "--quiet",
        environment={"SYNFIRE_BP_CACHE": str(programs)},
    )  # fmt: skip
    assert_refused(said, code=130)
    assert said.err.startswith("synfire-bp: stopped ")
    assert "go on with --resume and --out new" in said.err
    assert not list(programs.glob("building-*")) and not list(programs.rglob("main"))
    assert_whole(here / "new")
    assert run(*train, "--resume").code == 0
    assert_same_weights(here / "new", Run.open(trained[1] / "runs" / "small"))


def test_ctrl_c_outside_of_a_training_ends_at_once_with_a_word(run, here, monkeypatch):
    monkeypatch.setattr(CircuitEngine, "train", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    # a shell's background job, such as a CI, begins with Ctrl-C ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with unchanged(here):
            said = run("verify", "small.yaml", "--quiet")
    finally:
        signal.signal(signal.SIGINT, before)
    assert_refused(said, "stopped", code=130)
    assert len(said.err.splitlines()) == 1


# ---------------------------------------------------------------- the wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy of the sources: building litters."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("synfire_bp", "models", "analysis", "figures"):
        shutil.copytree(PROJECT / name, source / name, ignore=ignored)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps"]
    for isolation in (["--no-build-isolation"], []):  # without: needs setuptools with bdist_wheel
        done = subprocess.run(
            [*pip, *isolation, "--wheel-dir", str(folder), str(source)],
            capture_output=True, text=True, cwd=folder, env=os.environ | {"PIP_RETRIES": "1"},
        )  # fmt: skip
        if done.returncode == 0:
            return next(folder.glob("synfire_bp-*.whl"))
    if "No module named pip" in done.stderr or "No matching distribution found" in done.stderr:
        pytest.skip("no setuptools to build a wheel with, and none to be had from the network")
    pytest.fail(done.stdout + done.stderr)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Install the wheel, without its requirements, into a folder of its own."""
    target = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps",
         "--no-index", "--no-compile", "--target", str(target), str(wheel)],
        check=True, capture_output=True,
    )  # fmt: skip
    return target


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel):
    def files(folder, inside):
        return {
            f"{inside}/{path.relative_to(PROJECT / folder)}"
            for path in (PROJECT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert "synfire_bp/program/samples.h" in names
    assert names == (
        files("synfire_bp", "synfire_bp")
        | files("models", "synfire_bp/models")
        | files("analysis", "synfire_bp/analysis")
        | {"synfire_bp/figures/reported.yaml"}
    )


def test_the_installed_command_finds_models_and_builds_programs_outside_of_the_checkout(
    installed, here
):
    alone = {"PYTHONPATH": str(installed)}
    said = spawn(
        "-c", "import synfire_bp; print(synfire_bp.__file__)", command=(sys.executable,),
        environment=alone,
    )  # fmt: skip
    assert Path(said.out.strip()).parent == installed / "synfire_bp"

    said = spawn("models", command=(installed / "bin" / "synfire-bp",), environment=alone)
    assert said.code == 0
    assert set(table(said.out)) - {"model"} == set(list_models())
    module = (sys.executable, "-m", "synfire_bp")
    said = spawn("verify", "small.yaml", "--json", command=module, environment=alone)
    assert said.code == 0, said.err
    assert json.loads(said.out)["exact"] is True
    said = spawn("figures", "activation", "--out", "drawn", command=module, environment=alone)
    assert said.code == 0, said.err
    assert Path("drawn", "paper", "activation.png").stat().st_size > 1000
    said = spawn("figures", "mnist_curves", command=module, environment=alone)
    assert said.code == 1
    assert "python -m synfire_bp.analysis.paper.runs" in said.err or "make paper" in said.err


def test_describe_refuses_sizes_that_do_not_fit_the_data_as_train_does(run):
    wrong = ("digits", "--set", "network.sizes=[63, 8, 10]")
    told = "its images have 8 x 8 = 64 inputs"
    assert_refused(run("describe", *wrong), told)
    assert_refused(run("train", *wrong, "--engine", "oracle", "--out", "new"), told)


@pytest.mark.parametrize(("command", "goes_on"), [("watch", False), ("train", True)])
def test_only_a_stopped_training_is_told_of_resume(run, monkeypatch, command, goes_on):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("synfire_bp.watch.watch_run", stopped)
    monkeypatch.setattr("synfire_bp.model.Experiment.from_file", stopped)
    done = run(command, "digits")
    assert done.code == 130
    assert done.err.startswith("synfire-bp: stopped at once")
    assert ("--resume" in done.err) == goes_on
