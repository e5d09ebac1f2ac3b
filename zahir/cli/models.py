"""Weights of other people's models: list them, get them, and fit the shell of a space to pictures of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zahir import models as weights
from zahir.cli.ask import progress_bar
from zahir.errors import ZahirError

_BATCH = 8  # a picture may hold 40 million pixels

models = typer.Typer(no_args_is_help=True, help="Weights for a GPU: list, get, and fit a shell to your pictures.")


@models.command(name="list")
def list_() -> None:
    """List the weights that Zahir can use: what each is, its size and licence, and what is here already."""
    for name, each in weights.CATALOGUE.items():
        here = "part of it here" if (weights.root() / name).exists() else ""
        here = here if weights.missing(name) else "here"
        typer.echo(f"{name:16} {each.title} ({each.size:g} GB) {here}".rstrip())
        typer.echo(f"{'':16} licence: {each.licence}; https://huggingface.co/{each.repository}")
        for word, names in (("needs", each.needs), ("more with", each.helps)):
            if names:
                typer.echo(f"{'':16} {word}: {', '.join(names)}")


@models.command()
def get(
    name: Annotated[str, typer.Argument(help="as `zahir models list` names it")],
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Download weights and what they need, after showing their licences; again, to go on where it broke off."""
    wanted = [each for each in weights.with_needs(name) if weights.missing(each)]
    for each in wanted:
        which = weights.find(each)
        typer.echo(f"{each}: {which.title}, {which.size:g} GB\n  licence: {which.licence}")
        typer.echo(f"  from https://huggingface.co/{which.repository} to {weights.root() / each}")
    if wanted and not yes:
        typer.confirm(f"Download {sum(weights.find(each).size for each in wanted):.1f} GB?", abort=True)
    for each in wanted:
        weights.get(each)
    helps = [each for each in weights.find(name).helps if weights.missing(each)]
    typer.echo(f"all there, in {weights.root()}.")
    for each in helps:
        typer.echo(f"For more: zahir models get {each} ({weights.find(each).title})")


@models.command()
def shell(
    name: Annotated[str, typer.Argument(help="an encoder, such as clip-h; or NAME=FOLDER for one of your own")],
    pictures: Annotated[Path, typer.Option(help="a folder of pictures, some hundreds at least")],
) -> None:
    """Fit the shell of an encoder's space to pictures: where generators find points that they can draw."""
    import numpy as np

    from zahir.datasets.pictures import find_pictures
    from zahir.media import read_image
    from zahir.plugins import make
    from zahir.protocols import EncodesRaw
    from zahir.shell import Shell, file_name

    encoder = make("encoders", name)
    if not isinstance(encoder, EncodesRaw):
        raise ZahirError(f"encoder '{name}' tells no raw embeddings. Expected one such as clip-bigg, clip-h or clip-l.")
    paths = find_pictures(pictures)
    rows = [np.zeros((0, encoder.dim), np.float32)]
    with progress_bar("encoding") as progress:
        for start in range(0, len(paths), _BATCH):
            rows.append(encoder.raw([read_image(path) for path in paths[start : start + _BATCH]]))
            progress(min(start + _BATCH, len(paths)), len(paths))
    try:
        fitted = Shell.of(encoder.space, np.concatenate(rows))
    except ValueError as error:
        raise ZahirError(f"{pictures}: {error}") from error
    path = weights.root() / "shells" / file_name(encoder.space)
    fitted.save(path)
    typer.echo(f"{len(paths):,} pictures: lengths {fitted.norm:.1f} +- {fitted.norm_spread:.1f}, kept in {path}")
