"""Trainings by rules that only the circuit can follow: from a model file to a run directory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import synfire_bp as sb
from synfire_bp.errors import ExperimentError, SynfireError

TRACED = [
    "learning.rule=dw = 4*r1*x0*y0 - 2*x0*y0 + 2^-3*x1*y0 - 2^-3*x0*y1",
    "learning.traces={x1: {impulse: 30, tau: 6}, y1: {impulse: 30, tau: 6}}",
    "training.seed=4",
]


@pytest.fixture(scope="module")
def whole(experiment, tmp_path_factory):
    return sb.train(
        experiment(*TRACED, "training.epochs=3"), engine="circuit",
        out=tmp_path_factory.mktemp("runs") / "whole",
    )  # fmt: skip


def test_a_training_with_traces_resumes_to_the_same_bits(experiment, whole, tmp_path):
    sb.train(experiment(*TRACED, "training.epochs=1"), engine="circuit", out=tmp_path / "run")
    run = sb.train(
        experiment(*TRACED, "training.epochs=3"), engine="circuit", out=tmp_path / "run",
        resume=True,
    )  # fmt: skip
    for name, matrix in whole.weights.items():
        np.testing.assert_array_equal(run.weights[name], matrix, err_msg=name)
    assert (whole.weights["w1"] != whole.weights["w1_init"]).any()


def test_copies_drift_apart_by_their_traces_and_the_run_says_by_how_much(whole):
    """Each copy sees other neurons: it has traces of its own."""
    assert (whole.activity["unequal_weights"] > 0).all()


def test_a_run_reads_back_with_its_traces(whole):
    read = sb.Run.open(whole.path).experiment
    assert read.learning.traces.x1.impulse == 30
    assert read.learning.parsed().traces[0] == ("x1", sb.Trace(30, 6))


def test_other_traces_are_another_training(experiment):
    plain = experiment("training.seed=4")
    traced = experiment(*TRACED)
    slower = experiment(*TRACED, "learning.traces.x1.tau=7")
    assert len({e.fingerprint() for e in (plain, traced, slower)}) == 3
    assert "learning.tag" not in plain.decisive()  # or older runs could not be resumed


@pytest.mark.parametrize("use", [sb.verify, lambda e: sb.train(e, engine="oracle", out="never")])
def test_the_oracle_says_that_it_cannot_follow(experiment, use):
    with pytest.raises(SynfireError, match=r"oracle cannot follow the rule.*x1.*engine 'circuit'"):
        use(experiment(*TRACED))


REFUSED = {
    "a trace that is not there": (["learning.rule=dw = 2*x2*y0"], "learning.rule.*x2 is read"),
    "one spike alone": (["learning.rule=dw = 2*x0*y0 - 2*x0"], r"learning.rule.*-2\*x0 lacks y0"),
    "an unknown name": (["learning.rule=papr"], "learning.rule.*did you mean paper"),
    "no rule for the tag": (["learning.tag=hello"], "learning.tag.*must begin with 'dt ='"),
    "a wrong trace": (["learning.traces={x9: {impulse: 3}}"], "x9"),
    "an impulse too large": (
        ["learning.traces={x1: {impulse: 300}}"],
        "learning.traces.x1.impulse",
    ),
    "no impulse": (["learning.traces={x1: {tau: 3}}"], "learning.traces.x1.impulse"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_file_is_told_what_is_wrong_with_its_rule(experiment, name):
    overrides, message = REFUSED[name]
    with pytest.raises(ExperimentError, match=message):
        experiment(*overrides)


PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", PAGE, re.S))
def test_the_model_files_of_the_page_are_read(block):
    rule = sb.Experiment.from_yaml(f"base: digits\nname: mine\n{block}").learning.parsed()
    assert rule.text in block


def test_the_python_of_the_page_runs():
    watched, named = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    for block, seen in (
        (watched, "print(trace.trace_y1.max() > 0, tag.tag.shape)"),
        (named, "print(dict(sb.assemble(model).rule.traces)['y1'])"),
    ):
        answer = subprocess.run(  # a rule stays registered as long as its process lives
            [sys.executable, "-c", f"{block}\n{seen}"], capture_output=True, text=True, check=True
        )
        shown = answer.stdout.strip()
        assert shown == ("True (3, 37)" if block is watched else str(sb.Trace(30, 6)))
