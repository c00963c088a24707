"""What the field uses: recordings as Neo objects, networks as NIR graphs, tables as xarray.

Each module takes plain arrays, and imports its package when it is asked to; `Run` and the Brian2
objects of a circuit hand over what they have (`run.to_neo()`, `net.to_neo()`, `run.to_nir()`,
`run.to_xarray()`; docs/exchange.md).
"""
