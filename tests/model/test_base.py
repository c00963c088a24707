"""Model files that take a base: what is inherited, and what is said about what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from synfire_bp.errors import ExperimentError
from synfire_bp.model import Experiment, list_models
from synfire_bp.sweep import Sweep

MODELS = Path(__file__).parents[2] / "models"

WHOLE = """\
name: whole
description: All of it.
dataset:
  name: digits
  threshold: 0.25
network:
  sizes: [64, 10, 10]
  closing: 16384
training:
  epochs: 2
record:
  samples: 3
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a model file into the current folder, by default the base of the others."""
    monkeypatch.chdir(tmp_path)

    def write(text, name="small.yaml"):
        file = Path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return name

    write(WHOLE, "whole.yaml")
    return write


def complaint(file, *overrides):
    """Return the lines of the message about a file that is refused."""
    with pytest.raises(ExperimentError) as caught:
        Experiment.from_file(file, overrides)
    return str(caught.value).splitlines()


# ---------------------------------------------------------------- what is inherited


def test_a_model_is_its_base_but_for_what_it_says(write):
    file = write(
        "name: small\nbase: whole.yaml\ntraining: {seed: 4}\nnetwork: {sizes: [64, 5, 10]}"
    )
    expected = WHOLE.replace("whole", "small").replace("description: All of it.\n", "")
    expected = expected.replace("[64, 10, 10]", "[64, 5, 10]").replace("s: 2", "s: 2\n  seed: 4")
    found, same = Experiment.from_file(file), Experiment.from_yaml(expected)
    assert found == same
    assert found.to_yaml() == same.to_yaml()  # whole, and without a base
    assert found.fingerprint() == same.fingerprint()


def test_name_and_description_are_never_inherited(write):
    assert Experiment.from_file(write("name: small\nbase: whole.yaml")).description == ""
    (answer,) = complaint(write("base: whole.yaml\n"))
    assert answer.startswith("small.yaml: name: is missing; Short name")


@pytest.mark.parametrize("shipped", list_models())
def test_every_shipped_model_can_be_a_base(write, shipped):
    found = Experiment.from_file(write(f"name: small\nbase: {shipped}\n"))
    assert found.fingerprint() == Experiment.from_file(shipped).fingerprint()


def test_a_base_may_have_a_base(write):
    write("name: b\nbase: ../whole.yaml\ntraining: {epochs: 7, seed: 1}\n", "folder/between.yaml")
    found = Experiment.from_file(write("name: s\nbase: folder/between.yaml\ntraining: {seed: 2}\n"))
    assert (found.training.epochs, found.training.seed) == (7, 2)
    assert found.network.closing == 16384


def test_null_removes_what_the_base_has(write):
    write(WHOLE + "neuron: lif\nhardware: null\n", "whole.yaml")
    nothing = "record: null\nneuron: null\nnetwork: {closing: null}\ndataset: {threshold: null}\n"
    found = Experiment.from_file(write(f"name: small\nbase: whole.yaml\n{nothing}"))
    assert found.neuron is None
    assert found.dataset.threshold is None
    assert (found.record.samples, found.network.closing) == (0, 8192)  # the defaults
    (answer,) = complaint(write("name: small\nbase: whole.yaml\ntraining: null\n"))
    assert answer.startswith("small.yaml:3: training: is missing; a section with the keys epochs")


def test_a_section_of_one_word_is_a_section_and_one_word_replaces_a_section(write):
    kind = "variants/digits_kolen_pollack"
    found = Experiment.from_file(write(f"name: s\nbase: {kind}\nfeedback: {{decay: 0.1}}\n"))
    assert (found.feedback.kind, found.feedback.decay) == ("kolen_pollack", 0.1)
    drift = "variants/digits_weight_drift"
    found = Experiment.from_file(write(f"name: s\nbase: {drift}\nfeedback: sign_symmetric\n"))
    assert (found.feedback.kind, found.feedback.drift) == ("sign_symmetric", None)


def test_overrides_act_on_the_whole_model(write):
    file = write("name: small\nbase: whole.yaml\n")
    found = Experiment.from_file(file, ["network.sizes[1]=7", "record.samples=5"])
    assert (found.network.sizes, found.record.samples) == ((64, 7, 10), 5)
    (answer,) = complaint(file, "training.epochs=0")
    assert answer == "override 'training.epochs=0': training.epochs: is 0, but must be 1 or greater"
    (answer,) = complaint(file, "base=mnist")
    assert answer.startswith("override 'base=mnist': base: is allowed only in model files; train a")


def test_a_path_of_data_in_a_base_is_relative_to_the_base(write, tmp_path):
    write(WHOLE.replace("name: digits", "name: npz\n  path: data/x.npz"), "folder/whole.yaml")
    file = write("name: s\nbase: ../folder/whole.yaml\ndataset: {crop: 1}\n", "other/small.yaml")
    assert Experiment.from_file(file).dataset.path == str(tmp_path / "folder/data/x.npz")
    write("name: s\nbase: ../folder/whole.yaml\ndataset: {path: y.npz}\n", "other/small.yaml")
    assert Experiment.from_file(file).dataset.path == str(tmp_path / "other/y.npz")


def test_a_text_without_a_file_may_have_a_shipped_base(write, tmp_path):
    assert not Experiment.from_yaml("name: s\nbase: mnist\n").network.paper_gates
    assert not Experiment.from_dict({"name": "s", "base": "mnist"}).network.paper_gates
    assert Experiment.from_yaml(f"name: s\nbase: {tmp_path}/whole.yaml\n").record.samples == 3
    with pytest.raises(
        ExperimentError, match=r"model:2: base: whole\.yaml: is not a shipped model"
    ):
        Experiment.from_yaml("name: s\nbase: whole.yaml\n")


def test_the_model_of_a_sweep_may_have_a_base(write):
    write("name: small\nbase: whole.yaml\ntraining: {epochs: 1}\n")
    sweep = write("name: s\nmodel: small.yaml\ndesign: {kind: grid}\nseeds: 2\n", "sweep.yaml")
    assert Sweep.from_file(sweep).base.network.closing == 16384
    alone = write("name: s\nmodel: alone.yaml\ndesign: {kind: grid}\nseeds: 2\n", "other.yaml")
    Path("alone.yaml").write_text(Experiment.from_file("small.yaml").to_yaml())
    assert Sweep.from_file(sweep).digest() == Sweep.from_file(alone).digest()


def test_a_file_read_again_is_not_changed_by_what_was_done_with_it_before(write):
    file = write("name: small\nbase: whole.yaml\n")
    first = Experiment.from_file(file)
    Experiment.from_file(file, ["network.sizes[1]=7", "training.epochs=9"])
    assert Experiment.from_file(file) == first
    write(WHOLE.replace("epochs: 2", "epochs: 3"), "whole.yaml")
    assert Experiment.from_file(file).training.epochs == 3


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("nothing.yaml", "nothing.yaml: no such model file; sb.list_models() lists those that"),
        ("mnits", "mnits: no such model file; did you mean mnist?; sb.list_models() lists"),
        ("digits_depe", "digits_depe: no such model file; did you mean variants/digits_deep?"),
        ("whole", "whole: no such model file; did you mean whole.yaml?"),
        ("3", "is 3, but must be text: the name of a shipped model, such as mnist, or the path"),
        ("", "is empty, but must be text"),
        ("[mnist]", 'is ["mnist"], but must be text'),
        ("run", "run: is a folder, not a model file; the model in it is run/experiment.yaml"),
        ("sweep.yaml", "sweep.yaml is a sweep file, not a model file; give a model, such as the "
         "sweep's: digits"),
        ("data.npz", "data.npz: is not a text file in UTF-8"),
        ("small.yaml", "the bases form a circle, small.yaml -> small.yaml; remove one of them"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_base_is_refused_with_file_line_and_cure(write, base, said):
    write("name: r\n", "run/experiment.yaml")
    write("name: s\nmodel: digits\ndesign: {kind: grid}\nseeds: 3\n", "sweep.yaml")
    Path("data.npz").write_bytes(b"\xff\xfe\x00")
    (answer,) = complaint(write(f"name: small\nbase: {base}\n"))
    assert answer.startswith(f"small.yaml:2: base: {said}")


def test_a_circle_is_shown_where_it_closes(write):
    write("name: a\nbase: b.yaml\n", "a.yaml")
    write("name: b\n\nbase: folder/../a.yaml\n", "b.yaml")
    circle = "a.yaml -> b.yaml -> folder/../a.yaml"
    Path("folder").mkdir()
    for file in ("a.yaml", write("name: small\nbase: a.yaml\n")):
        (answer,) = complaint(file)
        assert answer == f"b.yaml:3: base: the bases form a circle, {circle}; remove one of them"


def test_a_misspelt_key_may_have_meant_base(write):
    assert complaint(write("name: small\nbsae: mnist\n"))[-1].startswith(
        "small.yaml:2: bsae: unknown key; did you mean base?; known keys: base, name, description"
    )


def test_a_problem_in_an_inherited_value_names_the_file_and_line_of_the_base(write):
    broken = WHOLE.replace("epochs: 2", "epochs: 0\n  sed: 3\n  epochs: -1")
    write(broken.replace("[64, 10, 10]", "[64, 0, 10]"), "whole.yaml")
    answers = complaint(write("name: small\nbase: whole.yaml\nrecord: {samples: -1}\n"))
    inherited = "; inherited by small.yaml, which may replace it, or remove it by null"
    assert answers == [
        "whole.yaml:12: training.epochs: given twice, first in line 10; keep one",
        f"whole.yaml:7: network.sizes[1]: is 0, but must be 1 or greater{inherited}",
        f"whole.yaml:10: training.epochs: is -1, but must be 1 or greater{inherited}",
        "whole.yaml:11: training.sed: unknown key; did you mean seed?; known keys of training: "
        f"epochs, samples, evaluate_every, seed, renew_copies{inherited}",
        "small.yaml:3: record.samples: is -1, but must be 0 or greater",
    ]


def test_a_key_missing_in_an_inherited_section_can_be_set_in_both(write):
    write(WHOLE.replace("  epochs: 2\n", "  seed: 2\n"), "whole.yaml")
    (answer,) = complaint(write("name: small\nbase: whole.yaml\n"))
    assert answer.startswith("whole.yaml:9: training.epochs: is missing; ")
    assert answer.endswith("; small.yaml inherits the section, and may set training.epochs")


def test_a_base_that_is_no_yaml_is_named_with_its_line(write):
    write("name: [\n", "whole.yaml")
    (answer,) = complaint(write("name: small\nbase: whole.yaml\n"))
    assert answer.startswith("whole.yaml:2: is not valid YAML: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "base: mnist_loihi1\nneuron: lif\n",
            "small.yaml:3: neuron: neurons in physical units do not run on a chip; remove 'neuron' "
            "or 'hardware'; hardware is inherited from {}:10, 'hardware: null' removes it",
        ),
        (
            "base: variants/digits_lif_custom\nneuron: {kind: lif}\n",
            "{}:14: neuron.equations: has no effect on the kind lif; remove it, or use neuron.kind"
            ": custom; inherited by small.yaml, which may replace it, or remove it by null",
        ),
    ],
)
def test_a_conflict_with_what_is_inherited_names_both_sides(write, text, said):
    base = MODELS / f"{text.split()[1]}.yaml"
    assert complaint(write(f"name: small\n{text}"))[0] == said.format(base)


@pytest.mark.parametrize(
    "text",
    [
        "base: mnist_loihi1\nneuron: lif\nhardware: null\nnetwork: {closing: 16384}\n",
        "base: variants/digits_lif_custom\nneuron: lif\n",
    ],
)
def test_the_cure_of_a_conflict_works(write, text):
    assert Experiment.from_file(write(f"name: small\n{text}")).neuron.kind == "lif"


# ---------------------------------------------------------------- models that ship


@pytest.mark.parametrize("name", list_models())
def test_no_shipped_model_repeats_what_its_base_says(name):
    own = yaml.safe_load((MODELS / f"{name}.yaml").read_text())
    if base := own.pop("base", None):
        inherited = Experiment.from_file(base).model_dump(mode="json")
        for section, values in own.items():
            theirs = inherited[section]
            assert values != theirs, section
            for key, value in values.items() if isinstance(values, dict) else ():
                assert (theirs or {}).get(key) != value, f"{section}.{key}"


def test_where_a_reader_starts_the_file_is_whole_and_all_others_take_a_base():
    for name in list_models():
        own = yaml.safe_load((MODELS / f"{name}.yaml").read_text())
        assert ("base" in own) == ("/" in name), name
