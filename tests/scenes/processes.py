"""Which processes there are."""

from __future__ import annotations

import os
from pathlib import Path


def processes_that_name(path):
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(path) in command and int(folder.name) != os.getpid():
            found.append(command)
    return found
