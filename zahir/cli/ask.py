"""What commands share: their common options, where everything is kept, bars of progress, and how data sets are read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zahir.errors import BadData, ZahirError

if TYPE_CHECKING:
    from zahir.datasets.rows import MaxBad as Limit
    from zahir.datasets.rows import Rejects
    from zahir.interactions import Dataset
    from zahir.protocols import Progress, TasteModel
    from zahir.store import Store

Images = Annotated[Path | None, typer.Option(help="a folder of pictures, which the items name")]
Embeddings = Annotated[Path | None, typer.Option(help="the items' embeddings: .npz, .npy, .parquet or .safetensors")]
Scale = Annotated[str | None, typer.Option(help="the worst and the best rating, such as 1,5 (default: recognised)")]
MaxBad = Annotated[str, typer.Option(help="bad rows that are let through: a count, a share, or both")]
Encoder = Annotated[str, typer.Option(help="embeds pictures that come without embeddings")]


def home() -> Path:
    """Where everything is kept: ZAHIR_HOME, or ~/.zahir."""
    return Path(os.environ.get("ZAHIR_HOME") or Path.home() / ".zahir")


def read(
    path: Path,
    images: Path | None,
    embeddings: Path | None,
    scale: str | None,
    space: str | None,
    max_bad: str,
    encoder: str,
) -> Dataset:
    """Read a data set, tell what is seen and what is bad, and embed pictures that have no embedding."""
    from zahir.datasets import pictures
    from zahir.datasets import read as read_any
    from zahir.datasets.rows import MaxBad
    from zahir.datasets.scale import parse
    from zahir.plugins import make

    try:
        rejects = rejects_upto(MaxBad.of(max_bad))
        wanted = parse(scale) if scale else None
    except ValueError as error:
        raise ZahirError(str(error)) from error
    data = read_any(path, embeddings=embeddings, images=images, scale=wanted, space=space, rejects=rejects, say=say)
    if data.embeddings.shape[1]:
        data = pictures.without_broken(data, rejects=rejects)
    else:
        with progress_bar("embedding") as progress:
            data = pictures.embed(data, make("encoders", encoder), rejects=rejects, progress=progress)
    if rejects.total:
        say(f"{rejects.total} bad rows, items or pictures were left out.")
    return data


def say(sentence: object) -> None:
    typer.echo(sentence, err=True)


def rejects_upto(limit: Limit) -> Rejects:
    """Tells of the first twenty."""
    from zahir.datasets.rows import Rejects

    def report(error: BadData) -> None:
        if rejects.total < 20:
            say(error)
        elif rejects.total == 20:
            say("... and more")

    rejects = Rejects(limit, report)
    return rejects


@contextmanager
def progress_bar(what: str) -> Iterator[Progress]:
    """A bar on stderr for as long as something takes."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)

        def progress(done: int, of: int) -> bool:
            bar.update(task, completed=done, total=of)
            return True

        yield progress


def fitted(model: str, store: Store, space: str) -> tuple[TasteModel, Dataset]:
    """A taste model by name, on everything that the store holds in a space; and that."""
    from zahir.plugins import make

    taste, data = make("taste_models", model), store.dataset(space=space)
    taste.fit(data.interactions, data.embeddings)
    return taste, data
