"""A model file, read and checked: everything that decides what is trained, and how.

A model file is a short YAML file (see `models/`).  It becomes an `Experiment`: frozen, typed, with
a meaning, a unit and a source for every entry.  A key that does not exist is an error that names
the nearest one that does, a number written as text is an error, a key given twice is an error, and
all problems of a file are told at once.

    experiment = Experiment.from_file("mnist", overrides=["training.seed=3"])
    experiment.network.sizes      # (400, 400, 10)
    experiment.fingerprint()      # equal for two experiments that train to the same bits
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator

from synfire_bp.circuit.numbers import CLOSING, WEIGHT_LIMIT
from synfire_bp.circuit.rule import PAPER_RULE, parse_rule
from synfire_bp.data.datasets import DEFAULT_PREPROCESSING, Preprocessing
from synfire_bp.errors import ExperimentError, RuleError
from synfire_bp.loihi.spec import SPECS, LoihiSpec
from synfire_bp.model.base import BASE, Origin, allow_base, read_model, whole
from synfire_bp.model.library import absolute, find_model, list_models, read_text
from synfire_bp.model.yaml_text import Place, dump, nearest, read_value, right, shown
from synfire_bp.section import Section
from synfire_bp.variants.base import VariantSection
from synfire_bp.variants.feedback import FeedbackSection
from synfire_bp.variants.gating import GatingSection
from synfire_bp.variants.neuron import NeuronSection
from synfire_bp.variants.reward import RewardSection
from synfire_bp.variants.synapses import SynapsesSection

__all__ = [
    "DatasetSection",
    "Experiment",
    "HardwareSection",
    "LearningSection",
    "NetworkSection",
    "RecordSection",
    "TrainingSection",
    "json_schema",
    "list_models",
]

WIDEST_CLOSING = 32128
"""Largest closing bias: `open`, 512 above it, is then the largest fixed weight in steps of 128."""

LAYERS = 3
"""Fewest layers that a network has: input, hidden, output."""

PositiveInt = Annotated[int, Field(ge=1)]
Units = Annotated[int, Field(ge=1, le=1_000_000)]
"""Size of a layer; beyond the bound no machine holds the weights."""

VARIANTS: tuple[str, ...] = ("feedback", "reward", "synapses", "gating", "neuron")
"""Sections of a model file that drop an assumption of the circuit, in the order they act in."""

_NAMED = {"hardware": "chip", "feedback": "kind", "neuron": "kind"}
"""Sections that may be written as one word, and the key that it is the value of."""

_UNHEARD_OF = object()
_LATER = {"network.initial_spread": 1.0}
"""Keys that came after the first run directories, and what was true before them."""

# ----------------------------------------------------------------------------------------------
# What a model file may say
# ----------------------------------------------------------------------------------------------


class DatasetSection(Section):
    """What is learnt, and how images become binary patterns."""

    name: Literal["digits", "mnist", "fashion-mnist", "npz"] = Field(
        description="Data set: digits (8x8, comes with scikit-learn), mnist, fashion-mnist, or npz "
        "(your own images: arrays x_train, y_train, x_test, y_test in one file).",
    )
    path: str | None = Field(
        default=None,
        description="File of an npz data set, relative to the model file. Only for npz.",
    )
    crop: int | None = Field(
        default=None,
        ge=0,
        description="Pixels cut off on each side of an image. null: the data set's default "
        "(mnist 4, so that 28x28 becomes 20x20, as in the paper; all others 0).",
    )
    scale: float | None = Field(
        default=None,
        gt=0,
        description="Factor on every pixel, then rounded to two digits. null: the data set's "
        "default (256/255/255 for 8-bit grey levels, as in the authors' code; digits 1/16).",
    )
    threshold: float | None = Field(
        default=None,
        description="A scaled pixel above this is on, no unit. null: the data set's default "
        "(0.5, as in the authors' code).",
    )

    @field_validator("path")
    @classmethod
    def _path_belongs_to_npz(cls, path: str | None, info: ValidationInfo) -> str | None:
        name = info.data.get("name")
        if name == "npz" and not path:
            raise ValueError("is missing; the data set 'npz' needs the path of its .npz file")
        if name not in (None, "npz") and path is not None:
            raise ValueError(
                f"has no effect on the data set '{name}'; remove it, or use dataset.name: npz"
            )
        return path

    def preprocessing(self) -> Preprocessing:
        """Return how images become binary, with the data set's defaults where nothing is said."""
        given = {key: getattr(self, key) for key in ("crop", "scale", "threshold")}
        stated = {key: value for key, value in given.items() if value is not None}
        return replace(DEFAULT_PREPROCESSING[self.name], **stated)


