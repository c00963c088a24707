"""Where a run comes from: versions, commit, checksums of the data, machine, time."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from synfire_bp.files import read_whole
from synfire_bp.runs.directory import PROVENANCE

__all__ = [
    "commit",
    "cpu_name",
    "kind_of",
    "new_provenance",
    "package_version",
    "stored_provenance",
    "versions",
]


_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "engine": str,
    "fingerprint": str,
    "versions": (dict, type(None)),
    "plugins": list,
    "dataset_checksums": dict,
    "wall_seconds": (int, float),
    "samples_done": int,
    "warnings": list,
    "finished": bool,
    "experiment": dict,
}
"""What entries are whose kind matters to whoever reads them."""


def new_provenance(
    engine: str,
    fingerprint: str,
    checksums: Mapping[str, str],
    before: Mapping[str, Any],
    plugins: Sequence[Mapping[str, Any]] = (),
    model: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what provenance.json is to say at the beginning.

    Parameters
    ----------
    engine, fingerprint : str
        Which engine trains, and `Experiment.fingerprint` of the model.
    checksums : mapping of str to str
        File name of the data to checksum.
    before : mapping
        The provenance of the run that is gone on with; empty if there is none.
    plugins : sequence of mappings
        The plug-ins that the training uses (`synfire_bp.runs.plugins.plugins_of`).
    model : mapping, optional
        The values of experiment.yaml, from which a damaged one can be written anew.
    """
    return {
        "engine": engine,
        "fingerprint": fingerprint,
        "versions": versions(),
        "commit": commit(),
        "plugins": [dict(one) for one in plugins],
        "dataset_checksums": dict(checksums) or before.get("dataset_checksums", {}),
        "hostname": platform.node(),
        "cpu": cpu_name(),
        "started": before.get("started", datetime.now(timezone.utc).isoformat(timespec="seconds")),
        "wall_seconds": before.get("wall_seconds", 0.0),
        "samples_done": before.get("samples_done", 0),
        "warnings": list(before.get("warnings", ())),
        "finished": False,
        "experiment": dict(model or {}),
    }


def stored_provenance(path: Path) -> dict[str, Any]:
    """Return what provenance.json says; nothing if it is missing or damaged.

    What is of another kind than was written there is left out.
    """
    try:
        stored = json.loads(read_whole(path / PROVENANCE))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(stored, dict):
        return {}
    return {key: value for key, value in stored.items() if kind_of(key, value)}


def kind_of(key: str, value: Any) -> bool:
    """Return whether an entry of provenance.json is of the kind that is written there."""
    if not isinstance(value, _KINDS.get(key, object)):
        return False
    if key == "warnings" and isinstance(value, list):
        return all(isinstance(text, str) for text in value)
    if key == "plugins" and isinstance(value, list):
        return all(isinstance(one, dict) and {"name", "module"} <= one.keys() for one in value)
    return True


def versions() -> dict[str, str | None]:
    """Return the versions of what decides the bits of a training."""
    packages = ("synfire_bp", "brian2", "numpy", "numba")
    found = {name: package_version(name) for name in packages}
    return found | {"python": platform.python_version()}


def package_version(package: str) -> str | None:
    """Return the version of an installed package; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def commit() -> str | None:
    """Return the commit of the source checkout, "-dirty" if changed since; None if installed."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}  # of hooks
    try:
        answer = subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None


def cpu_name() -> str:
    """Return the processor's name as its maker writes it, where the system tells."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
