"""The commands `models` and `schema`: what may be trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from synfire_bp.cli.options import Plugins
from synfire_bp.cli.tables import print_table
from synfire_bp.files import write_atomically

__all__ = ["models", "schema"]


def models(plugins: Plugins = None) -> None:
    """List the models that ship with synfire_bp."""
    from synfire_bp.model.experiment import Experiment
    from synfire_bp.model.library import list_models

    rows = [(name, Experiment.from_file(name).description) for name in list_models()]
    print_table("", ("model", "what it is"), rows, left=2)


def schema(
    out: Annotated[Path | None, typer.Option(help="File to write. Default: print it.")] = None,
    plugins: Plugins = None,
) -> None:
    """Print the JSON schema of model files, with which editors can complete them."""
    from synfire_bp.model.experiment import json_schema

    text = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        print(text, end="")
    else:
        write_atomically(out, text.encode())
