"""Files on disk, and invented people, as `Dataset`: one module per source; knows nothing of models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zahir.datasets import blue_tigers, flickr_aes, folder, pamela, para, simulacra, table
from zahir.datasets.rows import Rejects
from zahir.datasets.scale import Scale
from zahir.errors import BadData
from zahir.interactions import Dataset


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
    if path.name == flickr_aes.FILE:
        path = path.parent
    suffix = path.suffix.casefold() if path.is_file() else ""
    rated: dict[str, tuple[bool, Callable[..., Dataset]]] = {
        "FLICKR-AES": ((path / flickr_aes.FILE).is_file(), flickr_aes.read),
        "PARA": ((path / para.FILE).is_file(), para.read),
        "PAMELA": (suffix == ".json", pamela.read),
        "Simulacra Aesthetic Captions": (suffix in simulacra.SUFFIXES, simulacra.read),
    }
    for name, (recognised, reader) in rated.items():
        if recognised:
            say(f"{path} has the layout of {name}.")
            return reader(path, images=images, scale=scale, rejects=rejects, say=say)
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
