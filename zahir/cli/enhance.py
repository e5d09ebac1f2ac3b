"""Photographs in a person's taste: `enhance` proposes, and keeps what was chosen."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zahir.cli.ask import fitted, home
from zahir.errors import BadData, ZahirError

if TYPE_CHECKING:
    from zahir.enhance.propose import Taste

TRIED, SHOWN = 224, 1600  # longer sides in pixels: of what settings are tried on, and of what is looked at
_FILE = "proposals.json"


def enhance(
    photo: Annotated[Path, typer.Argument(help="a JPEG, PNG or TIFF of 8 or 16 bits")],
    user: Annotated[str | None, typer.Option(help="in whose taste: a number, or an imported person's name")] = None,
    n: Annotated[int, typer.Option(min=1, max=16, help="how many proposals")] = 4,
    keep: Annotated[
        int | None, typer.Option(min=0, help="write this proposal in full; 0: the original is best")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="the folder of the proposals (default: PHOTO-zahir)")] = None,
    to: Annotated[
        Path | None, typer.Option(help="with --keep, the file to write (default: PHOTO-zahir.SUFFIX)")
    ] = None,
    seed: Annotated[int, typer.Option()] = 0,
    encoder: Annotated[str, typer.Option()] = "studio",
    model: Annotated[str, typer.Option()] = "gaussian",
) -> None:
    """Propose tone and colour for a photograph; with --keep, write the one you like in full and learn from it."""
    folder = out or photo.with_name(f"{photo.stem}-zahir")
    if keep is None:
        _propose(photo, user, n, folder, seed, encoder, model)
    else:
        _keep(photo, keep, folder, to)


def _propose(photo: Path, user: str | None, n: int, folder: Path, seed: int, encoder: str, model: str) -> None:
    import numpy as np

    from zahir.enhance import choices, learn
    from zahir.enhance.photo import for_screen, read, small, write
    from zahir.enhance.propose import in_words, propose, start
    from zahir.enhance.sheet import sheet
    from zahir.enhance.tone import apply

    original = read(photo)
    if (folder / _FILE).exists():
        raise ZahirError(f"{folder} holds proposals already. Keep one (--keep 1), or give another folder with --out.")
    person, taste = _taste(user, encoder, model)
    everybody = choices.read(home() / choices.FILE)
    own = everybody.pop(person, [])
    known = learn.preference(own, learn.population(list(everybody.values())))
    tried = small(original, TRIED)
    found = propose(
        tried.pixels, n=n, taste=taste, preference=known, rng=np.random.default_rng(seed),
        show=(lambda pixels: for_screen(tried.with_pixels(pixels))) if tried.icc else None,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    shown = small(original, SHOWN)
    pictures, captions = [for_screen(shown)], ["before"]
    for number, (settings, _) in enumerate(found, 1):
        made = shown.with_pixels(apply(shown.pixels, settings))
        write(made, folder / f"{number}.jpg", quality=90)
        pictures.append(for_screen(made))
        captions.append(f"{number}: {in_words(settings)}")
        typer.echo(captions[-1])
    write(type(shown)(sheet(pictures, captions)), folder / "sheet.jpg", quality=90)
    told = {
        "key": uuid.uuid4().hex,
        "photo": _digest(photo),
        "person": person,
        "start": start(tried.pixels)._asdict(),
        "proposals": [settings._asdict() for settings, _ in found],
    }
    (folder / _FILE).write_text(json.dumps(told, indent=1))
    typer.echo(f"Look at {folder / 'sheet.jpg'}, then keep one: zahir enhance {photo} --keep 1")


def _keep(photo: Path, keep: int, folder: Path, to: Path | None) -> None:
    from zahir.enhance import choices
    from zahir.enhance.photo import default_path, read, write
    from zahir.enhance.tone import NEUTRAL, apply

    path = folder / _FILE
    if not path.exists():
        raise ZahirError(f"there are no proposals in {folder}. Make some first: zahir enhance {photo}")
    try:
        told = json.loads(path.read_text())
        start = choices.settings_of(told["start"])
        alternatives = [NEUTRAL, *map(choices.settings_of, told["proposals"])]
        person, key, digest = str(told["person"]), str(told["key"]), told["photo"]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadData(f"no proposals ({error!r}). Delete it and propose again.", path=path) from error
    if digest != _digest(photo):
        raise ZahirError(f"the proposals in {folder} are of another photograph. Give its folder with --out.")
    if keep >= len(alternatives):
        raise ZahirError(f"there is no proposal {keep}. Choose 1 to {len(alternatives) - 1}, or 0 for the original.")
    if keep:
        original, target = read(photo), to or default_path(photo)
        write(original.with_pixels(apply(original.pixels, alternatives[keep])), target)
        typer.echo(f"{target}: {original.size[0]} x {original.size[1]} pixels")
    choices.record(home() / choices.FILE, person, start=start, alternatives=alternatives, kept=keep, key=key)


def _taste(user: str | None, encoder: str, model: str) -> tuple[str, Taste | None]:
    """Who chooses, and how much media please them; nothing is said of people without ratings."""
    if user is None:
        return "", None
    from zahir.plugins import make
    from zahir.store import Store

    store, eyes = Store(home()), make("encoders", encoder)
    person = store.user_named(user)
    history = store.history(person, space=eyes.space)
    if not len(history):
        typer.echo(
            f"user {person} has rated nothing in space {eyes.space}: proposals go by what people kept.", err=True
        )
        return str(person), None
    tastes, _ = fitted(model, store, eyes.space)
    return str(person), lambda media: tastes.score(history, eyes.encode(media))


def _digest(photo: Path) -> str:
    try:
        return hashlib.sha256(photo.read_bytes()).hexdigest()
    except FileNotFoundError as error:
        raise BadData("there is no such file.", path=photo) from error
