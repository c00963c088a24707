"""Pages of circuits to watch: what one holds, and one of any circuit, without a run."""

from __future__ import annotations

import base64
import json
import re

import numpy as np

import synfire_bp as sb
from synfire_bp.watch.page import page_bytes
from synfire_bp.watch.recording import bits
from synfire_bp.watch.watching import differences
from synfire_bp.watch.wiring import grid_of, wiring


def held(page):
    """Return the data that a page holds."""
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    return json.loads(found[1])


def fired(text, size):
    """Return who fired, (size,) of bool, from the text that a page holds of them."""
    if not text:
        return np.zeros(size, dtype=bool)
    packed = np.frombuffer(base64.b64decode(text), dtype=np.uint8)
    return np.unpackbits(packed)[:size].astype(bool)


def page_of(name, path, change=None):
    """Write the page of a shipped model in which everybody fires in every phase, and learns.

    `change` is told what the page will hold, and may change it.
    """
    model = sb.assemble(sb.Experiment.from_file(name))
    circuit = model.circuit
    everybody = {
        row: {phase: bits(np.ones(size)) for phase in range(circuit.n_phases)}
        for row, size in circuit.population_sizes.items()
    }
    carried = {
        row: {phase: ([-15, 15, 3] * size)[:size] for phase in range(circuit.n_phases)}
        for row, size in circuit.population_sizes.items()
        if row in circuit.grades
    }
    learning = [
        [phase, k, 10**5, 99999, 12345]
        for phase in range(circuit.n_phases)
        for k in range(len(circuit.plastic))
    ]
    record = {"spikes": everybody, "potentials": circuit.sizes[-1] * [-1300],
              "learning": learning, "changed": [], "carried": carried}  # fmt: skip
    samples = [{"number": 0, "label": 0, "input": bits(np.ones(circuit.sizes[0]))}]
    about = {
        **wiring(circuit, grid_of(circuit.sizes[0])),
        "model": model.name, "run": name, "sizes": list(circuit.sizes),
        "engine": "circuit", "version": "0", "data": "none", "image": grid_of(circuit.sizes[0]),
        "stops": [{"samples": 0, "accuracy": None}, {"samples": 100, "accuracy": 0.5}],
        "epoch": 50, "why_few": "", **differences(model), "samples": samples,
        "records": [[record], [record]],
    }  # fmt: skip
    if change is not None:
        change(about)
    path.write_bytes(page_bytes(about, model.name))
    return path
