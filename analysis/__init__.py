"""Figures and tables, drawn from run directories: ``python -m analysis [NAME ...]``.

    paper/     the paper's figures and tables, and the report
    variants/  the circuit with one assumption dropped
    chip/      what the emulated chip makes of the circuit
    sweeps/    many trainings, and what their parameters do
    shared/    what these use: style, output, rasters, wiring; knows none of them

One module per figure.  It turns runs into the numbers that are drawn (`numbers`), draws nothing but
these (`draw`, into a new figure or into axes that are given), and says so in an `Entry`;
`analysis.figures` knows all entries by name.
"""

from synfire_bp import moved as _old

from .moved import MOVED as _MOVED

_old.install(__name__, _MOVED, renamed={})
