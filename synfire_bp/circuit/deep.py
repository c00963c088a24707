"""The circuit for any number of layers, derived from a list of their sizes.

The paper's circuit has two weight layers; this one has L of them, W1 … WL, and as many layers of
units after the input.  For one sample, with h_0 = x and h_L = o::

    forward        a_l = h_(l-1) @ W_l      h_l = a_l > theta/2      b_l = 0 < a_l <= theta
    error          d_L = d+ - d-, as in the paper's circuit
    backward       e_l = W_(l+1) @ d_(l+1)  d_l = sign(e_l) * b_l    for l = L-1 … 1
    learning       W_l += 2 * outer(h_(l-1), d_l)                    clipped

with every W as it was before the sample.  A hidden error has both signs, and both are needed at
once to send it further back.  So each hidden layer has a population for either part, d1+ and d1-.

**Phases.**  There are 6 L + 1 of them.

- 0: the input source emits.  l + 1: layer l fires, from x in phase 1 to o in phase L + 1.
- L + 2: the error d+ and d- at the output.
- Then five phases for each layer l = L … 1 (three for the last), beginning with p = L + 3::

    p      layer l fires d_l+, the layer before its memory: W_l grows
           (the transposed layer l fires d_l-, the transposed layer before its memory)
    p + 1  the transposed layer before fires where e > 0
    p + 2  layer l fires d_l-, the layer before its memory: W_l shrinks
           (the transposed layer l fires d_l+, the transposed layer before its memory);
           d_(l-1)+ fires: e > 0 met the box derivative
    p + 3  the transposed layer before fires where e < 0
    p + 4  d_(l-1)- fires

Both signs meet in the transposed layer: in p + 1 it receives W_l d_l+ from layer l and -W_l d_l-
from the transposed layer l, in p + 3 the same with the signs swapped.

**Why every update is right.**  Weights change where both sides of a synapse fire in one phase.
Forward, layers fire one phase after the other.  In p and p + 2 of layer l, only populations of
layers l and l - 1 fire, and in the other phases none that a learning synapse joins.  In p the
copies of W_l grow for d_l+, those of -W_l for d_l-; in p + 2 the first shrink for d_l-, the others
for d_l+, so that afterwards all are equal again.  No unit has both, so each row of a transpose is
sent through before it changes.

**Memory.**  What fired on the way forward is needed later: a spike waits in an extra delay, then a
memory population hands it on, twice.  Where one delay is not long enough, several populations
pass it from one to the next.

**Blocks.**  A population that spikes reach through learning synapses while it is closed is closed
once more.  What a closed population withstands is therefore almost doubled.

**Other feedback.**  Errors may come back through matrices B_2 … B_L of their own, in the places of
the transposed W_2 … W_L.  They learn as the weights do where the transposed layer fires its memory
beside the error (`kolen_pollack`).  Where it does not, no coincidence ever touches them
(`feedback_alignment`).  With `direct_feedback_alignment` they lead from the output to every
transposed layer; all errors are there in the first five phases, and wait for their turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.numbers import CLOSING, FULL, LONGEST_EXTRA_DELAY, WEIGHT_LIMIT
from synfire_bp.circuit.rows import (
    Block,
    Gate,
    Matrix,
    Phase,
    PlasticProjection,
    Population,
    Relay,
    Source,
)
from synfire_bp.circuit.schedule import Schedule, layer_names
from synfire_bp.errors import CircuitError

__all__ = ["Feedback", "deep_circuit", "deep_inference_circuit"]

Feedback = Literal["symmetric", "feedback_alignment", "kolen_pollack", "direct_feedback_alignment"]
"""How errors come back: see above."""

_EDGES = {"<": 0, ">": FULL}
"""Edges of the box derivative, and the sums above which they fire."""


def deep_circuit(
    sizes: Sequence[int],
    *,
    closing: int = CLOSING,
    weight_limit: int = WEIGHT_LIMIT,
    feedback: Feedback = "symmetric",
) -> Circuit:
    """Return the training circuit for layers of any number.

    Parameters
    ----------
    sizes : sequence of int
        Units of the input, every hidden layer, and the output; three or more.
    closing : int
        Magnitude of the closing bias.
    weight_limit : int
        Plastic weights are clipped to plus or minus this.
    feedback : {"symmetric", "feedback_alignment", "kolen_pollack", "direct_feedback_alignment"}
        How errors come back.  All but "symmetric" need L - 1 more matrices, after the weights: the
        feedback for hidden layer l = 1 … L-1, in shape (n_l, n_(l+1)), or (n_l, n_L) if direct.

    Raises
    ------
    CircuitError
        If there are fewer than three sizes, or one, the closing bias or the weight limit is not
        one that the chip can have, or the feedback is unknown.
    """
    if feedback not in get_args(Feedback):
        raise CircuitError(
            f"feedback is {feedback!r}; must be one of {', '.join(get_args(Feedback))}"
        )
    return _Parts(_depth(sizes), feedback).circuit(sizes, closing, weight_limit)


def deep_inference_circuit(
    sizes: Sequence[int], *, closing: int = CLOSING, weight_limit: int = WEIGHT_LIMIT
) -> Circuit:
    """Return the inference circuit: the forward part of `deep_circuit`, one phase per layer.

    Raises
    ------
    CircuitError
        As `deep_circuit`.
    """
    depth = _depth(sizes)
    whole = _Parts(depth)
    keep = {"input", *(whole.units(layer) for layer in range(depth + 1))}
    n_phases = whole.at.forward(depth) + 1
    return Circuit(
        tuple(sizes),
        tuple(whole.phases())[:n_phases],
        tuple(row for row in whole.sources if row.name in keep),
        tuple(row for row in whole.populations if row.name in keep),
        tuple(row for row in whole.plastic if {row.pre, row.post} <= keep),
        tuple(row for row in whole.relays if row.pre in keep and set(row.post) <= keep),
        tuple(row for row in whole.gates if row.opens in keep and row.phase < n_phases),
        closing,
        weight_limit,
        layer_names(depth),
    )


def _depth(sizes: Sequence[int]) -> int:
    if len(sizes) < 3:
        raise CircuitError(
            f"sizes {tuple(sizes)} name {len(sizes)} layers; there must be three or more: input, "
            "hidden, output"
        )
    return len(sizes) - 1


class _Parts:
    """The rows of the circuit, collected layer by layer."""

    def __init__(self, depth: int, feedback: Feedback = "symmetric"):
        self.depth, self.at = depth, Schedule(depth)
        self.own = feedback != "symmetric"  # feedback has matrices of its own
        self.direct = feedback == "direct_feedback_alignment"
        self.back_learns = feedback in ("symmetric", "kolen_pollack")
        self.sources: list[Source] = []
        self.populations: list[Population] = []
        self.plastic: list[PlasticProjection] = []
        self.relays: list[Relay] = []
        self.gates: list[Gate] = []
        self._input()
        for layer in range(1, depth):
            self._hidden(layer)
        self._output()
        for layer in range(1, depth + 1):
            self._weights(layer)

    def circuit(self, sizes: Sequence[int], closing: int, weight_limit: int) -> Circuit:
        return Circuit(
            tuple(sizes),
            tuple(self.phases()),
            tuple(self.sources),
            tuple(self.populations),
            tuple(self.plastic),
            tuple(self.relays),
            tuple(sorted((*self.gates, *self._blocks()), key=lambda row: row.phase)),
            closing,
            weight_limit,
            layer_names(self.depth),
            further=tuple(self._feedback()) if self.own else (),
        )

    def _feedback(self) -> Iterator[Matrix]:
        names = layer_names(self.depth)
        for layer in range(1, self.depth):
            after = names[-1] if self.direct else names[layer + 1]
            yield Matrix(f"b{layer + 1}", names[layer], after, stands_for=layer)

    # -- names -----------------------------------------------------------------------------

    def units(self, layer: int) -> str:
        """Return the population of a layer's units: x, h1, h2, …, o."""
        return "x" if layer == 0 else "o" if layer == self.depth else f"h{layer}"

    def with_edges(self, layer: int) -> tuple[str, ...]:
        """Return the populations that the weights into a layer reach."""
        return tuple(self.units(layer) + edge for edge in ("", *_EDGES))

    def transposed(self, layer: int) -> str:
        return f"{self.units(layer)}T"

    def sends_back(self, layer: int) -> bool:
        """Return whether errors go back from a layer."""
        return layer == self.depth if self.direct else layer > 1

    def error(self, layer: int, sign: str) -> str:
        return f"d{sign}" if layer == self.depth else f"d{layer}{sign}"

    # -- rows ------------------------------------------------------------------------------

    def _input(self) -> None:
        self.sources.append(Source("input", "input", 0, "source of the input spikes"))
        self.populations.append(Population("x", "input", "input layer"))
        self.relays.append(Relay("input", ("x",)))
        self.gates.append(Gate(self.at.forward(0), "x"))
        self._memory(0, ("x",))
        self.gates += [Gate(phase, "x") for phase in self.at.learns(1)]

    def _hidden(self, layer: int) -> None:
        at, name, where = self.at, self.units(layer), layer_names(self.depth)[layer]
        above = at.grows(self.depth if self.direct else layer + 1)
        box, transposed = f"c{layer}", self.transposed(layer)
        plus, minus = (self.error(layer, sign) for sign in "+-")
        self._units(layer, where, f"hidden layer {layer}")
        remember = (name, transposed) if self.back_learns else (name,)
        self._memory(layer, remember)
        told = [f"memory of {name}"] if self.back_learns else []
        told += ["the error from the output" if self.direct else "the error from above"]
        told += ["then its own error of the opposite sign"] if self.sends_back(layer) else []
        edges = (Relay(f"{name}<", ()), Relay(f"{name}>", (), "inhibition"))
        role = f"box derivative of {name}: {name}< and not {name}>"
        self._kept(box, layer, role, edges, above + 1)
        self.populations += [
            Population(
                transposed, where,
                f"transposed hidden layer {layer}: {', '.join(told)}",
                refractory=1,
            ),
            Population(plus, where, f"positive error of {name}"),
            Population(minus, where, f"negative error of {name}"),
        ]  # fmt: skip
        self.relays += [  # the error from above, first its positive part, meets the box
            Relay(box, (plus,), "open"),
            Relay(box, (minus,), "open", extra_delays=(2,)),
            Relay(transposed, (plus, minus)),
        ]
        self.gates += [
            *(Gate(phase, each) for phase in at.learns(layer + 1) for each in remember),
            *(Gate(phase, transposed, threshold=0) for phase in (above + 1, above + 3)),
        ]
        self._send_error(layer, above + 2, above + 4)

    def _output(self) -> None:
        at, depth = self.at, self.depth
        self.sources.append(
            Source("target", "output", at.forward(depth) - 1, "source of the target spikes")
        )
        self.populations.append(Population("t", "output", "target"))
        self._units(depth, "output", "output layer")
        self.populations += [
            Population("d+", "output", "positive error: target but no output"),
            Population("d-", "output", "negative error: output but no target"),
            Population("oT", "output", "transposed output layer: the error of the opposite sign"),
        ]
        self.gates.append(Gate(at.forward(depth), "t"))
        self.relays += [
            Relay("target", ("t",)),
            Relay("t", ("d+",)),
            Relay("t", ("d-",), "inhibition"),
            Relay("o", ("d-",)),
            Relay("o", ("d+",), "inhibition"),
            Relay("o>", ("d-",), "inhibition"),
            Relay("o<", ("d-", "d+"), "open"),
        ]
        self._send_error(depth, at.error, at.error)

    def _units(self, layer: int, where: str, role: str) -> None:
        """Add a layer's units and the edges of its box derivative."""
        name, forward = self.units(layer), self.at.forward(layer)
        self.populations += [
            Population(name, where, role),
            Population(f"{name}<", where, f"lower edge of the box of {name}: input above 0"),
            Population(f"{name}>", where, f"upper edge of the box of {name}: input above {FULL}"),
        ]
        self.gates += [Gate(forward, name)]
        self.gates += [Gate(forward, name + edge, above) for edge, above in _EDGES.items()]

    def _send_error(self, layer: int, plus_fires: int, minus_fires: int) -> None:
        """Let a layer fire its error: d+ when its weights grow, d- when they shrink.

        Its transposed layer, unless there is nothing to send an error back to, the other way round.
        """
        grows, shrinks = self.at.learns(layer)
        for sign, fires, own, other in (
            ("+", plus_fires, grows, shrinks),
            ("-", minus_fires, shrinks, grows),
        ):
            name = self.error(layer, sign)
            self.relays.append(
                Relay(name, self.with_edges(layer), extra_delays=(own - fires - 1,))
            )  # fmt: skip
            if self.sends_back(layer):
                self.relays.append(
                    Relay(name, (self.transposed(layer),), extra_delays=(other - fires - 1,))
                )
        opposite = (self.transposed(layer),) if self.sends_back(layer) else ()
        told = (*self.with_edges(layer), *opposite)
        self.gates += [Gate(phase, name) for phase in (grows, shrinks) for name in told]

    def _memory(self, layer: int, readers: tuple[str, ...]) -> None:
        """Keep what a layer fired on the way forward until the weights out of it learn."""
        name, grows = self.units(layer), self.at.grows(layer + 1)
        self._kept(f"m_{name}", layer, f"memory of {name}", (Relay(name, ()),), grows - 1)
        self.relays.append(Relay(f"m_{name}", readers, extra_delays=(0, 2)))

    def _kept(self, name: str, layer: int, role: str, heard: Sequence[Relay], wanted: int) -> None:
        """Add a population that fires in phase `wanted` what it hears of the way forward.

        As many others before it as the longest delay demands, named with a prime each.
        """
        fired, longest = self.at.forward(layer), LONGEST_EXTRA_DELAY + 1
        links = -(-(wanted - fired) // longest)
        for left in reversed(range(links)):
            link, fires = name + "'" * left, wanted - left * longest
            self.populations.append(Population(link, layer_names(self.depth)[layer], role))
            self.gates.append(Gate(fires, link))
            self.relays += [
                Relay(row.pre, (link,), row.weight, extra_delays=(fires - fired - 1,))
                for row in heard
            ]
            heard, fired = (Relay(link, ()),), fires

    def _weights(self, layer: int) -> None:
        """Add the copies of the weights into a layer."""
        pre, number = self.units(layer - 1), layer - 1
        self.plastic += [PlasticProjection(pre, post, number) for post in self.with_edges(layer)]
        if layer > 1:
            back = self.transposed(layer - 1)
            source = self.depth if self.direct else layer
            matrix = self.depth + layer - 2 if self.own else number
            self.plastic += [
                PlasticProjection(self.units(source), back, matrix, transposed=True),
                PlasticProjection(self.transposed(source), back, matrix, transposed=True, sign=-1),
            ]

    def _blocks(self) -> Iterator[Block]:
        """Yield a block wherever spikes of learning synapses reach what is not opened then."""
        opened: dict[str, set[int]] = {}
        for gate in self.gates:
            opened.setdefault(gate.opens, set()).add(gate.phase)
        reached = {
            ((phase + 1) % self.at.n_phases, row.post)
            for row in self.plastic
            for phase in opened[row.pre]
        }
        for phase, post in sorted(reached):
            if phase not in opened[post]:
                yield Block(phase, post)

    def phases(self) -> Iterator[Phase]:
        """Yield what happens in each phase."""
        at, depth = self.at, self.depth
        meanings = {0: "rest; the input source emits", at.forward(0): "input: x"}
        for layer in range(1, depth):
            meanings[at.forward(layer)] = f"hidden layer {layer}: h{layer} and its box edges"
        meanings[at.forward(depth)] = "output layer: o and its box edges; target t"
        meanings[at.error] = "error: d+ and d-"
        learning: dict[int, str] = {}
        for layer in range(depth, 0, -1):
            grows, shrinks = at.learns(layer)
            before, changing = self.units(layer - 1), f"W{layer}"
            if layer > 1 and self.back_learns:
                changing += f" and B{layer}" if self.own else " and its transposes"
            s = "" if " and " in changing else "s"
            plus, minus = (self.error(layer, sign) for sign in "+-")
            meanings[grows] = f"{before} meets {plus}: {changing} grow{s}"
            meanings[shrinks] = f"{before} meets {minus}: {changing} shrink{s}"
            learning |= {grows: "potentiation", shrinks: "depression"}
            if self.sends_back(layer):
                told = range(1, layer) if self.direct else (layer - 1,)
                names = ", ".join(self.units(each) for each in told)
                to_plus, to_minus = (
                    ", ".join(self.error(each, sign) for each in told) for sign in "+-"
                )
                meanings[grows + 1] = f"positive part of the error sent to {names}; box derivative"
                meanings[shrinks] += f"; {to_plus}"
                meanings[shrinks + 1] = f"negative part of the error sent to {names}"
                meanings[shrinks + 2] = to_minus
        for phase in range(at.n_phases):
            yield Phase(phase, meanings.get(phase, "rest"), learning.get(phase, ""))
