"""Learning rules: what their texts mean, and what is said about texts that mean nothing."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synfire_bp.circuit.rule import (
    FACTORS,
    PAPER_RULE,
    RULES,
    Trace,
    parse_rule,
    register_rule,
)
from synfire_bp.errors import RuleError, SynfireError
from synfire_bp.network.learning import learning_code

FLAGS = [dict(zip(("x0", "y0", "r1"), bits, strict=True)) for bits in product((0, 1), repeat=3)]
"""Every combination of who fires and whether there is reward."""


def evaluated(text, flags):
    """Return dw as Python reads the right side of a rule."""
    return eval(text.partition("=")[2], {}, dict(flags))


def test_the_paper_rule_adds_2_with_reward_and_takes_2_without():
    rule = parse_rule(PAPER_RULE)
    for flags in FLAGS:
        both = flags["x0"] and flags["y0"]
        expected = (2 if flags["r1"] else -2) if both else 0
        assert rule.change(**flags) == expected
    assert rule.coincidence() == (2, -2)


EQUIVALENT = [
    "dw=4*r1*x0*y0-2*x0*y0",
    "dw = -2*x0*y0 + 4*r1*x0*y0",
    "dw = + 4*r1*x0*y0 - 2*x0*y0",
    "  dw  =  2 * 2 * r1 * x0 * y0  -  2 * y0 * x0  ",
    "dw = x0*y0*r1*4 - x0*2*y0",
    "dw = 2*x0*y0*r1 + 2*x0*r1*y0 - 2*x0*y0",
    "dw = 4*r1*r1*x0*y0 - 2*x0*x0*y0",
    "dw = 6*r1*x0*y0 - 2*r1*x0*y0 - 2*x0*y0",
    "dw = 4*r1*x0*y0 - 2*x0*y0 + 0*x0",
    "dw = 2^2*r1*x0*y0 - 2^1*x0*y0",
    "dw =\n 4*r1*x0*y0\n - 2*x0*y0",
]


@pytest.mark.parametrize("text", EQUIVALENT)
def test_other_spellings_of_the_paper_rule_change_weights_alike(text):
    rule, paper = parse_rule(text), parse_rule(PAPER_RULE)
    assert [rule.change(**flags) for flags in FLAGS] == [paper.change(**flags) for flags in FLAGS]


def test_flags_that_are_not_named_are_0():
    rule = parse_rule(PAPER_RULE)
    assert rule.change() == 0
    assert rule.change(x0=1) == 0
    assert rule.change(x0=1, y0=1) == -2


products = st.tuples(
    st.sampled_from("+-"),
    st.lists(st.integers(0, 9).map(str), max_size=2),
    st.lists(st.sampled_from(sorted(FACTORS)), max_size=4),
    st.integers(0, 40).map(lambda k: str(2 * k)),
    st.randoms(use_true_random=False),
)


@st.composite
def rules(draw):
    """Return texts of valid rules, with factors in any order."""
    text = "dw ="
    for k, (sign, numbers, factors, even, random) in enumerate(
        draw(st.lists(products, min_size=1, max_size=5))
    ):
        parts = [*numbers, *factors, even, "x0", "y0"]
        random.shuffle(parts)
        text += ("" if k == 0 and sign == "+" else f" {sign}") + " " + "*".join(parts)
    return text


@given(text=rules())
def test_any_rule_means_what_its_arithmetic_says(text):
    rule = parse_rule(text)
    for flags in FLAGS:
        assert rule.change(**flags) == evaluated(text, flags)


@given(text=rules())
def test_the_code_of_a_rule_gives_its_change_whenever_the_presynaptic_neuron_fires(text):
    rule = parse_rule(text)
    known = {"__builtins__": {}, "int": int, "bounded": lambda w, low, high: min(max(w, low), high)}
    for fired_post, r1_post in product((False, True), (0, 1)):
        expected = 10 + evaluated(text, {"x0": 1, "y0": int(fired_post), "r1": r1_post})
        for limit in (abs(expected), 12):  # 12: within reach of some
            numbers = rule.coefficients() | {"w": 10, "lowest": -limit, "highest": limit}
            exec(
                learning_code(rule).pre,
                known,
                flags := numbers | dict(fired_post=fired_post, r1_post=r1_post),
            )
            assert flags["w"] == min(max(expected, -limit), limit)


@given(text=rules())
def test_a_coincidence_is_what_the_arithmetic_says(text):
    with_reward, without = ({"x0": 1, "y0": 1, "r1": r1} for r1 in (1, 0))
    found = parse_rule(text).coincidence()
    assert found == (evaluated(text, with_reward), evaluated(text, without))


X1 = {"x1": Trace(20, 10.0)}
BEYOND = {
    "a trace": ("dw = 2*x1*y0", None, X1),
    "a trace that is not read": ("dw = 2*x0*y0", None, X1),
    "the weight": ("dw = 2*x0*y0 - 2*x0*y0*w", None, {}),
    "a tag": ("dw = 2*x0*y0*t", "dt = 2*x0*y0", {}),
    "a flag": ("dw = u2*w", None, {}),
    "an odd constant": ("dw = 3*x0*y0", None, {}),
    "a fraction": ("dw = 2^-1*x0*y0", None, {}),
    "brackets": ("dw = 2*x0*(r1+1)*y0", None, {}),
}


@pytest.mark.parametrize("name", BEYOND)
def test_what_the_oracle_cannot_follow_is_sent_to_the_engine_that_can(name):
    rule = parse_rule(*BEYOND[name])
    with pytest.raises(RuleError, match=f"{re.escape(rule.text)}.*engine 'circuit'"):
        rule.coincidence()


def test_rules_that_differ_in_numbers_only_share_a_program():
    """They need not be compiled again."""
    one = parse_rule("dw = 3*x1*y0 - 2^-2*x0*y0*t", "dt = 5*x0*y0", X1)
    other = parse_rule("dw = 2^-2*x1*y0 + 7*x0*y0*t", "dt = - 9*x0*y0", {"x1": Trace(3)})
    assert one.bare == other.bare
    assert one.bare != parse_rule("dw = 3*x1*y0 - 2^-3*x0*y0*t", "dt = 5*x0*y0", X1).bare
    assert one.bare != parse_rule("dw = 3*x1*y0 - 2^-2*x0*y0", None, X1).bare
    assert one.bare.bare == one.bare
    assert one.bare.rounds == one.rounds
    paper = parse_rule(PAPER_RULE)
    assert paper.bare == parse_rule("dw = -6*y0*x0*r1 + 8*x0*y0").bare
    assert paper.bare.by_coincidence


def test_a_name_stands_for_a_rule_with_its_tag_and_traces():
    assert parse_rule("paper") == parse_rule(PAPER_RULE)
    with pytest.raises(RuleError, match="'papre' is unknown; did you mean paper"):
        parse_rule("papre")
    with pytest.raises(RuleError, match="'paper' has a name"):
        parse_rule("paper", "dt = x0*y0")
    with pytest.raises(SynfireError, match="'paper' is registered already"):
        register_rule("paper", "dw = 2*x0*y0")
    with pytest.raises(RuleError, match="'my rule' is not a name for a rule"):
        register_rule("my rule", "dw = 2*x0*y0")
    with pytest.raises(RuleError, match="lacks y0"):
        register_rule("mine", "dw = 2*x0")
    assert "mine" not in RULES


TRACES = {
    "an unknown trace": ("dw = 2*x0*y0", None, {"z1": Trace(1)}, "no trace 'z1'; known are x1"),
    "a trace of rewards": ("dw = 2*x0*y0", None, {"r1": Trace(1)}, "no trace 'r1'"),
    "a trace that there is not": ("dw = 2*x1*y0", None, {}, "x1 is read, but there is no such"),
    "a tag that nobody reads": ("dw = 2*x0*y0", "dt = x0*y0", {}, "never reads the tag t"),
    "a trace that is none": (
        "dw = x1*y0",
        None,
        {"x1": {"impulse": 3}},
        r"must be a Trace\(impulse",
    ),
    "a tag that nothing changes": ("dw = x0*y0*t", None, {}, "nothing changes it.*learning.tag"),
    "an impulse too large": ("dw = x1*y0", None, {"x1": Trace(128)}, r"128; must be .* 0 … 127"),
    "half an impulse": ("dw = x1*y0", None, {"x1": Trace(0.5)}, "impulse is 0.5"),
    "a negative time": ("dw = x1*y0", None, {"x1": Trace(1, -1)}, "time constant is -1"),
    "a time that is no number": ("dw = x1*y0", None, {"x1": Trace(1, "a")}, "constant is 'a'"),
    "a tag's rule for the weight": ("dw = x0*y0", "dw = x0*y0", {}, "must begin with 'dt ='"),
    "a tag's rule without spikes": ("dw = x0*y0*t", "dt = 2*w", {}, r"2\*w lacks x0 or y0"),
}


@pytest.mark.parametrize("name", TRACES)
def test_traces_and_tags_that_cannot_be_are_refused(name):
    text, tag, traces, message = TRACES[name]
    with pytest.raises(RuleError, match=message):
        parse_rule(text, tag, traces)


REFUSED = {
    "empty": ("", "must begin with 'dw ='"),
    "blank": ("   ", "must begin with 'dw ='"),
    "no left side": ("4*r1*x0*y0", "must begin with 'dw ='"),
    "another left side": ("dx = 2*x0*y0", "must begin with 'dw ='"),
    "a left side that only begins alike": ("dw2 = 2*x0*y0", "must begin with 'dw ='"),
    "nothing on the right": ("dw =", "has nothing after 'dw ='"),
    "blank on the right": ("dw =   ", "has nothing after 'dw ='"),
    "an unknown factor": ("dw = 2*x0*z1", "unknown factor 'z1'; known are x0 .*y0 .*r1"),
    "a flag and one spike": ("dw = 2*x0*u0", r"2\*x0\*u0 lacks y0"),
    "a bracket in the place of a spike": ("dw = 2*x0*(y0+1)", r"lacks y0, .* not in brackets"),
    "an exponent of floats": ("dw = 1e3*x0*y0", "cannot read '1e3' here; constants are whole"),
    "what the circuit has not": ("dw = 2*x0*y0*d", "unknown factor 'd'"),
    "a factor of another case": ("dw = 2*X0*y0", "unknown factor 'X0'"),
    "no x0": ("dw = 4*r1*y0", r"the product 4\*r1\*y0 lacks x0, or a trace of presynaptic"),
    "no y0": ("dw = 4*r1*x0*y0 - 2*x0", r"the product -2\*x0 lacks y0, or a trace of post"),
    "two traces": ("dw = 2*x1*y1", r"the product 2\*x1\*y1 lacks x0 or y0"),
    "no x0 in the second product": ("dw = 2*x0*y0 - 2*y0", r"-2\*y0 lacks x0"),
    "a bare number": ("dw = 2*x0*y0 + 2", "the product 2 lacks x0 or y0"),
    "a constant too large": ("dw = 99999999*x0*y0", "99999999; constants are within"),
    "a longer one": ("dw = 4294967298*x0*y0", "has more than 9 digits"),
    "a fraction too small": ("dw = 2^-30*x0*y0", "at most 24 bits before and after"),
    "sizes too different": ("dw = 2^-20*x0*y0 + 2^15*x0*y0*r1", "differ too much in size"),
    "a flag too slow": ("dw = u10*w", "the flag u10; known are u0 … u9"),
    "digits of another script": ("dw = ٤*x0*y0", "cannot read '٤' here"),
    "another power": ("dw = 3^2*x0*y0", "only powers of 2"),
    "a double plus": ("dw = 2*x0 ++ 2*y0*x0", r"a factor is missing before '\+'"),
    "a double minus": ("dw = --2*x0*y0", "a factor is missing before '-'"),
    "plus and minus": ("dw = 2*x0 +- 2*y0*x0", "a factor is missing before '-'"),
    "times minus": ("dw = 2*-x0", "a factor is missing before '-'"),
    "a double times": ("dw = 2**x0*y0", r"a factor is missing before '\*'"),
    "a times in front": ("dw = *2*x0", r"a factor is missing before '\*'"),
    "a minus and a times": ("dw = 2*x0 - *2*x0", r"a factor is missing before '\*'"),
    "a trailing plus": ("dw = 2*x0*y0 +", "ends where a factor should follow"),
    "a trailing minus": ("dw = 2*x0*y0 - ", "ends where a factor should follow"),
    "a trailing times": ("dw = 2*x0*y0*", "ends where a factor should follow"),
    "only a sign": ("dw = -", "ends where a factor should follow"),
    "no operator": ("dw = 2 x0*y0", r"'\*', '\+' or '-' is missing before 'x0'"),
    "no operator after a factor": ("dw = 2*x0 y0", "is missing before 'y0'"),
    "a number stuck to a factor": ("dw = 2x0*y0", "cannot read '2x0' here"),
    "a fraction": ("dw = 0.5*x0*y0", r"cannot read '\.' here"),
    "brackets": ("dw = 2*(x0*y0 - x0)", "brackets hold a variable plus a constant"),
    "two rules": ("dw = 2*x0; dt = 2*x0", "cannot read ';' here"),
    "a double equals": ("dw == 2*x0", "cannot read '=' here"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_a_rule_refuses(text, message):
    with pytest.raises(RuleError, match=message) as caught:
        parse_rule(text)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("dw = 2*x0*z1", "z1"),
        ("dw = 2*x0 ? y0", "?"),
        ("dw=2*x0  y0", "y0"),
        ("dw = 2*x0*y0 - *r1", "*r1"),
        ("dw = 4*x0*y0 + + 2*x0", "+ 2*x0"),
    ],
)
def test_a_mark_points_at_the_place_that_cannot_be_read(text, culprit):
    with pytest.raises(RuleError) as caught:
        parse_rule(text)
    _, quoted, mark = str(caught.value).splitlines()
    assert quoted.strip() == text
    assert quoted[mark.index("^") :].startswith(culprit)
    assert mark.strip() == "^"


@pytest.mark.parametrize("thing", [None, 4, ["dw = 2*x0"]])
def test_a_rule_that_is_no_text_is_refused(thing):
    with pytest.raises(RuleError, match="a rule is a text"):
        parse_rule(thing)
