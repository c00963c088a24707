"""What is compared with the paper's numbers: our runs, asked for once, or why there are none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pandas as pd

from synfire_bp.errors import SynfireError
from synfire_bp.runs import Run

from .protocol import FASHION, FASHION_PART, MNIST, MNIST_10X10, finished_seeds
from .reported import PaperNumbers
from .results import ChipCosts, accuracies, chip_costs, mnist_runs, split_rows

__all__ = ["Sides", "processors", "samples_an_epoch", "tested_images"]


class Sides:
    """The paper's numbers, and what there is of ours; what is missing is asked for once.

    Attributes
    ----------
    paper : PaperNumbers
        The paper's.
    accuracy : DataFrame
        Test accuracies of `mnist`, as from `analysis.paper.results.accuracies`.
    missing : str
        Why there are no runs, or no costs, once they were asked for.
    """

    def __init__(self, runs: Path, paper: PaperNumbers):
        self._runs = runs
        self.paper = paper
        self.missing = ""
        self.accuracy = pd.DataFrame()

    @cached_property
    def mnist(self) -> tuple[Run, ...]:
        """Runs of MNIST with their accuracies; none if there are none (`missing` says why)."""
        try:
            found = mnist_runs(self._runs)
            self.accuracy = accuracies(found)
            samples_an_epoch(found[0])
        except SynfireError as error:
            self.missing = _first_sentence(error)
            return ()
        return found

    @cached_property
    def chip(self) -> ChipCosts | None:
        """What a sample costs on the chip; None if that cannot be said (`missing` says why)."""
        try:
            return chip_costs(self.mnist) if self.mnist else None
        except SynfireError as error:
            self.missing = _first_sentence(error)
            return None

    @cached_property
    def other_protocol(self) -> str:
        """What the runs of MNIST have otherwise than the paper; empty if nothing."""
        differ = [
            f"{what}: ours {ours:,}, the paper’s {theirs:,}"
            for what, ours, theirs in self._settings()
            if ours != theirs
        ]
        data = self.mnist[0].experiment.dataset.name
        return "; ".join([*([f"data: {data}"] if data != MNIST else []), *differ])

    def _settings(self) -> Iterator[tuple[str, float, float]]:
        run, value = self.mnist[0], self.paper.value
        for name, size in zip(("inputs", "hidden", "outputs"), run.experiment.network.sizes,
                              strict=True):  # fmt: skip
            yield f"{name} of the network", size, value(f"protocol.{name}")
        yield "epochs", run.experiment.training.epochs, value("protocol.epochs")
        yield "training samples", samples_an_epoch(run), value("protocol.samples")

    def reduced(self) -> tuple[tuple[Run, ...], str]:
        """Return the runs of MNIST reduced to 10 x 10 pixels; none: and why not."""
        try:
            return finished_seeds(self._runs, MNIST_10X10), ""
        except SynfireError as error:
            return (), _first_sentence(error)

    def fashion(self, threshold: float) -> tuple[tuple[Run, ...], str]:
        """Return the runs of Fashion-MNIST at a pixel threshold; none: and why not."""
        why = []
        for kind in (FASHION, FASHION_PART):
            try:
                found = finished_seeds(self._runs, kind)
                for run in found:
                    split_rows(run), split_rows(run, "train")
            except SynfireError as error:
                why.append(_first_sentence(error))
                continue
            here = tuple(run for run in found if run.experiment.dataset.threshold == threshold)
            if here:
                return here, ""
            why.append(f"no run of {kind} has the threshold {threshold:g}")
        return (), why[-1]


def samples_an_epoch(run: Run) -> int:
    """Return how many samples a run was trained on in an epoch, from its metrics."""
    rows = split_rows(run, "train")
    return round(rows["samples"].sum() / rows["epoch"].iloc[-1])


def _first_sentence(error: SynfireError) -> str:
    return str(error).partition(";")[0]


def tested_images(run: Run) -> int:
    """Return how many images a run was tested on."""
    return int(split_rows(run)["samples"].iloc[-1])


def processors(runs: tuple[Run, ...]) -> str:
    """Return the processors that runs were simulated on."""
    return ", ".join(dict.fromkeys(str(run.provenance.get("cpu", "unknown")) for run in runs))
