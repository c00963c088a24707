"""The activation function and its surrogate, measured from the neurons (paper: Methods).

The output of a unit is a step of its summed input a, at half the threshold Θ.  For learning, it
is taken for a straight line from 0 to Θ, whose derivative is a box: the difference of two steps,
one at 0 and one at Θ.

    step         h     = H(a - Θ/2)
    surrogate    s(a)  = clip(a / Θ, 0, 1)
    derivative   s'(a) = [H(a) - H(a - Θ)] / Θ,   from  h< = H(a)  and  h> = H(a - Θ)

H(a) is 1 for a > 0, else 0: a neuron spikes if its sum exceeds its threshold.

The circuit has no line: neurons c fire where h< does and h> does not.  Summed up over a, their
spikes give the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synfire_bp.circuit import FULL, HALF, Circuit, backprop_circuit

from ..shared import style
from ..shared.entry import Entry
from ..shared.panels import Given, placed
from .protocol import PAPER

__all__ = ["ENTRY", "draw", "measured", "numbers", "sweep_weights"]

SWEEP = range(-600, 1702, 2)
"""Summed inputs: all that weights, which are even on the chip, can reach from -600 to 1700."""
N_INPUTS = 8
"""Inputs among which a summed input is divided, so that each weight is one that the chip has."""

_MEASURED = ("h", "h<", "h>", "c")
_HEIGHT = 62.0  # mm
_EVERY = 60  # summed inputs: as many to a mark
_INK = "#202020"
_DASHES = (0, (3.2, 1.6))
_TICKS = {-HALF: "", 0: "", HALF: "\nΘ/2", FULL: "\nΘ", FULL + HALF: ""}


def numbers(runs: Path) -> pd.DataFrame:
    """Return what the neurons of the circuit do; simulated here and now, needs no run."""
    return measured(backprop_circuit((N_INPUTS, len(SWEEP), 1)))


def sweep_weights() -> np.ndarray:
    """Return weights from all inputs to as many hidden units as there are summed inputs.

    Returns
    -------
    int16 array, shape (inputs, units)
        Even, as equal as can be; column k sums to the k-th value of `SWEEP`.
    """
    share, rest = np.divmod(np.array(SWEEP) // 2, N_INPUTS)
    return (2 * (share + (np.arange(N_INPUTS)[:, None] < rest))).astype(np.int16)


def measured(circuit: Circuit) -> pd.DataFrame:
    """Return who fires at which summed input, when one sample runs through the Brian2 network.

    Every hidden unit gets another summed input: all inputs fire, through weights that sum to it.
    Nothing learns.  `h`, `h<` and `h>` are read in the phase in which each is first opened, `c` in
    its own.

    Parameters
    ----------
    circuit : Circuit
        A training circuit with `N_INPUTS` inputs and a hidden unit for each value of `SWEEP`.

    Returns
    -------
    DataFrame
        Per summed input: `summed_input`; spikes (0 or 1) `h`, `h<`, `h>`, `c`; `c_summed`, the
        spikes of c up to here, times the change of the summed input, over Θ; and what they should
        be: `step`, `lower_step`, `upper_step`, `derivative` (times Θ), `surrogate`.
    """
    from synfire_bp.network import STEP, build_network  # Brian2 is slow to load

    weights = sweep_weights(), np.zeros((circuit.sizes[1], circuit.sizes[2]), dtype=np.int16)
    net = build_network(
        circuit,
        weights=weights,
        inputs=np.ones((1, circuit.sizes[0]), dtype=np.uint8),
        labels=np.zeros(1, dtype=int),
        rule=None,
    )
    held = {row.name: matrix for row, matrix in net.weights().items()}
    net.run(1)
    fired = np.zeros((circuit.n_phases, circuit.n_cells), dtype=np.int64)
    step = np.round(np.asarray(net.recorder.t) / float(STEP)).astype(int) - 1  # 0: the ring's kick
    fired[step, np.asarray(net.recorder.i)] = 1
    table = pd.DataFrame({"summed_input": held["x→h"].astype(np.int64).sum(axis=0)})
    for name in _MEASURED:
        table[name] = fired[circuit.forward_phase(name), circuit.slices[name]]
    table = table.sort_values("summed_input", ignore_index=True)
    a = table["summed_input"]
    change = a.diff().fillna(0)
    lower, upper = (a > 0).astype(int), (a > FULL).astype(int)
    return table.assign(
        c_summed=(table["c"] * change).cumsum() / FULL,
        step=(a > HALF).astype(int),
        lower_step=lower,
        upper_step=upper,
        derivative=lower - upper,
        surrogate=(a / FULL).clip(0, 1),
    )


# -- drawing -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Panel:
    """A panel: analytic curves and measured marks, each a column with a text and how it looks."""

    title: str
    ylabel: str
    curves: tuple[tuple[str, str, Any], ...]
    marks: tuple[tuple[str, str, str], ...]


_PANELS = (
    _Panel(
        "output and its surrogate", "output",
        (("step", "step H(a − Θ/2)", "-"), ("surrogate", "surrogate clip(a / Θ, 0, 1)", _DASHES)),
        (("h", "spikes of h", "o"), ("c_summed", "spikes of c, summed up over a", "D")),
    ),
    _Panel(
        "two shifted steps", "output",
        (("lower_step", "H(a)", "-"), ("upper_step", "H(a − Θ)", _DASHES)),
        (("h<", "spikes of h<", "<"), ("h>", "spikes of h>", ">")),
    ),
    _Panel(
        "derivatives", "derivative × Θ",
        (("derivative", "of the surrogate: H(a) − H(a − Θ)", "-"),),
        (("c", "spikes of c: h< and not h>", "s"),),
    ),
)  # fmt: skip


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw what the neurons do over what they should do, 183 mm wide."""
    panels = placed(axes, len(_PANELS), style.DOUBLE_COLUMN, _HEIGHT,
                    lambda figure: figure.subplots(1, len(_PANELS)))  # fmt: skip
    a = numbers["summed_input"]
    for axes, panel in zip(panels, _PANELS, strict=True):
        for name, text, dashes in panel.curves:
            axes.plot(a, numbers[name], color=_INK, linewidth=0.9, linestyle=dashes, label=text)
        for k, (name, text, marker) in enumerate(panel.marks):
            shown = _thinned(numbers[name], first=k * _EVERY // 2)
            axes.plot(
                a[shown], numbers.loc[shown, name], marker, color=style.colour(name[0]),
                markersize=3, markerfacecolor="white" if k else None, markeredgewidth=0.7,
                label=text, clip_on=False, zorder=3,
            )  # fmt: skip
        axes.set_title(panel.title)
        axes.set(xlabel="summed input a (units of weight)", ylabel=panel.ylabel, ylim=(-0.08, 1.3),
                 xlim=(a.min(), a.max()), yticks=(0, 0.5, 1))  # fmt: skip
        labels = [str(at).replace("-", "−") + text for at, text in _TICKS.items()]
        axes.set_xticks(list(_TICKS), labels)
        axes.spines["right"].set_visible(False)
    panels.letters(left=9)
    _impulse(panels[-1])
    for axes in panels:
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.36))
    if panels.own:
        panels.figure.subplots_adjust(left=0.07, right=0.985, bottom=0.41, top=0.92, wspace=0.3)
    return panels.figure


