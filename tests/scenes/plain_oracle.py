"""The algorithm in plain NumPy, for any number of layers and with all that variants do otherwise.

Written from the description of what the circuit computes; it shares nothing with
`synfire_bp.oracle` but the dice: no loop over neurons, 64-bit integers, a new matrix for every
update.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from synfire_bp import dice


def soft_share(steps, w, dw, low, high):
    """What share of twice a step a soft bound leaves: so many parts, and of how many.

    "to_bound": the distance from the bound ahead, of that between both.  "outward": away from 0 the
    distance from the further bound, of twice that bound; towards 0 a half, which is a whole step.
    "alike": the distance from just behind the further bound, of twice that, whichever way.
    """
    if steps == "to_bound":
        return np.where(dw > 0, high - w, w - low), high - low
    further = np.maximum(high, -low)
    if steps == "outward":
        away = np.sign(dw) == np.sign(w)
        return np.where(away, further - abs(w), further), 2 * further
    return further + 2 - abs(w), 2 * (further + 2)


class Plain:
    """Weights, and what has been counted while they learnt.

    `weights` are the forward matrices, `back` has the feedback matrix for each weight layer
    (counted from 0) that has one.  `learns` and `decays` name matrices as "w1" and "b2".
    """

    def __init__(self, *weights, semantics="circuit", limit=254, up=2, down=-2, back=(),
                 direct=False, still=(), every=0, keep=2**16, decays=(), changes=None,
                 returning=None, showings=1, n_phases=12, shown=0, moment=0):  # fmt: skip
        self.w = {f"w{k + 1}": w.astype(np.int64) for k, w in enumerate(weights)}
        self.w |= {f"b{k + 1}": b.astype(np.int64) for k, b in dict(back).items()}
        self.depth = len(weights)
        self.after, self.edge = (True, 1023) if semantics == "numpy" else (False, 1024)
        self.limit, self.up, self.down, self.direct = limit, up, down, direct
        self.still, self.every, self.keep, self.decays = still, every, keep, decays
        self.changes, self.showings, self.n_phases = changes, showings, n_phases
        self.returning = returning
        self.shown, self.moment, self.seen = shown, moment, 0
        self.o, self.potentials, self.t, self.h, self.wrong = [], [], [], [], []
        self.changed = self.depth * [0]
        self.cut = {1: 0, -1: 0}

    @property
    def w1(self):
        return self.w["w1"]

    @property
    def w2(self):
        return self.w["w2"]

    @property
    def matrices(self):
        """Forward matrices, then those for feedback."""
        return list(self.w.values())

    def learn(self, x, label):
        for showing in range(self.showings):
            noted = self.show(x.astype(np.int64), label)
            if showing == 0:
                for kept, seen in zip(
                    (self.o, self.potentials, self.t, self.h, self.wrong), noted, strict=True
                ):
                    kept.append(seen)
        self.seen += 1
        if self.every and (self.shown + self.seen) % self.every == 0:
            for name in self.decays:
                w = self.w[name]
                self.w[name] = np.sign(w) * 2 * (abs(w) // 2 * self.keep // 2**16)

    def show(self, x, label):
        units, sums, before = [x], [], dict(self.w)
        for k in range(self.depth):
            sums.append(units[-1] @ self.w[f"w{k + 1}"])
            units.append((sums[-1] > 512).astype(np.int64))
        boxes = [(a > 0) & ~(a > self.edge) for a in sums]
        t, o, a = np.arange(sums[-1].size) == label, sums[-1] > 512, sums[-1]
        d = top = (t & ~o & (a > 0)).astype(np.int64) - (o & ~t & ~(a > self.edge))
        for k in range(self.depth - 1, -1, -1):
            own, wanted = f"b{k + 1}", np.outer(units[k], d)
            for name in (f"w{k + 1}", own):
                if name in self.w and name not in self.still:
                    self.w[name] = self.updated(name, k, wanted)
            if k > 0:
                back = (self.w if self.after else before)[own if own in self.w else f"w{k + 1}"]
                if self.returning is not None:
                    back = back * self.returning[k]
                d = np.sign(back @ (top if self.direct else d)) * boxes[k - 1]
        return o, a, t, np.concatenate(units[1:-1]), top.any()

    def updated(self, name, layer, wanted):
        """Return a matrix after its update; `wanted` holds signs."""
        old = self.w[name]
        dw = np.where(wanted > 0, self.up, np.where(wanted < 0, self.down, 0))
        if self.changes is not None and name.startswith("w"):
            new = self.drawn(old, dw, layer)
        else:
            for sign in self.cut:
                self.cut[sign] += int((sign * (old + dw) > self.limit).sum())
            new = np.maximum(np.minimum(old + dw, self.limit), -self.limit)
        if name.startswith("w"):
            self.changed[layer] += int((new != old).sum())
        return new

    def drawn(self, w, dw, layer):
        """Return what becomes of weights that move at random, within bounds of their own."""
        c, first = self.changes, 0
        for shape in list(pairwise(self.sizes))[:layer]:
            first += shape[0] * shape[1]
        number = first + np.arange(w.size).reshape(w.shape)
        now = 1 + self.n_phases * self.seen
        update, soft, level = (
            dice.moments(self.moment, stream) + now
            for stream in ("update", "soft bounds", "levels")
        )
        low, high = (bound[layer].astype(np.int64) for bound in (c.lowest, c.highest))
        moves = dw != 0
        if c.soft:
            left, whole = soft_share(c.soft_steps, w, dw, low, high)
            dw = 2 * dice.in_portions(dw * left, whole, number, soft)
        dw = dw * (dice.chances(number, update) < round(c.probability * 2**24))
        dw = dice.in_steps(dw, c.step, number, level)
        return np.where(moves, np.minimum(np.maximum(w + dw, low), high), w)

    @property
    def sizes(self):
        forward = [self.w[f"w{k + 1}"] for k in range(self.depth)]
        return (*(len(w) for w in forward), forward[-1].shape[1])

    def counts(self):
        o, a, t, h = (np.array(kept) for kept in (self.o, self.potentials, self.t, self.h))
        labels = t.argmax(axis=1)
        return {
            "samples": len(o),
            "correct_argmax": int((o.argmax(axis=1) == labels).sum()),
            "correct_potential": int((a.argmax(axis=1) == labels).sum()),
            "silent": sum(not spikes.any() for spikes in o),
            "squared_errors": int(((o.astype(int) - t) ** 2).sum()),
            "among": self.among(o, labels),
            "hidden_spikes": int(h.sum()),
            "output_spikes": int(o.sum()),
            "samples_with_error": sum(map(bool, self.wrong)),
            "weight_changes": tuple(self.changed),
        }

    @staticmethod
    def among(o, labels):
        """Count the samples by how many outputs spiked beside the label's own."""
        counts = [0] * o.shape[1]
        for spikes, label in zip(o, labels, strict=True):
            if spikes[label]:
                counts[int(spikes.sum()) - 1] += 1
        return tuple(counts)

    def fractions(self):
        """Counts as `train_epoch` returns them."""
        counts = self.counts()
        o, t = np.array(self.o).astype(float), np.array(self.t)
        for name in ("hidden_spikes", "output_spikes"):
            counts.pop(name)
        changes = counts.pop("weight_changes")
        return counts | {
            "loss": ((o - t) ** 2).mean(),
            "hidden_active": np.array(self.h).mean(),
            "output_active": o.mean(),
            **{f"changes_w{k + 1}": n for k, n in enumerate(changes)},
        }
