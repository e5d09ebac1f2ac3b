"""Files on disk, and invented people, as `Dataset`: one module per source; knows nothing of models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zahir.datasets import (
    blue_tigers,
    blue_tigers_public,
    flickr_aes,
    folder,
    lapis,
    movielens,
    pamela,
    para,
    simulacra,
    table,
)
from zahir.datasets.rows import Rejects
from zahir.datasets.scale import Scale
from zahir.errors import BadData
from zahir.interactions import Dataset

LAYOUTS = (flickr_aes.LAYOUT, para.LAYOUT, lapis.LAYOUT, pamela.LAYOUT, simulacra.LAYOUT)


def read(
    path: Path,
    *,
    embeddings: Path | None = None,
    images: Path | None = None,
    scale: Scale | None = None,
    space: str | None = None,
    rejects: Rejects | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Dataset:
    """Recognise a layout and read it; `say` is told in sentences what was seen.

    Items of which only pictures are known have embeddings of width 0 and space "": see `pictures.embed`.
    Raises BadData with file, line and value when it cannot be read, or when more than `rejects` allows is bad.
    """
    rejects = rejects or Rejects()
    if not path.exists():
        raise BadData("there is no such file or folder.", path=path)
    for layout in LAYOUTS:
        if layout.recognise(path):
            say(f"{path} has the layout of {layout.name}.")
            file = layout.ratings(path)
            return table.read_rated(
                file,
                images or layout.pictures(path),
                rows=layout.rows(file, rejects) if layout.rows else None,
                embeddings=embeddings,
                scale=scale or layout.scale,
                space=space,
                rejects=rejects,
                say=say,
            )
    if versions := blue_tigers_public.find(path):
        say(f"{path} has the layout of Blue Tigers as published.")
        return blue_tigers_public.read(versions, scale=scale, space=space, rejects=rejects, say=say)
    if films := movielens.find(path):
        say(f"{films} has the layout of MovieLens.")
        return movielens.read(films, embeddings=embeddings, scale=scale, space=space, rejects=rejects, say=say)
    if all((path / name).is_file() for name in blue_tigers.FILES) and embeddings is None and images is None:
        say(f"{path} has the layout of blue_tigers.")
        return blue_tigers.read(path, scale=scale, space=space, rejects=rejects, say=say)
    if ratings := _ratings_file(path):
        say(f"{ratings} is a table of ratings.")
        return table.read(
            ratings, embeddings=embeddings, images=images, scale=scale, space=space, rejects=rejects, say=say
        )
    if path.is_dir():
        say(f"{path} is a folder of pictures.")
        return folder.read(path, say=say)
    raise BadData(
        "not a layout that is known. Expected a CSV or Parquet file of ratings, a folder with one, "
        "one of the public sets in the guide, or a folder of pictures.",
        path=path,
    )


def _ratings_file(path: Path) -> Path | None:
    if path.is_file():
        return path if path.suffix.casefold() in table.SUFFIXES else None
    named = [path / f"ratings{suffix}" for suffix in sorted(table.SUFFIXES) if (path / f"ratings{suffix}").is_file()]
    return named[0] if named else None
