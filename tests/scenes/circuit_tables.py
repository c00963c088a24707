"""The tables of the circuit, written from its description and not from `synfire_bp.circuit`.

Populations and the phases in which they may fire, one-to-one projections with their extra delays,
and what the gating chain does in each phase.
"""

from __future__ import annotations

# name: (layer, phases in which it may fire)
POPULATIONS = {
    "x": ("in", {1, 7, 11}),
    "m_x": ("in", {6}),
    "h": ("hid", {2, 5, 9, 7, 11}),
    "h<": ("hid", {2, 7, 11}),
    "h>": ("hid", {2, 7, 11}),
    "m_h": ("hid", {3}),
    "c": ("hid", {6}),
    "hT": ("hid", {5, 9, 6, 10}),
    "t": ("out", {3}),
    "o": ("out", {3, 5, 9}),
    "o<": ("out", {3, 5, 9}),
    "o>": ("out", {3, 5, 9}),
    "d+": ("out", {4}),
    "d-": ("out", {4}),
    "oT": ("out", {5, 9}),
}

# input spikes leave when g1 fires, target spikes when g3 fires, each one phase before its own
SOURCES = {"input": ("in", {0}), "target": ("out", {2})}

# (pre, post, layer of the weights, transposed, sign)
PLASTIC = [
    ("x", "h", 0, False, 1),
    ("x", "h<", 0, False, 1),
    ("x", "h>", 0, False, 1),
    ("h", "o", 1, False, 1),
    ("h", "o<", 1, False, 1),
    ("h", "o>", 1, False, 1),
    ("o", "hT", 1, True, 1),
    ("oT", "hT", 1, True, -1),
]

# name: (mantissa, exponent)
WEIGHTS = {
    "relay": (130, 2),
    "inhibition": (-130, 2),
    "open": (136, 6),
    "half": (128, 2),
    "cancel": (128, 6),
    "block": (-127, 6),
    "ring": (145, 6),
}

VALUES = {
    "relay": 520,
    "inhibition": -520,
    "open": 8704,
    "half": 512,
    "cancel": 8192,
    "block": -8128,
    "ring": 9280,
}

# kind: "pre > posts [extra delays]", no brackets: 0
ONE_TO_ONE = {
    "relay": """
        x > m_x [4]                 h > m_h
        o > d-                      t > d+
        d+ > o o< o>                d+ > oT [4]
        d- > o o< o> [4]            d- > oT
        m_h > h [1 5]               m_h > hT [1 5]
        hT > h h< h>                m_x > x [0 4]
        h< > c [3]                  input > x
        target > t
    """,
    "inhibition": """
        t > d-                      o > d+
        o> > d-                     h> > c [3]
    """,
    "open": """
        o< > d-                     o< > d+
        c > h h< h> [0 4]
    """,
}

# phase: (open, open + half, cancel, block)
GATES = {
    0: ("", "", "", "o o< o>"),
    1: ("x", "", "", ""),
    2: ("h", "h<", "h>", ""),
    3: ("o t m_h", "o<", "o>", ""),
    4: ("", "", "", "hT oT"),
    5: ("h hT oT o o< o>", "", "", ""),
    6: ("m_x c", "hT", "", "o o< o>"),
    7: ("x", "", "", ""),
    8: ("", "", "", "h h< h>"),
    9: ("h hT oT o o< o>", "", "", ""),
    10: ("", "hT", "", "o o< o>"),
    11: ("x", "", "", ""),
}


def one_to_one():
    """Yield (pre, post, weight, extra delay) of every one-to-one projection."""
    for weight, text in ONE_TO_ONE.items():
        rows = [row.strip() for line in text.strip().splitlines() for row in line.split("  ")]
        for row in filter(None, rows):
            pre, rest = row.split(" > ")
            posts, _, delays = rest.partition("[")
            for post in posts.split():
                for delay in delays.rstrip("]").split() or ["0"]:
                    yield pre, post, weight, int(delay)
