"""Comparison with other emulators of the chip: the same networks, number by number.

Each of them runs in an interpreter of its own, since they need other versions of Python and NumPy:
that which the peer's environment variable names or, without it, this one if the peer is installed
here.  Networks and results are handed over as npz files.

A study draws networks within what both can have and mean the same by, until it has as many as it
is asked for in which something spikes and which stay comparable.  Studies "beyond" draw where both
are known to differ, so that what is said about the difference is seen to be true.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import peer_ours
from peer_networks import (
    INPUT,
    Net,
    Within,
    draw,
    draw_errors,
    draw_learning,
    formats,
    rule_for_brian2_loihi,
    rule_for_lava,
    save,
    step_of,
)

from synfire_bp.loihi import SPECS, LoihiSpec

__all__ = ["PEERS", "STUDIES", "Compared", "Peer", "Study", "compare", "interpreter"]

Result = dict[str, np.ndarray]
Draw = Callable[[np.random.Generator], Net]

CHIP = SPECS["loihi1"]
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Peer:
    """Another emulator: its name, its module, and what it is run by."""

    name: str
    module: str
    script: str
    variable: str  # of the environment: an interpreter that has it


PEERS = {
    peer.name: peer
    for peer in (
        Peer("brian2-loihi", "brian2_loihi", "peer_brian2_loihi.py",
             "SYNFIRE_BP_BRIAN2_LOIHI_PYTHON"),
        Peer("nengo-loihi", "nengo_loihi", "peer_nengo_loihi.py", "SYNFIRE_BP_NENGO_LOIHI_PYTHON"),
        Peer("lava-nc", "lava", "peer_lava.py", "SYNFIRE_BP_LAVA_PYTHON"),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Study:
    """A kind of networks that is compared with a peer.

    `left_out` says why a network cannot be compared, or nothing.  `beyond` is where both differ.
    """

    peer: str
    networks: str
    draw: Draw
    left_out: Callable[[Net, Result], str]
    spec: LoihiSpec = CHIP
    beyond: str = ""


@dataclass(frozen=True)
class Compared:
    """What a comparison found: networks, how many are equal, what differs in the others."""

    study: Study
    nets: list[Net]
    ours: list[Result]
    differ: list[list[str]]  # for each network: "u", "v", "spikes", "w0", …
    left_out: Counter[str]
    versions: dict[str, str]

    @property
    def equal(self) -> int:
        """Number of networks in which nothing differs."""
        return sum(not names for names in self.differ)


# -- what is left out -----------------------------------------------------------------------------


def overflow(net: Net, ours: Result) -> str:
    """Return whether a state, or a sum of inputs, comes beyond its bits."""
    beyond = ours["overflows"].any() or (np.abs(ours["compared"]) >= 2**23 - 1).any()
    return "a state beyond its bits" if beyond or largest_input(net, ours) >= 2**21 else ""


def largest_input(net: Net, ours: Result) -> float:
    """Return the largest sum of inputs of a cell in a step, without the accumulator's limit."""
    begins = np.cumsum([0, *net.sizes])
    stimulus = np.zeros((net.steps, net.n_inputs))
    for step, source in net.spikes:
        stimulus[step, source] = 1
    arriving = np.zeros((net.steps + 63, begins[-1]))
    for projection in net.projections:
        at, cells = projection.source, slice(*begins[projection.target : projection.target + 2])
        spikes = stimulus if at == INPUT else ours["spikes"][:, begins[at] : begins[at + 1]]
        weights = np.array(projection.weights) * 2.0 ** (projection.exponent + 6)
        if projection.rule:  # they may come anywhere
            weights[:] = 2.0 ** (projection.exponent + 14)
        arriving[projection.delay : projection.delay + net.steps, cells] += spikes @ weights
    return float(np.abs(arriving).max())


def overflow_with_bias(net: Net, ours: Result) -> str:
    """Return whether current and bias together, and noise on the voltage, need another bit."""
    added = []
    for population in net.populations:
        noise = (127 + 64 * abs(population.noise_offset)) * 2.0 ** (population.noise_exponent - 7)
        largest = noise if population.noise == "v" else 0
        added += [abs(b) * 2**population.bias_exponent + largest for b in population.biases]
    beyond = np.abs(ours["u"]) + np.array(added) >= 2**23
    return "current and bias together beyond 23 bits" if beyond.any() else ""


