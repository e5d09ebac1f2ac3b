"""Pictures out: `generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zahir.cli.ask import home
from zahir.errors import ZahirError


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
