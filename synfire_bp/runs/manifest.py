"""manifest.json: the SHA-256 of every file of a run directory, by which each proves itself.

It is written before files change, then saying what they were and what they are about to be, and
again when they have changed.  So a process that is killed in between leaves files that still prove
themselves, and what does not fit was changed by somebody else.  The checkpoint is not listed: it
proves itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from synfire_bp.errors import RunDirectoryError, to_caller
from synfire_bp.files import json_bytes, quoted, read_whole, reason, write_atomically

__all__ = ["MANIFEST", "UNKNOWN", "Manifest", "digest_of", "how_to_check", "proved", "write_proved"]

MANIFEST = "manifest.json"

UNKNOWN = "unknown"
"""In the place of the digest of a file that is damaged, and that nothing else holds."""

_READINGS = 5
"""Of a file that does not fit, while a training that writes may be between two of its files."""


@dataclass(frozen=True)
class Manifest:
    """What the files of a run directory are.

    Attributes
    ----------
    files : mapping of str to str
        Name to SHA-256 (hex).
    to_come : mapping of str to str
        The same of files that are being written; empty if nothing is.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    to_come: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """Return the manifest of a run directory; None if it has none, as older runs.

        Raises
        ------
        RunDirectoryError
            If it is damaged, or cannot be read.
        """
        file = folder / MANIFEST
        try:
            stored = json.loads(read_whole(file))
            manifest = cls(stored["files"], stored["to_come"])
            listed = [*manifest.files.values(), *manifest.to_come.values()]
            whole = all(isinstance(digest, str) for digest in listed)
            whole = whole and stored["sha256"] == manifest._digest()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RunDirectoryError(f"{file}: cannot be read: {reason(error)}") from None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            whole = False
        if not whole:
            raise RunDirectoryError(
                f"{file}: is damaged, so it is unknown whether the other files are intact; "
                f"{how_to_check(folder)} checks each of them and rewrites the manifest"
            )
        return manifest

    def write(self, folder: Path) -> None:
        """Write it into a run directory.

        Raises
        ------
        RunDirectoryError
            If it cannot be written.
        """
        stored = {
            "files": dict(sorted(self.files.items())),
            "to_come": dict(sorted(self.to_come.items())),
            "sha256": self._digest(),
        }
        write_atomically(folder / MANIFEST, json_bytes(stored, indent=1))

    def fits(self, name: str, content: bytes | None) -> bool:
        """Whether a file has the content that was written; None: there is none, and was none."""
        known = [listed[name] for listed in (self.files, self.to_come) if name in listed]
        return name not in self.files if content is None else digest_of(content) in known

    def _digest(self) -> str:
        return digest_of(json.dumps([self.files, self.to_come], sort_keys=True).encode())


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a file's content, in hex."""
    return hashlib.sha256(content).hexdigest()


def write_proved(
    folder: Path,
    contents: Mapping[str, bytes],
    before: Manifest,
    gone: Collection[str] = (),
    *,
    durable: bool = False,
) -> Manifest:
    """Write files into a run directory, and what proves them; return the manifest.

    Parameters
    ----------
    folder : Path
        The run directory.
    contents : mapping of str to bytes
        File name to content.
    before : Manifest
        What proves the files that are there.
    gone : collection of str
        Names of files that are removed.
    durable : bool
        Whether the files outlive a power cut, which takes milliseconds.

    Raises
    ------
    RunDirectoryError
        If a file cannot be written; what was not reached keeps its old content, and proves itself.
    """
    digests = {name: digest_of(content) for name, content in contents.items()}
    kept = {name: digest for name, digest in before.files.items() if name not in gone}
    Manifest(kept, digests).write(folder)
    for name in gone:
        with suppress(FileNotFoundError):
            (folder / name).unlink()
    for name, content in contents.items():
        write_atomically(folder / name, content, durable=durable)
    after = Manifest(kept | digests)
    after.write(folder)
    return after


def proved(folder: Path, name: str) -> tuple[bytes | None, bool]:
    """Return a file's content, and whether it is what was written there.

    The content is None if there is no such file.  Without a manifest every file is believed.

    Raises
    ------
    RunDirectoryError
        If the file or the manifest cannot be read, or the manifest is damaged.
    """
    for _ in range(_READINGS):
        manifest = Manifest.read(folder)
        try:
            content: bytes | None = read_whole(folder / name)
        except FileNotFoundError:
            content = None
        except OSError as error:
            raise RunDirectoryError(f"{folder / name}: cannot be read: {reason(error)}") from None
        if manifest is None or manifest.fits(name, content):
            return content, True
        if Manifest.read(folder) == manifest:  # else: written meanwhile
            break
    return content, False


def how_to_check(folder: Path) -> str:
    """Return the command that looks at a run directory."""
    return to_caller(f"synfire-bp check {quoted(folder)}", f"sb.check_run({str(folder)!r})")
