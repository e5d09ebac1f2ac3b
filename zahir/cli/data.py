"""Ratings and pictures in: `import`, and the public sets of `datasets`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zahir.cli.ask import Embeddings, Encoder, Images, MaxBad, Scale, home, progress_bar, read, rejects_upto
from zahir.errors import ZahirError


def import_(
    path: Annotated[Path, typer.Argument(help="a file or folder of ratings, or a folder of pictures")],
    name: Annotated[str | None, typer.Option(help="what to call it in the store (default: as PATH)")] = None,
    images: Images = None,
    embeddings: Embeddings = None,
    scale: Scale = None,
    space: Annotated[str | None, typer.Option(help="the embeddings' space, as their encoder names it")] = None,
    max_bad: MaxBad = "100,1%",
    encoder: Encoder = "studio",
    filter: Annotated[str | None, typer.Option(help="judges what is safe to show (a server does so later)")] = None,
) -> None:
    """Bring ratings and pictures into the store: whole, or not at all."""
    from zahir.plugins import make
    from zahir.store import Store

    check = make("filters", filter) if filter else None
    data = read(path, images, embeddings, scale, space, max_bad, encoder)
    called = name or (path if path.is_dir() else path.with_suffix("")).resolve().name
    with progress_bar("keeping") as progress:
        people, items = Store(home()).import_dataset(data, name=called, progress=progress, check=check)
    typer.echo(f"imported '{called}': {len(people):,} people, {len(items):,} items, {len(data.interactions):,} ratings")


datasets = typer.Typer(no_args_is_help=True, help="Public sets of ratings: list, get and check them.")


@datasets.command(name="list")
def list_() -> None:
    """List the public sets: what each is, its size and licence, and how it is had."""
    from zahir.datasets.public import SETS

    for name, each in SETS.items():
        typer.echo(f"{name:16} {each.title}: {each.what}")
        typer.echo(f"{'':16} {'on request' if each.how else 'download'}: {each.size}; {each.home}")
        typer.echo(f"{'':16} licence: {each.licence}")


@datasets.command()
def get(
    name: Annotated[str, typer.Argument(help="as `zahir datasets list` names it")],
    to: Annotated[Path | None, typer.Option(help="a folder (default: NAME among the installation's datasets)")] = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="its archives of pictures too, where large")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Download a public set, after showing its licence; again, to go on where it broke off."""
    from zahir.datasets import public

    which = public.find(name)
    typer.echo(f"{which.title}: {which.what}.\nlicence: {which.licence}\nfrom {which.home}")
    if which.how:
        typer.echo(f"{which.how}\nThen: zahir datasets check FOLDER")
        raise typer.Exit(1)
    wanted, folder = public.files(which, pictures=pictures), to or home() / "datasets" / name
    known = sum(file.size or 0 for file in wanted)
    size = f"{known / 1e6:,.1f} MB" if all(file.size for file in wanted) else which.size
    typer.echo(f"{len(wanted):,} files ({size}) to {folder}")
    if not yes:
        typer.confirm("Download?", abort=True)
    with progress_bar("downloading") as progress:
        public.get(wanted, folder, progress=progress)
    typer.echo(f"all there. Next: zahir datasets check {folder}")


@datasets.command()
def check(
    path: Annotated[Path, typer.Argument(help="a file or folder in any layout that import reads")],
    images: Images = None,
    embeddings: Embeddings = None,
    scale: Scale = None,
) -> None:
    """Say which layout it has, what it holds and what cannot be read; exit code 1 when something cannot."""
    from zahir.datasets import read as read_any
    from zahir.datasets.check import facts
    from zahir.datasets.rows import MaxBad as Limit
    from zahir.datasets.scale import parse

    rejects = rejects_upto(Limit(10**9, 1.0))
    try:
        wanted = parse(scale) if scale else None
    except ValueError as error:
        raise ZahirError(str(error)) from error
    data = read_any(path, images=images, embeddings=embeddings, scale=wanted, rejects=rejects, say=typer.echo)
    for fact in facts(data):
        typer.echo(fact)
    typer.echo(f"{rejects.total:,} bad rows, items or pictures.")
    raise typer.Exit(int(rejects.total > 0))
