"""Learning rules: what their texts mean, and what is said about texts that mean nothing."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synfire_bp.circuit.rule import FACTORS, PAPER_RULE, parse_rule
from synfire_bp.errors import RuleError
from synfire_bp.network.learning import learning_statement

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
        parts = [*numbers, *factors, even, "x0"]
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
                learning_statement(rule),
                known,
                flags := numbers | dict(fired_post=fired_post, r1_post=r1_post),
            )
            assert flags["w"] == min(max(expected, -limit), limit)


@given(text=rules())
def test_a_coincidence_is_known_or_refused(text):
    rule = parse_rule(text)
    written = text.partition("=")[2].strip(" +-").replace("-", "+").split("+")
    if all("y0" in product for product in written):
        with_reward, without = ({"x0": 1, "y0": 1, "r1": r1} for r1 in (1, 0))
        assert rule.coincidence() == (evaluated(text, with_reward), evaluated(text, without))
    else:
        with pytest.raises(RuleError, match="without a coincidence of x0 and y0"):
            rule.coincidence()


def test_a_rule_without_coincidence_is_sent_to_the_engine_that_can_run_it():
    rule = parse_rule("dw = 4*r1*x0*y0 - 2*x0")
    assert rule.change(x0=1) == -2
    with pytest.raises(RuleError, match=r"'dw = 4\*r1\*x0\*y0 - 2\*x0'.*engine 'circuit'"):
        rule.coincidence()


REFUSED = {
    "empty": ("", "must begin with 'dw ='"),
    "blank": ("   ", "must begin with 'dw ='"),
    "no left side": ("4*r1*x0*y0", "must begin with 'dw ='"),
    "another left side": ("dx = 2*x0*y0", "must begin with 'dw ='"),
    "a left side that only begins alike": ("dw2 = 2*x0*y0", "must begin with 'dw ='"),
    "nothing on the right": ("dw =", "has nothing after 'dw ='"),
    "blank on the right": ("dw =   ", "has nothing after 'dw ='"),
    "an unknown factor": ("dw = 2*x0*y1", "unknown factor 'y1'; known are x0 .*y0 .*r1"),
    "a factor of another case": ("dw = 2*X0*y0", "unknown factor 'X0'"),
    "no x0": ("dw = 4*r1*y0", r"the product 4\*r1\*y0 does not contain x0"),
    "no x0 in the second product": ("dw = 2*x0*y0 - 2*y0", r"-2\*y0 does not contain x0"),
    "a bare number": ("dw = 2*x0*y0 + 2", "the product 2 does not contain x0"),
    "an odd coefficient": ("dw = 3*x0*y0", r"3\*x0\*y0 has an odd coefficient"),
    "no coefficient": ("dw = x0*y0", r"1\*x0\*y0 has an odd coefficient"),
    "an odd negative coefficient": ("dw = 2*x0 - 5*x0*y0", r"-5\*x0\*y0 has an odd coefficient"),
    "a double plus": ("dw = 2*x0 ++ 2*y0*x0", r"'\+' follows an operator"),
    "a double minus": ("dw = --2*x0*y0", "'-' follows an operator"),
    "plus and minus": ("dw = 2*x0 +- 2*y0*x0", "'-' follows an operator"),
    "times minus": ("dw = 2*-x0", "'-' follows an operator"),
    "a double times": ("dw = 2**x0*y0", r"'\*' needs a factor before it"),
    "a times in front": ("dw = *2*x0", r"'\*' needs a factor before it"),
    "a minus and a times": ("dw = 2*x0 - *2*x0", r"'\*' needs a factor before it"),
    "a trailing plus": ("dw = 2*x0*y0 +", "ends where a factor should follow"),
    "a trailing minus": ("dw = 2*x0*y0 - ", "ends where a factor should follow"),
    "a trailing times": ("dw = 2*x0*y0*", "ends where a factor should follow"),
    "only a sign": ("dw = -", "ends where a factor should follow"),
    "no operator": ("dw = 2 x0*y0", r"'\*', '\+' or '-' is missing before 'x0'"),
    "no operator after a factor": ("dw = 2*x0 y0", "is missing before 'y0'"),
    "a number stuck to a factor": ("dw = 2x0*y0", "cannot read '2' here"),
    "a fraction": ("dw = 0.5*x0*y0", r"cannot read '\.' here"),
    "a power": ("dw = 2^1*x0*y0", r"cannot read '\^' here"),
    "brackets": ("dw = 2*(x0*y0 - x0)", r"cannot read '\(' here"),
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
        ("dw = 2*x0*y1", "y1"),
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
