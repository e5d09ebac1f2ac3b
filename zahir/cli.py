"""The `zahir` command: one function per verb; each loads what it needs only when it runs.

Knows the environment (ZAHIR_HOME, ZAHIR_DEVICE); nothing below it does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from zahir.errors import ZahirError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def home() -> Path:
    """Where everything is kept: ZAHIR_HOME, or ~/.zahir."""
    return Path(os.environ.get("ZAHIR_HOME") or Path.home() / ".zahir")


@app.callback()
def zahir() -> None:
    """Rate pictures, see your taste, get pictures made for it."""
    # numba reads this when it is imported: compiled kernels belong to the installation's home
    os.environ.setdefault("NUMBA_CACHE_DIR", str(home() / "numba"))


@app.command()
def plugins() -> None:
    """List encoders, taste models and generators, with the package each comes from."""
    from zahir.plugins import GROUPS, installed

    for group in GROUPS:
        for name, entry in installed(group).items():
            source = entry.dist
            typer.echo(f"{group:13} {name:14} {source.name if source else '?'} {source.version if source else ''}")


def main() -> None:
    """Run; a ZahirError is one line on stderr and exit code 2."""
    try:
        app()
    except ZahirError as error:
        print(f"zahir: {error}", file=sys.stderr)
        sys.exit(2)
