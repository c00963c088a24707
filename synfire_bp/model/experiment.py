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

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    create_model,
    field_validator,
)

from synfire_bp.errors import ExperimentError, SynfireError, blaming
from synfire_bp.files import read_whole, reason
from synfire_bp.model.base import BASE, Origin, allow_base, read_model, whole
from synfire_bp.model.check import checked, known_keys, section_of
from synfire_bp.model.library import absolute, find_model, read_text
from synfire_bp.model.plugins import CHECKS, unmet
from synfire_bp.model.sections import (
    DatasetSection,
    LearningSection,
    NetworkSection,
    RecordSection,
    TrainingSection,
)
from synfire_bp.model.yaml_text import dump
from synfire_bp.section import Section
from synfire_bp.summary import Summarised, Summary
from synfire_bp.variants import VARIANTS, Guarantees, Variant, acting_order, named_by_a_word

__all__ = ["Experiment", "json_schema"]

_UNHEARD_OF = object()
_LATER = {
    "network.initial_spread": 1.0,
    "network.paper_gates": True,
    "network.resting_block": None,
    "dataset.augment": None,
    "dataset.shrink": 1,
    "learning.tag": None,
    "learning.traces": None,
    "training.renew_copies": False,
    "learning.accumulator": None,
    "learning.eligibility": None,
    "reward.delay_samples": 0,
    "reward.answer": "told",
    "reward.explore": 0.1,
    "reward.wrong": -1.0,
    "reward.expected": None,
    "reward.average": 100,
    "reward.mistaken": 0.0,
    "reward.spread": 0.0,
}
"""Keys that came after the first run directories, and what was true before them."""


class Experiment(Summarised, Section):
    """A model file, checked.  Make one with `from_file`, `from_yaml` or `from_dict`.

    Beside the sections that stand here it has one for every registered variant
    (`synfire_bp.variants`), None where the model file has none, and `training` and `record`.

    Raises
    ------
    ExperimentError
        If something is not allowed; one line per problem.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> experiment = sb.Experiment.from_file("digits", ["training.epochs=3"])
    >>> experiment
    <Experiment digits: 64-400-10 on digits; 3 epochs, seed 0>
    >>> experiment.changed(["network.sizes=[64, 30, 10]"]).network.sizes
    (64, 30, 10)
    >>> sb.Experiment.from_file("digits", ["training.epocs=3"])
    Traceback (most recent call last):
        ...
    synfire_bp.errors.ExperimentError: ...did you mean epochs?...
    """

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="Short name of letters, digits, '.', '_' and '-'; it also names folders.",
    )
    description: str = Field(
        default="", max_length=10_000, description="What the model is, in one sentence."
    )
    requires: tuple[str, ...] = Field(
        strict=False,  # YAML has lists, not tuples
        default=(),
        max_length=50,
        description="Plug-ins that must be loaded, such as lab or lab>=1.2. This entry does not "
        "load them: see --plugin and load_plugin.",
    )
    dataset: DatasetSection = Field(description="What is learnt.")
    network: NetworkSection = Field(description="Sizes and ranges.")
    learning: LearningSection = Field(default=LearningSection(), description="The learning rule.")
    if TYPE_CHECKING:  # these come last in a model file, after the variants
        training: TrainingSection
        record: RecordSection

    @field_validator("requires", mode="before")
    @classmethod
    def _one_or_several(cls, requires: Any) -> Any:
        return [requires] if isinstance(requires, str) else requires

    @field_validator("requires")
    @classmethod
    def _plugins_are_loaded(cls, requires: tuple[str, ...]) -> tuple[str, ...]:
        if problems := [why for one in requires if (why := unmet(one)) is not None]:
            raise ValueError("; ".join(problems))
        return requires

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Refuse sections that would be read and then do nothing."""
        for name, field in cls.model_fields.items():
            if name not in Experiment.model_fields and not _acts(name, field.annotation):
                raise ExperimentError(
                    f"{cls.__name__}.{name}: is a section without any effect; a section of your "
                    f'own is a class derived from sb.Variant with @sb.variant("{name}") above it, '
                    "and every Experiment has it then"
                )

    def __new__(cls, *_: Any, **__: Any) -> Experiment:
        """Make one with a section for every variant, whichever way it is made."""
        return super().__new__(cls.whole() if cls is Experiment else cls)

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Experiment:
        """Check values, with a section for every variant."""
        kind = cls.whole() if cls is Experiment else cls
        return super(Experiment, kind).model_validate(obj, **options)

    @classmethod
    def whole(cls) -> type[Experiment]:
        """Return the class with a section for every variant that is registered now."""
        return _with_variants(tuple(VARIANTS.items()))

    def __str__(self) -> str:
        return repr(self)

    def _summary(self) -> Summary:
        training, sizes = self.training, "-".join(map(str, self.network.sizes))
        first = "" if training.samples is None else f"first {training.samples:,} samples, "
        shift = self.dataset.shift
        moved = f"shifted by up to {shift} pixel{'s' * (shift > 1)}, " if shift else ""
        course = f"{first}{moved}{training.epochs} epochs, seed {training.seed}"
        dropped = ", ".join(
            name for name in acting_order() if getattr(self, name, None) is not None
        )
        return Summary(
            f"Experiment {self.name}",
            (f"{sizes} on {self.dataset.name}", course, f"with {dropped}" if dropped else ""),
            (
                ("description", self.description),
                ("data set", self.dataset.name),
                ("sizes", sizes),
                ("rule", self.learning.rule),
                ("variants", dropped),
                ("training", course),
            ),
        )

    def __reduce__(self) -> Any:
        """Pickle the values: the class is made anew, with the variants of the other process."""
        return Experiment.from_dict, (self.model_dump(mode="json"), self.name)

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
        known = f"{BASE}, {known_keys(cls.whole())}"
        found = read_model(text, source, known, named_by_a_word(), folder)
        return checked(cls.whole(), *found, overrides)

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
        plain, known = _plain(values), known_keys(cls.whole())
        if not isinstance(plain, dict):
            return checked(cls.whole(), plain, Origin(source), [], ())
        found = whole(plain, Origin(source), [], known, named_by_a_word())
        return checked(cls.whole(), *found, overrides)

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
        stated = {
            "crop": used.crop,
            "scale": used.scale,
            "threshold": used.threshold,
            "path": absolute(self.dataset.path, os.getcwd()),
            "augment": self.dataset.augment if self.dataset.shift else None,
        }
        return self.model_copy(update={"dataset": self.dataset.model_copy(update=stated)})

    def decisive(self) -> dict[str, Any]:
        """Return what decides the bits of the training, as dotted key to value.

        Defaults are written out.  Epochs do not count: a longer training begins with the same bits.
        Keys that came later count only if they say something else than what was before them.
        """
        values = self.resolved().model_dump(mode="json")
        parts = ["dataset", "network", "learning"]
        parts += [name for name in VARIANTS if values.get(name) is not None]
        keys = [(part, key) for part in parts for key in values[part]]
        keys += [("training", key) for key in ("samples", "seed", "renew_copies")]
        if not self.guarantees.samples_apart:  # not over a pause
            keys += [("training", "evaluate_every")]
        decisive = {f"{section}.{key}": values[section][key] for section, key in keys}
        return {k: v for k, v in decisive.items() if _LATER.get(k, _UNHEARD_OF) != v}

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants that the model file asks for, in the order in which they act."""
        sections = (getattr(self, name, None) for name in acting_order())
        return tuple(section for section in sections if section is not None)

    @property
    def guarantees(self) -> Guarantees:
        """What of the paper's circuit holds with this rule and these variants."""
        given = [self.learning.guarantees]
        for variant in self.variants:
            with blaming(variant, f"'guarantees' of {type(variant).__name__}"):
                given.append(variant.guarantees)
                if not isinstance(given[-1], Guarantees):
                    raise TypeError(f"{given[-1]!r} is no Guarantees")
        return Guarantees.of_all(given)

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
                content = read_whole(Path(self.dataset.path))
            except OSError as error:
                raise ExperimentError(
                    f"{self.name}: dataset.path: {self.dataset.path} cannot be read: "
                    f"{reason(error)}"
                ) from None
            values["dataset.path"] = hashlib.sha256(content).hexdigest()
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _acts(name: str, annotation: Any) -> bool:
    """Whether a field of this type is no section, or one that something acts on."""
    kinds = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
    known = (VARIANTS.get(name), TrainingSection if name == "training" else RecordSection)
    return all(kind in known for kind in kinds if issubclass(kind, Section))