class NetworkSection(Section):
    """Size of the network and range of its weights."""

    sizes: tuple[Units, ...] = Field(
        strict=False,  # YAML has lists, not tuples; the sizes themselves stay strict
        min_length=LAYERS,
        description="Units of the input, hidden and output layer (paper, Table 1: 400, 400, 10 "
        "for MNIST); with more than one hidden layer, of each in its order.",
    )
    closing: int = Field(
        default=CLOSING,
        ge=CLOSING,
        le=WIDEST_CLOSING,
        multiple_of=128,
        description="Magnitude of the bias that keeps a population closed until a gate opens it, "
        "in weight units (threshold 1024); raise it if wide layers make closed populations fire "
        "(paper: Methods).",
    )
    weight_limit: int = Field(
        default=WEIGHT_LIMIT,
        ge=2,
        le=WEIGHT_LIMIT,
        multiple_of=2,
        description="Plastic weights are clipped to plus or minus this, in weight units "
        "(threshold 1024); even, because mixed-sign 8-bit weights are (authors' code: 254).",
    )
    initial_spread: float = Field(
        default=1.0,
        ge=0,
        le=100,
        description="Factor on the standard deviation of the initial weights, "
        "sqrt(2/(n_pre+n_post)) (authors' code: 1).",
    )


class LearningSection(Section):
    """What every plastic synapse does by itself."""

    rule: str = Field(
        default=PAPER_RULE,
        description="Learning rule, a sum of products of x0 (the presynaptic neuron fires), y0 "
        "(the postsynaptic neuron fires) and r1 (the reward signal), evaluated in every step; dw "
        "in weight units (paper: Methods).",
    )

    @field_validator("rule")
    @classmethod
    def _rule_can_be_read(cls, rule: str) -> str:
        try:
            parse_rule(rule)
        except RuleError as error:
            raise ValueError(str(error).splitlines()[0]) from None
        return rule


class HardwareSection(Section):
    """The chip that the circuit is run on, emulated; `hardware: loihi1` is the chip as it is."""

    chip: Literal["loihi1"] = Field(
        default="loihi1", description="Which chip: loihi1 (Davies et al. 2018)."
    )
    weight_bits: int = Field(
        default=8,
        ge=2,
        le=8,
        description="Bits of a learning weight. With fewer than 8, weights go in steps of "
        "2^(9 - bits), and what the rule asks for is rounded at random (the chip: 1 ... 8; with 1 "
        "there is no positive weight).",
    )
    symmetric: bool = Field(
        default=False,
        description="Weights end at plus and minus 254, so that copies W and -W stay equal. The "
        "chip's own limits are -256 and 254.",
    )

    def spec(self) -> LoihiSpec:
        """Return the chip with these knobs."""
        return replace(SPECS[self.chip], weight_bits=self.weight_bits, symmetric=self.symmetric)


