"""The circuit to watch: one page of HTML with the wiring and recorded spikes of a run.

    synfire-bp watch runs/digits       # writes runs/digits-watch.html

`stops` finds the weights of the training's course, `wiring` and `recording` say as plain data what
the circuit is and what it did, `page` puts both into one file that needs nothing else.
"""

from synfire_bp.watch.watching import watch_run

__all__ = ["watch_run"]
