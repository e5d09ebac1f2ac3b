"""The `zahir` command: one function per verb; each loads what it needs only when it runs.

Knows the environment (ZAHIR_HOME, ZAHIR_DEVICE); nothing below it does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

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
def generate(
    user: Annotated[str | None, typer.Option(help="whose taste: a number, or the name of an imported person")] = None,
    most_similar: Annotated[bool, typer.Option(help="the two people with the nearest tastes, a row each")] = False,
    n: Annotated[int, typer.Option(min=1, help="how many pictures of each person")] = 6,
    strength: Annotated[float, typer.Option(min=0, max=2, help="0 the average, 1 the taste")] = 1.0,
    surprise: Annotated[float, typer.Option(min=0, max=1.5708, help="radians away from the taste")] = 0.3,
    seed: Annotated[int, typer.Option()] = 0,
    side: Annotated[int, typer.Option(min=16, max=4096, help="pixels")] = 512,
    out: Annotated[Path, typer.Option(help="a folder for the pictures and sheet.png")] = Path("pictures"),
    generator: Annotated[str, typer.Option()] = "studio",
    encoder: Annotated[str, typer.Option()] = "studio",
    model: Annotated[str, typer.Option()] = "wals",
) -> None:
    """Make pictures for anyone in the matrix; with --most-similar, two people's side by side."""
    import numpy as np

    from zahir.loop import step
    from zahir.media import Media, contact_sheet
    from zahir.plugins import make
    from zahir.space import cosine
    from zahir.store import Store

    if (user is None) == (not most_similar):
        raise ZahirError("whose pictures? Give --user NAME or --most-similar, one of the two.")
    store, eyes, taste = Store(home()), make("encoders", encoder), make("taste_models", model)
    data = store.dataset(space=eyes.space)
    taste.fit(data.interactions, data.embeddings)
    if user is not None:
        people = [store.user_named(user)]
    else:
        counts = np.bincount(data.interactions.users, minlength=data.interactions.num_users)
        ids = (np.flatnonzero(counts >= 3) + 1).tolist()
        if len(ids) < 2:
            raise ZahirError(f"{len(ids)} people have 3 ratings or more in space {eyes.space}; two are needed.")
        rng = np.random.default_rng(seed)
        tastes = np.stack([taste.embed_user(store.history(each, space=eyes.space), rng=rng) for each in ids])
        alike = cosine(tastes, tastes) - 2 * np.eye(len(ids))
        first, second = np.unravel_index(np.argmax(alike), alike.shape)
        people = [ids[first], ids[second]]
        typer.echo(f"users {people[0]} and {people[1]}: cosine of their tastes {alike.max():.3f}")
    out.mkdir(parents=True, exist_ok=True)
    made: list[Media] = []
    for person in people:
        items = step(
            store, person, encoder=eyes, model=taste, generator=make("generators", generator), n=n,
            strength=strength, surprise=surprise, seed=seed, size=(side, side),
        )  # fmt: skip
        made += [store.media(item) for item in items]
        for item, picture in zip(items, made[-n:]):
            picture.to_png(out / f"user{person}-{item}.png")
    Media.image(contact_sheet(made, columns=n)).to_png(out / "sheet.png")
    typer.echo(f"{len(made)} pictures in {out}")


@app.command()
def simulate(
    people: Annotated[int, typer.Option(min=1, help="simulated people per taste")] = 10,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    per_round: Annotated[int, typer.Option(min=2, help="pictures per person and round")] = 12,
    calibration: Annotated[int, typer.Option(min=1, help="ratings before the first round")] = 40,
    library: Annotated[int, typer.Option(min=20, help="random pictures to calibrate on and to retrieve from")] = 1000,
    tastes: Annotated[str, typer.Option(help="direction, pixels or both, with a comma between")] = "direction,pixels",
    rows: Annotated[str, typer.Option(help="which rows of the table, or all")] = "all",
    seed: Annotated[int, typer.Option()] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 1,
    sheets: Annotated[Path | None, typer.Option(help="a folder for contact sheets of the last round")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Close the loop with simulated people and print how the pictures made for them rise over rounds."""
    from zahir.evaluate.study import print_study, study

    outcome = study(
        people=people, rounds=rounds, per_round=per_round, calibration=calibration, library=library,
        tastes=tastes.split(","), rows=None if rows == "all" else rows.split(","), seed=seed, jobs=jobs, sheets=sheets,
    )  # fmt: skip
    print_study(outcome, as_json=as_json)


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
