"""Figures of the run on the bundled digits, which `make reproduce` draws."""

from __future__ import annotations

from .shared import learning_curve, raster
from .shared.entry import Entry
from .shared.needed import needed_run

__all__ = ["DIGITS", "ENTRIES"]

DIGITS = "digits"
"""The model, the folder of its run among all runs, and of its figures."""

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="learning_curve",
        group=DIGITS,
        title="Learning curve of the digits",
        caption="Accuracy by spikes (a silent output is wrong; k output units that spike count "
        "1/k if the right one is among them) and by potential (the output unit with the greatest "
        "summed input), and mean squared error over the epochs of training, on test and training "
        "images.",
        numbers=lambda runs: learning_curve.numbers(needed_run(runs, DIGITS)),
        draw=learning_curve.draw,
    ),
    Entry(
        name="raster",
        group=DIGITS,
        title="Spikes of a trained network",
        caption="Every spike of three samples, population by population: one row per neuron, one "
        "column per time step. Shaded: the steps in which weights grow and shrink.",
        numbers=lambda runs: raster.numbers(needed_run(runs, DIGITS, samples=raster.SHOWN)),
        draw=raster.draw,
    ),
)
