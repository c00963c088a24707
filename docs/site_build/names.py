"""A name in single backticks of a docstring: a link if it is documented, else code."""

from __future__ import annotations

from typing import Any

__all__ = ["left_as_code"]


def left_as_code(app: Any, environment: Any, reference: Any, shown: Any) -> Any:
    """Return what is shown of a name that has no page, such as that of a parameter.

    Names in other roles (`:py:class:` and so on) are meant as links, and stay errors.
    """
    return shown if reference.get("reftype") == "obj" else None
