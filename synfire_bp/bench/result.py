"""What a benchmark found, and `bench.json`, which holds it.

The file is written as the dataclasses of this module hold it, `Bench` outermost (schema 1; `read`
checks it).  Times are in ms a sample or in s, memory in MB (10^6 bytes),
bandwidth in GB/s (10^9 bytes), and each ``{"median": …, "rounds": […]}`` is one measurement with
all its rounds::

    {"schema": 1, "model": …, "dataset": …, "sizes": [in, hidden, out], "rule": …, "seed": …,
     "samples": timed samples, "before": samples shown before these, "repeats": rounds,
     "machine": {"cpu", "cores", "core": the one measured on, "load": before the benchmark began,
                 "hostname", "versions": {package: version}, "commit",
                 "blas": of NumPy, with its version and kernel (null in older files)},
     "started": ISO 8601, "seconds": of the whole benchmark,
     "costs": {contender: {"ms": {…}, "start_ms": {…}, "samples_per_second",
                           "peak_memory_mb": of the program (10 or more), or null,
                           "different": weights that differ from the oracle's}},
     "reported": {"chip": {"ms": 1.48, "source"}},          # for 400-400-10 alone
     "ratios": {"circuit/numpy": {…}, "circuit/stock": {…}, "circuit/chip": {…}},
     "strays": stray spikes of the circuit,
     "bound": {"ms", "bytes": a sample, "traffic": {"delivered", "learning": synapses a sample},
               "bandwidth": {"working_set": bytes, "read": {…}, "update": {…}}},
     "builds": {"circuit_cold_s": training and inference circuit, "stock_cold_s": training circuit,
                "circuit_warm_s": {…}},
     "starts": {engine: {"command", "seconds": {…}, "peak_memory_mb": {…}}},
     "scaling": null or {"hidden" and "input":
         {"points": [{"sizes", "synthetic", "closing", "strays", "different", "plastic_synapses",
                      "times": {engine: {"ms": {…}, "start_ms": {…}}}, "bound": {…}}],
          "exponents": {engine: null or {"exponent", "low", "high": 95 % interval, "points"}}}}}

A time whose rounds scatter as much as it is long does not stand out from the noise (a round may
even lie below zero); what would follow from it is null.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from synfire_bp.bench.measuring import Measure
from synfire_bp.bench.scaling import Series
from synfire_bp.bench.traffic import Bound
from synfire_bp.errors import to_caller
from synfire_bp.files import json_bytes, quoted, read_json
from synfire_bp.runs.provenance import commit, cpu_name, package_version

__all__ = [
    "RESULT",
    "SCHEMA",
    "Bench",
    "Builds",
    "Cost",
    "Machine",
    "Reported",
    "Start",
    "blas",
    "ratio",
    "read",
]

RESULT = "bench.json"
SCHEMA: Literal[1] = 1


@dataclass(frozen=True)
class Machine:
    """Where it was measured.

    `load`: processes that ran, in the minute before (None: unknown).  `blas`: as `blas` tells it
    (None: of a file that does not say).
    """

    cpu: str
    cores: int
    core: int | None
    load: float | None
    hostname: str
    versions: dict[str, str | None]
    commit: str | None
    blas: str | None = None

    @classmethod
    def here(cls, core: int | None, load: float | None) -> Machine:
        """Return this machine."""
        packages = ("synfire_bp", "brian2", "numpy", "numba")
        versions = {name: package_version(name) for name in packages}
        return cls(
            cpu_name(), os.cpu_count() or 1, core, load, platform.node(),
            versions | {"python": platform.python_version()}, commit(), blas(),
        )  # fmt: skip

    def busy(self) -> str:
        """Return a caution if others worked on it, or nothing."""
        if self.load is None or self.load <= 0.5:
            return ""
        return (
            f"the machine was busy (load {self.load:.1f} before the benchmark): times are too "
            "high, and ratios less sure"
        )


@dataclass(frozen=True)
class Cost:
    """What a sample costs one contender; see the module's text."""

    ms: Measure
    start_ms: Measure
    samples_per_second: float | None
    peak_memory_mb: float | None
    different: int


