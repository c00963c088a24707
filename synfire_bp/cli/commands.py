"""The command line, `synfire-bp`: parses, calls, prints.

What it prints for people goes to standard output; progress and errors go to standard error.  Exit
codes: 0 done, 1 something was wrong (a message says what), 2 the command was not understood,
130 stopped by Ctrl-C.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from synfire_bp import __version__
from synfire_bp.cli.bench import bench
from synfire_bp.cli.cache import cache
from synfire_bp.cli.check import check
from synfire_bp.cli.data import data
from synfire_bp.cli.describe import describe
from synfire_bp.cli.examples import epilog
from synfire_bp.cli.figures import figures
from synfire_bp.cli.models import models, schema
from synfire_bp.cli.plugins import plugins
from synfire_bp.cli.rival import rival
from synfire_bp.cli.sweep import sweep
from synfire_bp.cli.training import test, train, verify
from synfire_bp.cli.watch import watch
from synfire_bp.errors import Interrupted, SynfireError, at_a_shell, visible
from synfire_bp.files import reason

__all__ = ["app", "main"]


class _Commands(TyperGroup):
    """Lets messages name options, and hands Ctrl-C to `main`: typer would end without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with at_a_shell():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            goes_on = ctx.invoked_subcommand == "train"
            raise Interrupted(
                "stopped at once"
                + "; --resume continues a training from its last checkpoint" * goes_on
            ) from None


app = typer.Typer(
    name="synfire-bp",
    cls=_Commands,
    help="Exact backpropagation with spikes: describe, train and verify the circuit.",
    epilog="Start with: synfire-bp models; synfire-bp describe digits; synfire-bp train digits. "
    "Examples of a command: synfire-bp COMMAND --help.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Models and data": (models, describe, schema),
    "Train and check": (train, test, verify, check),
    "Results": (figures, watch),
    "Studies": (sweep, bench, rival),
    "This installation": (plugins,),
}
"""The commands as help lists them."""

for panel, commands in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel, epilog=epilog(command.__name__))(command)
app.add_typer(data, name="data", rich_help_panel="Models and data")
app.add_typer(cache, name="cache", rich_help_panel="This installation")


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; a mistake of the user gives a message, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that has no → shows ? for it
            stream.reconfigure(errors="replace")
    try:
        try:
            with _warnings_in_a_line():
                app()
        finally:
            sys.stdout.flush()
    except Interrupted as error:
        _complain(error)
        sys.exit(130)
    except SynfireError as error:
        _complain(error)
        sys.exit(1)
    except KeyboardInterrupt:
        _complain("stopped")
        sys.exit(130)
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        _give_up_output()
        sys.exit(1)
    except OSError as error:  # of a place that no module expects trouble from, such as stdout
        _give_up_output()
        _complain(f"{error.filename or 'output'}: {reason(error)}")
        sys.exit(1)
    except UnicodeError as error:  # a file's name, in a locale that has not its letters
        _complain(f"{error}; set LC_ALL to a locale with UTF-8, such as C.UTF-8")
        sys.exit(1)
    except RuntimeError as error:
        if "home directory" not in str(error):
            raise
        _complain(
            "this user has no home folder; set HOME to one, SYNFIRE_BP_CACHE to a folder for "
            "compiled circuits, and name folders without '~'"
        )
        sys.exit(1)
    except MemoryError as error:
        _complain(f"not enough memory ({error}); choose smaller network.sizes")
        sys.exit(1)


@contextmanager
def _warnings_in_a_line() -> Iterator[None]:
    """Print what a user is warned of as what is complained of: without a line of code."""
    before = warnings.showwarning

    def show(message: Any, category: Any, *where: Any, **more: Any) -> None:
        if category is UserWarning:
            _complain(message)
        else:
            before(message, category, *where, **more)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before


def _give_up_output() -> None:
    """Send what is left of the output nowhere, or Python complains of it on its way out."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(what: object) -> None:
    # at once: two threads may have something to say
    sys.stderr.write(f"synfire-bp: {visible(str(what))}\n")


if __name__ == "__main__":
    main()