class TrainingSection(Section):
    """How long, on how much, and from which random numbers."""

    epochs: PositiveInt = Field(
        description="Passes through the training samples (paper: 60 for MNIST).",
    )
    samples: PositiveInt | None = Field(
        default=None,
        description="Training samples used: the first ones in file order. null: all.",
    )
    evaluate_every: float = Field(
        default=1.0,
        gt=0,
        description="Interval between evaluations on the test set, in epochs (paper, Fig. 3: 0.5).",
    )
    seed: int = Field(
        default=0,
        ge=0,
        description="Seed of the initial weights and of the order of the samples.",
    )


class RecordSection(Section):
    """What is kept besides weights and accuracies."""

    samples: int = Field(
        default=0,
        ge=0,
        description="Samples whose spikes are written to spikes.npz: the last ones of the "
        "training. 0: none.",
    )


class Experiment(Section):
    """A model file, checked.  Make one with `from_file`, `from_yaml` or `from_dict`."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="Short name; letters, digits, '.', '_' and '-', since it also names folders.",
    )
    description: str = Field(default="", description="What the model is, in one sentence.")
    dataset: DatasetSection = Field(description="What is learnt.")
    network: NetworkSection = Field(description="Sizes and ranges.")
    learning: LearningSection = Field(default=LearningSection(), description="The learning rule.")
    hardware: HardwareSection | None = Field(
        default=None,
        description="Chip to emulate: loihi1, or a section of chip and knobs. null: none.",
    )
    feedback: FeedbackSection | None = Field(
        default=None,
        description="How errors come back: a kind such as kolen_pollack, or a section of kind and "
        "knobs. null: through copies of W2, as in the paper.",
    )
    reward: RewardSection | None = Field(
        default=None, description="What is wrong with the reward signal r1. null: nothing."
    )
    synapses: SynapsesSection | None = Field(
        default=None, description="What synapses cannot do. null: they are the circuit's."
    )
    gating: GatingSection | None = Field(
        default=None, description="Variant: what gates, and how reliably. null: the paper's ring."
    )
    neuron: NeuronSection | None = Field(
        default=None,
        description="Neurons in physical units: lif, or a section. null: the memoryless neurons.",
    )
    training: TrainingSection = Field(description="How long and from which seed.")
    record: RecordSection = Field(default=RecordSection(), description="What is recorded.")

    @field_validator(*_NAMED, mode="before")
    @classmethod
    def _name_alone(cls, section: Any, info: ValidationInfo) -> Any:
        return {_NAMED[str(info.field_name)]: section} if isinstance(section, str) else section

    @field_validator("feedback")
    @classmethod
    def _weights_are_fine_enough(
        cls, feedback: FeedbackSection | None, info: ValidationInfo
    ) -> FeedbackSection | None:
        chip = info.data.get("hardware")
        if feedback and (feedback.decay or feedback.drift) and chip and chip.weight_bits < 8:
            raise ValueError(
                "decay and drift move weights by 2, but with hardware.weight_bits "
                f"{chip.weight_bits} they go in larger steps; use 8 bits, or neither of the two"
            )
        return feedback

    @field_validator(*VARIANTS)
    @classmethod
    def _variant_fits_the_rest(
        cls, variant: VariantSection | None, info: ValidationInfo
    ) -> VariantSection | None:
        if variant is not None:
            variant.fits(info.data)
        return variant

    @field_validator("neuron")
    @classmethod
    def _physical_neurons_are_on_no_chip(
        cls, neuron: NeuronSection | None, info: ValidationInfo
    ) -> NeuronSection | None:
        if neuron is not None and info.data.get("hardware") is not None:
            raise ValueError(
                "neurons in physical units do not run on a chip; remove 'neuron' or 'hardware'"
            )
        return neuron

    @classmethod
    def from_file(cls, path: str | Path, overrides: Sequence[str] = ()) -> Experiment:
        """Read a model file.

        Parameters
        ----------
        path : str or Path
            A YAML file, or the name of a model that ships with synfire_bp (`list_models`), such
            as "mnist" or "variants/mnist_deep".
        overrides : sequence of str
            Such as "training.seed=3": dotted key, value as in YAML.  Later ones win.  A relative
            dataset.path given here is relative to the current folder.

        Raises
        ------
        ExperimentError
            If the file is missing or says something that is not allowed; one line per problem.
        """
        file = find_model(path)
        return cls.from_yaml(read_text(file), str(file), overrides=overrides, folder=file.parent)

    @classmethod
    def from_yaml(
        cls,
        text: str,
        source: str = "model",
        *,
        overrides: Sequence[str] = (),
        folder: str | Path | None = None,
    ) -> Experiment:
        """Read the text of a model file.

        Parameters
        ----------
        text : str
            YAML.
        source : str
            Name of the text in messages.
        overrides : sequence of str
            As in `from_file`.
        folder : path, optional
            What a relative dataset.path is relative to; left as written if not given.

        Raises
        ------
        ExperimentError
            If the text is not valid; one line per problem.
        """
        known = f"{BASE}, {_known(())}"
        values, origin, problems = read_model(text, source, known, _NAMED, folder)
        return _checked(values, origin, problems, overrides)

    @classmethod
    def from_dict(
        cls,
        values: Mapping[str, Any],
        source: str = "experiment",
        *,
        overrides: Sequence[str] = (),
    ) -> Experiment:
        """Check nested mappings, as a model file holds them.

        Raises
        ------
        ExperimentError
            If something is not valid; one line per problem.
        """
        found = whole(_plain(values), Origin(source), [], _known(()), _NAMED)
        return _checked(*found, overrides)

    def changed(self, overrides: Sequence[str]) -> Experiment:
        """Return this experiment with overrides such as "training.seed=3" applied.

        Raises
        ------
        ExperimentError
            If an override is not valid.
        """
        return self.from_dict(self.model_dump(mode="json"), self.name, overrides=overrides)

    def to_yaml(self) -> str:
        """Return the experiment as a model file with every entry; `from_yaml` reads it back."""
        return dump(self.model_dump(mode="json"))

    def resolved(self) -> Experiment:
        """Return this experiment with the data set's defaults written out, and a whole path."""
        used = self.dataset.preprocessing()
        stated = {"crop": used.crop, "scale": used.scale, "threshold": used.threshold}
        stated["path"] = absolute(self.dataset.path, os.getcwd())
        return self.model_copy(update={"dataset": self.dataset.model_copy(update=stated)})

    def decisive(self) -> dict[str, Any]:
        """Return what decides the bits of the training, as dotted key to value.

        Defaults are written out.  Epochs do not count: a longer training begins with the same bits.
        Keys that came later count only if they say something else than what was before them.
        """
        values = self.resolved().model_dump(mode="json")
        optional = ["hardware", *VARIANTS]
        parts = ["dataset", "network", "learning"]
        parts += [name for name in optional if getattr(self, name) is not None]
        keys = [(part, key) for part in parts for key in values[part]]
        keys += [("training", "samples"), ("training", "seed")]
        if self.reaches_on:  # not over a pause
            keys += [("training", "evaluate_every")]
        decisive = {f"{section}.{key}": values[section][key] for section, key in keys}
        return {k: v for k, v in decisive.items() if _LATER.get(k, _UNHEARD_OF) != v}

    @property
    def copies_may_differ(self) -> bool:
        """Whether copies of a weight matrix may drift apart: by a chip or a variant."""
        chip = self.hardware
        by_chip = chip is not None and not (chip.symmetric and chip.weight_bits == 8)
        return by_chip or any(variant.copies_may_differ for variant in self.variants)

    @property
    def strays_allowed(self) -> bool:
        """Whether a population may fire where the paper's circuit is silent: counted, not fatal."""
        return any(variant.strays_allowed for variant in self.variants)

    @property
    def reaches_on(self) -> bool:
        """Whether what happens in a sample may reach into the next one."""
        return any(variant.reaches_on for variant in self.variants)

    @property
    def variants(self) -> tuple[VariantSection, ...]:
        """The variants that the model file asks for, in the order of `VARIANTS`."""
        sections = (getattr(self, name) for name in VARIANTS)
        return tuple(section for section in sections if section is not None)

    def fingerprint(self) -> str:
        """Return the SHA-256 (hex) of what decides the bits of the training.

        An npz data set counts by the content of its file, not by its path.

        Raises
        ------
        ExperimentError
            If the file of an npz data set cannot be read.
        """
        values = self.decisive()
        if self.dataset.path is not None:
            try:
                content = Path(self.dataset.path).read_bytes()
            except OSError as error:
                raise ExperimentError(
                    f"{self.name}: dataset.path: {self.dataset.path} cannot be read: "
                    f"{error.strerror or error}"
                ) from None
            values["dataset.path"] = hashlib.sha256(content).hexdigest()
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a model file, for editors that complete and check as one types."""
    schema = Experiment.model_json_schema()
    for name, key in _NAMED.items():  # one word alone
        section = _section((name,))
        words = get_args(section.model_fields[key].annotation) if section else ()
        schema["properties"][name]["anyOf"].append({"enum": list(words)})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **allow_base(schema),
        "title": "synfire_bp model file",
    }


# ----------------------------------------------------------------------------------------------
# Checking
# ----------------------------------------------------------------------------------------------


def _checked(
    values: dict, origin: Origin, problems: list[str], overrides: Sequence[str]
) -> Experiment:
    """Apply overrides, validate, and raise one ExperimentError that lists every problem."""
    overridden: dict[Place, str] = {}
    problems = list(problems)
    for text in overrides:
        try:
            place = _override(values, text)
        except ExperimentError as error:
            problems.append(str(error))
        else:
            overridden[place] = text
    try:
        experiment = Experiment.model_validate(values)
    except ValidationError as error:
        for place, what in dict(_explained(error)).items():  # a place once
            by = next((text for at, text in overridden.items() if _sets(at, place, origin)), None)
            where = f"override '{by}'" if by else origin.where(place)
            cure = "" if by else origin.cure(place, what)
            problems.append(f"{where}: {_dotted(place)}: {what}{cure}")
        raise ExperimentError("\n".join(problems)) from None
    if problems:
        raise ExperimentError("\n".join(problems))
    return experiment


def _override(values: dict, text: str) -> Place:
    """Set one value; return its place."""
    key, equals, value = text.partition("=")
    place = tuple(key.strip().split("."))
    if not equals or not all(place):
        raise ExperimentError(
            f"override '{text}': must be a dotted key, '=' and a value, such as training.seed=3"
        )
    try:
        new = read_value(value)
    except ExperimentError as error:
        raise ExperimentError(f"override '{text}': {error}") from None
    section = values
    *sections, last = place
    for part in sections:
        if part in _NAMED and not isinstance(section.get(part), dict):
            word = section.get(part)  # alone, or none
            section[part] = {} if word is None else {_NAMED[part]: word}
        elif part in VARIANTS and section.get(part) is None:
            section[part] = {}
        section = section.setdefault(part, {})
        if not isinstance(section, dict):
            inner = f"{part}: holds {shown(section)}, and no keys"
            raise ExperimentError(f"override '{text}': {inner}; known keys are {_known(())}")
    if entry := re.fullmatch(r"(.+)\[(\d+)\]", last):  # one of a list, such as network.sizes[1]
        name, number = entry[1], int(entry[2])
        entries = section.get(name)
        if not isinstance(entries, list) or number >= len(entries):
            n = len(entries) if isinstance(entries, list) else 0
            inner = f"{'.'.join([*sections, name])}: has {n} entries to choose from, counted from 0"
            raise ExperimentError(f"override '{text}': {inner}")
        entries[number] = new
        return (*sections, name, f"[{number}]")
    section[last] = absolute(new, os.getcwd()) if place == ("dataset", "path") else new
    return place


def _sets(at: Place, place: Place, origin: Origin) -> bool:
    """Whether an override of `at` is why there is something at `place`."""
    return place[: len(at)] == at or (place not in origin and at[: len(place)] == place)


def _plain(value: Any) -> Any:
    """Return a deep copy whose mappings are dicts and whose tuples are lists."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _explained(error: ValidationError) -> Iterator[tuple[Place, str]]:
    """Yield the place of every problem, and what is wrong there and what would be right."""
    for problem in error.errors(include_url=False):
        kind, loc, given = problem["type"], problem["loc"], problem["input"]
        context = problem.get("ctx", {})
        if loc[:2] == ("network", "sizes") and kind in ("missing", "too_short", "tuple_type"):
            loc, kind, given = loc[:2], "sizes", _plain_input(given)
            if isinstance(given, list) and len(given) >= LAYERS:
                continue  # long enough, but for the sizes that are reported as such
        place = tuple(f"[{part}]" if isinstance(part, int) else part for part in loc)
        if kind in ("extra_forbidden", "invalid_key"):
            place = tuple(str(part) for part in loc)
            what = _unknown(place)
        elif kind == "missing":
            what = f"is missing; {_field(place)}"
        elif kind == "value_error":
            what = str(context["error"])
        elif kind == "sizes":
            what = (
                f"is {shown(given)}, but must be a list of three sizes or more, such as "
                "[400, 400, 10]"
            )
        elif kind == "literal_error":
            section = _section(place[:-1]) or DatasetSection
            options = get_args(section.model_fields[place[-1]].annotation)
            hint = nearest(given, options) if isinstance(given, str) else ""
            what = f"is {shown(given)}{hint}; must be one of {', '.join(options)}"
        else:
            what = f"is {shown(given)}, but must be {right(kind, context, problem['msg'])}"
        yield place, what