@dataclass(frozen=True)
class Reported:
    """A time that somebody else measured."""

    ms: float
    source: str


@dataclass(frozen=True)
class Builds:
    """Seconds to make the compiled circuits, on all cores; warm: they are in the cache."""

    circuit_cold_s: float
    stock_cold_s: float
    circuit_warm_s: Measure


@dataclass(frozen=True)
class Start:
    """A whole process that trains one sample and tests, the compiled circuits in the cache."""

    command: str
    seconds: Measure
    peak_memory_mb: Measure


@dataclass(frozen=True)
class Bench:
    """The result of a benchmark; the module's text says what each entry is."""

    schema: Literal[1]
    model: str
    dataset: str
    sizes: tuple[int, int, int]
    rule: str
    seed: int
    samples: int
    before: int
    repeats: int
    machine: Machine
    started: str
    seconds: float
    costs: dict[str, Cost]
    reported: dict[str, Reported]
    ratios: dict[str, Measure | None]
    strays: int
    bound: Bound
    builds: Builds
    starts: dict[str, Start]
    scaling: dict[str, Series] | None

    def json(self) -> str:
        """Return the result as `bench.json` holds it."""
        return json_bytes(asdict(self), indent=1).decode()

    def cautions(self) -> list[str]:
        """Return what a reader of the times must know."""
        said = []
        unclear = [name for name, cost in self.costs.items() if not cost.ms.resolved]
        if unclear:
            said.append(
                f"{', '.join(unclear)}: {self.samples:,} samples do not stand out from the noise; "
                f"ask for more {to_caller('--samples', 'samples')}"
            )
        if busy := self.machine.busy():
            said.append(busy)
        if different := sum(cost.different for cost in self.costs.values()):
            said.append(f"the contenders do NOT agree: {different:,} weights differ")
        if self.strays:
            said.append(f"the circuit had {self.strays:,} stray spikes: raise network.closing")
        for series in (self.scaling or {}).values():
            said += [
                f"{'-'.join(map(str, point.sizes))}: {point.strays:,} stray spikes at the closing "
                f"bias {point.closing}, {point.different:,} weights differ from the oracle's"
                for point in series.points
                if point.strays or point.different
            ]
        return said


def blas() -> str:
    """Return the BLAS that NumPy uses, its version and its kernel, or "not known".

    Examples
    --------
    >>> isinstance(blas(), str)  # such as "openblas 0.3.30, kernel Haswell"
    True
    """
    import numpy  # noqa: F401  # it is its library that is looked for
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    found = [library for library in threadpool_info() if library.get("user_api") == "blas"]
    # SciPy brings another one, of the same kind
    found = [library for library in found if "numpy" in library.get("filepath", "")] or found
    return _library(found[0]) if found else "not known"


def _library(library: Mapping[str, Any]) -> str:
    name = library.get("internal_api") or "not known"
    version = library.get("version") or "of unknown version"
    kernel = library.get("architecture")
    return f"{name} {version}, kernel {kernel or 'not known'}"


def ratio(a: Measure, b: Measure) -> Measure | None:
    """Return a / b, round by round; None if one of them is as small as the noise.

    Rounds in which one of them lies at or below zero have no ratio.
    """
    if not (a.resolved and b.resolved):
        return None
    pairs = [(x, y) for x, y in zip(a.rounds, b.rounds, strict=True) if x > 0 and y > 0]
    return Measure.of([x / y for x, y in pairs]) if pairs else None


def read(folder: str | Path) -> Bench:
    """Read the result of a benchmark.

    Raises
    ------
    RunDirectoryError
        If there is none, or it is not one that this version writes.
    """
    make = to_caller(
        f"synfire-bp bench --out {quoted(folder)}",
        f"synfire_bp.bench.bench(experiment, out={str(folder)!r})",
    )
    return read_json(
        Bench, Path(folder) / RESULT,
        missing=f"no such benchmark; make it with: {make}",
        whole="a benchmark of this version", anew=f"make it anew with: {make}",
    )  # fmt: skip
