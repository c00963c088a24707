"""YAML, read and written: what a scalar is, what comes back, and who may read it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from synfire_bp.errors import ExperimentError
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.yaml_text import dump, read_value, read_yaml

ROOT = Path(__file__).parents[2]

BREAKS = ["\n", "\r", "\x85", "\u2028", "\u2029", " \x85 ", "\n\x85\n"]
AWKWARD = [*BREAKS, "'", '"', "\\", ": ", " #", "- ", "---", "\t", "\x00", "\ufeff", "é", "~", "no"]
TEXTS = st.text() | st.lists(st.sampled_from([*AWKWARD, "word", " "]), max_size=40).map("".join)


@given(key=TEXTS, text=TEXTS)
@example(key="a\x85b", text="one\x85two")
@example(key="", text="word " * 40 + "\x85")
def test_any_text_comes_back_as_it_was(key, text):
    values = {"section": {key: text, "list": [text, 1e-5, None, True]}}
    assert read_yaml(dump(values), "x.yaml", "")[0] == values


@pytest.mark.parametrize("line_break", BREAKS)
def test_a_description_may_hold_any_line_break(line_break):
    small = Experiment.from_file("digits").model_dump()
    experiment = Experiment.from_dict(small | {"description": f"one{line_break}two"})
    assert Experiment.from_yaml(experiment.to_yaml()) == experiment


def test_a_file_is_written_in_the_order_of_its_keys_with_lists_in_one_line():
    values = {"b": {"list": [1, "a: b"], "text": "one\ntwo"}, "a": "it's"}
    assert dump(values) == "b:\n  list: [1, 'a: b']\n  text: 'one\n\n    two'\na: it's\n"


@pytest.mark.parametrize(
    "text", ["010", "0x1F", "0b1", "1:30", "no", "on", "2024-01-01", "=", "<<", "~", "", "1e3", "y"]
)
def test_text_that_looks_like_something_else_is_quoted(text):
    assert dump({"a": text}) in (f"a: '{text}'\n", "a: y\n")  # y is text in every YAML we read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10),
        ("-1_000", -1000),
        ("1e-3", 0.001),
        (".5e3", 500.0),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("-.inf", float("-inf")),
        ("no", "no"),
        ("on", "on"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("=", "="),
        ("True", True),
        ("~", None),
        ("", None),
        ("[1, a]", [1, "a"]),
    ],
)
def test_a_scalar_is_what_it_is_in_yaml_1_2(text, value):
    assert read_value(text) == value
    assert type(read_value(text)) is type(value)


@pytest.mark.parametrize(
    "text", ["[1", "a: b: c", "!!timestamp x", "!!bool x", "!!int x", "!own x", "[" * 10, "*x"]
)
def test_what_is_no_value_is_refused(text):
    with pytest.raises(ExperimentError, match=r"^the value is not valid YAML: \S"):
        read_value(text)
    with pytest.raises(ExperimentError, match=r"^x\.yaml(:1)?: is not valid YAML: \S"):
        read_yaml(f"a: {text}", "x.yaml", "")


def test_all_keys_given_twice_are_found_at_once_each_with_both_lines():
    text = "a: 1\nb: {c: 1, c: 2}\na: 3\nb:\n  d:\n    e: 1\n    e: 2\n"
    values, lines, problems = read_yaml(text, "x.yaml", "")
    assert values == {"a": 3, "b": {"d": {"e": 2}}}
    assert lines["b", "d", "e"] == 6
    assert problems == [
        "x.yaml:2: b.c: given twice, first in line 2; keep one",
        "x.yaml:3: a: given twice, first in line 1; keep one",
        "x.yaml:4: b: given twice, first in line 2; keep one",
        "x.yaml:7: b.d.e: given twice, first in line 6; keep one",
    ]


def test_yaml_is_read_and_written_in_one_module():
    sources = [*(ROOT / "synfire_bp").rglob("*.py"), *(ROOT / "analysis").rglob("*.py")]
    using = [file for file in sources if re.search(r"^\s*(import|from) (ruamel\.)?yaml\b",
                                                   file.read_text(), re.MULTILINE)]  # fmt: skip
    assert [file.name for file in using] == ["yaml_text.py"]
