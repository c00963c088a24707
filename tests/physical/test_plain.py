"""A user's own neurons: comments are cut off, and nothing is computed that never ends."""

from __future__ import annotations

import pytest

from synfire_bp.engines.spec import CircuitProgram
from synfire_bp.errors import ExperimentError
from synfire_bp.model import Experiment, assemble
from synfire_bp.physical.neurons import neuron_code
from synfire_bp.physical.plain import plain
from synfire_bp.program.generator import generate_apart

EQUATION = "dv/dt = (E_L - v + R*(I_tonic + I_syn))/tau_m"
ADAPTING = f"{EQUATION} : volt (unless refractory)\nadaptation : amp"


def custom(**changed):
    words = {"equations": ADAPTING, "threshold": "v + gate > theta", "reset": "v = closed"}
    values = {
        "name": "own",
        "dataset": {"name": "digits"},
        "network": {"sizes": [64, 8, 10]},
        "neuron": {"kind": "custom", **words, **changed},
        "training": {"epochs": 1, "samples": 10},
    }
    return Experiment.from_dict(values)


def refusal(**changed):
    with pytest.raises(ExperimentError) as caught:
        custom(**changed)
    assert len(str(caught.value)) < 600
    return str(caught.value)


@pytest.mark.parametrize(
    "reset",
    [
        "v = closed # \\\nadaptation += 0.5*pA",
        "v = closed  # back to rest\n# then\n\nadaptation += 0.5*pA  # a 'step' of 2**9**9 \\",
        "# */ first\n  v = closed\n  adaptation += 0.5*pA",
    ],
)
def test_what_follows_a_comment_runs_and_the_comment_does_not(reset):
    code = neuron_code(custom(reset=reset).neuron)
    assert code.reset.split("\n") == ["v = closed", "adaptation += 0.5*pA"]


def test_comments_of_equations_and_thresholds_are_cut_off_too():
    equations = f"# own \\\n{EQUATION} : volt  # \\\nadaptation : amp # x"
    code = neuron_code(custom(equations=equations, threshold="v + gate > theta # \\").neuron)
    assert code.equations.split("\n") == [f"{EQUATION} : volt", "adaptation : amp"]
    assert code.threshold == "v + gate > theta"


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("equations", f"{EQUATION} + 9**9**9**9*volt/second*0 : volt"),
        ("equations", f"{EQUATION} : volt\nq : volt**9**9**9**9"),
        ("equations", f"{EQUATION} : volt\nq : volt**(9**9*9**9)"),
        ("equations", f"{EQUATION} : volt\nq = 1*volt**9**9 : volt**9**9 (constant over dt)"),
        ("reset", "v = closed + 0*9**9**9**9*volt"),
        ("reset", "v = closed; v += 0*volt*2**-99999999"),
        ("threshold", "v + gate > theta*9**9**9"),
        ("threshold", "v + gate > theta*((((9**20)**20)**20)**20)"),
        ("threshold", f"v + gate > theta*{'9' * 400}"),
    ],
)
def test_a_tower_of_powers_is_refused_before_it_is_computed(key, code):
    said = refusal(**{key: code})
    assert f"neuron.{key}: line " in said
    assert "exponent" in said or "a constant is too large" in said


@pytest.mark.parametrize(
    "code",
    [
        f"{EQUATION}{' + 0*volt/second' * 300} : volt",
        f"dv/dt = {'(' * 200}0*volt/second{')' * 200} : volt",
        f"dv/dt = {'-' * 200}(0*volt/second) : volt",
        f"{EQUATION} : volt\n" + "# x\n" * 3000,
    ],
)
def test_code_that_is_too_deep_or_too_long_is_refused(code):
    assert "neuron.equations: " in refusal(equations=code)


@pytest.mark.parametrize("sign", ["\u0663", "\\", "é", "\x00", '"', "\x85"])
def test_signs_that_code_does_not_have_are_refused(sign):
    if sign == '"':
        assert "neuron.reset" in refusal(reset=f"v = closed*{sign}")
        return
    with pytest.raises(ExperimentError, match=r"line 2: the character .* is not allowed in code"):
        plain(f"v = closed\nv += 0*volt*{sign}")


def test_what_people_write_is_left_as_it_is():
    code = (
        "dv/dt = (E_L - v)/tau_m + D*exp((v - V_T)/D)/tau_m : volt (unless refractory)\n"
        "D = 2*mV : volt (constant over dt)\n"
        "x = (v/mV)**2 - 3e-4*(v/mV)**-1.5 : 1\n"
        "area : meter**2 (shared, constant)"
    )
    assert plain(code) == code


def test_nothing_that_a_model_file_says_reaches_the_generated_code_but_its_code(tmp_path):
    attack = 'PAYLOAD"; system("true"); //'
    model = assemble(
        custom(reset="v = closed # PAYLOAD */ \\\nadaptation += 0.5*pA").changed(
            [f"description='{attack}'"]
        )
    )
    built, scratch = tmp_path / "built", tmp_path / "scratch"
    built.mkdir(), scratch.mkdir()
    generate_apart(CircuitProgram.of(model.network), built, scratch)
    texts = [file.read_text(errors="replace") for file in built.rglob("*.cpp")]
    assert any("adaptation" in text for text in texts)
    assert not any("PAYLOAD" in text for text in texts)
