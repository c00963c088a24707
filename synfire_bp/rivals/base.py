"""What a rival is: a model file of its own kind, run with a seed, with an outcome on one footing.

A rival is another way to learn the same task.  It is no variant of the circuit, so it has no
`Experiment`; it has the same images in the same order, the same way to count what it does, and one
file of results.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, TypeVar

from numpy.typing import NDArray
from pydantic import Field

from synfire_bp.progress import WorkProgress
from synfire_bp.registry import Registry
from synfire_bp.rivals.cost import Operations
from synfire_bp.section import LARGEST, Section

__all__ = ["RIVALS", "Outcome", "PositiveInt", "Rival", "Seed", "rival"]

PositiveInt = Annotated[int, Field(ge=1, le=LARGEST)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1, description="Of all that is drawn at random.")]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run of a rival found.

    Attributes
    ----------
    curve : sequence of mappings
        One row per test or iteration, all with the same keys; the last one is the result.
    samples : int
        Training samples shown, each time counted.
    operations : Operations or None
        Of a training sample, the mean over the run's last epoch or iterations; None: not counted.
    arrays : mapping
        Name to array of what was learnt.
    """

    curve: tuple[Mapping[str, Any], ...]
    samples: int
    operations: Operations | None = None
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


class Rival(Section):
    """The entries that every rival's model file has.

    A class derived from it is registered with `rival`, has its own sections as fields, and
    implements `run`.
    """

    summary: ClassVar[str]
    """What it is, in one sentence, with its source."""

    name: str = Field(
        pattern=r"^\w[\w.-]*$", max_length=60, description="Short name; names the folder of runs."
    )
    rival: str = Field(description="Which rival: see `synfire-bp rival`.")
    description: str = Field(default="", max_length=500, description="In one sentence.")
    seed: Seed = 0

    @abstractmethod
    def run(self, progress: WorkProgress) -> Outcome:
        """Train and test.

        Raises
        ------
        SynfireError
            If the data are missing or do not fit.
        """


RIVALS: Registry[type[Rival]] = Registry("rival")
"""Every rival by the word behind `rival:` in model files."""

R = TypeVar("R", bound=type[Rival])


def rival(name: str) -> Callable[[R], R]:
    """Register a class derived from `Rival`."""

    def register(kind: R) -> R:
        RIVALS.register(name, kind)
        return kind

    return register
