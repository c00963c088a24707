"""Brian2 lines that a variant adds to the objects of a network.

The builder (`synfire_bp.network`) puts them where they belong; the numbers that they use are given
by the variant (`synfire_bp.network.plan`).  Several variants are joined by `combined`.  No brian2
here: lines are text, and part of what a compiled program is built from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from synfire_bp.errors import SynfireError

__all__ = ["NO_LINES", "Lines", "combined", "imported"]


@dataclass(frozen=True)
class Lines:
    """Additions to a network's Brian2 code.

    Attributes
    ----------
    cells : str
        Further equations of every cell.
    step : str
        Statements for every cell after its threshold, before spikes are delivered.
    fixed : str
        Equations of a fixed synapse.
    fixed_sent : tuple of str
        Factors of what a fixed synapse delivers, whole numbers, such as "int(chance(…) < p)".
    fixed_also : tuple of (str, str)
        A further addition by a fixed synapse, with the same factors: a variable of the target cell,
        and a whole number of the synapse.
    plastic : str
        Equations of a learning synapse.
    sent : tuple of str
        Factors of what a learning synapse delivers, besides its weight.
    change : tuple of str
        Changes of dw, applied one after the other; "{change}" stands for the expression before.
    reward : tuple of str
        Changes of r1, applied one after the other; "{r1}" stands for the expression before.
    reward_unit : int
        Unit of r1: it has this value where it is otherwise 1. dw is in this unit, too, until
        `change`.
    modulation : str
        The reward that turns eligibility traces into changes, at the end of a sample, before the
        gain: 256 is a reward of 1.  A shared variable of the cells, such as "modulation_post";
        empty: always 1.
    taught : str
        What the source of targets emits instead of the sample's target, 0 or 1 for each unit i,
        such as "int(i == tried)"; empty: the sample's own.
    answered : str
        Statements for the output neurons after their threshold, before spikes are delivered: how
        the environment outside the network sees its answer.
    own_bounds : bool
        Whether every learning synapse has its own `lowest` and `highest` weight; otherwise all
        share them.
    after : str
        Statements for every learning synapse at the end of each step; for speed, what is added
        should be a multiple of a shared whole number that is 0 in most steps.
    functions : tuple of str
        Brian2 functions and constants that the lines call by name, each as "module:name"; they are
        imported where the network is built.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> lines = sb.Lines(plastic="open_back : integer (constant)", sent=("open_back",))
    >>> model = sb.assemble(sb.Experiment.from_file("digits"))
    >>> model.network.adding(lines, lambda *_: {"plastic.open_back": 1}).lines.sent
    ('open_back',)
    """

    cells: str = ""
    step: str = ""
    fixed: str = ""
    fixed_sent: tuple[str, ...] = ()
    fixed_also: tuple[tuple[str, str], ...] = ()
    plastic: str = ""
    sent: tuple[str, ...] = ()
    change: tuple[str, ...] = ()
    reward: tuple[str, ...] = ()
    reward_unit: int = 1
    modulation: str = ""
    taught: str = ""
    answered: str = ""
    own_bounds: bool = False
    after: str = ""
    functions: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != Lines()

    def changed(self, change: str) -> str:
        """Return the expression of dw with all of its changes."""
        for template in self.change:
            change = f"({template.format(change=change)})"
        return change

    def rewarded(self, r1: str) -> str:
        """Return the expression of r1 with all of its changes."""
        for template in self.reward:
            r1 = template.format(r1=f"({r1})")
        return r1


NO_LINES = Lines()
"""Nothing is added: the paper's circuit."""


def combined(parts: Iterable[Lines]) -> Lines:
    """Return the lines of all parts, in their order; a line given twice is used once."""
    parts = tuple(parts)

    def text(name: str) -> str:
        lines = (line for part in parts for line in getattr(part, name).split("\n"))
        return "\n".join(dict.fromkeys(line.strip() for line in lines if line.strip()))

    def factors(name: str) -> tuple[str, ...]:
        return tuple(factor for part in parts for factor in getattr(part, name))

    def one(name: str) -> str:
        given = list(dict.fromkeys(filter(None, (getattr(part, name) for part in parts))))
        if len(given) > 1:
            raise SynfireError(
                f"two variants of this model define the line '{name}': {given[0]!r:.60} and "
                f"{given[1]!r:.60}; use one of them"
            )
        return given[0] if given else ""

    return Lines(
        cells=text("cells"),
        step=text("step"),
        fixed=text("fixed"),
        fixed_sent=factors("fixed_sent"),
        fixed_also=tuple(row for part in parts for row in part.fixed_also),
        plastic=text("plastic"),
        sent=factors("sent"),
        change=factors("change"),
        reward=factors("reward"),
        reward_unit=max((part.reward_unit for part in parts), default=1),
        modulation=one("modulation"),
        taught=one("taught"),
        answered=text("answered"),
        own_bounds=any(part.own_bounds for part in parts),
        after=text("after"),
        functions=tuple(dict.fromkeys(factors("functions"))),
    )


def imported(path: str) -> Any:
    """Return the object with a path such as "synfire_bp.network.chance:chance".

    Objects that need Brian2 are named by paths, so that they are imported only where a network is
    built.
    """
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
