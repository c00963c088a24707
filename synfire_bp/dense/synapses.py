"""Row-wise C++ for dense projections, by Brian2's own extension points.

Stock Brian2 pushes every synapse of every spike through a queue and then finds its target by an
index array.  In an all-to-all projection stored row by row the targets of one spike lie next to
each other: no queue of synapses, no index to load, and a loop that the compiler vectorises.

    synapses = DenseSynapses(source, target, "w : 1", on_pre="v_post += w")
    synapses.connect()

is ordinary Brian2: any model and any `on_pre` code.  In C++ standalone mode the pathways of such an
object are generated from `templates/` by `RowGenerator`; in runtime mode, and where a pathway does
not qualify, it is Brian2's own code, and a log message gives the reason.

A pathway qualifies if it reacts to presynaptic spikes, writes nothing but synaptic and postsynaptic
variables, and its synapses form rows (see `DenseSynapses`).  Delays may differ between synapses.
Synapses are visited in Brian2's own order, so floating point sums are the same to the last bit.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from brian2 import Synapses, get_device

from synfire_bp.dense.codeobject import RowCodeObject
from synfire_bp.dense.generator import ROWS, TARGET_INDEX
from synfire_bp.dense.internals import (
    ArrayVariable,
    CPPStandaloneDevice,
    SynapticPathway,
    get_identifiers_recursively,
    get_logger,
    has_queue,
    parse_statement,
)

__all__ = ["DenseSynapses"]

logger = get_logger(__name__)

_RANDOM = {"rand", "randn", "poisson"}
_SHORTEST_RUN = 4.0
"""Mean number of neighbouring targets from which on rows are worthwhile."""


class DenseSynapses(Synapses):
    """Synapses whose pathways are generated row by row where they qualify.

    Takes the arguments of `brian2.Synapses`, and:

    Parameters
    ----------
    rows : bool, optional
        True: rows for any pattern of connections (correct, but slow for a sparse one).  False:
        never.  By default, rows if `connect` was called without a condition, or with indices in
        which targets lie next to each other, on average at least four.

    Raises
    ------
    Exception
        What `brian2.Synapses` raises.

    Examples
    --------
    >>> from brian2 import NeuronGroup, Network, SpikeGeneratorGroup, ms, prefs
    >>> prefs.codegen.target = "numpy"  # Cython compiles for a minute, once
    >>> from synfire_bp.dense import DenseSynapses
    >>> source = SpikeGeneratorGroup(2, [0, 1], [0, 0] * ms)
    >>> target = NeuronGroup(3, "v : 1")
    >>> synapses = DenseSynapses(source, target, "w : 1", on_pre="v_post += w")
    >>> synapses.connect()
    >>> synapses.w = "i + 10*j"  # shape (6,): sorted by source, then by target
    >>> Network(source, target, synapses).run(1 * ms)
    >>> target.v[:]
    array([ 1., 21., 41.])
    """

    def __init__(self, *args: Any, rows: bool | None = None, **kwds: Any) -> None:
        self._rows = rows
        self._n_runs = self._n_single = self._n_connected = 0
        self._not_dense: str | None = None
        self._said: dict[str, str | None] = {}
        super().__init__(*args, **kwds)

    def connect(
        self, condition: Any = None, i: Any = None, j: Any = None, p: Any = 1.0, n: Any = 1,
        skip_if_invalid: bool = False, namespace: Any = None, level: int = 0,
    ) -> None:  # fmt: skip
        """Add synapses, as in `brian2.Synapses`, and decide how their pathways are generated."""
        super().connect(condition, i, j, p, n, skip_if_invalid, namespace, level=level + 1)
        self._note_density(condition, i, j, p, n)
        self._decide()

    def before_run(self, run_namespace: Any) -> None:
        """Prepare a run; the code of a pathway may have been changed since `connect`."""
        super().before_run(run_namespace)
        self._decide()

    @property
    def by_rows(self) -> dict[str, bool]:
        """Whether each pathway is generated row by row, by name."""
        return {pathway.objname: pathway.template == ROWS for pathway in self._pathways}

    def _decide(self) -> None:
        if not isinstance(get_device(), CPPStandaloneDevice):
            return
        for pathway in self._pathways:
            if has_queue(pathway):
                continue  # it has a queue, with spikes in transit
            reason = self._obstacle(pathway)
            self._generate(pathway, by_rows=reason is None)
            if reason != self._said.get(pathway.name):
                says = f"uses Brian2's own code: {reason}" if reason else "is by rows after all"
                logger.info(f"'{pathway.name}' {says}", name_suffix="not_by_rows")
            self._said[pathway.name] = reason

    def _note_density(self, condition: Any, i: Any, j: Any, p: Any, n: Any) -> None:
        certain = isinstance(p, (int, float)) and p == 1 and n == 1
        numbers = (int, np.integer, np.ndarray, list, tuple)
        if certain and condition is None and isinstance(i, numbers) and isinstance(j, numbers):
            pre, post = np.broadcast_arrays(np.ravel(i), np.ravel(j))
            neighbours = (np.diff(pre) == 0) & (np.diff(post) == 1)
            ends = np.concatenate([[-1], np.flatnonzero(~neighbours), [pre.size - 1]])
            lengths = np.diff(ends[: None if pre.size else 1])
            self._n_connected += pre.size
            self._n_runs += lengths.size
            self._n_single += int((lengths == 1).sum())
        elif isinstance(self.target, Synapses):
            self._not_dense = "its targets are synapses, whose number is not known before the run"
        elif certain and condition in (None, True, "True") and i is None and j is None:
            self._n_connected += len(self.source) * len(self.target)
            self._n_runs += len(self.source)
            self._n_single += len(self.source) * (len(self.target) == 1)
        else:
            self._not_dense = "connect() was called with a condition, a probability or a generator"

    def _obstacle(self, pathway: SynapticPathway) -> str | None:
        """Return why a pathway cannot or should not be generated by rows."""
        if self._rows is False:
            return "rows=False"
        if type(get_device()) is not CPPStandaloneDevice:
            return f"{type(get_device()).__name__} does not generate C++ standalone code"
        if self.codeobj_class is not None and not issubclass(self.codeobj_class, RowCodeObject):
            return f"codeobj_class is {self.codeobj_class.__name__}"
        if pathway.prepost != "pre":
            return "it reacts to postsynaptic spikes, whose synapses do not lie next to each other"
        for line in re.split(r"[;\n]", pathway.code):
            code = line.partition("#")[0].strip()
            if code and (reason := self._obstacle_in(code)):
                return f"'{code}' {reason}"
        if self._rows:
            return None
        if self._not_dense:
            return self._not_dense
        if self.mean_run < _SHORTEST_RUN:
            return (
                f"{self.mean_run:.1f} targets lie next to each other on average, less than "
                f"{_SHORTEST_RUN:g}"
            )
        return None

    @property
    def mean_run(self) -> float:
        """Mean number of targets that lie next to each other; 0 if it is not known."""
        return 0.0 if self._not_dense else self._n_connected / max(self._n_runs, 1)

    @property
    def mean_longer_run(self) -> float:
        """As `mean_run`, for runs of more than one target."""
        connected, runs = self._n_connected - self._n_single, self._n_runs - self._n_single
        return 0.0 if self._not_dense else connected / max(runs, 1)

    def _obstacle_in(self, statement: str) -> str | None:
        name, _, expression, _ = parse_statement(statement)
        used = get_identifiers_recursively([expression], self.variables)
        if used & _RANDOM:
            return "draws random numbers, whose order only Brian2's own code keeps"
        if TARGET_INDEX in used:
            return f"reads {TARGET_INDEX}, which rows do not load"
        if isinstance(self.variables.get(name), ArrayVariable) and (
            self.variables.indices[name] not in ("_idx", TARGET_INDEX)
        ):
            return f"writes '{name}', which is neither synaptic nor postsynaptic"
        return None

    def _generate(self, pathway: SynapticPathway, *, by_rows: bool) -> None:
        own = self.codeobj_class
        is_of_rows = own is not None and issubclass(own, RowCodeObject)
        pathway.template = ROWS if by_rows else "synapses"
        if by_rows:
            pathway.codeobj_class = own if is_of_rows else RowCodeObject
        else:
            pathway.codeobj_class = None if is_of_rows else own