def _thinned(values: pd.Series, first: int) -> np.ndarray:
    """Return which values get a mark: every so many, and both sides of each jump."""
    jump = values.diff().abs() > 0.5
    regular = np.arange(len(values)) % _EVERY == first
    return (regular | jump | jump.shift(-1, fill_value=False)).to_numpy()


def _impulse(axes: Axes) -> None:
    """Draw the derivative of the step itself, which is 0 but at the threshold."""
    axes.annotate(
        "", (HALF, 1.28), (HALF, 0), arrowprops={"arrowstyle": "-|>", "color": "0.45",
                                                "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0},
    )  # fmt: skip
    axes.plot([], [], color="0.45", marker="$↑$", linestyle="", markersize=5,
              label="of the step: an impulse at Θ/2")  # fmt: skip


ENTRY = Entry(
    name="activation",
    group=PAPER,
    title="Activation, surrogate and derivative, measured",
    caption=(
        "Marks: measured in the simulated circuit (Brian2), in one sample made for this figure; "
        "needs no run. Each hidden unit gets a different summed input a, from −600 to 1700 in "
        "steps of 2, set by its weights; h, h< and h> are its spikes in phase 2, c those in phase "
        "6; summed over a, the spikes of c give the surrogate. Lines: the analytic functions, Θ = "
        "1024."
    ),
    element="activation functions",
    numbers=numbers,
    draw=draw,
    svg=True,
)