def limits_of_brian2_loihi(net: Net, ours: Result) -> str:
    """Return whether a state comes beyond its bits, or a rule is beyond the peer's solver.

    Weights of fewer bits end at 254 or 255 there, and here at the last whole step before that.
    It does not come to an end with `-2^3*u1*y3*(w-2) + 2^3*u3*y2*y2`, but with each of both terms.
    """
    if any(re.search(r"u\d[^+-]*\(w", projection.rule) for projection in net.projections):
        return "a term with u_k and w, with which its solver may not come to an end"
    for n, projection in enumerate(net.projections):
        if projection.rule and projection.weight_bits < 8:
            step = step_of(projection.sign_mode, projection.weight_bits)
            if ours[f"w{n}_range"][1] + step > 254:
                return "weights at their limits"
    return overflow(net, ours)


def limits_of_lava(net: Net, ours: Result) -> str:
    """Return whether weights come where Lava's limits differ.

    Mixed ones end at 255 there; and what a product changes is held before the next one is added.
    """
    for n, projection in enumerate(net.projections):
        if projection.rule:
            lowest, highest = ours[f"w{n}_range"]
            products = re.findall(r"2\^(\d)\*\w+\*(\w+)", projection.rule)
            traces = [projection.traces[name] for _, name in products]
            most = [127 if trace.keeps else trace.impulse for trace in traces]
            change = sum(2 ** int(k) * size for (k, _), size in zip(products, most, strict=True))
            several = len(products) > 1 and max(highest, -lowest) + change >= 256
            if several or (projection.sign_mode == "mixed" and highest >= 254):
                return "weights at their limits"
    return overflow(net, ours)


def nothing(net: Net, ours: Result) -> str:
    """Leave nothing out."""
    return ""


# -- studies --------------------------------------------------------------------------------------

B2L = Within(biased=False, current_decays=(0, 4096), formats=formats(12, (-4, 3)))
B2L_LEARNS = replace(
    B2L,
    formats=formats(8, (-2, 1), ("mixed", "excitatory"), (5, 8)),
    whole_weights=True,
    delay=0,
    refractory=4,
)
NENGO = Within(
    formats=formats(6, (-5, 0), ("mixed",), (8, 8)), whole_weights=True, delay=0, lowest_mixed=-254
)
NENGO_NOISE = replace(NENGO, formats=formats(2, (-1, 0), ("mixed",), (8, 8)), noise=("u", "v"))
NENGO_LEARNS = replace(NENGO, biased=False, formats=(("mixed", 8, 0),))
LAVA = Within(steps=200, refractory=1, formats=formats(9, (0, 3)), whole_weights=True)
LAVA_LEARNS = replace(
    LAVA,
    steps=150,
    biased=False,
    formats=formats(4, (0, 2), ("mixed", "excitatory"), (8, 8)),
    delay=0,
)
NO_OFFSET = replace(CHIP, current_decay_offset=0)
SYMMETRIC = SPECS["loihi1_symmetric"]


def of(within: Within) -> Draw:
    """Return what draws networks that do not learn."""
    return partial(draw, within=within)


def with_flag(rng: np.random.Generator) -> Net:
    """Draw synapses that shrink by a periodic flag alone, in brian2-loihi at step 0 too."""
    return draw_learning(
        rng, replace(B2L_LEARNS, formats=(("mixed", 8, 0),)),
        lambda rng, projection: (
            "dw = -2^1*u2 + 2^1*x0*y1", rule_for_brian2_loihi(rng, projection)[1]
        ),
    )  # fmt: skip


def with_two_traces(rng: np.random.Generator) -> Net:
    """Draw synapses whose rule multiplies two traces."""
    return draw_learning(
        rng, LAVA_LEARNS,
        lambda rng, projection: ("dw = 2^1*y0*x1*y1", rule_for_lava(rng, projection)[1]),
    )  # fmt: skip


