"""A sweep file, read and checked: many trainings of one model.

A sweep file is a YAML file (see `models/sweeps/`)::

    name: sizes
    model: mnist                # a shipped model, or a file beside this one
    engine: oracle
    fixed: {training.epochs: 2}
    parameters:                 # any key of a model file
      network.sizes[1]: {low: 50, high: 800, integer: true, log: true}
      dataset.threshold: {low: 0.3, high: 0.7}
      learning.rule: ["dw = 4*r1*x0*y0 - 2*x0*y0", "dw = 8*r1*x0*y0 - 4*x0*y0"]
    design: {kind: saltelli, samples: 64, seed: 0}
    seeds: 3                    # each point with the seeds 0, 1 and 2

It becomes a `Sweep`: frozen and typed.  What its parameters mean is asked of the model alone
(`Experiment.changed`), so that every key that a model file may have can be varied.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from synfire_bp.errors import ExperimentError, SweepError
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.yaml_text import Place, dump, nearest, read_value, read_yaml, right, shown
from synfire_bp.section import Section

__all__ = ["RECORDS", "SEED", "DesignSection", "Parameter", "Sweep", "list_sweeps", "override"]

SEED = "training.seed"
"""The key of a model file that `seeds` varies."""

RECORDS = ("train", "activity", "silent_outputs")
"""What a sweep can record beside the test accuracies."""

_VALUE = re.compile(r"\{\s*(?:(\d+)\s*\*\s*)?value\s*\}")

PositiveInt = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]


class Parameter(Section):
    """One thing that is varied: a list of values, named levels, or a range."""

    key: str | None = Field(
        default=None, description="Key of the model file, if it is not the parameter's name."
    )
    values: list[Any] | None = Field(
        default=None, min_length=1, description="The values, as a model file would have them."
    )
    levels: dict[Any, dict[str, Any]] | None = Field(
        default=None,
        min_length=1,
        description="Name of a level to the entries that it sets, where several go together.",
    )
    low: float | None = Field(default=None, description="Lower end of a range.")
    high: float | None = Field(default=None, description="Upper end of a range.")
    log: bool = Field(default=False, description="Whether the range is even in the logarithm.")
    integer: bool = Field(default=False, description="Whether only whole numbers are meant.")
    multiple_of: PositiveInt | None = Field(
        default=None, description="Only multiples of this are meant, such as even weights."
    )
    steps: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="How many values of a range a grid has."
    )
    text: str | None = Field(
        default=None,
        description="Text that becomes the value of the key, with {value}, or {2*value}, for "
        "the number: varies a number in a learning rule.",
    )

    @field_validator("levels")
    @classmethod
    def _one_kind(cls, levels: Any, info: ValidationInfo) -> Any:
        if levels is not None and (info.data.get("values") is not None or info.data.get("key")):
            raise ValueError("cannot go with 'values' or 'key'; keep one of them")
        return levels

    @field_validator("high")
    @classmethod
    def _range_is_whole(cls, high: float | None, info: ValidationInfo) -> float | None:
        low = info.data.get("low")
        listed = info.data.get("values") is not None or info.data.get("levels") is not None
        if listed and (low is not None or high is not None):
            raise ValueError("a parameter has either values, or levels, or a range of low and high")
        if not listed and (low is None or high is None):
            raise ValueError("is needed with 'low', or give 'values' or 'levels' instead")
        if low is not None and high is not None and low >= high:
            raise ValueError(f"is {high:g}, but must be greater than low, {low:g}")
        return high

    @field_validator("log")
    @classmethod
    def _log_of_positive(cls, log: bool, info: ValidationInfo) -> bool:
        low = info.data.get("low")
        if log and (low is None or low <= 0):
            raise ValueError("needs a range with low greater than 0")
        return log

    @field_validator("multiple_of")
    @classmethod
    def _there_are_some(cls, multiple: int | None, info: ValidationInfo) -> int | None:
        low, high = info.data.get("low"), info.data.get("high")
        of = multiple or (1 if info.data.get("integer") else None)
        if of and low is not None and high is not None:
            if math.ceil(low / of) > math.floor(high / of):
                raise ValueError(f"is {of}, but there is no multiple in {low:g} ... {high:g}")
        elif multiple:
            raise ValueError("needs a range of low and high")
        return multiple

    @field_validator("text")
    @classmethod
    def _text_has_a_place(cls, text: str | None) -> str | None:
        if text is not None and not _VALUE.search(text):
            raise ValueError("must hold {value}, or a multiple such as {2*value}")
        return text

    @property
    def choices(self) -> list[Any] | None:
        """The values or the names of the levels; None for a range."""
        return list(self.levels) if self.levels is not None else self.values

    @property
    def numeric(self) -> bool:
        """Whether all values are numbers."""
        choices = self.choices
        return choices is None or all(
            isinstance(value, (int, float)) and not isinstance(value, bool) for value in choices
        )

    def at(self, share: float) -> Any:
        """Return the value at a share, 0 ... 1, of the range or of the list."""
        if (choices := self.choices) is not None:
            return choices[min(int(share * len(choices)), len(choices) - 1)]
        assert self.low is not None and self.high is not None
        of = self.multiple_of or (1 if self.integer else 0)
        if self.log:
            value = self.low * (self.high / self.low) ** share
        elif of:  # every multiple has an equal share
            first, last = math.ceil(self.low / of), math.floor(self.high / of)
            return of * min(first + int(share * (last - first + 1)), last)
        else:
            value = self.low + share * (self.high - self.low)
        if of:
            first, last = math.ceil(self.low / of), math.floor(self.high / of)
            return of * min(max(round(value / of), first), last)
        return float(value)

    def grid(self) -> list[Any]:
        """Return the values of a grid: the list, or `steps` values from end to end."""
        if (choices := self.choices) is not None:
            return choices
        steps = self.steps or 0
        of = self.multiple_of or (1 if self.integer else 0)
        assert self.low is not None and self.high is not None
        found = []
        for step in range(steps):
            share = step / (steps - 1)
            value = (
                self.low * (self.high / self.low) ** share
                if self.log
                else self.low + share * (self.high - self.low)
            )
            if of:
                first, last = math.ceil(self.low / of), math.floor(self.high / of)
                value = of * min(max(round(value / of), first), last)
            found.append(value)
        return list(dict.fromkeys(found))

    def sets(self, name: str, value: Any) -> dict[str, Any]:
        """Return the entries of the model file that a value of this parameter sets."""
        if self.levels is not None:
            return self.levels[value]
        if self.text is not None:
            value = _VALUE.sub(lambda found: f"{int(found[1] or 1) * value:g}", self.text)
        return {self.key or name: value}


class DesignSection(Section):
    """Which points of the parameters' space are tried."""

    kind: Literal["grid", "list", "random", "latin_hypercube", "sobol", "saltelli", "morris"] = (
        Field(
            description="grid: every combination. list: the points named. random, latin_hypercube, "
            "sobol: points that fill the space. saltelli: for Sobol indices. morris: trajectories "
            "for elementary effects.",
        )
    )
    samples: PositiveInt | None = Field(
        default=None,
        description="Points; of saltelli, base points (each costs parameters + 2 runs, with "
        "second_order twice as many parameters + 2); of morris, trajectories (parameters + 1).",
    )
    seed: Seed = Field(default=0, description="Seed of the design.")
    second_order: bool = Field(
        default=False, description="saltelli: also for indices of pairs of parameters."
    )
    num_levels: Annotated[int, Field(ge=2, multiple_of=2)] = Field(
        default=4, description="morris: levels that a parameter takes."
    )
    points: list[dict[str, Any]] | None = Field(
        default=None, min_length=1, description="list: the entries that each point sets."
    )

    @field_validator("samples")
    @classmethod
    def _as_many_as_the_kind_needs(cls, samples: int | None, info: ValidationInfo) -> int | None:
        kind = info.data.get("kind")
        if kind in ("grid", "list") and samples is not None:
            raise ValueError(f"has no effect on the design '{kind}'; remove it")
        if kind not in (None, "grid", "list") and samples is None:
            raise ValueError(f"is missing; the design '{kind}' needs a number of points")
        if kind in ("sobol", "saltelli") and samples is not None and samples & (samples - 1):
            near = 2 ** round(math.log2(samples))
            raise ValueError(f"is {samples}, but must be a power of 2, such as {near}")
        return samples

    @field_validator("points")
    @classmethod
    def _points_of_a_list(cls, points: Any, info: ValidationInfo) -> Any:
        kind = info.data.get("kind")
        if kind == "list" and points is None:
            raise ValueError("is missing; the design 'list' needs the entries of each point")
        if kind not in (None, "list") and points is not None:
            raise ValueError(f"has no effect on the design '{kind}'; use kind: list")
        return points


