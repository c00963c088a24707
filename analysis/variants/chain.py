"""A synfire chain by itself, in physical units: how often a pulse dies, or spreads.

A ring of twelve pools, as the gating chain of the circuit, of leaky integrate-and-fire neurons with
membrane noise and jittered conduction delays (Abeles 1991; Diesmann et al. 1999).  A pulse is
started once in the first pool.  Then nobody helps: it dies if too few neurons of a pool fire
together, and it spreads if noise starts a second one.

    tau_m dv/dt = E - v + s + sqrt(2 tau_m) sigma xi        tau_s ds/dt = -s

A spike adds to `s`, such that one from each linked neuron, all at once, lifts `v` at its peak by
`drive` times the distance from rest to threshold.  `sigma` is the standard deviation of `v` that
the noise alone makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from brian2 import Network, NeuronGroup, SpikeMonitor, Synapses, ms, mV
from brian2 import seed as seed_brian
from numpy.typing import NDArray

from synfire_bp.dense.internals import NumpyCodeObject
from synfire_bp.errors import CircuitError
from synfire_bp.variants.gating.pools import random_links

__all__ = ["LINKS", "Chain", "Ring", "reliability", "simulate", "volleys"]

LINKS = 12
"""Pools of a ring: as many as the circuit has phases."""

DT = 0.2  # ms
REST, THRESHOLD = -70.0, -55.0  # mV
TAU_M, TAU_S, REFRACTORY = 10.0, 1.0, 2.0  # ms
DELAY = 5.0
"""Mean conduction delay from pool to pool, ms."""
TOGETHER = 3.0
"""Half of a pool within this time is a pulse, ms."""


@dataclass(frozen=True)
class Chain:
    """What a chain is made of.

    Attributes
    ----------
    pool : int
        Neurons of a link.
    drive : float
        What an intact pool's spikes, all at once, lift a neuron by: 1 is just to its threshold.
    noise : float
        Standard deviation of the membrane potential, mV.
    delay_spread : float
        Standard deviation of the conduction delays, ms.
    link_probability : float
        Share of the pool before from which a neuron is linked; at least one neuron.
    """

    pool: int
    drive: float = 2.0
    noise: float = 2.0
    delay_spread: float = 0.5
    link_probability: float = 1.0

    def __post_init__(self) -> None:
        """Check what it is made of."""
        if self.pool < 1 or not 0 < self.link_probability <= 1:
            raise CircuitError(
                f"a chain of pools of {self.pool} with links to {self.link_probability:g} of the "
                "pool before: needs 1 neuron or more, and a share above 0, at most 1"
            )
        if self.drive <= 0 or self.noise < 0 or self.delay_spread < 0:
            raise CircuitError(
                f"a chain with drive {self.drive:g}, noise {self.noise:g} mV, delay spread "
                f"{self.delay_spread:g} ms: the drive must be above 0, the others not below"
            )

    @property
    def in_links(self) -> int:
        """Links into a neuron."""
        return max(1, round(self.link_probability * self.pool))

    @property
    def weight(self) -> float:
        """What a spike adds to `s`, mV."""
        when = TAU_M * TAU_S / (TAU_M - TAU_S) * np.log(TAU_M / TAU_S)
        peak = TAU_S / (TAU_M - TAU_S) * (np.exp(-when / TAU_M) - np.exp(-when / TAU_S))
        return float(self.drive * (THRESHOLD - REST) / (self.in_links * peak))


@dataclass(frozen=True)
class Ring:
    """What one ring did: which neuron fired (from 0, pool by pool), and when (ms), by time."""

    chain: Chain
    neuron: NDArray[np.int64]
    time: NDArray[np.float64]

    @property
    def pool(self) -> NDArray[np.int64]:
        """The pool of each spike."""
        return self.neuron // self.chain.pool


def simulate(
    chains: Sequence[Chain], *, rings: int, turns: int = 3, seed: int = 0
) -> list[list[Ring]]:
    """Run rings of each chain, all side by side in one network.

    Parameters
    ----------
    chains : sequence of Chain
        The chains.
    rings : int
        Rings of each, with links, delays and noise of their own.
    turns : int
        How long: so many turns of a ring without a rise time, `LINKS * DELAY` each.
    seed : int
        Of everything random.

    Returns
    -------
    list of list of Ring
        For each chain its rings.
    """
    rng = np.random.default_rng(seed)
    owner = [chain for chain in chains for _ in range(rings)]
    starts = np.concatenate([[0], np.cumsum([LINKS * chain.pool for chain in owner])])
    pre, post, delay = _links(owner, starts, rng)
    cells = _cells(owner, starts, rng)
    links = Synapses(
        cells, cells, on_pre="s_post += weight_pre", dt=DT * ms, codeobj_class=NumpyCodeObject,
        name="chain_links",
    )  # fmt: skip
    links.connect(i=pre, j=post)
    links.delay = delay * ms
    spikes = SpikeMonitor(cells, codeobj_class=NumpyCodeObject, name="chain_spikes")
    seed_brian(seed)
    Network(cells, links, spikes).run(turns * LINKS * DELAY * ms, namespace={})
    found = _rings(owner, starts, np.array(spikes.i[:]), np.array(spikes.t / ms))
    return [found[k : k + rings] for k in range(0, len(found), rings)]


def _cells(
    owner: Sequence[Chain], starts: NDArray[np.int64], rng: np.random.Generator
) -> NeuronGroup:
    """Return the neurons of all rings, ring by ring; those of the first pools are about to fire."""
    cells = NeuronGroup(
        int(starts[-1]),
        """
        dv/dt = (rest - v + s) / tau_m + sigma * sqrt(2 / tau_m) * xi : volt (unless refractory)
        ds/dt = -s / tau_s : volt
        sigma  : volt (constant)
        weight : volt (constant)
        """,
        threshold="v > threshold", reset="v = rest", refractory=REFRACTORY * ms, method="euler",
        namespace={"rest": REST * mV, "threshold": THRESHOLD * mV, "tau_m": TAU_M * ms,
                   "tau_s": TAU_S * ms},
        dt=DT * ms, codeobj_class=NumpyCodeObject, name="chain_cells",
    )  # fmt: skip
    sizes = np.diff(starts)
    noise = np.repeat([chain.noise for chain in owner], sizes)
    cells.sigma = noise * mV
    cells.weight = np.repeat([chain.weight for chain in owner], sizes) * mV
    potential = np.minimum(REST + noise * rng.standard_normal(noise.size), THRESHOLD - 0.1)
    for start, chain in zip(starts[:-1], owner, strict=True):  # the pulse that starts it all
        potential[start : start + chain.pool] = THRESHOLD + 1
    cells.v = potential * mV
    return cells


def _rings(
    owner: Sequence[Chain],
    starts: NDArray[np.int64],
    who: NDArray[np.integer],
    when: NDArray[np.float64],
) -> list[Ring]:
    """Return what each ring did, from all spikes: neuron, and time in ms."""
    order = np.argsort(who, kind="stable")
    who, when = who[order], when[order]
    bounds = np.searchsorted(who, starts)
    found = []
    for n, chain in enumerate(owner):
        inside = slice(bounds[n], bounds[n + 1])
        at = np.argsort(when[inside], kind="stable")
        found.append(Ring(chain, (who[inside] - starts[n])[at].astype(np.int64), when[inside][at]))
    return found


def _links(
    owner: Sequence[Chain], starts: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return pre, post and delay (ms) of every link."""
    pres, posts, spreads = [], [], []
    for start, chain in zip(starts[:-1], owner, strict=True):
        for link in range(LINKS):
            pre, post = random_links(chain.pool, chain.in_links, int(rng.integers(2**31)))
            pres.append(start + link * chain.pool + pre)
            posts.append(start + (link + 1) % LINKS * chain.pool + post)
            spreads.append(np.full(pre.size, chain.delay_spread))
    spread = np.concatenate(spreads)
    delay = np.maximum(DELAY + spread * rng.standard_normal(spread.size), DT)
    return np.concatenate(pres), np.concatenate(posts), delay


