"""The plan of a network: one object with everything that it is built from, before Brian2 is used.

A plan has the circuit, the learning rule, the kind of neurons, the lines that variants add, and the
sources of the numbers with which a run starts.  The same plan becomes a network in Brian2's runtime
mode and a compiled program.  No brian2 here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import Copies, PlasticLayout
from synfire_bp.circuit.rule import Rule
from synfire_bp.errors import SynfireError, blaming
from synfire_bp.network.lines import NO_LINES, Lines, combined
from synfire_bp.network.neurons import MEMORYLESS, Neurons
from synfire_bp.network.numbers import Moment, Numbers
from synfire_bp.summary import Summarised, Summary

__all__ = ["NetworkPlan", "NumberSource"]

NumberSource = Callable[[Circuit, PlasticLayout, Moment], Numbers]
"""Gives the numbers that a variant's lines need, as "group.variable" to values."""


@dataclass(frozen=True, repr=False)
class NetworkPlan(Summarised):
    """Everything that a circuit's network is built from.

    Attributes
    ----------
    circuit : Circuit
        Training or inference circuit.
    rule : Rule or None
        The rule of every plastic synapse; None: nothing is learnt.
    neurons : Neurons
        The kind of neurons.
    lines : Lines
        Lines that variants add to the Brian2 code.
    sources : tuple of callables
        Functions that give the numbers of those lines.

    Raises
    ------
    SynfireError
        By `numbers`, if two variants give one number other values.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> model = sb.assemble(sb.Experiment.from_file("digits"))
    >>> model.network.learns, model.inference.learns
    (True, False)
    >>> model.network.numbers(model.start, sb.Moment())["plastic.w"].shape  # one per synapse
    (96800,)
    """

    circuit: Circuit
    rule: Rule | None
    neurons: Neurons = MEMORYLESS
    lines: Lines = NO_LINES
    sources: tuple[NumberSource, ...] = ()

    def _summary(self) -> Summary:
        circuit = self.circuit._summary()
        neurons = type(self.neurons).__name__
        rule = self.rule.text if self.rule is not None and self.learns else "nothing is learnt"
        lines = f"{sum(1 for text in vars(self.lines).values() if text)} kinds of added lines"
        return Summary(
            f"NetworkPlan {'-'.join(map(str, self.circuit.sizes))}",
            (*circuit.said, neurons, rule, lines * bool(self.lines)),
            (*circuit.facts, ("neurons are", neurons), ("rule", rule)),
        )

    @property
    def learns(self) -> bool:
        """Whether this is the training network."""
        return self.rule is not None and bool(self.circuit.reward_phases)

    @property
    def steps_per_sample(self) -> int:
        """Time steps of the simulation that a sample takes."""
        return self.circuit.n_phases * self.neurons.steps_per_phase

    @cached_property
    def layout(self) -> PlasticLayout:
        """Where the plastic synapses lie in memory."""
        return PlasticLayout(self.circuit)

    def adding(self, lines: Lines, numbers: NumberSource | None = None) -> NetworkPlan:
        """Return the plan with more lines, and the source of their numbers."""
        sources = self.sources if numbers is None else (*self.sources, numbers)
        return replace(self, lines=combined((self.lines, lines)), sources=sources)

    def _checked(self, source: NumberSource, at: Moment) -> Numbers:
        """Return the numbers of a variant, after checking that they fit their groups."""
        sizes = {
            "cells": self.circuit.n_cells, "plastic": self.layout.pre.size, "fixed": None,
            "output": self.circuit.sizes[-1],
        }  # fmt: skip
        with blaming(source, "the numbers of a variant"):
            more = dict(source(self.circuit, self.layout, at))
            for name, value in more.items():
                group, _, variable = str(name).partition(".")
                if group not in sizes or not variable.isidentifier():
                    raise ValueError(
                        f"'{name}' is not a number of a network; call it 'group.variable', with "
                        f"one of the groups {', '.join(sizes)}"
                    )
                array = np.asarray(value)
                if array.dtype.kind not in "biuf":
                    raise ValueError(f"{name} is {value!r:.60}; must be a number or an array")
                if array.ndim and sizes[group] not in (None, array.size):
                    raise ValueError(
                        f"{name} has {array.size} values; must have {sizes[group]}, one for each, "
                        "or be a single number"
                    )
                if array.ndim and array.dtype.kind in "iu" and array.dtype.itemsize < 4:
                    more[name] = array.astype(np.int32)  # the type of variables declared as integer
        return more

    def numbers(
        self,
        weights: Sequence[NDArray[np.integer]],
        at: Moment,
        copies: Copies | None = None,
    ) -> Numbers:
        """Return every number of the network that is not structure.

        Parameters
        ----------
        weights : sequence of integer arrays
            One matrix (n_pre, n_post) for each of the circuit's `shapes`.
        at : Moment
            Where in the training the run begins.
        copies : mapping, optional
            The matrix of each plastic projection, by name, where copies of a matrix differ.

        Returns
        -------
        dict
            "group.variable" to an array or a number.

        Raises
        ------
        SynfireError
            If two variants give one number other values.
        """
        given = self.neurons.numbers(
            self.circuit, self.layout, weights, self.rule, copies=copies, at=at
        )
        added: Numbers = {}
        for source in self.sources:
            more = self._checked(source, at)
            for name in more.keys() & added.keys():
                if not np.array_equal(more[name], added[name]):
                    raise SynfireError(
                        f"two variants of this model set {name} to different values; use one of "
                        "them, or give the number a name of its own"
                    )
            added |= more
        return given | added
