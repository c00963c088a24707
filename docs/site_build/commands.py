"""Run the commands of the pages as a reader would: `make check-docs`.

Every line of a shell block of README.md, CONTRIBUTING.md and docs/ is a command.  It runs in an
environment into which nothing but the package was installed, in a folder of the page's own; what
only a clone has (`make …`, `python -m analysis …`) runs in a fresh clone.  A block of Python or
YAML whose paragraph names a file (`mine.yaml`) is saved under that name first.

docs/commands.yaml says which commands are made shorter, and which are not run, and why.  A page
whose commands all ran is not run again until the page or the package changes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["Command", "File", "Plan", "Script", "in_clone", "main", "pages", "read"]

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([\w-]+\.(?:py|yaml))`")
_OF_A_CLONE = re.compile(
    r"make |python -m (analysis|pytest)|python tests/|pip install -e|\.ci/|\. \.venv/"
    r"|synfire-bp figures .*--tables figures"
)
_LONGEST = 1200
"""Seconds that a command may take."""


@dataclass(frozen=True)
class Command:
    """A line of a shell block, without its comment."""

    text: str
    line: int


@dataclass(frozen=True)
class File:
    """A block that the reader saves."""

    name: str
    text: str


@dataclass(frozen=True)
class Script:
    """A block of Python that is no file: the number of the block in its page, from 1."""

    number: int
    text: str
    line: int


@dataclass(frozen=True)
class Plan:
    """What becomes of commands: docs/commands.yaml.

    Attributes
    ----------
    python : mapping
        A page to the numbers of its blocks of Python that run here; the others run in the tests,
        or are parts of a script.
    shorter : mapping
        A command, as the page has it, to the one that runs in its place.
    not_run : mapping
        A command, or the beginning of several that ends with ``*``, to the reason.
    """

    python: Mapping[str, list[int]]
    shorter: Mapping[str, str]
    not_run: Mapping[str, str]

    @classmethod
    def read(cls, file: Path) -> Plan:
        """Read it."""
        given = yaml.safe_load(file.read_text(encoding="utf-8"))
        return cls(given["python"], given["shorter"], given["not_run"])

    def reason(self, command: str) -> str | None:
        """Return why a command is not run; None if it is."""
        for text, why in self.not_run.items():
            whole = not text.endswith("*")
            if command == text if whole else command.startswith(text[:-1]):
                return why
        return None

    def unused(self, commands: set[str]) -> list[str]:
        """Return the entries that no page has."""
        return [
            text
            for text in (*self.shorter, *self.not_run)
            if not any(
                one.startswith(text[:-1]) if text.endswith("*") else one == text for one in commands
            )
        ]


def pages(clone: Path) -> list[Path]:
    """Return the pages with commands, in the order in which a reader has them."""
    docs = [
        page
        for page in sorted((clone / "docs").rglob("*.md"))
        if not {"generated", "_build"} & set(page.relative_to(clone).parts)
    ]
    return [clone / "README.md", clone / "CONTRIBUTING.md", *docs]


def read(text: str) -> Iterator[Command | File | Script]:
    """Yield the commands and scripts of a page, and the files that it lets its reader save."""
    scripts = 0
    for block in _BLOCK.finditer(text):
        language, code = block.groups()
        before = text[: block.start()].rstrip().rpartition("\n\n")[2]
        first = text.count("\n", 0, block.start()) + 2
        scripts += language == "python"
        if language == "sh":
            for number, line in enumerate(code.splitlines()):
                if command := re.sub(r"(^|\s+)#.*", "", line).strip():
                    yield Command(command, first + number)
        elif language in ("python", "yaml") and (named := _FILE.search(before)):
            yield File(named[1], code)
        elif language == "python":
            yield Script(scripts, code, first)


def in_clone(command: str) -> bool:
    """Whether a command works in a clone alone."""
    return _OF_A_CLONE.match(command) is not None


class _Places:
    """The environment, the clone and the folders, all below one."""

    def __init__(self, clone: Path, work: Path) -> None:
        self.source, self.work = clone, work
        self.clone = work / "clone"
        self._done = work / "done.json"
        self.done: dict[str, Any] = (
            json.loads(self._done.read_text()) if self._done.exists() else {}
        )

    def ready(self) -> str:
        """Clone, and install; return what tells this state of the sources from others."""
        parts = [f"HEAD:{part}" for part in ("synfire_bp", "analysis", "models", "setup.cfg")]
        state = subprocess.check_output(["git", "rev-parse", *parts], cwd=self.source, text=True)
        if not (self.clone / ".git").exists():
            subprocess.run(["git", "clone", "-q", self.source, self.clone], check=True)
        subprocess.run(["git", "fetch", "-q", self.source, "HEAD"], cwd=self.clone, check=True)
        subprocess.run(["git", "reset", "-q", "--hard", "FETCH_HEAD"], cwd=self.clone, check=True)
        if self.done.get("state") != state:
            self.done = {"state": state, "pages": {}}
            environment = self.work / "environment"
            if not environment.exists():
                subprocess.run([sys.executable, "-m", "venv", environment], check=True)
            subprocess.run(
                [environment / "bin" / "python", "-m", "pip", "install", "-q",
                 "--disable-pip-version-check", "--force-reinstall", "--no-deps", f"{self.clone}"],
                check=True,
            )  # fmt: skip
            subprocess.run(
                [environment / "bin" / "python", "-m", "pip", "install", "-q",
                 "--disable-pip-version-check", f"{self.clone}[analysis,sweep]"], check=True,
            )  # fmt: skip
        return state

    def keep(self) -> None:
        """Write down what is done."""
        self._done.write_text(json.dumps(self.done))

    def environment(self) -> dict[str, str]:
        """Return the variables of a shell in which the package is installed."""
        mine = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
        return {
            **mine,
            "PATH": f"{self.work / 'environment' / 'bin'}:{mine['PATH']}",
            "SYNFIRE_BP_CACHE": str(self.work / "cache"),
        }


def _run_page(page: Path, places: _Places, plan: Plan) -> bool:
    """Run the commands of a page; say how each ended; return whether all went well."""
    name = page.relative_to(places.source).as_posix()
    parts = list(read(page.read_text(encoding="utf-8")))
    mark = hashlib.sha256(repr((parts, plan)).encode()).hexdigest()
    if places.done["pages"].get(name) == mark:
        return True
    folder = places.work / "pages" / name.replace("/", "-").removesuffix(".md")
    folder.mkdir(parents=True, exist_ok=True)
    well = True
    for part in parts:
        if isinstance(part, File):
            (folder / part.name).write_text(part.text)
        elif isinstance(part, Script):
            if part.number in plan.python.get(name, ()):
                file = folder / f"block_{part.number}.py"
                file.write_text(part.text)
                well &= _run(Command(f"python {file.name}", part.line), name, folder, places, plan)
        elif (why := plan.reason(part.text)) is not None:
            print(f"{name}:{part.line}: not run ({why}): {part.text}", flush=True)
        else:
            well &= _run(part, name, folder, places, plan)
    if well:
        places.done["pages"][name] = mark
        places.keep()
    return well


def _run(part: Command, name: str, folder: Path, places: _Places, plan: Plan) -> bool:
    command = plan.shorter.get(part.text, part.text)
    started = time.monotonic()
    where = places.clone if in_clone(part.text) else folder
    try:
        ended = subprocess.run(
            ["bash", "-c", command], cwd=where, env=places.environment(), timeout=_LONGEST,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        status, said = ended.returncode, ended.stdout
    except subprocess.TimeoutExpired:
        status, said = 1, f"took more than {_LONGEST} s"
    how = "well" if status == 0 else f"exit status {status}"
    print(f"{name}:{part.line}: {how}, {time.monotonic() - started:.0f} s: {command}", flush=True)
    if status:
        print(said[-2000:], flush=True)
    return status == 0


def main() -> int:
    """Run what is asked for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", nargs="*", type=Path, help="only these pages")
    parser.add_argument("--work", type=Path, default=Path("build/check-docs"))
    given = parser.parse_args()
    clone = Path(__file__).resolve().parents[2]
    plan = Plan.read(clone / "docs" / "commands.yaml")
    given.work.mkdir(parents=True, exist_ok=True)
    places = _Places(clone, given.work.resolve())
    places.ready()
    places.keep()
    asked = [page.resolve() for page in given.pages] or pages(clone)
    return 0 if all([_run_page(page, places, plan) for page in asked]) else 1


if __name__ == "__main__":
    sys.exit(main())
