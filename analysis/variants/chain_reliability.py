"""How reliable a synfire chain is by itself: pulses that die or spread, by pool, weight and noise.

Drawn from simulations of `variants.chain`, run when the figure is drawn: some 20 seconds.  Above,
three rings of a kind each: one pulse that goes round, one that dies, one that spreads.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch
from scipy.stats import beta

from ..shared import style
from ..shared.entry import Entry
from ..shared.panels import Given, placed, share
from .chain import DELAY, LINKS, Chain, reliability, simulate
from .study import FOLDER

__all__ = ["ENTRY", "draw", "numbers"]

NOISES = (1.0, 3.0, 5.0)  # mV
DRIVES = (1.0, 1.2, 1.4, 1.6, 2.0, 2.5, 3.0, 4.0)
POOLS = (2, 4, 8, 16, 32, 64)
OF_DRIVES = 32
"""Neurons of a pool where the weight changes."""
WEAK, STRONG = 1.4, 3.0
"""Drives where the pool's size changes: where a pulse is prone to die, and to spread."""
LINK_PROBABILITY = 0.5
RINGS, TURNS, SEED = 20, 3, 1
EXAMPLES = (
    ("goes round", Chain(OF_DRIVES, 2.0, 3.0, link_probability=LINK_PROBABILITY)),
    ("dies", Chain(8, WEAK, 3.0, link_probability=LINK_PROBABILITY)),
    ("spreads", Chain(8, STRONG, 5.0, link_probability=LINK_PROBABILITY)),
)
SHADES = (style.colour("x"), style.colour("t"), style.colour("o"))
"""Colours of the noises."""
_SHARES = (
    ("drive", "died", None), ("drive", "spread", None),
    ("pool", "died", WEAK), ("pool", "spread", STRONG),
)  # fmt: skip
"""What the lower panels show: against what, which share, and at which drive (None: at all)."""
_HEIGHT = 112.0  # mm


def numbers() -> pd.DataFrame:
    """Simulate, and return what is drawn.

    Returns
    -------
    DataFrame
        `panel` "drive" and "pool": one row per chain, as from `variants.chain.reliability`, with
        the share of rings in which the pulse died and spread, in percent, and the 68 % interval of
        each (Clopper-Pearson).  `panel` "spikes": `example`, `time` (ms) and `neuron` of each
        spike, counted from 0, pool by pool.
    """
    of_drives = [Chain(OF_DRIVES, d, n, link_probability=LINK_PROBABILITY)
                 for n, d in product(NOISES, DRIVES)]  # fmt: skip
    of_pools = [Chain(p, d, n, link_probability=LINK_PROBABILITY)
                for d, n, p in product((WEAK, STRONG), NOISES, POOLS)]  # fmt: skip
    table = reliability([*of_drives, *of_pools], rings=RINGS, turns=TURNS, seed=SEED)
    table.insert(0, "panel", ["drive"] * len(of_drives) + ["pool"] * len(of_pools))
    for name in ("died", "spread"):
        hits, n = table[name], table["rings"]
        table[f"{name}_percent"] = 100 * hits / n
        low = np.where(hits > 0, beta.ppf(0.16, hits.clip(lower=1), n - hits + 1), 0.0)
        high = np.where(hits < n, beta.ppf(0.84, hits + 1, (n - hits).clip(lower=1)), 1.0)
        table[f"{name}_low"], table[f"{name}_high"] = 100 * low, 100 * high
    return pd.concat([table, *_examples()], ignore_index=True)


