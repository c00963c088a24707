"""Every public name says what it is, and its example runs as it stands there."""

from __future__ import annotations

import doctest
import inspect
import os
import types

import brian2
import pytest

import synfire_bp as sb
from synfire_bp import registry
from synfire_bp.model.plugins import VARIABLE

WITHOUT_DOCSTRING = {"Numbers", "__version__"}  # an alias of a dict, a text
NAMES = [name for name in sb.__all__ if name not in WITHOUT_DOCSTRING]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Undo(Exception):
    """Takes back what an example has registered."""


@pytest.fixture
def somewhere_else(tmp_path, monkeypatch):
    """Run in an empty folder; nothing that is registered or loaded there stays."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.syspath_prepend(str(tmp_path))
    target = brian2.prefs.codegen.target
    with pytest.raises(Undo), registry.all_or_nothing():
        yield
        raise Undo
    brian2.prefs.codegen.target = target


def own_docstring(thing):
    """The docstring that stands at a name itself, and is not that of a base class."""
    return vars(thing).get("__doc__") if isinstance(thing, type) else thing.__doc__


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_a_docstring_with_an_example_that_runs(name, somewhere_else):
    thing = getattr(sb, name)
    text = own_docstring(thing)
    assert text, f"sb.{name} has no docstring"
    # as in a script of the user's: what is defined there belongs to no module of this package
    example = doctest.DocTestParser().get_doctest(
        text, {"__name__": "an_example"}, f"sb.{name}", inspect.getsourcefile(thing), None
    )
    assert example.examples, f"the docstring of sb.{name} has no example"
    said: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(
        example, out=said.append, clear_globs=False
    )
    assert not failed, "".join(said)


@pytest.mark.parametrize("name", [n for n in NAMES if inspect.isfunction(getattr(sb, n))])
def test_a_public_function_describes_its_parameters_and_what_it_returns(name):
    thing = getattr(sb, name)
    text, signature = inspect.getdoc(thing), inspect.signature(thing)
    told = text.partition("Parameters\n")[2]
    for parameter in signature.parameters.values():
        in_summary = f"`{parameter.name}`" in text.partition("\n\n")[0]
        variable = parameter.kind is inspect.Parameter.VAR_KEYWORD
        assert variable or in_summary or parameter.name in told, f"sb.{name}({parameter.name})"
    assert "Returns\n" in text or text.startswith("Return "), f"sb.{name} returns"


def test_what_is_public_is_listed_and_can_be_had():
    assert sorted(set(sb.__all__)) == sorted(sb.__all__)
    assert set(sb.__all__) <= set(dir(sb))
    for name in dir(sb):
        assert getattr(sb, name) is not None
    assert {"os", "Any", "import_module", "annotations", "moved"}.isdisjoint(dir(sb))


def test_what_a_public_function_returns_is_public_itself():
    for kind in ("Segment", "Verification", "Run", "Model", "Circuit", "Rule", "Dataset"):
        assert isinstance(getattr(sb, kind), type)
    assert isinstance(sb.sweep, types.ModuleType)
    assert os.path.basename(sb.__file__) == "__init__.py"
