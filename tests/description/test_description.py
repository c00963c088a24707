"""What is told of a model: all of it, in words, with the right numbers, in three shapes alike."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml
from pydantic import Field

import synfire_bp as sb
from synfire_bp.description.learning import learning_part
from synfire_bp.description.task import network_part, task_part
from synfire_bp.description.variants import variant_parts
from synfire_bp.errors import ExperimentError, PluginError, SynfireError
from synfire_bp.model.library import shipped_rivals
from synfire_bp.model.sections import AccumulatorSection, AugmentSection, EligibilitySection
from synfire_bp.registry import all_or_nothing
from synfire_bp.rivals.describe import describe_rival, is_rival
from synfire_bp.sweep.definition import Sweep, list_sweeps
from synfire_bp.variants import VARIANTS

KEYS = "Model file: entries that differ from the defaults"
NAMED = ("name", "description")


def leaves(values, place=""):
    """Yield dotted key and value of everything in nested dicts."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{place}{key}.")
        else:
            yield f"{place}{key}", value


def written(part):
    """The text of all cells and sentences of a part."""
    blocks = (block if isinstance(block, str) else block.rows for block in part.blocks)
    return json.dumps(list(blocks), default=str)


def in_words(experiment):
    """What is told of a model beside the list of its keys, its circuit and its code."""
    model = sb.assemble(experiment)
    parts = [task_part(model), network_part(model), learning_part(model), *variant_parts(model)]
    return [written(part) for part in parts]


def rows_of(described, title):
    (part,) = (part for part in described.parts if part.title == title)
    return {row[0]: row[1:] for block in part.blocks if not isinstance(block, str)
            for row in block.rows}  # fmt: skip


def sections():
    """The sections that a model file may leave out, by their dotted names."""
    within = {
        "dataset.augment": AugmentSection,
        "learning.accumulator": AccumulatorSection,
        "learning.eligibility": EligibilitySection,
    }
    return dict(VARIANTS.items()) | within


def defaults_of(kind):
    """The defaults of a section, as the JSON schema has them; None for what must be given."""
    schema = kind.model_json_schema()["properties"]
    return {key: about.get("default") for key, about in schema.items()}


def least_model():
    """Everything that a model file says which says as little as it may."""
    text = (
        "{name: x, dataset: {name: digits}, network: {sizes: [64, 5, 10]}, training: {epochs: 1}}"
    )
    return dict(leaves(sb.Experiment.from_yaml(text).model_dump(mode="json")))


REQUIRED = ("dataset.name", "network.sizes", "training.epochs")


def differing(experiment):
    """Yield keys and values that say something else than a model file that leaves them out."""
    default = least_model()
    for name, kind in sections().items():
        default |= {f"{name}.{key}": value for key, value in defaults_of(kind).items()}
    for key, value in leaves(experiment.model_dump(mode="json")):
        if key not in NAMED and (key in REQUIRED or value != default.get(key)):
            yield key, value


def numbers(experiment):
    """All numbers of a model's network, and its code."""
    model = sb.assemble(experiment)
    given = model.network.numbers(model.start, sb.Moment())
    return model.network.lines, {name: np.asarray(one).tobytes() for name, one in given.items()}


@pytest.mark.parametrize("name", sb.list_models())
def test_every_key_of_a_shipped_model_that_is_no_default_is_told_with_value_and_meaning(name):
    experiment = sb.Experiment.from_file(name)
    described = sb.describe(experiment)
    assert str(described).startswith(f"{experiment.name}: {experiment.description}\n")
    told = rows_of(described, KEYS)
    for key, value in differing(experiment):
        said, _, meaning = told.pop(key)
        assert (said if isinstance(value, str) else yaml.safe_load(said)) == value, key
        assert len(meaning) > 10
    assert set(told) <= set(sections())  # those of which all is as by default


@pytest.mark.parametrize("name", sb.list_models())
def test_what_a_shipped_variant_sets_is_told_in_words_that_its_default_is_not(name):
    experiment = sb.Experiment.from_file(name)
    whole, looked_at = in_words(experiment), 0
    for key, _ in differing(experiment):
        section, _, inner = key.partition(".")
        if section not in VARIANTS:
            continue
        default = defaults_of(VARIANTS[section])[inner]
        looked_at += 1
        try:
            other = experiment.changed([f"{key}={json.dumps(default)}"])
            words = in_words(other)
        except SynfireError:
            continue  # not without the rest of its section
        assert words != whole or numbers(other) == numbers(experiment), key
    states = any(variant.model_dump(exclude_defaults=True) for variant in experiment.variants)
    assert bool(looked_at) == states


@pytest.mark.parametrize("name", list_sweeps())
def test_the_model_of_every_shipped_sweep_is_described(name):
    base = Sweep.from_file(name).base
    assert sb.describe(base).row("rule") == (base.learning.rule,)


