"""The command line, `synfire-bp`; its commands are imported when one is called."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from synfire_bp import __version__

__all__ = ["main"]


def main() -> None:
    """Run the command line; a mistake of the user gives a message, never a traceback."""
    try:
        if sys.argv[1:] == ["--version"]:
            with suppress(OSError):  # the commands say what is wrong with the output
                os.write(sys.stdout.fileno(), f"{__version__}\n".encode())
                return
        from synfire_bp.cli import commands
    except KeyboardInterrupt:
        sys.stderr.write("synfire-bp: stopped\n")
        sys.exit(130)
    commands.main()
