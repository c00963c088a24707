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

It becomes a `Sweep`: frozen and typed.  Its sections are in `synfire_bp.sweep.sections`;
`synfire_bp.sweep.keys` checks their keys against the model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from synfire_bp.engines.registry import ENGINES
from synfire_bp.errors import ExperimentError, SweepError
from synfire_bp.files import expanded, reason
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.library import shipped_sweeps
from synfire_bp.model.yaml_text import dump, nearest, read_yaml, shown
from synfire_bp.section import Section
from synfire_bp.sweep.counting import refuse_too_many_points, refuse_too_many_runs
from synfire_bp.sweep.explain import _explained, _override, _where
from synfire_bp.sweep.keys import SEED, override, unfit
from synfire_bp.sweep.sections import DesignSection, Parameter, PositiveInt, Seed

__all__ = ["RECORDS", "Sweep", "list_sweeps"]

RECORDS = ("train", "activity", "silent_outputs")
"""What a sweep can record besides the test accuracies."""

_SECTIONS: Mapping[str, type[Section]] = {"design": DesignSection, "parameters": Parameter}


class Sweep(Section):
    """A sweep file, checked.  Make one with `from_file`."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="Short name; also names the folder of the results.",
    )
    description: str = Field(default="", description="What the sweep asks, in one sentence.")
    model: str = Field(description="A shipped model, or a model file relative to this one.")
    engine: str = Field(
        default="oracle",
        description="oracle: the algorithm in integers; circuit: the spiking circuit; or one of a "
        "plug-in.",
    )
    fixed: dict[str, Any] = Field(
        default={}, description="Entries of the model file that differ in all runs: key to value."
    )
    parameters: dict[str, Parameter] = Field(
        default={}, description="What is varied: a key of the model file to its values."
    )
    design: DesignSection = Field(description="Which points are run.")
    seeds: list[Seed] | PositiveInt | None = Field(
        default=None,
        description="Seeds with which each point is trained: a list, or how many, from 0 on. "
        "null: the model's own, or training.seed among the parameters.",
    )
    record: list[Literal["train", "activity", "silent_outputs"]] = Field(
        default=["train"],
        description="What to record besides the test accuracies. train: accuracies on training "
        "samples as they are shown; activity (sparsity, weight changes, stray spikes); "
        "silent_outputs (for each output unit, the fraction of its class's test samples from "
        "which it cannot learn).",
    )

    keep_going: bool = Field(
        default=False,
        description="true: only count stray spikes and unequal copies of weights. false: they are "
        "errors.",
    )

    @field_validator("engine", mode="before")
    @classmethod
    def _engine_is_known(cls, engine: Any) -> Any:
        if engine not in [*ENGINES]:
            hint = nearest(engine, ENGINES) if isinstance(engine, str) else ""
            raise ValueError(f"is {shown(engine)}{hint}; must be one of {', '.join(ENGINES)}")
        return engine

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
        refuse_too_many_points(design, parameters)
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
            raise ValueError("is missing: without parameters, only seeds can be varied")
        if seeds is not None and SEED in keys:
            raise ValueError(f"{SEED} is among the parameters already; remove one of the two")
        if seeds == []:
            raise ValueError("is empty; name seeds, or leave it out for the model's own")
        if isinstance(seeds, list) and len(set(seeds)) < len(seeds):
            twice = next(seed for n, seed in enumerate(seeds) if seed in seeds[:n])
            raise ValueError(f"names seed {twice} twice")
        if design is not None:
            refuse_too_many_runs(design, parameters, seeds)
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
            If the file is missing or has content that is not allowed; one line per problem.
        """
        file = _find(path)
        try:
            text = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise SweepError(f"{file}: is not a text file in UTF-8 ({error.reason})") from None
        except OSError as error:
            raise SweepError(f"{file}: cannot be read: {reason(error)}") from None
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
            for place, what in dict(_explained(error, cls, _SECTIONS)).items():
                problems.append(f"{_where(source, place, lines, changed)}: {what}")
            raise SweepError("\n".join(problems)) from None
        if problems:
            raise SweepError("\n".join(problems))
        if folder is not None and (beside := Path(folder, sweep.model).expanduser()).is_file():
            sweep = sweep.model_copy(update={"model": str(beside.resolve())})
        for place, what in unfit(sweep):
            problems.append(f"{_where(source, place, lines, changed)}: {what}")
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
        unsaid = {"description", "requires"}
        base = self.base.resolved().model_dump(mode="json", exclude=unsaid)
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


def list_sweeps() -> dict[str, Path]:
    """Return name to file of the sweeps that ship with synfire_bp, in alphabetical order."""
    return shipped_sweeps()


def _find(path: str | Path) -> Path:
    shipped = list_sweeps()
    if str(path) in shipped:
        return shipped[str(path)]
    file = expanded(path)
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