def _examples() -> list[pd.DataFrame]:
    """Return the spikes of one ring of each example: the one with the median number of spikes."""
    chains = [chain for _, chain in EXAMPLES]
    found = simulate(chains, rings=RINGS, turns=TURNS, seed=SEED + 1)
    tables = []
    for (name, _), rings in zip(EXAMPLES, found, strict=True):
        ring = sorted(rings, key=lambda ring: ring.time.size)[len(rings) // 2]
        spikes = {"panel": "spikes", "example": name, "time": ring.time, "neuron": ring.neuron}
        tables.append(pd.DataFrame(spikes))
    return tables


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the figure, 183 mm wide: three rasters above, deaths and spreading below."""

    def made(figure: Figure) -> list[Axes]:
        above, below = cast(Sequence[SubFigure], figure.subfigures(2, 1, height_ratios=[1, 1.25]))
        return [*above.subplots(1, len(EXAMPLES)), *below.subplots(1, len(_SHARES), sharey=True)]

    panels = placed(axes, len(EXAMPLES) + len(_SHARES), style.DOUBLE_COLUMN, _HEIGHT, made,
                    layout="constrained")  # fmt: skip
    examples, shares = panels.axes[: len(EXAMPLES)], panels.axes[len(EXAMPLES) :]
    if not panels.own:
        share(shares, "y")
    _draw_examples(examples, numbers)
    for axes, (panel, what, drive) in zip(shares, _SHARES, strict=True):
        rows = numbers[numbers["panel"] == panel]
        _draw_shares(axes, rows if drive is None else rows[rows["drive"] == drive], panel, what)
        of = f"pools of {OF_DRIVES}" if drive is None else f"drive {drive:g}"
        axes.set_title(f"{'pulse dies' if what == 'died' else 'pulse spreads'}, {of}")
    shares[0].set_ylabel("rings (%)")
    band = Patch(color="0.5", alpha=0.3, linewidth=0, label="68 % interval")
    shares[0].legend(handles=[*shares[0].get_legend_handles_labels()[0], band],
                     loc="upper right", title="noise (mV)")  # fmt: skip
    panels.letters(left=(10, 8, 8, 12, 5, 5, 5))
    return panels.figure


def _draw_examples(panels: Sequence[Axes], numbers: pd.DataFrame) -> None:
    for axes, (name, chain) in zip(panels, EXAMPLES, strict=True):
        spikes = numbers[numbers["example"] == name]
        axes.plot(spikes["time"], spikes["neuron"] / chain.pool, ".", color=style.colour("g0"),
                  markersize=1.6, markeredgewidth=0, rasterized=True)  # fmt: skip
        axes.set(xlabel="time (ms)", xlim=(0, TURNS * LINKS * DELAY), ylim=(LINKS, 0),
                 yticks=[k + 0.5 for k in range(0, LINKS, 3)],
                 yticklabels=[f"g{k}" for k in range(0, LINKS, 3)])  # fmt: skip
        axes.set_title(
            f"{name}: {chain.pool} neurons, drive {chain.drive:g}, noise {chain.noise:g} mV"
        )
    panels[0].set_ylabel("pool (dots: spikes)")


def _draw_shares(axes: Axes, rows: pd.DataFrame, x: str, what: str) -> None:
    """Draw the share of rings in percent against a column, a line for each noise."""
    for noise, shade in zip(NOISES, SHADES, strict=True):
        of_noise = rows[rows["noise"] == noise].sort_values(x)
        axes.plot(of_noise[x], of_noise[f"{what}_percent"], "o-", color=shade, markersize=3,
                  linewidth=0.9, label=f"{noise:g}")  # fmt: skip
        axes.fill_between(of_noise[x], of_noise[f"{what}_low"], of_noise[f"{what}_high"],
                          color=shade, alpha=0.18, linewidth=0)  # fmt: skip
    axes.set_ylim(-4, 104)
    if x == "pool":
        axes.set_xscale("log", base=2)
        axes.set_xticks(POOLS, [str(pool) for pool in POOLS])
        axes.minorticks_off()
        axes.set_xlabel("neurons in a pool")
    else:
        axes.set_xlabel("drive of an intact pool")


ENTRY = Entry(
    name="chain_reliability",
    group=FOLDER,
    title="How reliable a synfire chain is by itself",
    caption="Rings of pools of leaky integrate-and-fire neurons: how often a pulse dies, and how "
    "often it spreads, against the weight of the links, the size of the pools and the noise, with "
    "68 % intervals; above, a ring of each kind. Simulated when it is drawn; needs no run.",
    numbers=lambda runs: numbers(),
    draw=draw,
    alone=True,
)
