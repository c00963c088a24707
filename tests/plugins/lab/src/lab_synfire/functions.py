"""Brian2 functions of this package's lines: imported where a network is built, nowhere else."""

from brian2 import Function

let_through = Function(
    lambda heard: heard, arg_units=[1], return_unit=1, return_type="integer",
    arg_types=["integer"],
)  # fmt: skip
let_through.implementations.add_implementation(
    "cpp", "static inline int32_t let_through(int32_t heard) { return heard != 0; }"
)
