"""`synfire-bp rival`: what it lists, trains and refuses, and how."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from synfire_bp.cli import main
from synfire_bp.rivals import list_rivals

SMALL = (
    "--set", "dataset={name: digits}", "--set", "network.sizes=[64, 12, 10]",
    "--set", "training={epochs: 2, samples: 150}", "--quiet",
)  # fmt: skip


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Return the command in this process: exit code, what it printed, what it complained."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["synfire-bp", "rival", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
            raise SystemExit(0)
        said = capsys.readouterr()
        return end.value.code or 0, said.out, said.err

    return run


def test_without_a_name_every_rival_is_listed(run):
    code, out, err = run()
    assert code == 0 and not err
    assert [name for name in list_rivals() if name not in out] == []


def test_a_run_leaves_model_curve_summary_and_weights_under_its_name_and_seed(run, tmp_path):
    code, out, err = run("backprop", "--seed", "5", *SMALL)
    folder = tmp_path / "runs" / "rivals" / "backprop" / "s5"
    assert code == 0 and not err and "300 samples shown; epoch 2, " in out and "% right" in out
    model = yaml.safe_load((folder / "rival.yaml").read_text())
    assert model["seed"] == 5 and model["network"]["sizes"] == [64, 12, 10]
    summary = json.loads((folder / "rival.json").read_text())
    assert summary["last"] == pd.read_csv(folder / "curve.csv").iloc[-1].to_dict()
    with np.load(folder / "learnt.npz") as learnt:
        assert learnt["w1"].shape == (64, 12)


def test_a_model_file_that_a_run_left_gives_the_same_weights(run, tmp_path):
    run("drtp", *SMALL, "--out", "one")
    code, _, _ = run("one/rival.yaml", "--out", "two", "--quiet")
    assert code == 0
    with np.load("one/learnt.npz") as one, np.load("two/learnt.npz") as two:
        assert (one["w1"] == two["w1"]).all() and (one["w2"] == two["w2"]).all()


def test_a_folder_that_holds_a_run_is_kept_and_the_command_ends_before_training(run, tmp_path):
    run("backprop", *SMALL, "--out", "here")
    before = (tmp_path / "here" / "rival.json").read_bytes()
    code, out, err = run("backprop", *SMALL, "--seed", "9", "--out", "here")
    assert code == 1 and not out
    assert "holds the run of a rival already" in err and "Traceback" not in err
    assert (tmp_path / "here" / "rival.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("backprob",), "no such rival; did you mean backprop"),
        (("none.yaml",), "those that ship with"),
        (("drtp", "--set", "learning.margins=3"), "learning.margins: unknown key"),
        (("drtp", "--set", "learning.margin"), "learning.margin"),
        (("drtp", "--set", "training.epochs=0"), "training.epochs: is 0"),
        (("drtp", "--seed", "-1"), "-1"),
        (("backprop", *SMALL, "--set", "training.samples=9999"), "has 1,438 training samples"),
        (("backprop", *SMALL, "--out", "a_file"), "a_file"),
        (("mnist",), "no such rival"),
    ],
)
def test_what_is_wrong_is_told_without_a_traceback(run, tmp_path, arguments, said):
    (tmp_path / "a_file").write_text("no folder")
    code, out, err = run(*arguments)
    text = " ".join(err.replace("│", " ").split())
    assert code in (1, 2) and said in text
    assert "Traceback" not in text and len(text) < 900 and not out


def test_a_model_file_of_the_circuit_is_no_rival(run, tmp_path):
    (tmp_path / "mine.yaml").write_text("name: mine\ndataset: {name: digits}\n")
    code, _, err = run("mine.yaml")
    assert code == 1 and "must be one of" in err and "Traceback" not in err


def test_a_folder_that_holds_something_foreign_is_not_written_into(run, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    code, out, err = run("backprop", *SMALL, "--out", "mine")
    assert code == 1 and not out
    assert "mine: holds 'letter.txt', which no run of a rival wrote" in err
    assert [one.name for one in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_answers_that_are_read_in_two_ways_are_told_apart(run, tmp_path):
    _, out, _ = run("drtp", *SMALL, "--out", "two")
    last = json.loads((tmp_path / "two" / "rival.json").read_text())["last"]
    assert f"{last['percent']:.6g} % right by potential" in out
    assert f"{last['spikes_percent']:.6g} % right by spikes" in out
