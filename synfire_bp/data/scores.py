"""How well outputs match labels, as counts that can be added; `READOUTS` defines each way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synfire_bp.summary import Summarised, Summary, percent

__all__ = ["READOUTS", "Score", "shut_samples"]

READOUTS = {
    "by spikes": "a silent output is wrong; k output units that spike count 1/k if the right one "
    "is among them",
    "by argmax": "the first output unit that spikes, silence counts as class 0: the authors' "
    "readout, for comparisons with the paper",
    "by potential": "the output unit with the greatest summed input",
}
"""The readouts of a prediction, in a sentence each: for terminal, figures and pages."""


@dataclass(frozen=True, repr=False)
class Score(Summarised):
    """Counts over samples; the accuracies are fractions, 0 … 1.

    Attributes
    ----------
    samples : int
        Samples seen.
    correct_argmax : int
        Label equals the first output neuron that spiked; silence reads as 0.
    correct_potential : int
        Label equals the output neuron with the greatest summed input (the first of equals).
    squared_errors : int
        Sum of (o - t)**2 over output neurons and samples.
    silent : int
        Samples for which no output neuron spiked.
    among : tuple of int
        Samples for which the label's output neuron spiked: it alone, with one other, ….

    Examples
    --------
    >>> import numpy as np
    >>> import synfire_bp as sb
    >>> spikes = np.array([[True, False], [True, True]])  # (samples, n_out)
    >>> score = sb.Score.of(spikes, potentials=np.array([[9, -3], [5, 4]]), labels=np.array([0, 1]))
    >>> score.correct_spikes, score.correct_potential  # of the second sample one half, and none
    (1.5, 1)
    """

    samples: int
    correct_argmax: int
    correct_potential: int
    squared_errors: int
    silent: int
    among: tuple[int, ...]

    def _summary(self) -> Summary:
        row = self.row()
        names = {"by spikes": "accuracy_spikes", "by argmax": "accuracy_argmax",
                 "by potential": "accuracy_potential", "no output spike": "silent",
                 "all output spikes right": "exact"}  # fmt: skip
        shares = {label: percent(row[name]) for label, name in names.items()}
        if not self.samples:
            return Summary("Score of no samples", ())
        return Summary(
            f"Score of {self.samples:,} samples",
            (", ".join(f"{share} {label}" for label, share in shares.items()),),
            (*shares.items(), ("mean squared error", f"{row['mse']:.5f}")),
        )

    @classmethod
    def none(cls, n_out: int) -> Score:
        """Return the score of no sample."""
        return cls(0, 0, 0, 0, 0, n_out * (0,))

    @classmethod
    def of(
        cls, spikes: NDArray[np.bool_], potentials: NDArray[np.integer], labels: NDArray[np.integer]
    ) -> Score:
        """Score outputs of shape (samples, n_out) against labels of shape (samples,)."""
        n_out = spikes.shape[1]
        targets = np.arange(n_out) == np.asarray(labels)[:, None]
        fired = spikes.sum(axis=1)
        with_label = fired[(spikes & targets).any(axis=1)]
        return cls(
            samples=len(labels),
            correct_argmax=int(np.sum(spikes.argmax(axis=1) == labels)),
            correct_potential=int(np.sum(potentials.argmax(axis=1) == labels)),
            squared_errors=int((spikes != targets).sum()),
            silent=int(np.sum(fired == 0)),
            among=tuple(np.bincount(with_label, minlength=n_out + 1)[1:].tolist()),
        )

    @property
    def n_out(self) -> int:
        """Output neurons."""
        return len(self.among)

    @property
    def exact(self) -> int:
        """Samples for which the output spikes equal the one-hot target."""
        return self.among[0]

    @property
    def correct_spikes(self) -> float:
        """Samples right by spikes, shared where several output neurons spiked."""
        return sum(count / k for k, count in enumerate(self.among, 1))

    def __add__(self, other: Score) -> Score:
        """Return the score of both sets of samples."""
        ours, theirs = dict(vars(self)), dict(vars(other))
        pairs = zip(ours.pop("among"), theirs.pop("among"), strict=True)
        among = tuple(one + more for one, more in pairs)
        return Score(**{name: count + theirs[name] for name, count in ours.items()}, among=among)

    def row(self) -> dict[str, float]:
        """Return samples, the accuracies and the mean squared error by their column names."""
        n = max(self.samples, 1)
        return {
            "samples": self.samples,
            "accuracy_spikes": self.correct_spikes / n,
            "accuracy_argmax": self.correct_argmax / n,
            "accuracy_potential": self.correct_potential / n,
            "silent": self.silent / n,
            "exact": self.exact / n,
            "mse": self.squared_errors / (n * self.n_out),
        }


def shut_samples(
    potentials: NDArray[np.integer], labels: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return the fraction of each class's samples whose own output unit is shut.

    Shut means a2 <= 0: the box derivative is 0, and the unit learns nothing from such a sample,
    its target.  A unit that is shut for all of them can be moved only by what the layer below
    learns of others.

    Parameters
    ----------
    potentials : integer array, shape (samples, n_out)
        Summed input a2 of the output units.
    labels : integer array, shape (samples,)
        Classes.

    Returns
    -------
    float64 array, shape (n_out,)
        0 ... 1; NaN for a class without samples.
    """
    n_out = potentials.shape[1]
    shut = potentials[np.arange(len(labels)), labels] <= 0
    counts = np.bincount(labels, minlength=n_out)
    found = np.bincount(labels, weights=shut, minlength=n_out)
    return np.where(counts > 0, found / np.maximum(counts, 1), np.nan)
