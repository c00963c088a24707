"""What a program is built from, and what is read back from it.

All that this package knows of a network is what a `ProgramSpec` says.  A spec is pickled and sent
to the process that generates the code, and only there it builds its network.  No brian2 here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from brian2 import Function, Network

    from synfire_bp.dense.internals import ArrayVariable

__all__ = ["Kind", "ProgramNetwork", "ProgramSpec", "Result", "written_out"]

Kind = Literal["values", "samples", "last sample", "steps"]
"""What the values of a variable are.

- values: as they are.
- samples: so many for each sample that was shown; they come back as (samples, …).
- last sample: one value, the position of the sample that was shown last.
- steps: times; they come back as whole steps since the first one of the first sample.
"""


@dataclass(frozen=True)
class Result:
    """A variable that is read back when its program has ended.

    Attributes
    ----------
    variable : ArrayVariable
        Of one of the network's objects.
    kind : Kind
        What its values are.
    size : int or None
        How many there must be; None: as many as there are.
    step : float or None
        Of the kind "steps": the length of a step in seconds.
    """

    variable: ArrayVariable
    kind: Kind = "values"
    size: int | None = None
    step: float | None = None


@dataclass(frozen=True)
class ProgramNetwork:
    """A network that becomes a program.

    Attributes
    ----------
    network : Network
        It is run until the last sample has been shown.
    results : mapping of str to Result
        What is read back, by names for `ProgramResult.arrays`.  One of them is of the kind "last
        sample".
    settable : mapping of str to ArrayVariable
        Numbers of a run that have another name for Brian2, by ours: delays.
    """

    network: Network
    results: Mapping[str, Result]
    settable: Mapping[str, ArrayVariable] = field(default_factory=dict)


class ProgramSpec(Protocol):
    """What a program is built from; can be pickled.

    The code asks for samples by three functions of whole numbers: `present_sample(step)` is the
    position of the sample that is shown (-1 before the first, which begins in step 1),
    `input_pattern(sample, unit)` and `target_pattern(sample, unit)` are 0 or 1.
    """

    @property
    def stock(self) -> bool:
        """Whether all code is left to Brian2, to compare with."""

    @property
    def n_inputs(self) -> int:
        """Pixels of a sample."""

    @property
    def steps_per_sample(self) -> int:
        """Time steps for which a sample is shown."""

    def bare(self) -> ProgramSpec:
        """Return the spec with standard numbers: written out, all that the code depends on."""

    def about(self) -> dict[str, Any]:
        """Return what a person wants to know of the program."""

    def build(self, functions: dict[str, Function], codeobj_class: type | None) -> ProgramNetwork:
        """Build the network, in the process that generates its code.

        Parameters
        ----------
        functions : dict of str to Function
            The functions by which the code asks for samples.
        codeobj_class : type or None
            What generates the code of the network's objects; None: Brian2.
        """


def written_out(value: object) -> str:
    """Return all that a spec consists of, as text: each dataclass with its fields.

    Not `repr`, which is for people and may leave things out.

    Examples
    --------
    >>> from synfire_bp.circuit.rows import Phase
    >>> written_out((Phase(0, "input"), 1))
    "(Phase(index=0, meaning='input', learning=''), 1)"
    """
    if is_dataclass(value) and not isinstance(value, type):
        parts = (
            f"{one.name}={written_out(getattr(value, one.name))}"
            for one in fields(value)
            if one.repr
        )
        return f"{type(value).__qualname__}({', '.join(parts)})"
    if type(value) is tuple:
        inner = ", ".join(map(written_out, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if type(value) is list:
        return f"[{', '.join(map(written_out, value))}]"
    if type(value) is dict:
        return (
            "{" + ", ".join(f"{written_out(k)}: {written_out(v)}" for k, v in value.items()) + "}"
        )
    return repr(value)
