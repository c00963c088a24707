"""Numbers in README.md and docs/, made from the committed tables of figures/.

A number of a page that is followed by ``<!--=name-->``, which no reader of the page sees, is the
statistic of this name in ``docs/numbers/PAGE.yaml``.  ``python -m analysis.prose`` fills them in;
``--check`` tells which differ, and which figures of merit stand in a page without a table.
"""
