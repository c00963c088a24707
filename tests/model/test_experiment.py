"""Model files: what is read, what is refused, and what is said about it."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from synfire_bp.data import DEFAULT_PREPROCESSING
from synfire_bp.engines import OracleEngine
from synfire_bp.errors import ExperimentError, SynfireError
from synfire_bp.model import Experiment, assemble, json_schema, list_models
from synfire_bp.variants import VARIANTS

MODELS = Path(__file__).parents[2] / "models"

TEXT = """\
name: small
dataset:
  name: digits
network:
  sizes: [64, 10, 10]
training:
  epochs: 2
"""
UNDECISIVE = {
    "name", "description", "requires", "training.epochs", "training.evaluate_every",
    "record.samples",
}  # fmt: skip
LATER = {
    "network.initial_spread", "learning.tag", "learning.traces", "training.renew_copies",
    "learning.accumulator", "dataset.shrink", "network.paper_gates", "dataset.augment",
    "learning.eligibility", "network.resting_block",
}  # fmt: skip
"""Entries that came later: at their default they decide nothing, so that older runs go on."""
OTHER_VALUE = {
    "dataset.name": "mnist",
    "dataset.crop": 1,
    "dataset.scale": 0.25,
    "dataset.threshold": 0.75,
    "network.sizes": [64, 12, 10],
    "network.closing": 16384,
    "network.weight_limit": 200,
    "network.initial_spread": 0.5,
    "network.paper_gates": False,
    "dataset.shrink": 2,
    "learning.rule": "dw = 8*r1*x0*y0 - 4*x0*y0",
    "training.samples": 100,
    "training.seed": 1,
}
"""A second value for every entry that decides what is learnt, but dataset.path (see below)."""


def read(text, **options):
    return Experiment.from_yaml(text, "small.yaml", **options)


def complaint(text, **options):
    """Return the lines of the message about a text that is refused."""
    with pytest.raises(ExperimentError) as caught:
        read(text, **options)
    return str(caught.value).splitlines()


def changed(old, new):
    """Return the text of the small model with one piece exchanged."""
    assert TEXT.count(old) == 1
    return TEXT.replace(old, new)


def dotted(values, prefix=""):
    """Return nested mappings as dotted key to value."""
    flat = {}
    for key, value in values.items():
        inside = isinstance(value, dict)
        flat |= dotted(value, f"{prefix}{key}.") if inside else {f"{prefix}{key}": value}
    return flat


# ---------------------------------------------------------------- models that ship


def test_every_file_in_models_ships_under_its_own_name():
    found = (file.relative_to(MODELS).with_suffix("") for file in MODELS.rglob("*.yaml"))
    files = {file for file in found if file.parts[0] not in ("sweeps", "rivals")}
    assert list_models() == tuple(sorted(map(str, files)))
    assert "variants/digits_deep" in list_models()
    for name in list_models():
        assert Experiment.from_file(name).name == Path(name).name


def test_a_variant_is_suggested_by_its_name_alone():
    with pytest.raises(ExperimentError, match="did you mean variants/digits_deep"):
        Experiment.from_file("digits_deep")


@pytest.mark.parametrize("name", list_models())
def test_a_shipped_model_holds_what_its_file_says(name):
    values = yaml.safe_load((MODELS / f"{name}.yaml").read_text())
    if values.pop("base", None):  # null: without what the base has
        values = {key: value for key, value in values.items() if value is not None}
    for section, key in (("hardware", "chip"), ("feedback", "kind"), ("neuron", "kind")):
        if isinstance(values.get(section), str):  # one word alone
            values[section] = {key: values[section]}
    written = dotted(values)
    held = dotted(Experiment.from_file(name).model_dump(mode="json"))
    assert {key: held[key] for key in written} == written


@pytest.mark.parametrize("name", list_models())
def test_a_shipped_model_is_the_same_after_being_written_and_read(name):
    experiment = Experiment.from_file(name)
    assert Experiment.from_yaml(experiment.to_yaml()) == experiment
    assert Experiment.from_yaml(experiment.resolved().to_yaml()) == experiment.resolved()
    assert experiment.resolved().fingerprint() == experiment.fingerprint()


@given(
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]*", fullmatch=True),
    description=st.text() | st.sampled_from(["010", "0x1F", "1:30", "no", "2024-01-01", "=", "~"]),
    threshold=st.floats(allow_nan=False, allow_infinity=False),
    every=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    seed=st.integers(0, 2**63 - 1),
    samples=st.none() | st.integers(1, 2**63 - 1),
)
def test_whatever_may_be_written_in_a_model_is_read_back(
    name, description, threshold, every, seed, samples
):
    values = yaml.safe_load(TEXT) | {"name": name, "description": description}
    values["dataset"]["threshold"] = threshold
    values["training"] |= {"seed": seed, "samples": samples, "evaluate_every": every}
    experiment = Experiment.from_dict(values)
    assert (experiment.name, experiment.description) == (name, description)
    assert experiment.dataset.threshold == threshold
    assert Experiment.from_yaml(experiment.to_yaml()) == experiment


def test_resolving_writes_out_the_defaults_of_the_data_set():
    resolved = Experiment.from_file("mnist", overrides=["dataset.crop=null"]).resolved()
    assert resolved.dataset.crop == 4  # 28 x 28 becomes 20 x 20, as in the paper
    assert resolved.dataset.scale == DEFAULT_PREPROCESSING["mnist"].scale
    assert resolved.dataset.threshold == 0.5


def test_a_resolved_path_holds_in_every_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment = read(changed("digits", "npz\n  path: data/x.npz"))
    assert experiment.dataset.path == "data/x.npz"
    assert experiment.resolved().dataset.path == str(tmp_path / "data/x.npz")


# ---------------------------------------------------------------- files


def test_a_path_to_npz_data_is_relative_to_the_model_file(tmp_path, monkeypatch):
    folder = tmp_path / "somewhere"
    folder.mkdir()
    (folder / "m.yaml").write_text(changed("digits", "npz\n  path: ../data/x.npz"))
    monkeypatch.chdir("/")
    experiment = Experiment.from_file(folder / "m.yaml")
    assert experiment.dataset.path == str(tmp_path / "data/x.npz")


def test_a_path_given_as_an_override_is_relative_to_the_present_folder(tmp_path, monkeypatch):
    (tmp_path / "m.yaml").write_text(TEXT)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    experiment = Experiment.from_file(
        tmp_path / "m.yaml", overrides=["dataset.name=npz", "dataset.path=x.npz"]
    )
    assert experiment.dataset.path == str(here / "x.npz")


def test_a_misspelt_model_name_is_answered_with_the_nearest_one():
    with pytest.raises(ExperimentError, match=r"digts: no such model file; did you mean digits\?"):
        Experiment.from_file("digts")


def test_a_run_folder_in_place_of_a_model_file_is_answered_with_the_file_in_it(tmp_path):
    (tmp_path / "experiment.yaml").write_text(TEXT)
    with pytest.raises(ExperimentError, match=r"is a folder.*experiment\.yaml"):
        Experiment.from_file(tmp_path)


def test_a_file_that_is_no_text_is_refused_by_name(tmp_path):
    np.savez(tmp_path / "m.yaml.npz", x=np.arange(300))
    with pytest.raises(ExperimentError, match=r"m\.yaml\.npz: is not a text file in UTF-8"):
        Experiment.from_file(tmp_path / "m.yaml.npz")


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("text", "line", "key", "nearest"),
    [
        (changed("training:", "trainig:"), 6, "trainig", "training"),
        (changed("sizes:", "size:"), 5, "network.size", "sizes"),
        (changed("epochs: 2", "epochs: 2\n  sed: 3"), 8, "training.sed", "seed"),
        (TEXT + "learning: {rul: x}\n", 8, "learning.rul", "rule"),
        (TEXT + "record: {sample: 3}\n", 8, "record.sample", "samples"),
    ],
)
def test_an_unknown_key_is_answered_with_its_line_and_the_nearest_key(text, line, key, nearest):
    said = f"small.yaml:{line}: {key}: unknown key; did you mean {nearest}?; known keys"
    assert any(answer.startswith(said) for answer in complaint(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TEXT + "seed: 3\n", "small.yaml:8: seed: unknown key; did you mean training.seed?"),
        (
            changed("epochs: 2", "epochs: 2\n  threshold: 0.4"),
            "small.yaml:8: training.threshold: unknown key; did you mean dataset.threshold?",
        ),
        (
            changed("name: digits", "name: digits\n  weight_limit: 200"),
            "small.yaml:4: dataset.weight_limit: unknown key; did you mean network.weight_limit?",
        ),
    ],
)
def test_a_key_in_the_wrong_section_is_answered_with_the_right_one(text, said):
    (answer,) = complaint(text)
    assert answer.startswith(said)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("training.epoch", "epochs"),
        ("learning.accumulator.epoch", "epochs"),
        ("record.sample", "samples"),
        ("training.every", "evaluate_every, or feedback.every"),  # another section has just that
        ("errors.hidden", "hidden_threshold"),
        ("training.shift", "dataset.augment.shift"),  # in a section of a section
        ("training.fractions", "learning.accumulator.fractions"),
        ("epoch", "training.epochs"),
    ],
)
def test_an_unknown_key_is_answered_within_its_section_first(key, meant):
    with pytest.raises(ExperimentError) as caught:
        Experiment.from_yaml(TEXT, overrides=[f"{key}=1"])
    assert f"{key}: unknown key; did you mean {meant}?; known keys" in str(caught.value)


@pytest.mark.parametrize("key", ["eta", "learning.eta", "training.lr", "learning.learning_rate"])
def test_who_looks_for_a_learning_rate_is_led_to_the_rule(key):
    with pytest.raises(ExperimentError, match=r"unknown key; how far .* factor in learning\.rule;"):
        Experiment.from_yaml(TEXT, overrides=[f"{key}=0.1"])


def test_overrides_that_are_one_text_are_refused_as_a_whole():
    with pytest.raises(ExperimentError, match=r"the text 'training.epochs=2'; give a list"):
        Experiment.from_yaml(TEXT, overrides="training.epochs=2")


def test_a_short_key_is_no_misspelling_of_another_short_one():
    with pytest.raises(ExperimentError) as caught:
        Experiment.from_yaml(TEXT, overrides=["learning.ate=1"])
    assert "did you mean" not in str(caught.value)


def test_a_key_like_no_other_is_answered_with_all_there_are():
    (answer,) = complaint(changed("epochs: 2", "epochs: 2\n  zzz: 3"))
    assert "did you mean" not in answer
    keys = "epochs, samples, evaluate_every, seed, renew_copies"
    assert answer.endswith(f"known keys of training: {keys}")


def test_a_missing_entry_is_named_with_its_meaning():
    (answer,) = complaint(TEXT.replace("  epochs: 2\n", "  seed: 2\n"))
    assert answer.startswith("small.yaml:6: training.epochs: is missing; Passes through")


def test_a_key_given_twice_is_an_error_that_tells_both_lines():
    (answer,) = complaint(TEXT + "  seed: 1\n  epochs: 2\n")
    assert answer == "small.yaml:9: training.epochs: given twice, first in line 7; keep one"


def test_a_section_given_twice_is_an_error():
    assert complaint(TEXT + "network: {sizes: [64, 20, 10]}\n")[0] == (
        "small.yaml:8: network: given twice, first in line 4; keep one"
    )


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("key", "value", "right"),
    [
        ("training.epochs", '"2"', "a whole number"),
        ("training.epochs", "2.0", "a whole number"),
        ("training.epochs", "true", "a whole number"),
        ("training.epochs", "null", "a whole number"),
        ("training.epochs", "0", "1 or greater"),
        ("training.epochs", "-1", "1 or greater"),
        ("training.samples", "0", "1 or greater"),
        ("training.samples", "-5", "1 or greater"),
        ("training.seed", "-1", "0 or greater"),
        ("training.evaluate_every", "0", "greater than 0"),
        ("training.evaluate_every", "-0.5", "greater than 0"),
        ("training.evaluate_every", ".inf", "a finite number"),
        ("training.evaluate_every", "often", "a number"),
        ("record.samples", "-1", "0 or greater"),
        ("dataset.crop", "-1", "0 or greater"),
        ("dataset.scale", "0", "greater than 0"),
        ("dataset.threshold", ".nan", "a finite number"),
        ("network.sizes", "64", "a list of three sizes"),
        ("network.sizes", "[64, 10]", "a list of three sizes"),
        ("network.sizes", "[]", "a list of three sizes or more"),
        ("network.closing", "8064", "8192 or greater"),
        ("network.closing", "8200", "a multiple of 128"),
        ("network.closing", "32256", "32128 or less"),
        ("network.weight_limit", "256", "254 or less"),
        ("network.weight_limit", "201", "a multiple of 2"),
        ("network.weight_limit", "0", "2 or greater"),
        ("name", "a/b", "a letter or digit"),
        ("name", '"a\\n"', "a letter or digit"),
        ("name", "3", "text"),
        ("learning", "fast", "a section of keys and values"),
    ],
)
def test_a_wrong_value_is_answered_with_a_right_one(key, value, right):
    values = yaml.safe_load(TEXT)
    section, _, entry = key.rpartition(".")
    (values.setdefault(section, {}) if section else values)[entry] = yaml.safe_load(value)
    (answer,) = complaint(yaml.safe_dump(values))
    assert re.match(rf"small\.yaml:\d+: {re.escape(key)}: is .+, but must be {right}", answer)


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("size", ["0", "-3", "2.5", "true", '"10"'])
def test_a_layer_must_have_a_positive_whole_number_of_units(layer, size):
    sizes = ["64", "10", "10"]
    sizes[layer] = size
    (answer,) = complaint(changed("[64, 10, 10]", f"[{', '.join(sizes)}]"))
    assert answer.startswith(f"small.yaml:5: network.sizes[{layer}]: is {size}, but must be")


@pytest.mark.parametrize("name", ["mnits", "Digits"])
def test_an_unknown_data_set_is_answered_with_the_nearest_one(name):
    (answer,) = complaint(changed("name: digits", f"name: {name}"))
    nearest = {"mnits": "mnist", "Digits": "digits"}[name]
    assert answer == (
        f'small.yaml:3: dataset.name: is "{name}"; did you mean {nearest}?; '
        "must be one of digits, mnist, fashion-mnist, npz"
    )


def test_own_data_needs_a_path_and_other_data_takes_none():
    assert "needs the path" in complaint(changed("digits", "npz"))[0]
    assert "has no effect" in complaint(changed("digits", "mnist\n  path: x.npz"))[0]


def test_a_rule_that_cannot_be_read_is_refused_when_the_model_is_read():
    (answer,) = complaint(TEXT + "learning:\n  rule: dw = 4*z0*x0\n")
    assert answer.startswith("small.yaml:9: learning.rule:")
    assert "'z0'" in answer


def test_numbers_are_read_as_in_yaml_1_2():
    experiment = read(changed("epochs: 2", "epochs: 010\n  evaluate_every: 1e-1"))
    assert (experiment.training.epochs, experiment.training.evaluate_every) == (10, 0.1)
    assert read(changed("small", "no")).name == "no"


# ---------------------------------------------------------------- YAML


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (changed("  epochs: 2", "\tepochs: 2"), 7),
        (changed("[64, 10, 10]", "[64, 10"), 6),
        (changed("name: small", "name: 'small"), 8),
        (TEXT + "---\nname: second\n", 8),
        ("name: !!python/object/apply:os.getcwd []\n", 1),
    ],
)
def test_text_that_is_no_yaml_is_refused_with_its_line(text, line):
    (answer,) = complaint(text)
    assert answer.startswith(f"small.yaml:{line}: is not valid YAML: ")


@pytest.mark.parametrize(
    ("text", "what"),
    [("", "is empty"), ("# nothing\n", "is empty"), ("- a\n", "must be keys and values")],
)
def test_text_without_keys_is_answered_with_the_known_ones(text, what):
    (answer,) = complaint(text)
    assert what in answer
    assert answer.endswith(f"known keys are base, {', '.join(Experiment.whole().model_fields)}")


def test_all_problems_are_told_at_once():
    text = (
        "dataset:\n  name: mnits\nnetwork:\n  sizes: [64, 0, 10]\n"
        "training:\n  epochs: -1\n  sed: 3\n  epochs: 2\n"
    )
    answers = complaint(text, overrides=["record.samples=-1", "nonsense"])
    places = [answer.split(": ")[0] + " " + answer.split(": ")[1] for answer in answers]
    assert sorted(places) == sorted(
        [
            "small.yaml:8 training.epochs",  # given twice; the last one, 2, is right
            "override 'nonsense' must be a dotted key, '=' and a value, such as training.seed=3",
            "small.yaml name",
            "small.yaml:2 dataset.name",
            "small.yaml:4 network.sizes[1]",
            "small.yaml:7 training.sed",
            "override 'record.samples=-1' record.samples",
        ]
    )


# ---------------------------------------------------------------- overrides


def test_overrides_change_what_they_name_and_nothing_else():
    before = dotted(read(TEXT).model_dump(mode="json"))
    after = read(
        TEXT, overrides=["training.seed=3", "network.sizes=[64, 20, 10]", "record.samples=2"]
    )
    assert dotted(after.model_dump(mode="json")) == before | {
        "training.seed": 3,
        "network.sizes": [64, 20, 10],
        "record.samples": 2,
    }
    assert read(TEXT).changed(["training.seed=3"]).training.seed == 3


def test_the_last_of_several_overrides_wins():
    experiment = read(TEXT, overrides=["training.seed=3", "training.seed=4"])
    assert experiment.training.seed == 4


def test_a_rule_with_equals_signs_can_be_overridden():
    rule = "dw = 2*r1*x0*y0"
    assert read(TEXT, overrides=[f"learning.rule={rule}"]).learning.rule == rule


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("training.seed", "must be a dotted key, '=' and a value"),
        ("=3", "must be a dotted key, '=' and a value"),
        ("training..seed=3", "must be a dotted key, '=' and a value"),
        ("training.seed=[1", "the value is not valid YAML"),
        ("training.sed=3", "training.sed: unknown key; did you mean seed?"),
        ("seed=3", "seed: unknown key; did you mean training.seed?"),
        ("training.seed=x", 'training.seed: is "x", but must be a whole number'),
        ("training=3", "training: is 3, but must be a section"),
        ("name.x=3", 'name: holds "small", and no keys'),
    ],
)
def test_a_wrong_override_is_named_as_it_was_given(override, said):
    (answer,) = complaint(TEXT, overrides=[override])
    assert answer.startswith(f"override '{override}': {said}")


def test_making_an_experiment_leaves_its_source_as_it_was():
    values = yaml.safe_load(TEXT)
    Experiment.from_dict(values, overrides=["training.seed=3", "network.sizes=[64, 20, 10]"])
    assert values == yaml.safe_load(TEXT)
    experiment = Experiment.from_dict(values)
    experiment.changed(["training.seed=3"])
    assert experiment.training.seed == 0


# ---------------------------------------------------------------- fingerprint


def test_what_does_not_decide_the_training_does_not_change_the_fingerprint():
    other = read(
        changed("name: small", "name: other\ndescription: the same in other words"),
        overrides=["training.epochs=9", "training.evaluate_every=0.25", "record.samples=2"],
    )
    assert other.fingerprint() == read(TEXT).fingerprint()


@pytest.mark.parametrize("key", OTHER_VALUE)
def test_what_decides_the_training_changes_the_fingerprint(key):
    values = yaml.safe_load(TEXT)
    section, entry = key.split(".")
    values.setdefault(section, {})[entry] = OTHER_VALUE[key]
    assert Experiment.from_dict(values).fingerprint() != read(TEXT).fingerprint()


def test_every_entry_either_decides_the_training_or_is_known_not_to():
    entries = set(dotted(read(TEXT).model_dump(mode="json")))
    optional = {"hardware", *VARIANTS}
    known = UNDECISIVE | set(OTHER_VALUE) | LATER | {"dataset.path"} | optional
    assert entries == known
    assert set(read(TEXT).decisive()) == entries - UNDECISIVE - optional - LATER
    chip = read(TEXT).changed(["hardware=loihi1"])
    knobs = {"hardware.chip", "hardware.weight_bits", "hardware.symmetric"}
    assert set(chip.decisive()) == set(read(TEXT).decisive()) | knobs
    assert chip.fingerprint() != read(TEXT).fingerprint()


def test_a_chip_is_named_alone_or_with_knobs():
    alone = read(TEXT + "\nhardware: loihi1\n")
    assert alone.hardware == read(TEXT + "\nhardware: {chip: loihi1}\n").hardware
    assert (alone.hardware.weight_bits, alone.hardware.symmetric) == (8, False)
    assert alone.changed(["hardware.weight_bits=4"]).hardware.weight_bits == 4
    assert read(TEXT).changed(["hardware.symmetric=true"]).hardware.symmetric
    assert read(TEXT).hardware is None
    assert read(TEXT).guarantees.copies_equal
    assert not alone.guarantees.copies_equal
    assert alone.changed(["hardware.symmetric=true"]).guarantees.copies_equal
    assert "loihi1" in complaint(TEXT + "\nhardware: loihi9\n")[0]
    assert "2 or greater" in complaint(TEXT + "\nhardware: {weight_bits: 1}\n")[0]


def test_a_default_and_the_same_value_written_out_have_one_fingerprint():
    written_out = [
        "dataset.crop=0", "dataset.scale=0.0625", "dataset.threshold=0.5", "network.closing=8192",
        "network.weight_limit=254", "training.samples=null", "training.seed=0",
        "learning.rule=dw = 4*r1*x0*y0 - 2*x0*y0",
    ]  # fmt: skip
    assert read(TEXT, overrides=written_out).fingerprint() == read(TEXT).fingerprint()


def test_a_whole_number_and_the_same_fraction_have_one_fingerprint():
    one, another = (read(TEXT, overrides=[f"dataset.threshold={n}"]) for n in ("1", "1.0"))
    assert one.fingerprint() == another.fingerprint()


def test_own_data_counts_by_its_content_not_by_its_place(experiment, small_npz, tmp_path):
    path = small_npz()
    copy, other = tmp_path / "copy.npz", tmp_path / "other.npz"
    copy.write_bytes(path.read_bytes())
    other.write_bytes(small_npz(seed=1).read_bytes())
    first = experiment(path=path).fingerprint()
    assert experiment(path=copy).fingerprint() == first
    assert experiment(path=other).fingerprint() != first


def test_a_fingerprint_of_data_that_is_not_there_names_the_file(experiment, tmp_path):
    with pytest.raises(ExperimentError, match=r"dataset\.path: .*nothing\.npz cannot be read"):
        experiment(path=tmp_path / "nothing.npz").fingerprint()


# ---------------------------------------------------------------- JSON schema


def allowed(schema, value, root):
    """Whether a JSON schema allows a value; refuses keywords that it does not know."""
    keywords = dict(schema)
    for silent in ("$schema", "$defs", "title", "description", "default", "else", "unit"):
        keywords.pop(silent, None)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    kinds = {
        "boolean": isinstance(value, bool),
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
        "string": isinstance(value, str),
        "null": value is None,
        "number": number,
        "integer": number and value == int(value),
    }
    inner = schema.get("properties", {})

    def holds(keyword, argument):
        match keyword:
            case "$ref":
                return allowed(root["$defs"][argument.removeprefix("#/$defs/")], value, root)
            case "if":
                return allowed(argument, value, root) or allowed(schema["else"], value, root)
            case "anyOf":
                return any(allowed(option, value, root) for option in argument)
            case "type":
                return kinds[argument]
            case "enum":
                return value in argument
            case "pattern":
                return re.search(argument, value) is not None
            case "minimum":
                return value >= argument
            case "exclusiveMinimum":
                return value > argument
            case "maximum":
                return value <= argument
            case "exclusiveMaximum":
                return value < argument
            case "multipleOf":
                return value % argument == 0
            case "maxLength":
                return len(value) <= argument
            case "minItems":
                return len(value) >= argument
            case "maxItems":
                return len(value) <= argument
            case "items":
                return all(allowed(argument, item, root) for item in value)
            case "required":
                return set(argument) <= set(value)
            case "properties":
                return all(allowed(inner[k], v, root) for k, v in value.items() if k in inner)
            case "const":
                return value == argument
            case "additionalProperties":
                assert argument is False
                return set(value) <= set(inner)
        raise NotImplementedError(keyword)

    order = sorted(keywords, key=lambda keyword: keyword != "type")  # a wrong type ends it
    return all(holds(keyword, keywords[keyword]) for keyword in order)


def test_a_network_may_be_deeper():
    experiment = Experiment.from_yaml(changed("[64, 10, 10]", "[64, 12, 11, 10]"))
    assert experiment.network.sizes == (64, 12, 11, 10)
    (answer,) = complaint(changed("[64, 10, 10]", "[64, 12, 1.5, 10]"))
    assert answer.startswith("small.yaml:5: network.sizes[2]: is 1.5, but must be a whole number")


@pytest.mark.parametrize("name", list_models())
def test_the_json_schema_allows_every_shipped_model(name):
    schema = json_schema()
    written = yaml.safe_load((MODELS / f"{name}.yaml").read_text())
    assert allowed(schema, written, schema)
    assert allowed(schema, Experiment.from_file(name).resolved().model_dump(mode="json"), schema)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("training.epochs", 0),
        ("training.epochs", "2"),
        ("training.sed", 1),
        ("network.sizes", [64, 10]),
        ("network.sizes", [64, 10, 0]),
        ("network.weight_limit", 201),
        ("dataset.name", "mnits"),
        ("dataset.scale", 0),
        ("dataset.threshold", "0.5"),
        ("name", "a/b"),
        ("training", None),
    ],
)
def test_the_json_schema_refuses_what_a_model_may_not_say(key, value):
    schema, values = json_schema(), yaml.safe_load(TEXT)
    assert allowed(schema, values, schema)
    section, _, entry = key.rpartition(".")
    (values[section] if section else values)[entry] = value
    assert not allowed(schema, values, schema)
    with pytest.raises(ExperimentError):
        Experiment.from_dict(values)


@pytest.mark.parametrize(
    "values",
    [
        {"base": "mnist"},
        {"base": "mine.yaml", "network": {"closing": 8192}, "dataset": {}, "training": {"seed": 1}},
        {
            "base": "digits",
            "record": None,
            "learning": None,
            "neuron": None,
            "feedback": "symmetric",
        },
    ],
)
def test_the_json_schema_lets_a_base_say_the_rest(values):
    schema = json_schema()
    assert allowed(schema, {"name": "x"} | values, schema)
    assert not allowed(schema, values, schema)  # without a name
    without = {key: value for key, value in values.items() if key != "base"}
    assert not allowed(schema, {"name": "x"} | without, schema)
    for wrong in ({"base": 3}, {"network": {"closing": 1}}, {"zzz": 1}, {"network": None}):
        assert not allowed(schema, {"name": "x"} | values | wrong, schema)


@pytest.mark.parametrize("section", ["learning", "record"])
def test_the_json_schema_allows_null_for_a_section_only_with_a_base(section):
    schema, values = json_schema(), yaml.safe_load(TEXT)
    assert not allowed(schema, values | {section: None}, schema)
    with pytest.raises(ExperimentError, match=f"{section}: is empty, but must be a section"):
        Experiment.from_dict(values | {section: None})


def test_the_json_schema_describes_every_entry():
    schema = json_schema()
    for part in (schema, *schema["$defs"].values()):
        for name, entry in part["properties"].items():
            assert entry.get("description"), name


def test_an_experiment_is_made_whole_whichever_way_it_is_made():
    experiment = Experiment.from_file("variants/digits_kolen_pollack")
    values = experiment.model_dump()
    assert Experiment(**values) == experiment == Experiment.model_validate(values)
    with pytest.raises(ExperimentError, match="must be a section of keys and values"):
        Experiment.from_dict(None)


def test_old_names_work_and_point_to_the_new_ones_at_the_line_that_uses_them(tmp_path):
    script = tmp_path / "old.py"
    script.write_text(
        "import synfire_bp\n"
        "from synfire_bp.experiment import Experiment\n"
        "from synfire_bp.variants_feedback import FeedbackSection\n"
        "from synfire_bp.schedule import *\n"
        "assert epoch_order(0, 0, 3).size == 3 and synfire_bp.weights.initial_weights\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    said = done.stderr
    assert "old.py:2: DeprecationWarning: synfire_bp.experiment has moved" in said
    assert "old.py:2: DeprecationWarning: synfire_bp.experiment.Experiment is old; use" in said
    assert (
        "old.py:3: DeprecationWarning: synfire_bp.variants_feedback.FeedbackSection is old; use "
        "synfire_bp.variants.feedback.Feedback" in said
    )
    assert "old.py:5: DeprecationWarning: synfire_bp.weights.initial_weights is old; use" in said


def test_what_is_no_experiment_is_no_model_and_an_engine_takes_models_alone():
    with pytest.raises(SynfireError, match="assembled from an Experiment, not from NoneType"):
        assemble(None)
    with pytest.raises(SynfireError, match="takes a Model, not Experiment; make one with assemble"):
        OracleEngine(Experiment.from_file("digits"), None)
    model = assemble(Experiment.from_file("variants/digits_kolen_pollack"))
    again = pickle.loads(pickle.dumps(model))
    for one, other in zip(model.start, again.start, strict=True):
        np.testing.assert_array_equal(one, other)
