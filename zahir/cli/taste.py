"""Tastes as files: `export` one, `import` somebody else's, `list`, `show` and `delete` those that are kept."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import typer

from zahir.cli.ask import fitted, home, say
from zahir.errors import BadData, ZahirError

if TYPE_CHECKING:
    from zahir.shell import Shell
    from zahir.store import Store

taste = typer.Typer(no_args_is_help=True, help="Tastes that travel: export one to a file, import a friend's.")


@taste.command()
def export(
    file: Annotated[Path, typer.Argument(help="where to; .json is written as JSON")],
    user: Annotated[str, typer.Option(help="whose taste: a number, or the name of an imported person")],
    name: Annotated[str | None, typer.Option(help="what to call it (default: as the file)")] = None,
    space: Annotated[str | None, typer.Option(help="of which space (default: where they rated most)")] = None,
    format: Annotated[Literal["safetensors", "json"] | None, typer.Option(help="(default: by the file's name)")] = None,
    negative: Annotated[bool, typer.Option("--negative", help="with its opposite, to lead away from")] = False,
    model: Annotated[str, typer.Option(help="the taste model")] = "gaussian",
) -> None:
    """Write somebody's taste to a file that Zahir, diffusers and ComfyUI read."""
    from zahir.store import Store
    from zahir.taste_file import write
    from zahir.travel import packed

    store = Store(home())
    person = store.user_named(user)
    where = space or _most_rated(store, person)
    learned, _ = fitted(model, store, where)
    shell = _shell(where)
    kept = packed(
        store, person, model=learned, space=where, name=_called(name or file.stem), shell=shell, negative=negative,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    write(file, kept, format or ("json" if file.suffix == ".json" else "safetensors"))
    typer.echo(f"{file}: '{kept.name}', of user {person} in space {where}")


@taste.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="a file of `zahir taste export`, from anybody")],
    name: Annotated[str | None, typer.Option(help="what to call it here (default: as it calls itself)")] = None,
) -> None:
    """Keep a taste from a file, after checking it."""
    from zahir.store import Store
    from zahir.store.tastes import keep_taste
    from zahir.taste_file import read

    found = read(file)
    called = found.name if name is None else _called(name)
    keep_taste(Store(home()), found, name=called)
    typer.echo(f"kept '{called}', of space {found.space}")


@taste.command(name="list")
def list_() -> None:
    """List the tastes that were imported."""
    from zahir.store import Store
    from zahir.store.tastes import kept_tastes

    for each in kept_tastes(Store(home())):
        typer.echo(f"{each.name:32} {_day(each.created)}  {each.space}")


@taste.command()
def show(what: Annotated[str, typer.Argument(metavar="FILE", help="a file, or the name of an imported taste")]) -> None:
    """Say what is in a taste: its space, how sure it is, and who can read it."""
    from zahir.store import Store
    from zahir.store.tastes import taste_named
    from zahir.taste_file import read

    found = read(Path(what)) if Path(what).exists() else taste_named(Store(home()), what)
    spread = math.sqrt(
        float(np.sum(found.doubt_spreads**2)) + (found.dim - len(found.doubt_spreads)) * found.doubt_rest**2
    )
    sure = f"within {math.degrees(math.atan(spread)):.0f} degrees or so" if spread else "it does not say"
    reads = f"ip_adapter_image_embeds (2, 1, {found.dim})" if found.reach else "nothing beside Zahir"
    for fact, value in {
        "name": found.name,
        "space": f"{found.space}, {found.dim} wide",
        "created": _day(found.created),
        "negative": "yes" if found.negative.any() else "none",
        "sure": sure,
        "decoders": reads,
    }.items():
        typer.echo(f"{fact:9} {value}")


@taste.command()
def delete(name: Annotated[str, typer.Argument(help="as `zahir taste list` has it")]) -> None:
    """Forget an imported taste."""
    from zahir.store import Store
    from zahir.store.tastes import drop_taste

    drop_taste(Store(home()), name)
    typer.echo(f"forgot '{name}'")


def _called(name: str) -> str:
    from zahir.taste_file import cleaned

    if not cleaned(name):
        raise ZahirError(f"a taste needs a name with something to read; got {name!r}.")
    return cleaned(name)


def _most_rated(store: Store, user: int) -> str:
    counts = {space: len(store.history(user, space=space)) for space in store.spaces()}
    if not any(counts.values()):
        raise ZahirError(f"user {user} has rated nothing yet.")
    return max(counts, key=lambda space: counts[space])


def _shell(space: str) -> Shell | None:
    """Where decoders find this space's pictures; None, and a word about it, where that is not known."""
    from zahir.generate.loading import shell_of

    try:
        return shell_of(space)
    except BadData:
        raise
    except ZahirError as error:
        say("only Zahir will read it." if space.startswith("studio") else f"only Zahir will read it: {error}")
        return None


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
