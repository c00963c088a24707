"""A run directory: write, read, checkpoint, provenance."""

from synfire_bp.files import LOCK, take_lock, write_atomically
from synfire_bp.runs.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from synfire_bp.runs.directory import (
    ACTIVITY,
    CHECKPOINT,
    EXPERIMENT,
    METRIC_COLUMNS,
    METRICS,
    PROVENANCE,
    SPIKE_COUNT_COLUMNS,
    SPIKE_COUNTS,
    SPIKES,
    WEIGHTS,
)
from synfire_bp.runs.manifest import MANIFEST
from synfire_bp.runs.provenance import commit, versions
from synfire_bp.runs.repair import RunFile, check_run
from synfire_bp.runs.run import PopulationSpikes, Run
from synfire_bp.runs.writer import RunWriter

__all__ = [
    "ACTIVITY",
    "CHECKPOINT",
    "Checkpoint",
    "EXPERIMENT",
    "RunFile",
    "LOCK",
    "MANIFEST",
    "METRICS",
    "METRIC_COLUMNS",
    "PROVENANCE",
    "PopulationSpikes",
    "Run",
    "RunWriter",
    "SPIKES",
    "SPIKE_COUNTS",
    "SPIKE_COUNT_COLUMNS",
    "WEIGHTS",
    "check_run",
    "commit",
    "load_checkpoint",
    "save_checkpoint",
    "take_lock",
    "versions",
    "write_atomically",
]
