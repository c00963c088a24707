"""The one family of errors that synfire_bp raises on purpose.

A message says what was wrong, where (file, key, value) and what would be right, in the words of
whoever called (`to_caller`): ``resume=True`` in Python, ``--resume`` to a shell.  The command line
prints the message and no traceback.

Examples
--------
>>> import synfire_bp as sb
>>> try:
...     sb.Run.open("runs/nowhere")
... except sb.errors.SynfireError as error:
...     print(type(error).__name__)
RunDirectoryError
"""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "HOME",
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
    "another_out",
    "at_a_shell",
    "blaming",
    "engine_named",
    "to_caller",
    "visible",
    "writable_out",
]

HOME = ("synfire_bp", "analysis")
"""Top-level packages of this package; all others are code from outside."""


_LONGEST_LINE, _MOST_LINES = 600, 40


class SynfireError(Exception):
    """Base class: every error that a user can cause or mend.

    A message has a few hundred characters a line, and a few lines, whatever it quotes.
    """

    def __init__(self, *said: object) -> None:
        super().__init__(*(_bounded(part) if isinstance(part, str) else part for part in said))


def visible(text: str) -> str:
    r"""Return a text with its control characters written out, so that no terminal obeys them.

    Examples
    --------
    >>> from synfire_bp.errors import visible
    >>> print(visible("a\x1b[31mb"))
    a\x1b[31mb
    """
    if text.isprintable():
        return text
    return "".join(
        # "\ud800" …: bytes of a file's name in a locale that has not its letters
        one if one.isprintable() or one in "\n\t" or "\ud800" <= one <= "\udfff"
        else one.encode("unicode_escape").decode()
        for one in text
    )  # fmt: skip


def _bounded(message: str) -> str:
    lines = visible(message).split("\n")
    told = [_cut(line) for line in lines[:_MOST_LINES]]
    more = len(lines) - len(told)
    return "\n".join([*told, f"and {more} more lines"] if more else told)


def _cut(line: str) -> str:
    if len(line) <= _LONGEST_LINE:
        return line
    half = _LONGEST_LINE // 2
    return f"{line[:half]} … {line[-half:]}"


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


_callers_at_a_shell = 0


@contextmanager
def at_a_shell() -> Iterator[None]:
    """Let messages name options of the command line; for what a person types at a shell calls.

    In the whole process, whichever thread raises.  Also a decorator, for a `main`.

    Examples
    --------
    >>> from synfire_bp.errors import at_a_shell, to_caller
    >>> with at_a_shell():
    ...     to_caller("--resume", "resume=True")
    '--resume'
    >>> to_caller("--resume", "resume=True")
    'resume=True'
    """
    global _callers_at_a_shell
    _callers_at_a_shell += 1
    try:
        yield
    finally:
        _callers_at_a_shell -= 1


def to_caller(shell: str, python: str) -> str:
    """Return what is to be said to the caller: a person at a shell, or code in Python."""
    return shell if _callers_at_a_shell else python


def engine_named(name: str) -> str:
    """Return how another engine is asked for."""
    return to_caller(f"--engine {name}", f"engine='{name}'")


def another_out() -> str:
    """Return the advice to write into another folder."""
    return to_caller("choose another --out", "pass another folder as out")


def writable_out() -> str:
    """Return the advice to write where it is possible."""
    return to_caller("choose an --out that can be written", "pass an out that can be written")


@contextmanager
def blaming(thing: object, doing: str) -> Iterator[None]:
    """Say where code from outside fails, if what it raises is no message of this package.

    Parameters
    ----------
    thing : object
        A function or an object of that code; code of this package is left alone.
    doing : str
        What is asked of it, in words.

    Raises
    ------
    PluginError
        It names file and line.
    """
    thing = getattr(thing, "func", thing)  # of a functools.partial
    try:
        yield
    except SynfireError:
        raise
    except Exception as error:
        module = sys.modules.get(str(getattr(thing, "__module__", "")))
        file = getattr(module, "__file__", None)
        if module is None or module.__name__.partition(".")[0] in HOME:
            raise
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == file]
        where = f"{file}:{lines[-1]}" if lines else str(file or module.__name__)
        said = f"{type(error).__name__}: {error}".replace("\n", " ")[:300]
        raise PluginError(f"{doing} ({where}) raises {said}; fix it there") from None
