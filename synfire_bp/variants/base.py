"""Base class of variants: each drops one assumption of the circuit, and is defined in one place.

A variant is a section of a model file.  Its keys are its fields; its changes are made by three
methods, each of which takes an object and returns it changed:

    circuit     the rows: populations, projections, gates
    network     Brian2 lines, their functions and their numbers; the kind of neurons
    algorithm   what the algorithm in integers does otherwise, or why it cannot follow

and `guarantees` states which guarantees of the paper's circuit no longer hold; `described`
describes the variant in words.  A variant overrides the methods that it needs.  The core uses only
these methods, and a model file without the section is the paper's circuit.

    @variant("gating")
    class Gating(Variant):
        "What opens and closes the populations."
        summary = "What gates, and how reliably. null: the paper's ring."
        failure: float = Field(default=0.0, description="Probability that …")
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.errors import SynfireError
from synfire_bp.network.plan import NetworkPlan
from synfire_bp.oracle.algorithm import Algorithm
from synfire_bp.registry import Registry
from synfire_bp.section import Section

if TYPE_CHECKING:
    from synfire_bp.model.model import Model

__all__ = ["VARIANTS", "Guarantees", "Variant", "acting_order", "named_by_a_word", "variant"]


@dataclass(frozen=True)
class Guarantees:
    """What holds in the paper's circuit; a variant may give up any of it.

    Attributes
    ----------
    copies_equal : bool
        All copies of a weight matrix stay equal.
    silent_when_closed : bool
        No population fires in a phase in which the paper's circuit is silent.
    samples_apart : bool
        Nothing that happens in a sample reaches into the next one.  A training without this is
        taken up again only where it paused, for a test or at the end of an epoch: there the circuit
        starts from silence in any case.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> (sb.Guarantees() & sb.Guarantees(copies_equal=False)).copies_equal
    False
    """

    copies_equal: bool = True
    silent_when_closed: bool = True
    samples_apart: bool = True

    def __and__(self, other: Guarantees) -> Guarantees:
        """Return what both give."""
        return Guarantees(
            self.copies_equal and other.copies_equal,
            self.silent_when_closed and other.silent_when_closed,
            self.samples_apart and other.samples_apart,
        )

    @classmethod
    def of_all(cls, parts: Iterable[Guarantees]) -> Guarantees:
        """Return what all of them give."""
        return reduce(and_, parts, cls())


ALL_HOLD = Guarantees()


class Variant(Section):
    """One assumption of the circuit, dropped.

    Attributes
    ----------
    summary : str
        Purpose of the section, and the default without it: its description in model files.
    word : str or None
        The key that a single word in the place of the section is the value of, as in
        ``feedback: kolen_pollack``; or that the word itself switches on, as in ``errors: graded``.
    position : int
        Its place among the sections of a model file, and in the order in which variants act.
    acts_last : bool
        It acts after all others, whatever its place in model files.

    Raises
    ------
    SynfireError
        By `variant`, which registers it.

    Examples
    --------
    >>> from pydantic import Field
    >>> import synfire_bp as sb
    >>> @sb.variant("half_open")
    ... class HalfOpen(sb.Variant):
    ...     summary = "Learning from fewer samples. null: from all."
    ...     share: float = Field(0.5, gt=0, le=1, description="Share of the samples, no unit.")
    >>> text = "{name: mine, base: digits, half_open: {share: 0.25}}"
    >>> sb.Experiment.from_yaml(text).half_open
    HalfOpen(share=0.25)
    """

    summary: ClassVar[str] = ""
    word: ClassVar[str | None] = None
    position: ClassVar[int] = 100
    acts_last: ClassVar[bool] = False

    @classmethod
    def of_word(cls, given: str) -> dict[str, Any]:
        """Return the keys that a single word in the place of the section stands for."""
        assert cls.word is not None
        return {cls.word: True if given == cls.word else given}

    def fits(self, others: Mapping[str, Any]) -> None:
        """Raise ValueError if this variant cannot go with the sections that are read before it."""

    def circuit(self, circuit: Circuit) -> Circuit:
        """Return the training or inference circuit with this variant's rows."""
        return circuit

    def network(self, network: NetworkPlan) -> NetworkPlan:
        """Return what the training or inference network (`network.learns`) is built from."""
        return network

    def algorithm(self, algorithm: Algorithm) -> Algorithm:
        """Return what the algorithm in integers does, and what a training starts from."""
        return algorithm

    @property
    def guarantees(self) -> Guarantees:
        """What of the paper's circuit still holds."""
        return ALL_HOLD

    def described(self, model: Model) -> Iterable[tuple[str, str]]:
        """Return what `synfire-bp describe` shows about this variant, besides what follows from it.

        Parameters
        ----------
        model : Model
            The whole model, for numbers that follow from others: ``model.circuit.reward_phases``.

        Returns
        -------
        iterable of (str, str)
            A label of a few words, and a sentence.  Each entry that differs from its default, with
            its meaning, if a variant does not override this.
        """
        fields = type(self).model_fields.items()
        stated = ((key, getattr(self, key), about) for key, about in fields)
        return [
            (key.replace("_", " "), f"{value}: {about.description}")
            for key, value, about in stated
            if value != about.get_default(call_default_factory=True)
        ]


VARIANTS: Registry[type[Variant]] = Registry("variant", position=lambda kind: kind.position)
"""Variants by the names of their sections, in the order in which model files list them."""

V = TypeVar("V", bound=type[Variant])


def variant(name: str) -> Callable[[V], V]:
    """Register a variant under the name of its section in model files.

    Parameters
    ----------
    name : str
        Small letters, digits and '_'.

    Returns
    -------
    callable
        Decorates a class derived from `Variant`.

    Raises
    ------
    SynfireError
        If the name is taken or none, or if something has no description: a `summary`, and a
        description for every field.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> @sb.variant("nothing")
    ... class Nothing(sb.Variant):
    ...     summary = "Changes nothing. null: nothing either."
    >>> sb.Experiment.from_yaml("{name: mine, base: digits, nothing: {}}").variants
    (Nothing(),)
    """

    def register(kind: V) -> V:
        _check_described(name, kind)
        VARIANTS.register(name, kind)
        return kind

    return register


def _check_described(name: str, kind: Any) -> None:
    """Refuse what a reader of a model file could not understand."""
    if not (isinstance(kind, type) and issubclass(kind, Variant)):
        raise SynfireError(
            f"variant '{name}' is {kind!r}; it must be a class, such as: class Mine(sb.Variant)"
        )
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise SynfireError(
            f"variant '{name}': a section's name begins with a small letter, and has small "
            "letters, digits and '_' alone"
        )
    if not kind.summary.strip():
        raise SynfireError(
            f"variant '{name}' ({kind.__name__}) has no summary; add one, such as: summary = "
            '"Which synapses exist. null: all."'
        )
    for field, about in kind.model_fields.items():
        if not (about.description or "").strip():
            raise SynfireError(
                f"variant '{name}' ({kind.__name__}): the field '{field}' has no description; add "
                f'one with its unit, such as: {field}: float = Field(0.5, description="Share …")'
            )


def named_by_a_word() -> dict[str, str]:
    """Return the sections that may be written as one word, and the key that it is the value of."""
    return {name: kind.word for name, kind in VARIANTS.items() if kind.word is not None}


def acting_order() -> tuple[str, ...]:
    """Return the names of all variants in the order in which they act."""
    return tuple(sorted(VARIANTS, key=lambda name: VARIANTS[name].acts_last))
