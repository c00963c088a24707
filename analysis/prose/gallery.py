"""The gallery: every committed picture with its caption and the command that draws it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..figures import FIGURES
from ..paper.protocol import PAPER
from ..shared.entry import Entry

__all__ = ["BEGIN", "END", "pictures", "text"]

BEGIN = "<!-- begin of the gallery: figures/ -->"
END = "<!-- end of the gallery -->"

_HEADINGS = {
    "digits": "The digits, which `make reproduce` trains",
    PAPER: "The paper's figures",
    "variants": "Variants",
    "chip": "The chip",
    "dense": "DenseSynapses",
    "bench": "Speed",
    "learning": "Learning beyond the paper",
}
"""Groups in the order of the page."""


@dataclass(frozen=True)
class _Picture:
    group: str
    name: str
    title: str
    caption: str
    command: str


_OTHERS = (
    _Picture(
        "learning", "late_reward", "Late rewards",
        "Test accuracy by potential on the digits, mean of several seeds, against how late the "
        "reward comes and the time constant of the trace; a panel for each kind of reward.",
        "python -m analysis.rewards late_reward",
    ),
    _Picture(
        "learning", "rivals", "Other ways to learn the same images",
        "Test error on MNIST of the circuit and of others, median and range over the seeds, and "
        "the energy that a training sample is counted with.",
        "python -m analysis.rivals runs/rivals/*/s*",
    ),
)  # fmt: skip
"""Pictures of studies that have commands of their own."""


def pictures(figures: Path) -> Iterator[tuple[str, str]]:
    """Yield group and name of every picture of the gallery that is committed."""
    for one in _all(figures):
        yield one.group, one.name


def text(figures: Path) -> str:
    """Return the gallery as Markdown, for a page in docs/.

    Parameters
    ----------
    figures : Path
        Folder of the figures; one that has no picture yet is left out.
    """
    parts = []
    for group, heading in _HEADINGS.items():
        shown = [one for one in _all(figures) if one.group == group]
        parts += [f"## {heading}", *map(_shown, shown)] if shown else []
    return "\n\n".join(parts) + "\n"


def _all(figures: Path) -> Iterator[_Picture]:
    found = [
        _of_entry(entry) for entry in FIGURES.values() if entry.draw and entry.group in _HEADINGS
    ]
    for one in (*found, *_OTHERS):
        if (figures / one.group / f"{one.name}.png").is_file():
            yield one


def _of_entry(entry: Entry) -> _Picture:
    element = f" (paper: {entry.element})" if entry.element else ""
    return _Picture(
        entry.group, entry.name, f"{entry.title}{element}", entry.caption,
        f"synfire-bp figures {entry.name} --tables figures",
    )  # fmt: skip


def _shown(one: _Picture) -> str:
    return (
        f"### {one.title}\n\n![{one.title}](../figures/{one.group}/{one.name}.png)\n\n"
        f"{_plain(one.caption)}\n\n```sh\n{one.command}\n```"
    )


def _plain(caption: str) -> str:
    """Return a caption in which no sign is taken for Markdown or HTML."""
    for sign in ("\\", "<", ">", "*", "_", "`"):
        caption = caption.replace(sign, f"\\{sign}")
    return " ".join(caption.split())
