"""The command line, `synfire-bp`."""

from synfire_bp.cli.commands import app, main

__all__ = ["app", "main"]
