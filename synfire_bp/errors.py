"""The one family of errors that synfire_bp raises on purpose.

A message says what was wrong, where (file, key, value) and what would be right.
The command line prints the message and no traceback.
"""

__all__ = [
    "BuildError",
    "CheckpointError",
    "CircuitError",
    "DatasetError",
    "ExperimentError",
    "HardwareError",
    "Interrupted",
    "InvariantError",
    "PluginError",
    "RuleError",
    "RunDirectoryError",
    "SimulationError",
    "SweepError",
    "SynfireError",
]


class SynfireError(Exception):
    """Base class: every error that a user can cause or mend."""


class CircuitError(SynfireError):
    """A circuit contradicts itself, or asks for a number that the chip does not have."""


class RuleError(SynfireError):
    """A learning rule cannot be read, or not be run by the engine that was asked for."""


class DatasetError(SynfireError):
    """A data file is missing, damaged or altered, or does not fit the model."""


class ExperimentError(SynfireError):
    """A model file, or a value set on the command line, is not valid."""


class PluginError(SynfireError):
    """A plug-in is missing, of another version, broken, or contradicts what is there."""


class HardwareError(SynfireError):
    """A number, a rule or a network that the chip cannot hold, or a chip that cannot be."""


class RunDirectoryError(SynfireError):
    """A run directory cannot be used: foreign, unfinished, full or read-only."""


class CheckpointError(RunDirectoryError):
    """A checkpoint is damaged or belongs to another model."""


class BuildError(SynfireError):
    """The C++ program could not be generated or compiled."""


class SimulationError(SynfireError):
    """A compiled program failed while it ran."""


class SweepError(SynfireError):
    """A sweep file is not valid, or the folder, the table or the machines of a sweep fail."""


class InvariantError(SynfireError):
    """A circuit broke one of its invariants: stray spikes, or copies of weights that differ."""


class Interrupted(SynfireError):
    """The user stopped a run (Ctrl-C); everything up to the last whole sample is kept."""