class Sweep(Section):
    """A sweep file, checked.  Make one with `from_file`."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="Short name; also names the folder of the results.",
    )
    description: str = Field(default="", description="What the sweep asks, in one sentence.")
    model: str = Field(description="A shipped model, or a model file relative to this one.")
    engine: Literal["oracle", "circuit"] = Field(
        default="oracle", description="The algorithm in integers, or the spiking circuit."
    )
    fixed: dict[str, Any] = Field(
        default={}, description="Entries of the model file that differ in all runs: key to value."
    )
    parameters: dict[str, Parameter] = Field(
        default={}, description="What is varied: a key of the model file to its values."
    )
    design: DesignSection = Field(description="Which points are tried.")
    seeds: list[Seed] | PositiveInt | None = Field(
        default=None,
        description="Seeds with which each point is trained: a list, or how many, from 0 on. "
        "null: the model's own, or training.seed among the parameters.",
    )
    record: list[Literal["train", "activity", "silent_outputs"]] = Field(
        default=["train"],
        description="Beside the test accuracies: those on training samples as they were shown; "
        "activity (sparsity, weight changes, stray spikes); silent_outputs (for each output "
        "unit, the fraction of its class's test samples from which it cannot learn).",
    )

    keep_going: bool = Field(
        default=False,
        description="Only count stray spikes and unequal copies of weights; else they are errors.",
    )

    @field_validator("parameters", mode="before")
    @classmethod
    def _lists_are_values(cls, parameters: Any) -> Any:
        if not isinstance(parameters, Mapping):
            return parameters
        return {
            key: {"values": value} if isinstance(value, list) else value
            for key, value in parameters.items()
        }

    @field_validator("design")
    @classmethod
    def _design_fits_parameters(cls, design: DesignSection, info: ValidationInfo) -> DesignSection:
        if "parameters" not in info.data:
            return design  # they are wrong themselves
        parameters: Mapping[str, Parameter] = info.data["parameters"]
        if design.kind == "list" and parameters:
            raise ValueError("the design 'list' names its points itself; remove 'parameters'")
        if design.kind not in ("list", "grid") and not parameters:
            raise ValueError(f"the design '{design.kind}' needs 'parameters' to vary")
        for name, parameter in parameters.items():
            if design.kind == "grid" and parameter.choices is None and parameter.steps is None:
                raise ValueError(
                    f"a grid needs 'steps' of the range of {name}, or a list of values"
                )
        return design

    @field_validator("seeds")
    @classmethod
    def _seeds_vary_once(cls, seeds: Any, info: ValidationInfo) -> Any:
        parameters: Mapping[str, Parameter] = info.data.get("parameters", {})
        keys = {parameter.key or name for name, parameter in parameters.items()}
        design = info.data.get("design")
        if (
            seeds is None
            and design
            and design.kind == "grid"
            and not keys
            and "parameters" in info.data
        ):
            raise ValueError("is missing: without parameters, seeds are all that there is to vary")
        if seeds is not None and SEED in keys:
            raise ValueError(f"{SEED} is among the parameters already; remove one of the two")
        if isinstance(seeds, list) and len(set(seeds)) < len(seeds):
            raise ValueError("names a seed twice")
        return seeds

    @classmethod
    def from_file(
        cls, path: str | Path, overrides: Sequence[str] = (), engine: str | None = None
    ) -> Sweep:
        """Read a sweep file.

        Parameters
        ----------
        path : str or Path
            A YAML file, or the bare name of a sweep that ships with synfire_bp (`list_sweeps`).
        overrides : sequence of str
            Such as "training.epochs=1" (an entry of the model, in all runs), "seeds=2" or
            "design.samples=8" (of the sweep itself).
        engine : str, optional
            Instead of the file's.

        Raises
        ------
        SweepError
            If the file is missing or says something that is not allowed; one line per problem.
        """
        file = _find(path)
        try:
            text = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise SweepError(f"{file}: is not a text file in UTF-8 ({error.reason})") from None
        except OSError as error:
            raise SweepError(f"{file}: cannot be read: {error.strerror or error}") from None
        return cls.from_yaml(
            text, str(file), overrides=overrides, engine=engine, folder=file.parent
        )

    @classmethod
    def from_yaml(
        cls,
        text: str,
        source: str = "sweep",
        *,
        overrides: Sequence[str] = (),
        engine: str | None = None,
        folder: str | Path | None = None,
    ) -> Sweep:
        """Read the text of a sweep file; arguments and errors as of `from_file`."""
        try:
            values, lines, problems = read_yaml(text, source, ", ".join(cls.model_fields))
        except ExperimentError as error:
            raise SweepError(str(error)) from None
        if engine is not None:
            values["engine"] = engine
        changed = [_override(values, text) for text in overrides]
        try:
            sweep = cls.model_validate(values)
        except ValidationError as error:
            for place, what in dict(_explained(error)).items():
                problems.append(f"{_where(source, place, lines, changed)}: {what}")
            raise SweepError("\n".join(problems)) from None
        if problems:
            raise SweepError("\n".join(problems))
        if folder is not None and (beside := Path(folder, sweep.model).expanduser()).is_file():
            sweep = sweep.model_copy(update={"model": str(beside.resolve())})
        problems = list(sweep._unfit(source, lines, changed))
        if problems:
            raise SweepError("\n".join(problems))
        return sweep

    @cached_property
    def base(self) -> Experiment:
        """The model with the entries that are the same in all runs.

        Raises
        ------
        ExperimentError
            If the model is missing, or one of its entries is not allowed.
        """
        return Experiment.from_file(self.model, [override(k, v) for k, v in self.fixed.items()])

    @property
    def seed_values(self) -> list[int] | None:
        """The seeds with which each point is trained; None: that of the model or of the point."""
        return list(range(self.seeds)) if isinstance(self.seeds, int) else self.seeds

    def definition(self) -> dict[str, Any]:
        """Return what decides the rows of the results, as dotted key to value."""
        base = self.base.resolved().model_dump(mode="json", exclude={"description"})
        values: dict[str, Any] = {"model": base, "engine": self.engine}
        values["parameters"] = {
            name: parameter.model_dump(mode="json", exclude_defaults=True)
            for name, parameter in self.parameters.items()
        }
        values["design"] = self.design.model_dump(mode="json", exclude_defaults=True)
        values["seeds"] = self.seed_values
        values["record"] = sorted(self.record)
        values["keep_going"] = self.keep_going
        if self.base.dataset.path is not None:
            values["data"] = self.base.fingerprint()  # counts the content of the file
            base["dataset"]["path"] = None
        return dict(_flat(values, ""))

    def digest(self) -> str:
        """Return the SHA-256 (hex) of `definition`."""
        text = json.dumps(self.definition(), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_yaml(self) -> str:
        """Return the sweep as a file that `from_yaml` reads back."""
        return dump(self.model_dump(exclude_defaults=True) | {"engine": self.engine})

    def _unfit(
        self, source: str, lines: Mapping[Place, int], changed: Sequence[tuple[Place, str]]
    ) -> Iterator[str]:
        """Yield what the model refuses: its own entries, and keys of parameters it has not."""
        try:
            base = Experiment.from_file(self.model)
        except ExperimentError as error:
            yield f"{_where(source, ('model',), lines, changed)}: {error}"
            return
        for key, value in self.fixed.items():
            for what in _refused(base, {key: value}):
                yield f"{_where(source, ('fixed', key), lines, changed)}: {what}"
        for name, parameter in self.parameters.items():
            place = ("parameters", name)
            keys = parameter.sets(name, (parameter.choices or [parameter.at(0.5)])[0])
            if twice := [key for key in keys if key in self.fixed]:
                yield (
                    f"{_where(source, place, lines, changed)}: {twice[0]} is fixed to "
                    f"{shown(self.fixed[twice[0]])} as well; remove one of the two"
                )
            named = parameter.key or name
            if (
                parameter.levels is None
                and "." not in named
                and named not in Experiment.model_fields
            ):
                hint = nearest(named, _known_keys())
                yield (
                    f"{_where(source, place, lines, changed)}: no key of a model file{hint}; give "
                    "'key', 'levels', or the key itself as the name"
                )
                continue
            if name in _RESERVED:
                yield (
                    f"{_where(source, place, lines, changed)}: is a column of the results; choose "
                    "another name and give its 'key'"
                )
            for key in keys:
                for what in _unknown_key(base, key):
                    yield f"{_where(source, place, lines, changed)}: {what}"


_RESERVED = ("run", "point", "status", "error", "attempts", "seed", "engine", "epochs", "samples",
             "seconds", "started", "worker", "versions", "experiment", "fingerprint")  # fmt: skip


def override(key: str, value: Any) -> str:
    """Return an override for `Experiment.changed`."""
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


def list_sweeps() -> dict[str, Path]:
    """Return name to file of the sweeps that ship with synfire_bp, in alphabetical order."""
    package = Path(__file__).parents[1]
    for folder in (package / "models" / "sweeps", package.parent / "models" / "sweeps"):
        if found := {file.stem: file for file in sorted(folder.glob("*.yaml"))}:
            return found
    return {}


def _find(path: str | Path) -> Path:
    shipped = list_sweeps()
    if str(path) in shipped:
        return shipped[str(path)]
    file = Path(path).expanduser()
    if file.is_dir():
        raise SweepError(f"{file}: is a folder, not a sweep file")
    if file.exists():
        return file
    raise SweepError(
        f"{file}: no such sweep file{nearest(file.stem, shipped)}; sweeps that ship with "
        f"synfire_bp: {', '.join(shipped) or 'none found'}"
    )


def _flat(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, value


def _known_keys() -> dict[str, None]:
    """Return the keys of model files, and what a parameter might have been meant to be."""
    keys: dict[str, None] = {}
    for section, field in Experiment.model_fields.items():
        keys[section] = None
        for part in (field.annotation, *get_args(field.annotation)):
            for inner in getattr(part, "model_fields", {}):
                keys[f"{section}.{inner}"] = None
    return keys


def _refused(base: Experiment, entries: Mapping[str, Any]) -> list[str]:
    """Return why a model refuses entries; empty if it does not."""
    try:
        base.changed([override(key, value) for key, value in entries.items()])
    except ExperimentError as error:
        where = rf"^(override '.*?': )?({'|'.join(map(re.escape, entries))}: )?"
        return [re.sub(where, "", line) for line in str(error).splitlines()]
    return []


def _unknown_key(base: Experiment, key: str) -> list[str]:
    """Return what is wrong with a key itself, whatever its value."""
    return [what for what in _refused(base, {key: None}) if "unknown key" in what
            or "entries to choose from" in what or "and no keys" in what
            or "must be a dotted key" in what]  # fmt: skip


_OWN = ("design", "seeds", "record", "parameters", "keep_going")


def _override(values: dict, text: str) -> tuple[Place, str]:
    """Set an entry of the sweep, or fix one of the model; return its place and the override."""
    key, equals, given = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise SweepError(
            f"override '{text}': must be a key, '=' and a value, such as training.epochs=1"
        )
    try:
        value = read_value(given)
    except ExperimentError as error:
        raise SweepError(f"override '{text}': {error}") from None
    first, _, rest = key.partition(".")
    own = first in _OWN and not (first == "record" and rest)
    place = ((first, rest) if rest else (first,)) if own else ("fixed", key)
    section = values
    for part in place[:-1]:
        section = section.setdefault(part, {})
        if not isinstance(section, dict):
            raise SweepError(f"override '{text}': {part} holds {shown(section)}, and no keys")
    section[place[-1]] = value
    return place, text


def _where(
    source: str, place: Place, lines: Mapping[Place, int], changed: Sequence[tuple[Place, str]]
) -> str:
    """Name the place of a problem: the override that made it, or file, line and key."""
    dotted = ": ".join((place[0], ".".join(place[1:]))) if len(place) > 1 else place[0]
    for at, text in changed:
        if place[: len(at)] == at:
            return f"override '{text}'" if at[0] == "fixed" else f"override '{text}': {dotted}"
    known = (place[:n] for n in range(len(place), 0, -1) if place[:n] in lines)
    at_line = next((f":{lines[inside]}" for inside in known), "")
    return f"{source}{at_line}: {dotted}"


def _explained(error: ValidationError) -> Iterator[tuple[Place, str]]:
    """Yield the place of every problem, and what is wrong there and what would be right."""
    sections: dict[str, type[Section]] = {"design": DesignSection, "parameters": Parameter}
    for problem in error.errors(include_url=False):
        kind, given, context = problem["type"], problem["input"], problem.get("ctx", {})
        place = tuple(str(part) for part in problem["loc"])
        section = sections.get(place[0], Sweep) if len(place) > 1 else Sweep
        if place[0] == "seeds" and kind != "value_error":
            place = place[:1]
            what = (
                f"is {shown(given)}, but must be a list of seeds, or how many there are, from 1 on"
            )
        elif kind == "extra_forbidden":
            known = section.model_fields
            what = f"unknown key{nearest(place[-1], known)}; known keys: {', '.join(known)}"
        elif kind == "missing":
            what = f"is missing; {section.model_fields[place[-1]].description}"
        elif kind == "value_error":
            what = str(context["error"])
        elif kind == "literal_error":
            options = re.findall(r"'([^']*)'", str(context["expected"]))
            hint = nearest(given, options) if isinstance(given, str) else ""
            what = f"is {shown(given)}{hint}; must be one of {', '.join(options)}"
        elif kind in ("dict_type", "list_type", "too_short"):
            wanted = "a list" if kind == "list_type" else "keys and values"
            wanted = "not be empty" if kind == "too_short" else f"be {wanted}"
            what = f"is {shown(given)}, but must {wanted}"
        else:
            what = f"is {shown(given)}, but must be {right(kind, context, problem['msg'])}"
        yield place, what