@lru_cache(maxsize=8)
def _with_variants(variants: tuple[tuple[str, type[Variant]], ...]) -> type[Experiment]:
    for name, kind in variants:
        if (
            name in (BASE, "training", "record")
            or hasattr(Experiment, name)
            or (name in Experiment.model_fields)
        ):
            raise SynfireError(
                f"variant '{name}' ({kind.__name__}): a section cannot have this name, which "
                "already has another meaning; choose another"
            )
    sections: dict[str, Any] = {name: _section(kind) for name, kind in variants}
    sections["training"] = (TrainingSection, Field(description="How long and from which seed."))
    sections["record"] = (
        RecordSection,
        Field(default=RecordSection(), description="What is recorded."),
    )
    return create_model("Experiment", __base__=Experiment, __doc__=Experiment.__doc__, **sections)


def _section(kind: type[Variant]) -> tuple[Any, Any]:
    """Return type and field of a variant's section, which may be written as one word."""

    def read(given: Any) -> Any:
        return kind.of_word(given) if kind.word is not None and isinstance(given, str) else given

    def fits(section: Variant | None, info: ValidationInfo) -> Variant | None:
        if section is not None:
            try:
                section.fits(info.data)
            except (ValueError, SynfireError):
                raise  # what it is there to raise
            except Exception:
                with blaming(section, f"'fits' of the section '{info.field_name}'"):
                    raise
        return section

    optional: Any = kind | None
    annotation = Annotated[optional, BeforeValidator(read), AfterValidator(fits)]
    return annotation, Field(default=None, description=kind.summary)


def _plain(value: Any) -> Any:
    """Return a deep copy whose mappings are dicts and whose tuples are lists."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a model file, for editors that complete and check as one types."""
    root = Experiment.whole()
    schema = root.model_json_schema()
    for name, kind in VARIANTS.items():
        if kind.word is not None:  # one word alone
            section = section_of(root, (name,))
            words = get_args(section.model_fields[kind.word].annotation) if section else ()
            schema["properties"][name]["anyOf"].append({"enum": list(words) or [kind.word]})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **allow_base(schema),
        "title": "synfire_bp model file",
    }


CHECKS.append(json_schema)  # a section that cannot be one is complained of when it is loaded