@pytest.mark.parametrize("name", shipped_rivals())
def test_a_rival_is_described_as_one(name):
    assert is_rival(name) and not is_rival("digits")
    described = describe_rival(name)
    assert "no phases and no gates" in str(described)
    values = yaml.safe_load(shipped_rivals()[name].read_text())
    base = values.pop("base", name).removesuffix(".yaml")
    values |= yaml.safe_load(shipped_rivals()[base].read_text())
    assert rows_of(described, KEYS)["rival"][0] == values["rival"]
    assert is_rival(shipped_rivals()[name])


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    "name",
    ["digits", "mnist_fine", "mnist_fine_deep", "mnist_fine_graded_deep", "variants/digits_deep"],
)
def test_the_weight_of_each_gate_lifts_its_population_to_its_threshold(name):
    described = sb.describe(name)
    (gates,) = (table for table in described.tables if table.title.startswith("Gates"))
    closing = sb.Experiment.from_file(name).network.closing
    thresholds = set()
    for fires, _, weight, made_of in gates.rows:
        parts = re.findall(r"= (-?\d+) x 2\^(\d+)", made_of)
        times = int(re.search(r"(\d+) times", made_of)[1]) if "times" in made_of else 1
        assert int(weight) == times * sum(int(m) * 2 ** int(e) for m, e in parts)
        if found := re.fullmatch(r"input above (-?\d+)", fires):
            thresholds.add(int(found[1]))
            assert -closing + int(weight) + int(found[1]) == 1024  # just not enough
    errors = sb.Experiment.from_file(name).errors
    assert thresholds == {0, 512, 1024} if errors is None else thresholds > {512}


def test_a_late_reward_is_told_in_the_phases_in_which_it_comes():
    for delay, phases in ((1, "6, 8"), (2, "7, 9"), (6, "1, 11")):
        model = sb.Experiment.from_file("digits", [f"reward.delay={delay}"])
        assert sb.describe(model).row("reward signal") == (
            f"r1 is 1 in phases {phases}, otherwise 0",
        )


def test_margin_box_and_hidden_thresholds_are_told_with_the_sums_that_follow():
    described = sb.describe(
        sb.Experiment.from_file("digits", ["errors.margin=256", "errors.box=[-512, 1536]"])
    )
    assert "512 + 256 = 768" in described.row("margin")[0]
    assert "512 - 256 = 256 or less" in described.row("margin")[0]
    assert "above -512, up to 1536" in described.row("box derivative of the output")[0]
    deep = sb.describe("mnist_fine_deep")
    given = sb.Experiment.from_file("mnist_fine_deep").errors.hidden_threshold
    for number, least in enumerate(given, 1):
        assert f"exceeds {least} weight units" in deep.row(f"errors of hidden layer {number}")[0]


def test_what_a_tag_collects_is_told_in_parts_of_a_step():
    described = sb.describe("mnist_fine_loihi1")
    (text,) = described.row("what a tag counts in")
    # fractions 1, 1/2, 1/4, 1/8 of a step, of which a tag has 64 parts; 15 epochs each
    for epoch, parts in ((1, 64), (16, 32), (31, 16), (46, 8)):
        assert f"from epoch {epoch} on {parts} parts" in text
    (text,) = described.row("when weights follow")
    assert (
        "every 64 phases" in text and f"phase 0 of every {math.lcm(64, 12) // 12} samples" in text
    )


def test_an_eligibility_trace_is_told_with_what_a_sample_leaves_of_it():
    tau = sb.Experiment.from_file("variants/digits_eligibility").learning.eligibility.tau
    (text,) = sb.describe("variants/digits_eligibility").row("eligibility")
    assert f"{math.exp(-1 / tau):.4g}" in text and f"{tau:g} samples" in text


def test_millivolts_follow_from_the_quantum_and_equations_have_their_units():
    described = sb.describe("variants/digits_lif_conductance")
    quantum = sb.Experiment.from_file("variants/digits_lif_conductance").neuron.quantum
    assert described.row("potentials") == (
        f"rest -54 mV, threshold {-54 + 1025 * quantum:g} mV, closed {-54 - 8192 * quantum:g} mV",
    )
    membrane = "dv/dt = (E_L - v + R*(I_tonic + I_syn))/tau_m"
    assert described.row(membrane)[:2] == ("V", "unless refractory")
    assert described.row("dg_e/dt = -g_e/tau_s")[0] == "S"
    assert described.row("tau_m")[2] == "0.5 ms"


def test_a_probability_is_the_one_that_the_network_draws_by():
    experiment = sb.Experiment.from_file("variants/digits_release")
    model = sb.assemble(experiment)
    drawn = model.network.numbers(model.start, sb.Moment())["plastic.released"] / 2**24
    (text,) = sb.describe(experiment).row("a learning synapse delivers")
    assert float(text.split()[-1]) == pytest.approx(drawn)