def _plain_input(given: Any) -> Any:
    return list(given) if isinstance(given, (list, tuple, set)) else given


def _section(place: Place) -> type[BaseModel] | None:
    """Return the model of a section; None if there is none of that name."""
    model: Any = Experiment
    for part in place:
        field = getattr(model, "model_fields", {}).get(part)
        annotation = field.annotation if field else None
        parts = (annotation, *get_args(annotation))  # a section may be optional
        model = next((p for p in parts if isinstance(p, type) and issubclass(p, BaseModel)), None)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _known(place: Place) -> str:
    model = _section(place)
    return ", ".join(model.model_fields) if model else ""


def _unknown(place: Place) -> str:
    """Say that a key is unknown, which one is nearest, and which there are."""
    *section, key = place
    model = _section(tuple(section)) or Experiment
    elsewhere = {
        inner: f"{outer}.{inner}"
        for outer in reversed(Experiment.model_fields)  # the first section that has it wins
        for inner in getattr(_section((outer,)), "model_fields", {})
    }
    if not section:
        elsewhere.pop("name", None)
    if place == (BASE,):
        return "stands in model files alone; train a model file that has this base"
    known = [*model.model_fields] if section else [BASE, *model.model_fields]
    hint = "" if key in elsewhere else nearest(key, known)
    if not hint:  # the right key in the wrong section
        found = difflib.get_close_matches(key, elsewhere, n=1)
        hint = f"; did you mean {elsewhere[found[0]]}?" if found else ""
    of = f" of {'.'.join(section)}" if section else ""
    return f"unknown key{hint}; known keys{of}: {', '.join(known)}"


def _field(place: Place) -> str:
    """Return what a missing entry should say."""
    model, section = _section(place[:-1]), _section(place)
    if section:
        return f"a section with the keys {', '.join(section.model_fields)}"
    return (model and model.model_fields[place[-1]].description) or ""


def _dotted(place: Place) -> str:
    return ".".join(place).replace(".[", "[")
