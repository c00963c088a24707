"""Files that somebody else wrote: YAML, npz and IDX, mutated; each is read or refused, at once.

They are read in processes of their own, one file after another, so that one that hangs is noticed.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import multiprocessing
import random
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import numpy as np
from tally import Tally

import synfire_bp as sb
from synfire_bp.cli.commands import main
from synfire_bp.data.idx import RemoteFile, read_verified
from synfire_bp.errors import SynfireError
from synfire_bp.model.library import shipped_models

HANGS = 10.0
"""Seconds."""
_LONGEST_LINE = 700
_WORDS = [
    "9**9**9**9", "1e999", "-1", "0", "[]", "{}", "&a [*a]", "*a", "!!python/object:os.system x",
    "!!binary |", "!!timestamp 2001-99-99", "!!set {a}", "null", "~", ".nan", "-.inf", "0x7f",
    "1_000", "10000000000000000000000", "'", '"', "\\", "# \\", "\t", "\x00", "\x85", "\u2028",
    "\ud7ff", "٣", "<script>", "${HOME}", "../../etc/passwd", "a" * 30_000, "- " * 40,
    "{a: " * 40, "? ", ": ", "<<: *a", "--- ", "...", "%YAML 9.9", "volt**99", "true", "digits",
    "dw = 2^-99999999*x0", "npz", "lif", "custom", "loihi1", "1e-300", "1e300", "0.1",
]  # fmt: skip


# ---------------------------------------------------------------- what is made


def yaml_texts(n: int, seed: int) -> Iterator[str]:
    """Yield shipped model files with characters, lines, keys and values changed."""
    rng = random.Random(seed)
    originals = [file.read_text(encoding="utf-8") for file in shipped_models().values()]
    for _ in range(n):
        text = rng.choice(originals)
        for _ in range(rng.choice([1, 1, 2, 3, 8])):
            text = rng.choice(_CHANGES)(text, rng)
        yield text


def _value(text: str, rng: random.Random) -> str:
    places = list(re.finditer(r"(?<=: )[^\n{}\[\],]+|(?<=[\[{,] )[^\n{}\[\],:]+", text))
    place = rng.choice(places).span() if places else (0, 0)
    return text[: place[0]] + rng.choice(_WORDS) + text[place[1] :]


def _swapped(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return "\n".join(lines)


def _character(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text) + 1)
    return text[:place] + rng.choice("[]{}:,&*!|>'\"%@`#-?\\\n\t \x00٣é") + text[place + 1 :]


def _inserted(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text) + 1)
    return text[:place] + rng.choice(_WORDS) + text[place:]


def _without_a_line(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    del lines[rng.randrange(len(lines))]
    return "\n".join(lines)


def _cut(text: str, rng: random.Random) -> str:
    return text[: rng.randrange(len(text) + 1)]


def _section(text: str, rng: random.Random) -> str:
    word = rng.choice(["neuron", "hardware", "feedback", "gating", "reward", "synapses", "record"])
    return f"{text}\n{word}: {rng.choice(_WORDS)}\n"


_CHANGES = (
    _value,
    _value,
    _value,
    _swapped,
    _character,
    _inserted,
    _without_a_line,
    _cut,
    _section,
)


def damaged(whole: bytes, rng: random.Random) -> bytes:
    """Return bytes with some flipped, cut, doubled, or set to what lengths are written with."""
    content = bytearray(whole)
    for _ in range(rng.choice([1, 1, 2, 5])):
        place = rng.randrange(max(len(content), 1))
        how = rng.randrange(5)
        if how == 0 and content:
            content[place] ^= 1 << rng.randrange(8)
        elif how == 1:
            del content[place:]
        elif how == 2:
            content[place:place] = content[: rng.randrange(64)]
        elif how == 3:
            content[place : place + 4] = struct.pack(">I", rng.choice([0, 2**31, 2**32 - 1, 10**9]))
        else:
            content[place : place + 8] = bytes(rng.randrange(256) for _ in range(8))
    return bytes(content)


# ---------------------------------------------------------------- how it is read


def read_model(file: str) -> str:
    """Describe a model file at a command line; return the outcome."""
    said, wrong = io.StringIO(), ""
    arguments = patch("sys.argv", ["synfire-bp", "describe", file])
    with arguments, redirect_stderr(said), redirect_stdout(io.StringIO()) as shown:
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        else:
            code = 0
    lines = said.getvalue().splitlines()
    if "Traceback" in said.getvalue() or (code and not lines):
        wrong = "tracebacks"
    elif any(len(line) > _LONGEST_LINE for line in lines) or len(lines) > 60:
        wrong = "wrong"
    if wrong:
        return f"{wrong}: {said.getvalue()[-300:]}"
    if code:
        return "refused"
    again = sb.Experiment.from_file(file)
    if sb.Experiment.from_yaml(again.to_yaml()) != again or not shown.getvalue():
        return "wrong: is another when it is written and read again"
    return "survived"


def read_npz(file: str) -> str:
    """Read a data set of one's own."""
    return _same(lambda: sb.load_dataset("npz", path=file).train.inputs, file)


