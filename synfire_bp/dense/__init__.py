"""Row-wise C++ for dense projections of any Brian2 model, independent of the circuits."""

from synfire_bp.dense.codeobject import RowCodeObject
from synfire_bp.dense.generator import RowGenerator
from synfire_bp.dense.synapses import DenseSynapses

__all__ = ["DenseSynapses", "RowCodeObject", "RowGenerator"]
