"""Look at every file of a run directory, and write anew what others of them hold.

The checkpoint holds all tables and the weights, provenance.json the model.  What is damaged is
written anew from them; what somebody changed by hand is left alone until it is accepted, or
restored.  What was there is kept beside a file that is written anew.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synfire_bp.errors import CheckpointError, RunDirectoryError, SynfireError, to_caller
from synfire_bp.files import (
    expanded,
    json_bytes,
    npz_bytes,
    read_whole,
    remove_unfinished,
    take_lock,
    write_atomically,
)
from synfire_bp.model.experiment import Experiment
from synfire_bp.runs.checkpoint import Checkpoint, load_checkpoint
from synfire_bp.runs.directory import (
    ACTIVITY,
    CHECKPOINT,
    EXPERIMENT,
    METRICS,
    PROVENANCE,
    SPIKE_COUNT_COLUMNS,
    SPIKE_COUNTS,
    SPIKES,
    WEIGHTS,
)
from synfire_bp.runs.manifest import (
    MANIFEST,
    UNKNOWN,
    Manifest,
    digest_of,
    how_to_check,
    write_proved,
)
from synfire_bp.runs.provenance import new_provenance, stored_provenance
from synfire_bp.runs.reading import (
    read_metrics,
    read_provenance,
    read_spikes,
    read_table,
    read_weights,
)
from synfire_bp.runs.run import Run
from synfire_bp.runs.writer import table_files

__all__ = ["CHANGED", "DAMAGED", "LOST", "MENDED", "WHOLE", "RunFile", "check_run"]

WHOLE, CHANGED, DAMAGED, LOST, MENDED = "whole", "changed by hand", "damaged", "missing", "mended"

BEFORE = ".before"
"""What is added to the name of a file that is kept: what was there before it was written anew."""

_ANOTHER_MODEL = "is not the model that was trained here"


@dataclass(frozen=True)
class RunFile:
    """What a file of a run directory is.

    Attributes
    ----------
    name : str
        The file.
    state : str
        "whole"; "changed by hand": it can be read, but is not what was written; "damaged";
        "missing"; "mended": written anew.
    said : str
        What was wrong, and what can be done; or what is good to know of it.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> sb.RunFile("metrics.csv", "whole").said
    ''
    """

    name: str
    state: str
    said: str = ""


def _read_model(file: io.BytesIO) -> None:
    Experiment.from_yaml(file.read().decode())


_READERS: Mapping[str, Callable[[Any], Any]] = {
    EXPERIMENT: _read_model,
    PROVENANCE: read_provenance,
    METRICS: read_metrics,
    ACTIVITY: read_table,
    SPIKE_COUNTS: lambda file: read_table(file, SPIKE_COUNT_COLUMNS),
    WEIGHTS: read_weights,
    SPIKES: read_spikes,
}


def check_run(
    path: str | Path, *, accept: bool = False, restore: bool = False
) -> tuple[RunFile, ...]:
    """Look at every file of a run directory, and mend what can be mended.

    Parameters
    ----------
    path : str or Path
        The run directory.  Nobody may be training into it.
    accept : bool
        Take files that were changed by hand for what they are now, and recorded spikes that
        were removed for gone; not a model other than the one that was trained.
    restore : bool
        Write them anew instead, as damaged ones are; also those that were accepted before.

    Returns
    -------
    tuple of RunFile
        One for each file that is there, or should be.

    Raises
    ------
    RunDirectoryError
        If there is no run, a training writes to it, or a file cannot be written.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> few = ["network.sizes=[64, 8, 10]", "training.samples=100", "training.epochs=1"]
    >>> run = sb.train(sb.Experiment.from_file("digits", few), engine="oracle", out="runs/few")
    >>> _ = (run.path / "metrics.csv").write_text("epoch,split")
    >>> [(file.name, file.state) for file in sb.check_run("runs/few") if file.state != "whole"]
    [('metrics.csv', 'mended')]
    """
    path = expanded(path)
    if not (path / PROVENANCE).exists() and not (path / CHECKPOINT).exists():
        Run.open(path)  # refuses what is no run
        raise RunDirectoryError(f"{path}: is a model file in a folder, and no run")
    lock = take_lock(path)
    try:
        return _Patient(path).treat(accept, restore)
    finally:
        os.close(lock)


def _fingerprint_of(model: bytes) -> str:
    return Experiment.from_yaml(model.decode()).fingerprint()


def _fingerprint_stored(provenance: bytes) -> str | None:
    return read_provenance(io.BytesIO(provenance)).get("fingerprint")


class _Patient:
    """A run directory that is looked at."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checks: dict[str, RunFile] = {}
        self.held = {name: self._content(name) for name in _READERS}
        self.manifest, self.listed = self._manifest()
        self.checkpoint = self._checkpoint()
        remove_unfinished(self.path)
        for name in _READERS:
            if (check := self._look(name)) is not None:
                self.checks[name] = check

    def treat(self, accept: bool, restore: bool) -> tuple[RunFile, ...]:
        """Mend what can be mended; return what was found, in the order of the files."""
        contents: dict[str, bytes] = {}
        for name, check in self.checks.items():
            changed = check.state == CHANGED
            another = check.said == _ANOTHER_MODEL
            if changed and accept and not another:
                self.checks[name] = RunFile(name, WHOLE, "accepted as it is")
            elif check.state == LOST and accept and name == SPIKES:
                self.checks[name] = RunFile(name, WHOLE, "accepted as removed")
            elif (self.path / name).is_dir():
                said = f"is a folder, but must be a file; remove it, and {how_to_check(self.path)}"
                self.checks[name] = RunFile(name, DAMAGED, said)
            elif check.state in (DAMAGED, LOST) or (changed and restore):
                contents |= self._anew(name, check)
            elif restore and self._was_accepted(name):
                contents |= self._anew(name, RunFile(name, CHANGED, "had been accepted"))
            elif changed:
                accepts = to_caller("--accept", "accept=True")
                restores = to_caller("--restore", "restore=True")
                can = "cannot be accepted" if another else f"{accepts} accepts it as it is"
                said = f"{check.said}; {can}, {restores} restores it"
                self.checks[name] = RunFile(name, CHANGED, said)
        whole = (n for n, check in self.checks.items() if check.state == WHOLE and n in _READERS)
        proved = {name: digest_of(content) for name in whole if (content := self.held[name])}
        gone = [n for n, check in self.checks.items() if check.state == WHOLE and n not in proved]
        kept = {name: digest for name, digest in self.listed.files.items() if name not in gone}
        doubted = {
            name: UNKNOWN
            for name, check in self.checks.items()
            if name in _READERS and check.state in (CHANGED, DAMAGED, LOST)
        }
        for name in contents:
            if (before := self.held[name]) is not None:
                write_atomically(self.path / f"{name}{BEFORE}", before)
        if MANIFEST not in self.checks:
            said = "was not there, as in older runs; newly written, the files are trusted"
            self.checks[MANIFEST] = RunFile(MANIFEST, MENDED, said)
        write_proved(self.path, contents, Manifest(doubted | kept | proved), durable=True)
        return tuple(self.checks.values())

    def _content(self, name: str) -> bytes | None:
        try:
            return read_whole(self.path / name)
        except OSError:
            return None

    def _manifest(self) -> tuple[bool, Manifest]:
        """Return whether there is a manifest to believe, and what it lists."""
        try:
            found = Manifest.read(self.path)
        except RunDirectoryError:
            said = "was damaged; rewritten from the files that can be read"
            self.checks[MANIFEST] = RunFile(MANIFEST, MENDED, said)
            return False, Manifest()
        if found is None:
            return False, Manifest()
        self.checks[MANIFEST] = RunFile(MANIFEST, WHOLE)
        return True, found

    def _checkpoint(self) -> Checkpoint | None:
        try:
            found = load_checkpoint(self.path / CHECKPOINT)
        except CheckpointError as error:
            said = str(error).removeprefix(f"{self.path / CHECKPOINT}: ").partition("; ")[0]
            state = DAMAGED if (self.path / CHECKPOINT).exists() else LOST
            self.checks[CHECKPOINT] = RunFile(CHECKPOINT, state, said)
            return None
        told = self._fingerprints()
        if told and found.fingerprint not in told.values():
            said = "is another model's; put the one that was trained here in its place"
            self.checks[CHECKPOINT] = RunFile(CHECKPOINT, DAMAGED, said)
            return None
        self.checks[CHECKPOINT] = RunFile(CHECKPOINT, WHOLE, self._unfinished(found))
        return found

    def _fingerprints(self) -> dict[str, str]:
        """Return those of the model that was trained, of each file that is whole and tells one."""
        told = {}
        for name, tell in ((EXPERIMENT, _fingerprint_of), (PROVENANCE, _fingerprint_stored)):
            content = self.held[name]
            if content is not None and (not self.manifest or self.listed.fits(name, content)):
                with suppress(SynfireError, ValueError, RecursionError):
                    told[name] = tell(content)
        return {name: fingerprint for name, fingerprint in told.items() if fingerprint}

    def _unfinished(self, checkpoint: Checkpoint) -> str:
        """Return where the training stands, if it has not come to its end."""
        content = self.held[EXPERIMENT]
        with suppress(SynfireError, ValueError, RecursionError, AttributeError):
            epochs = Experiment.from_yaml(content.decode()).training.epochs  # type: ignore[union-attr]
            if checkpoint.epoch < epochs:
                resume = to_caller("--resume", "resume=True")
                return f"{checkpoint.epoch} of {epochs} epochs are done; {resume} continues"
        return ""

    def _is_another_model(self, content: bytes) -> bool:
        """Whether a model, which can be read, is not the one that was trained."""
        if self.checkpoint is not None:
            trained: str | None = self.checkpoint.fingerprint
        else:
            trained = self._fingerprints().get(PROVENANCE)
        return trained not in (None, _fingerprint_of(content))

    def _was_accepted(self, name: str) -> bool:
        """Whether a file that proves itself is not what the training wrote."""
        if not self.manifest or name not in _READERS or name == PROVENANCE:
            return False
        return self._told_by_others(name) not in (None, self.held[name])

    def _look(self, name: str) -> RunFile | None:
        content, needed = self.held[name], name in (EXPERIMENT, PROVENANCE)
        if content is None:
            listed = name in self.listed.files or needed
            return RunFile(name, LOST, "") if listed else None
        try:
            _READERS[name](io.BytesIO(content))
        except SynfireError as error:
            fault = str(error).splitlines()[0]
        except Exception as error:  # as many kinds as there are ways to spoil a file
            fault = f"{type(error).__name__}: {error}"[:200]
        else:
            fault = ""
        if name == EXPERIMENT and not fault and self._is_another_model(content):
            return RunFile(name, CHANGED, _ANOTHER_MODEL)
        if self.manifest and self.listed.fits(name, content):
            return RunFile(name, WHOLE)
        if fault:
            return RunFile(name, DAMAGED, fault)
        told = self._told_by_others(name)
        if told is not None and told != content and told.startswith(content):
            return RunFile(name, DAMAGED, "is cut off")
        alike = told in (None, content) or name == PROVENANCE  # of which others tell a part
        if not self.manifest and (alike or MANIFEST not in self.checks):
            return RunFile(name, WHOLE)  # nothing says otherwise: an older run has no manifest
        return RunFile(name, CHANGED, "can be read, but is not what was written there")

    def _anew(self, name: str, check: RunFile) -> dict[str, bytes]:
        """Return a file as the others tell it, and note it; nothing if they do not."""
        content = self._told_by_others(name)
        if content is None:
            cure = "no other file holds it"
            if name == CHECKPOINT:
                cure += ": weights and results can be read, but the training cannot continue"
            self.checks[name] = RunFile(
                name, check.state, "; ".join(filter(None, [check.said, cure]))
            )
            return {}
        said = f"{check.said or 'was missing'}; restored"
        if self.held[name] is not None:
            said += f", the old file is now {name}{BEFORE}"
        self.checks[name] = RunFile(name, MENDED, said)
        return {name: content}

    def _told_by_others(self, name: str) -> bytes | None:
        checkpoint = self.checkpoint
        if name == EXPERIMENT:
            return self._model()
        if checkpoint is None:
            return None
        if name == WEIGHTS:
            return npz_bytes(checkpoint.weight_arrays)
        if name == PROVENANCE:
            return self._provenance(checkpoint)
        return table_files(checkpoint).get(name)

    def _model(self) -> bytes | None:
        """Return the model as provenance.json has it, if the checkpoint is of that model."""
        try:
            stored = Experiment.from_dict(stored_provenance(self.path).get("experiment", {}))
        except SynfireError:
            return None
        if self.checkpoint is not None and self.checkpoint.fingerprint != stored.fingerprint():
            return None
        return stored.to_yaml().encode()

    def _provenance(self, checkpoint: Checkpoint) -> bytes:
        """Return what is still known of a run's origin."""
        try:
            model = Experiment.from_file(self.path / EXPERIMENT)
        except SynfireError:
            values, finished = {}, False
        else:
            values = model.model_dump(mode="json")
            finished = checkpoint.epoch >= model.training.epochs
        anew = new_provenance(checkpoint.engine, checkpoint.fingerprint, {}, {}, (), values)
        lost = dict.fromkeys(("versions", "hostname", "cpu", "started"))
        anew |= lost | {"commit": None, "wall_seconds": checkpoint.seconds, "finished": finished}
        anew["warnings"] = [
            f"{PROVENANCE} was damaged and rewritten; where the run was made is not known"
        ]
        return json_bytes(anew, indent=2)