def read_images(file: str) -> str:
    """Read an IDX file."""
    content = np.load(Path(file).with_name("right.npy"))
    plain = _idx_bytes(content)
    known = RemoteFile("images.gz", content.shape, hashlib.md5(plain).hexdigest())
    return _same(lambda: read_verified(Path(file), known)[0], file)


def _same(read: Callable[[], np.ndarray], file: str) -> str:
    try:
        found = read()
    except SynfireError:
        return "refused"
    right = np.load(Path(file).with_name("right.npy"))
    return "survived" if np.array_equal(found, right) else "wrong: read as something else"


def _worker(read: Callable[[str], str], asked, answers) -> None:
    while (file := asked.get()) is not None:
        try:
            answers.put(read(file))
        except BaseException as error:
            answers.put(f"tracebacks: {type(error).__name__}: {error}"[:400])


def judged(what: str, read: Callable[[str], str], files: Iterator[Path]) -> Tally:
    """Read every file; one that takes too long ends its process."""
    tally, context = Tally(what), multiprocessing.get_context("spawn")
    process = None
    for file in files:
        if process is None:
            asked, answers = context.SimpleQueue(), context.Queue()
            process = context.Process(target=_worker, args=(read, asked, answers), daemon=True)
            process.start()
            patience = HANGS + 60  # it imports first
        asked.put(str(file))
        try:
            outcome, _, about = answers.get(timeout=patience).partition(":")
        except Exception:  # queue.Empty
            outcome, about = "hangs", ""
            process.kill()
            process = None
        patience = HANGS
        tally.note(outcome, f"{file}: {about}")
        if outcome in ("refused", "survived"):
            file.unlink()
    if process is not None:
        asked.put(None)
        process.join(10)
    return tally


def mutated(n: int, folder: Path, seed: int = 0) -> list[Tally]:
    """Read so many files in all: eight of ten are YAML, one npz, one IDX."""
    n_npz = n_idx = n // 10
    return [
        judged("mutated YAML", read_model, _models(n - n_npz - n_idx, folder / "yaml", seed)),
        judged("mutated npz", read_npz, _npz(n_npz, folder / "npz", seed)),
        judged("mutated IDX", read_images, _idx(n_idx, folder / "idx", seed)),
    ]


def _models(n: int, folder: Path, seed: int) -> Iterator[Path]:
    folder.mkdir(parents=True)
    for number, text in enumerate(yaml_texts(n, seed)):
        file = folder / f"{number}.yaml"
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        yield file


def _npz(n: int, folder: Path, seed: int) -> Iterator[Path]:
    folder.mkdir(parents=True)
    rng, draw = np.random.default_rng(seed), random.Random(seed)
    arrays = {}
    for split in ("train", "test"):
        arrays[f"x_{split}"] = (rng.random((40, 12)) < 0.5).astype(np.uint8) * 255
        arrays[f"y_{split}"] = np.arange(40) % 3
    np.savez(folder / "whole.npz", **arrays)
    np.save(folder / "right.npy", sb.load_dataset("npz", path=folder / "whole.npz").train.inputs)
    return _damaged(n, folder, (folder / "whole.npz").read_bytes(), ".npz", draw)


def _idx(n: int, folder: Path, seed: int) -> Iterator[Path]:
    folder.mkdir(parents=True)
    rng, draw = np.random.default_rng(seed), random.Random(seed)
    images = rng.integers(0, 256, (20, 6, 6), dtype=np.uint8)
    np.save(folder / "right.npy", images)
    return _damaged(n, folder, gzip.compress(_idx_bytes(images)), "-images-idx3-ubyte.gz", draw)


def _idx_bytes(images: np.ndarray) -> bytes:
    return struct.pack(">HBBIII", 0, 8, 3, *images.shape) + images.tobytes()


def _damaged(n: int, folder: Path, whole: bytes, end: str, draw: random.Random) -> Iterator[Path]:
    for number in range(n):
        file = folder / f"{number}{end}"
        file.write_bytes(damaged(whole, draw))
        yield file
