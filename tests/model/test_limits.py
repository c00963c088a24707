"""A model file has a size: what is too large to be meant is refused before it is expanded."""

from __future__ import annotations

import pytest

from synfire_bp.errors import ExperimentError, SynfireError
from synfire_bp.model import Experiment, experiment, library, yaml_text

WHOLE = """
name: small
dataset: {name: digits}
network: {sizes: [64, 8, 10]}
training: {epochs: 1}
"""


def refusal(text, **how):
    with pytest.raises(ExperimentError) as caught:
        Experiment.from_yaml(text, "file.yaml", **how)
    assert len(str(caught.value)) < 600
    return str(caught.value)


def doubled(levels, times=9):
    """Return anchors of which each is a list of so many of the one before."""
    lists = [f"a0: &a0 [{','.join('1' * times)}]"]
    for n in range(1, levels):
        lists.append(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * times)}]")
    return "\n".join(lists)


@pytest.mark.parametrize("key", ["description", "network: {sizes", "name"])
def test_aliases_are_counted_before_they_are_written_out(key):
    end = "}" if "{" in key else ""
    said = refusal(f"{doubled(9)}\n{key}: *a8{end}\n")
    assert "more than 20,000 values when its aliases are written out" in said
    assert said.startswith("file.yaml:")


@pytest.mark.parametrize("text", ["&a {name: *a}", "name: &n [*n]", "a: &a [1, {b: *a}]"])
def test_an_alias_of_what_it_stands_in_is_refused(text):
    assert "an alias is inside the value that it refers to" in refusal(text)
    said = refusal(WHOLE, overrides=[f"name={text}" if text[0] == "&" else "name=&a [*a]"])
    assert "an alias is inside the value that it refers to" in said


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[" * 1000, "nested more than 20 deep"),
        ("a: " + "{a: " * 30 + "1" + "}" * 30, "nested more than 20 deep"),
        ("- " * 500 + "1", "nested more than 20 deep"),
        (f"a: [{'1,' * 30_000}]", "more than 20,000 keys and values"),
        (f"name: {'x' * 20_000}", "has 20,000 characters; a value may have 10,000"),
        (f"# {'x' * 300_000}", "at most 200,000 are read"),
    ],
)
def test_a_text_that_is_too_deep_too_long_or_too_large_is_refused(text, what):
    assert what in refusal(text)


def test_a_file_without_end_is_read_no_further_than_a_model_file_goes(tmp_path):
    with pytest.raises(ExperimentError, match=r"zero: has more than 200,000 characters"):
        library.read_text(library.find_model("/dev/zero"))
    (tmp_path / "long.yaml").write_text("# " + "x" * yaml_text.LARGEST_FILE)
    with pytest.raises(ExperimentError, match="so it is not a model file"):
        Experiment.from_file(tmp_path / "long.yaml")


@pytest.mark.parametrize(
    "number", ["9223372036854775808", f"-{2**63 + 1}", f"{2**64}", "1_000" * 9, "9" * 5000]
)
@pytest.mark.parametrize("key", ["training.seed", "training.epochs", "network.sizes[1]"])
def test_a_whole_number_beyond_64_bits_is_refused(key, number):
    said = refusal(WHOLE, overrides=[f"{key}={number}"])
    assert key in said
    assert "is too large; at most 9,223,372,036,854,775,807 is read" in said


@pytest.mark.parametrize("key", ["seed", "epochs", "samples"])
def test_a_number_given_in_python_has_the_same_bound(key):
    values = Experiment.from_yaml(WHOLE).model_dump(mode="json")
    values["training"][key] = 2**63
    with pytest.raises(ExperimentError, match=rf"training\.{key}: is 9223372036854775808, but"):
        experiment.Experiment.from_dict(values)


@pytest.mark.parametrize("digits", ["٣", "३", "３"])
def test_digits_of_other_scripts_are_text(digits):
    assert "must be a whole number" in refusal(WHOLE, overrides=[f"training.seed={digits}"])
    assert f"network.sizes[{digits}]" in refusal(WHOLE, overrides=[f"network.sizes[{digits}]=9"])


def test_a_value_of_100_000_characters_is_not_shown_whole():
    for override in (f"name={'x y ' * 2000}", f"training.seed={'9' * 4000}", "y" * 100_000):
        refusal(WHOLE, overrides=[override])


def test_every_message_is_a_few_lines_of_a_few_hundred_characters():
    said = str(SynfireError("begin " + "x" * 100_000 + " end"))
    assert len(said) < 700
    assert said.startswith("begin ")
    assert said.endswith(" end")
    lines = str(SynfireError("\n".join(map(str, range(10_000))))).split("\n")
    assert lines[-1] == "and 9960 more lines"
    assert len(lines) == 41


def test_what_a_terminal_would_obey_is_written_out_in_every_message():
    said = str(SynfireError("a \x1b[31mred\x1b[0m bell\a and → ✓ é\nanother line\ttab"))
    assert said == "a \\x1b[31mred\\x1b[0m bell\\x07 and → ✓ é\nanother line\ttab"
    said = refusal(WHOLE + '"\\e]0;owned\\a": 1\n')
    assert "\\x1b]0;owned\\x07: unknown key" in said


@pytest.mark.parametrize("value", ['!!int "٣"', '!!int "３"', '!!float "٣.5"'])
def test_a_tag_lets_no_other_digits_in(value):
    assert "are not 0 to 9" in refusal(WHOLE, overrides=[f"training.epochs={value}"])


@pytest.mark.parametrize("path", ['"a\\0b"', '"a\\ud800b"'])
def test_a_path_that_no_file_can_have_is_refused(path):
    said = refusal(WHOLE, overrides=["dataset.name=npz", f"dataset.path={path}"])
    assert "U+0000" in said or "U+D800" in said


def test_layers_and_weights_are_bounded():
    deep = f"network.sizes=[64,{'5,' * 31}10]"
    assert "must be a list of at most 32" in refusal(WHOLE, overrides=[deep])
    wide = "network.sizes=[64,1000000,1000000,10]"
    assert "makes 1,000,074,000,000 weights, but at most 2,147,483,648" in refusal(
        WHOLE, overrides=[wide]
    )


def test_of_thousands_of_unknown_keys_the_first_are_told():
    text = WHOLE + "".join(f"key{n}: 1\n" for n in range(5000))
    with pytest.raises(ExperimentError) as caught:
        Experiment.from_yaml(text)
    lines = str(caught.value).splitlines()
    assert (len(lines), lines[-1]) == (11, "and 4,990 more")