def test_code_and_numbers_are_those_of_the_network_that_runs():
    model = sb.assemble(sb.Experiment.from_file("digits", ["network.sizes=[64, 6, 10]"]))
    net = sb.build_network(model, sb.load_dataset("digits"))
    described = sb.describe(model)
    for group, kind in ((net.cells, "neurons"), (net.plastic, "learning synapses")):
        (table,) = (one for one in described.tables if one.title == f"Variables of {kind}")
        names = {re.match(r"d?(\w+)", row[0])[1] for row in table.rows}
        assert names >= set(group.equations.names)
        for row in table.rows:
            if re.fullmatch(r"-?\d+", row[3]):
                assert set(map(int, getattr(group, row[0])[:].ravel())) == {int(row[3])}, row


def test_the_chip_takes_what_its_placement_says_and_refuses_what_it_has_not():
    described = sb.describe("mnist")
    assert "3,282 compartments" in described.row("training takes")[0]  # the paper's circuit
    assert described.row("learning rule") == ("fits as it is",)
    assert described.row("circuit") == ("fits as it is",)
    graded = sb.describe("mnist_fine_graded")
    assert "spikes without a payload" in graded.row("circuit")[0]
    wide = sb.describe(sb.Experiment.from_file("digits", ["network.sizes=[64, 200000, 10]"]))
    assert "128 cores" in wide.row("training takes")[0]
    assert "Initial values are left out" in str(wide)


@pytest.mark.parametrize("name", ["digits", "variants/digits_late_reward", "variants/digits_pools"])
def test_what_the_oracle_follows_is_what_it_trains(name, tmp_path):
    small = ["network.sizes=[64, 5, 10]", "training.epochs=1", "training.samples=5"]
    experiment = sb.Experiment.from_file(name, small)
    (said,) = sb.describe(experiment).row("engine oracle")
    try:
        sb.train(experiment, engine="oracle", out=tmp_path / "run", quiet=True)
    except SynfireError:
        assert said.startswith("cannot follow: ")
    else:
        assert said.startswith("follows")


# ---------------------------------------------------------------- three shapes


class Cells(HTMLParser):
    """Collects the text of every cell, caption, paragraph and summary of a page, and its tags."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.tags = [], set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag in ("td", "th", "caption", "p", "summary"):
            self.texts.append("")

    def handle_data(self, data):
        if self.texts:
            self.texts[-1] += data


def test_text_html_and_json_tell_the_same():
    described = sb.describe("mnist_fine_loihi1")
    page, text = Cells(described.html()), str(described)
    parts = json.loads(described.json())["parts"]
    assert [part["title"] for part in parts] == [part.title for part in described.parts]
    shown = [one.strip() for one in page.texts]
    lines = " ".join(text.split())
    for part in parts:
        for block in part["blocks"]:
            cells = [block] if isinstance(block, str) else [c for row in block["rows"] for c in row]
            for cell in cells:
                assert cell.strip() in shown
                assert all(" ".join(line.split()) in lines for line in cell.splitlines())
    assert described._repr_html_().count("<details open>") < len(parts)
    assert "<html" not in described._repr_html_()


def test_nothing_of_a_model_file_is_taken_for_markup():
    attack = "<script>alert(1)</script></td>\x1b[31m"
    model = sb.Experiment.from_file("digits", [f"description={json.dumps(attack)}"])
    described = sb.describe(model)
    assert "script" not in Cells(described.html()).tags
    assert "\x1b" not in str(described) + described.html()


def test_what_is_no_chip_is_named_with_those_that_there_are():
    with pytest.raises(SynfireError, match="hardware is 'loihi7'; must be one of loihi1"):
        sb.describe("digits", hardware="loihi7")
    with pytest.raises(ExperimentError, match="no such model file"):
        sb.describe("no_such_model")


# ---------------------------------------------------------------- a variant of one's own


class Undo(Exception):
    """Takes back what a test has registered."""


@pytest.fixture
def quiet():
    with pytest.raises(Undo), all_or_nothing():
        yield
        raise Undo


def model_with(section):
    return sb.Experiment.from_yaml(f"{{name: mine, base: digits, {section}}}")


def test_a_variant_of_ones_own_is_told_by_its_fields_or_by_its_own_words(quiet):
    @sb.variant("dimmer")
    class Dimmer(sb.Variant):
        summary = "How bright. null: as it is."
        level: float = Field(1.0, description="Share of the light that is left, no unit.")

    described = sb.describe(model_with("dimmer: {level: 0.25}"))
    assert described.row("level") == ("0.25: Share of the light that is left, no unit.",)
    assert sb.describe(model_with("dimmer: {}")).row("as by default") == (Dimmer.summary,)

    @sb.variant("wordy")
    class Wordy(sb.Variant):
        summary = "Says it itself. null: silent."

        def described(self, model):
            yield "phases of reward", " and ".join(map(str, model.circuit.reward_phases))

    assert sb.describe(model_with("wordy: {}")).row("phases of reward") == ("5 and 7",)


def test_a_variant_that_says_no_text_is_blamed(quiet):
    @sb.variant("odd")
    class Odd(sb.Variant):
        summary = "Odd. null: even."

        def described(self, model):
            return [("weight", 3)]

    with pytest.raises(PluginError, match="'described' of the variant Odd"):
        sb.describe(model_with("odd: {}"))
