"""Examples that `--help` shows, command by command; each works as it stands here.

Runs and folders in them are those that `synfire-bp train digits` leaves, and those of README.md.
"""

from __future__ import annotations

__all__ = ["EXAMPLES", "epilog"]

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "models": (("models", "all models that ship with synfire_bp"),),
    "describe": (
        ("describe mnist", "phases, gates, projections, equations, chip resources"),
        ("describe variants/digits_late_reward", "the same for a variant"),
        ("describe mnist --hardware loihi1", "also core by core on the chip"),
        ("describe digits --html digits.html", "a page for a browser"),
        ("describe digits --set network.sizes=[64,100,10]", "with one entry changed"),
    ),
    "schema": (("schema --out model.schema.json", "for an editor that completes model files"),),
    "data list": (("data list", "what is on this machine, and where"),),
    "data fetch": (("data fetch mnist", "download and check the files"),),
    "data check": (("data check digits", "are the files as published?"),),
    "train": (
        ("train digits", "the spiking circuit, into runs/digits"),
        ("train digits --engine oracle", "the same weights from the integer algorithm"),
        ("train digits --epochs 2 --seed 1 --out runs/try", "shorter, from another seed"),
        ("train digits --epochs 3 --seed 1 --out runs/try --resume", "continue it"),
        ("train digits --set gating.failure=0.01 --out runs/gates", "with unreliable gates"),
    ),
    "test": (
        ("test runs/digits", "the test set through the inference circuit"),
        (
            "test runs/digits --engine oracle --split train --json",
            "training samples, output as JSON",
        ),
    ),
    "verify": (
        ("verify digits --samples 200", "compare all weights of circuit and oracle"),
        ("verify variants/digits_deep --samples 200", "a variant"),
    ),
    "check": (
        ("check runs/digits", "find and repair damaged files"),
        ("check runs/digits --restore", "also undo edits by hand"),
    ),
    "figures": (
        ("figures", "all for which runs exist"),
        ("figures raster --runs runs --out figures", "one of them"),
    ),
    "watch": (
        ("watch runs/digits", "the circuit at work, as a page for a browser"),
        ("watch runs/digits --samples 3,17 --out watch.html", "with samples of your choice"),
    ),
    "sweep": (
        ("sweep", "the sweeps that ship with synfire_bp"),
        ("sweep weights_hidden --dry-run", "number of runs and how long they take"),
        ("sweep seeds --set seeds=2 --set training.epochs=1 --out runs/sweeps/try", "a small one"),
    ),
    "bench": (
        ("bench digits --samples 200 --repeats 2 --no-scaling", "a quick look"),
        ("bench mnist --variants", "compared with its variants"),
    ),
    "rival": (
        ("rival", "the rivals that ship with synfire_bp"),
        ("rival drtp --seed 1", "direct random target projection, into runs/rivals"),
    ),
    "plugins": (
        ("plugins", "what is loaded"),
        ("plugins --json", "for machines"),
    ),
    "cache list": (("cache list", "compiled circuits, most recently used first"),),
    "cache clear": (("cache clear", "free disk space; circuits are compiled again when needed"),),
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
