"""The `zahir` command: one function per verb; each loads what it needs only when it runs.

Knows the environment (ZAHIR_HOME); below it only `zahir.models` reads ZAHIR_MODELS, and its loaders ZAHIR_DEVICE.
"""

from __future__ import annotations

import os
import sys

import typer
from threadpoolctl import threadpool_limits

from zahir.cli import data, enhance, make, measure, models, serve, taste
from zahir.cli.ask import home
from zahir.errors import ZahirError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def zahir() -> None:
    """Rate pictures, see your taste, get pictures made for it."""
    # numba reads this when it is imported: compiled kernels belong to the installation's home
    os.environ.setdefault("NUMBA_CACHE_DIR", str(home() / "numba"))
    # the products of matrices here are small: BLAS threads cost more than they bring
    threadpool_limits(1)


for verb in (
    serve.serve,
    make.generate,
    enhance.enhance,
    measure.evaluate,
    measure.simulate,
    serve.doctor,
    serve.plugins,
):
    app.command()(verb)
app.command(name="import")(data.import_)
app.add_typer(data.datasets, name="datasets")
app.add_typer(models.models, name="models")
app.add_typer(taste.taste, name="taste")


def main() -> None:
    """Run; a ZahirError is one line on stderr and exit code 2."""
    try:
        app()
    except ZahirError as error:
        print(f"zahir: {error}", file=sys.stderr)
        sys.exit(2)