STUDIES = [
    Study("brian2-loihi", "static", of(B2L), overflow, NO_OFFSET),
    Study(
        "brian2-loihi", "learning",
        partial(draw_learning, within=B2L_LEARNS, rule_of=rule_for_brian2_loihi),
        limits_of_brian2_loihi, NO_OFFSET,
    ),
    Study(
        "brian2-loihi", "static", of(replace(B2L, current_decays=(1, 4094))), overflow, CHIP,
        beyond="current decay offset 1",
    ),
    Study(
        "brian2-loihi", "static", of(replace(B2L, formats=formats(3, (6, 7)))), nothing, NO_OFFSET,
        beyond="weight exponents 6 and 7: states beyond their bits",
    ),
    Study(
        "brian2-loihi", "learning", with_flag, overflow, NO_OFFSET,
        beyond="a flag u_k without a trace",
    ),
    Study("nengo-loihi", "static", of(NENGO), overflow_with_bias),
    Study("nengo-loihi", "noise", of(NENGO_NOISE), overflow_with_bias),
    Study(
        "nengo-loihi", "learning", partial(draw_errors, within=NENGO_LEARNS), overflow_with_bias,
        SYMMETRIC,
    ),
    Study(
        "nengo-loihi", "static", of(replace(NENGO, current_decays=(4096, 4096))), nothing,
        beyond="current decay 4096",
    ),
    Study("lava-nc", "static", of(LAVA), overflow),
    Study(
        "lava-nc", "learning", partial(draw_learning, within=LAVA_LEARNS, rule_of=rule_for_lava),
        limits_of_lava,
    ),
    Study(
        "lava-nc", "static", of(replace(LAVA, current_decays=(4096, 4096))), nothing,
        beyond="current decay 4096",
    ),
    Study(
        "lava-nc", "static",
        of(replace(LAVA, formats=formats(3, (-6, -3)), whole_weights=False)), nothing,
        beyond="weight exponents -6 … -3",
    ),
    Study("lava-nc", "learning", with_two_traces, nothing, beyond="two traces in a product"),
    Study(
        "brian2-loihi", "learning",
        partial(
            draw_learning,
            within=replace(
                B2L_LEARNS, formats=formats(8, (-2, 1), ("mixed",), (5, 8)), whole_weights=False
            ),
            rule_of=rule_for_brian2_loihi,
        ),
        limits_of_brian2_loihi, NO_OFFSET, beyond="weights that start between two steps",
    ),
]  # fmt: skip


# -- running --------------------------------------------------------------------------------------


def interpreter(peer: Peer) -> str | None:
    """Return the Python that has the peer, or None."""
    if named := os.environ.get(peer.variable):
        return named
    return sys.executable if importlib.util.find_spec(peer.module) else None


def compare(study: Study, count: int, folder: Path) -> Compared:
    """Draw networks until `count` can be compared, run them in both, and compare.

    Raises
    ------
    RuntimeError
        If the peer fails; with what it said last.
    """
    nets, ours, left_out = drawn(study, count)
    theirs, versions = run_peer(PEERS[study.peer], nets, folder)
    return Compared(
        study, nets, ours, [list(differing(*pair)) for pair in zip(ours, theirs, strict=True)],
        left_out, versions,
    )  # fmt: skip


def drawn(study: Study, count: int) -> tuple[list[Net], list[Result], Counter[str]]:
    """Return networks that can be compared, what they do here, and why others were left out."""
    rng = np.random.default_rng([14, STUDIES.index(study)])
    nets: list[Net] = []
    ours: list[Result] = []
    left_out: Counter[str] = Counter()
    while len(nets) < count:
        batch = [study.draw(rng) for _ in range(max(count // 2, 5))]
        for net, one in zip(batch, peer_ours.run(batch, study.spec), strict=True):
            why = study.left_out(net, one) if one["spikes"].any() else "no spike"
            if why:
                left_out[why] += 1
            elif len(nets) < count:
                nets.append(net)
                ours.append(one)
    return nets, ours, left_out


def run_peer(peer: Peer, nets: list[Net], folder: Path) -> tuple[list[Result], dict[str, str]]:
    """Return what the networks do in the peer, and its versions."""
    python = interpreter(peer)
    if python is None:
        raise RuntimeError(f"{peer.name} is not installed here, and {peer.variable} is not set")
    networks, results = folder / "networks.npz", folder / "results.npz"
    save(networks, nets)
    # apart from all else: Lava looks at every file beside the one that it runs
    for file in (peer.script, "peer_networks.py"):
        shutil.copy(HERE / file, folder)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [python, "-W", "ignore", peer.script, str(networks), str(results)],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{peer.name} ({python}) failed:\n{done.stderr[-2000:]}")
    with np.load(results) as found:
        theirs: list[Result] = [{} for _ in nets]
        for name in found.files:
            if name != "versions":
                number, _, array = name.partition("/")
                theirs[int(number)][array] = found[name]
        return theirs, json.loads(str(found["versions"]))


def differing(ours: Result, theirs: Result) -> Iterable[str]:
    """Yield the names of what is not the same in both, in every number."""
    learnt = {name for name in ours if name.startswith("w") and not name.endswith("_range")}
    for name in ("u", "v", "spikes", *sorted(learnt)):
        if not np.array_equal(ours[name], theirs[name]):
            yield name
