"""Examples that `--help` shows, command by command; each works as it stands here.

Runs and folders in them are those that `synfire-bp train digits` leaves, and those of README.md.
"""

from __future__ import annotations

__all__ = ["EXAMPLES", "epilog"]

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "models": (("models", "all models that ship with synfire_bp"),),
    "describe": (
        ("describe mnist", "phases, gates, projections, equations, what the chip needs"),
        ("describe variants/digits_late_reward", "the same for a variant"),
        ("describe mnist --hardware loihi1", "also core by core"),
        ("describe digits --html digits.html", "a page for a browser"),
        ("describe digits --set network.sizes=[64,100,10]", "with another entry"),
    ),
    "schema": (("schema --out model.schema.json", "for an editor that completes model files"),),
    "data list": (("data list", "what is at hand, and where"),),
    "data fetch": (("data fetch mnist", "download, and check the files"),),
    "data check": (("data check digits", "is it what was published?"),),
    "train": (
        ("train digits", "the spiking circuit, into runs/digits"),
        ("train digits --engine oracle", "the same bits by the algorithm in integers"),
        ("train digits --epochs 2 --seed 1 --out runs/try", "shorter, from another seed"),
        ("train digits --epochs 3 --seed 1 --out runs/try --resume", "go on with it"),
        ("train digits --set gating.failure=0.01 --out runs/gates", "without reliable gates"),
    ),
    "test": (
        ("test runs/digits", "the test set through the inference circuit"),
        ("test runs/digits --engine oracle --split train --json", "for machines"),
    ),
    "verify": (
        ("verify digits --samples 200", "all weights of circuit and oracle, one by one"),
        ("verify variants/digits_deep --samples 200", "a variant"),
    ),
    "check": (
        ("check runs/digits", "is every file what it was?"),
        ("check runs/digits --restore", "undo changes by hand, too"),
    ),
    "figures": (
        ("figures", "all that there are runs for"),
        ("figures raster --runs runs --out figures", "one of them"),
    ),
    "watch": (
        ("watch runs/digits", "the circuit at work, as a page for a browser"),
        ("watch runs/digits --samples 3,17 --out watch.html", "with samples of your choice"),
    ),
    "sweep": (
        ("sweep", "the sweeps that ship with synfire_bp"),
        ("sweep weights_hidden --dry-run", "how many runs, and how long they take"),
        ("sweep seeds --set seeds=2 --set training.epochs=1 --out runs/sweeps/try", "a small one"),
    ),
    "bench": (
        ("bench digits --samples 200 --repeats 2 --no-scaling", "a quick look"),
        ("bench mnist --variants", "its variants beside it"),
    ),
    "rival": (
        ("rival", "the rivals that ship with synfire_bp"),
        ("rival drtp --seed 1", "direct random target projection, into runs/rivals"),
    ),
    "plugins": (
        ("plugins", "what is loaded"),
        ("plugins --json", "for machines"),
    ),
    "cache list": (("cache list", "compiled circuits, last used first"),),
    "cache clear": (("cache clear", "make room; they are compiled anew when needed"),),
}
"""Command to its examples: what follows `synfire-bp`, and what it is for."""


def epilog(command: str) -> str:
    """Return the examples of a command as its help has them, below the options.

    Examples
    --------
    >>> epilog("models").splitlines()[-1]
    'synfire-bp models  (all models that ship with synfire_bp)'
    """
    lines = (f"synfire-bp {line}  ({what})" for line, what in EXAMPLES[command])
    # blank lines: help runs together what has none between
    return "\n\n".join(("Examples:", *lines))