def volleys(ring: Ring) -> list[NDArray[np.float64]]:
    """Return, for each pool, when pulses went through it: half of it within `TOGETHER`, ms.

    A pulse is over before another one can begin: half a refractory pool cannot fire.
    """
    needed = max(1, -(-ring.chain.pool // 2))
    found = []
    for link in range(LINKS):
        time = ring.time[ring.pool == link]
        times: list[float] = []
        free = -np.inf
        for first, last in zip(time, time[needed - 1 :], strict=False):
            if last - first <= TOGETHER and first > free:
                times.append(first)
                free = first + 2 * TOGETHER
        found.append(np.array(times))
    return found


def reliability(
    chains: Sequence[Chain], *, rings: int, turns: int = 3, seed: int = 0
) -> pd.DataFrame:
    """Measure how often a pulse dies, and how often it spreads.

    Returns
    -------
    DataFrame
        One row per chain: what it is made of; `rings`; `died`: rings in which no pulse went through
        any pool during the last third of a turn; `spread`: rings in which a pool saw a pulse again
        within three quarters of a turn, which one pulse alone cannot do; `rate`: spikes per neuron
        and second.
    """
    rows = []
    end = turns * LINKS * DELAY
    for chain, of_chain in zip(
        chains, simulate(chains, rings=rings, turns=turns, seed=seed), strict=True
    ):
        died = spread = spikes = 0
        for ring in of_chain:
            times = volleys(ring)
            died += max((t[-1] for t in times if t.size), default=-np.inf) < end - LINKS * DELAY / 3
            spread += any((np.diff(t) < 0.75 * LINKS * DELAY).any() for t in times)
            spikes += ring.time.size
        rate = 1000 * spikes / (rings * LINKS * chain.pool * end)
        rows.append(asdict(chain) | {"rings": rings, "died": died, "spread": spread, "rate": rate})
    return pd.DataFrame(rows)
