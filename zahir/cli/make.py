"""Pictures out: `generate`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zahir.cli.ask import fitted, home, progress_bar
from zahir.errors import SpaceMismatch, ZahirError

if TYPE_CHECKING:
    import numpy as np

    from zahir.interactions import Dataset
    from zahir.media import Media
    from zahir.protocols import Generator, TasteModel
    from zahir.store import Store

WHO = "a person, a taste file or an imported taste"
DIVERSITY = 0.5  # of --spread, beside as much relevance
FRAMES, FPS = 72, 24.0  # of --video


def generate(
    user: Annotated[str | None, typer.Option(help="whose taste: a number, or the name of an imported person")] = None,
    most_similar: Annotated[bool, typer.Option(help="the two people with the nearest tastes, a row each")] = False,
    taste: Annotated[str | None, typer.Option(metavar="WHO", help=f"start from this taste instead: {WHO}")] = None,
    like: Annotated[
        str | None, typer.Option(metavar="PICTURE", help="more like an item (its number) or a file")
    ] = None,
    distance: Annotated[float | None, typer.Option(min=0, max=1.5708, help="radians away from --like [0.3]")] = None,
    more: Annotated[list[str] | None, typer.Option(metavar="WORD[:AMOUNT]", help="such as warm or warm:0.8")] = None,
    less: Annotated[list[str] | None, typer.Option(metavar="WORD[:AMOUNT]", help="the other way")] = None,
    mix: Annotated[
        list[str] | None, typer.Option(metavar="WHO[:WEIGHT]", help="beside a weight of 1 of one's own")
    ] = None,
    negative: Annotated[str | None, typer.Option(metavar="WHO", help=f"lead away from this taste: {WHO}")] = None,
    prompt: Annotated[str | None, typer.Option(help="for generators that understand one")] = None,
    edit: Annotated[
        str | None, typer.Option(metavar="PICTURE", help="move an item or a file towards the taste")
    ] = None,
    amount: Annotated[float | None, typer.Option(min=0, max=1, help="how far --edit may go [0.5]")] = None,
    strip: Annotated[str | None, typer.Option(metavar="WHO", help="from the taste to this one, in n steps")] = None,
    video: Annotated[bool, typer.Option("--video", help="with --strip: a film from one to the other, too")] = False,
    unexplored: Annotated[bool, typer.Option("--unexplored", help="surprise where their ratings say nothing")] = False,
    spread: Annotated[int | None, typer.Option(min=1, help="make so many, show the n that differ most")] = None,
    n: Annotated[int, typer.Option(min=1, help="how many pictures of each person")] = 6,
    strength: Annotated[float, typer.Option(min=0, max=2, help="0 the average, 1 the taste")] = 1.0,
    surprise: Annotated[float, typer.Option(min=0, max=1.5708, help="radians away from the taste")] = 0.3,
    steps: Annotated[int | None, typer.Option(min=0, help="how long the generator works on each")] = None,
    guidance: Annotated[float | None, typer.Option(min=0, help="how strictly it keeps to what it is given")] = None,
    seed: Annotated[int, typer.Option(help="the same seed and options make the same pictures")] = 0,
    side: Annotated[int, typer.Option(min=16, max=4096, help="pixels")] = 512,
    out: Annotated[Path, typer.Option(help="a folder for the pictures and sheet.png")] = Path("pictures"),
    generator: Annotated[str, typer.Option()] = "studio",
    encoder: Annotated[str, typer.Option()] = "studio",
    model: Annotated[str, typer.Option()] = "gaussian",
    filter: Annotated[str | None, typer.Option(help="such as nsfw: what it doubts is kept, not written out")] = None,
) -> None:
    """Make pictures for a taste, and steer it: towards words, other people, what is new, or what exists."""
    import numpy as np

    from zahir.cli import steering
    from zahir.interactions import History
    from zahir.loop import step, with_library
    from zahir.media import Media, contact_sheet
    from zahir.plugins import make
    from zahir.protocols import Edits
    from zahir.safety import Guard, doubted, judge
    from zahir.store import Store
    from zahir.store.checks import veil

    wants = {
        "--user, --taste, --like or --most-similar: whose pictures?": not (user or taste or like or most_similar),
        "--most-similar without --user, --taste, --like, --edit or --strip": most_similar
        and any((user, taste, like, edit, strip)),
        "--taste or --like, one of the two": bool(taste and like),
        "--strip or --edit, one of the two": bool(strip and edit),
        "--like for --distance": distance is not None and not like,
        "--edit for --amount": amount is not None and not edit,
        "--strip for --video": video and not strip,
        "--n 2 or more for --strip": bool(strip) and n < 2,
        "--spread above --n, and neither --strip nor --edit": spread is not None
        and (spread <= n or bool(strip or edit)),
        "--user for --unexplored, which goes by their ratings": unexplored and not user,
    }
    for wanted in (rule for rule, broken in wants.items() if broken):
        raise ZahirError(f"give {wanted}")
    said, mixed = steering.words(more or [], less or []), [steering.weighted(who, 1.0) for who in mix or []]
    check = make("filters", filter) if filter else None
    guard = Guard(check.name, "block") if check else None
    store, eyes = Store(home()), make("encoders", encoder)
    hand = with_library(make("generators", generator), store, eyes.space)
    if eyes.space != hand.space:
        raise SpaceMismatch(eyes.space, hand.space)
    if prompt and not hand.accepts_prompts:
        raise ZahirError(f"the generator '{generator}' understands no prompts. Steer it with --more and --less.")
    if edit and not isinstance(hand, Edits):
        raise ZahirError(f"the generator '{generator}' cannot edit pictures; --edit needs one that does.")
    learned, data = fitted(model, store, eyes.space)
    people: list[int | None] = [store.user_named(user)] if user else [None]
    if most_similar:
        people = [*_nearest_pair(store, learned, data, seed)]
    avoid = steering.taste_of(negative, store, learned, eyes, seed=seed) if negative else None
    before = steering.picture_of(edit, store) if edit else None
    given: dict[str, Any] = {"strength": strength, "steps": steps, "guidance": guidance}
    out.mkdir(parents=True, exist_ok=True)
    shown: list[Media] = [before] if before else []
    for person in people:
        steer = steering.steering(
            store, person, model=learned, encoder=eyes, seed=seed, taste=taste, like=like, mixed=mixed, said=said,
            distance=0.3 if distance is None else distance, end=strip, open_=surprise if unexplored else None,
        )  # fmt: skip
        with progress_bar("making") as progress:
            if before or strip:  # no step of the loop: every taste is just as asked for
                history = History.empty(eyes.dim) if person is None else store.history(person, space=eyes.space)
                tastes = learned.tastes(history, n, rng=np.random.default_rng(seed))
                tastes = tastes if steer is None else steer(tastes)
                exact = given | {
                    "before": before, "amount": 0.5 if amount is None else amount, "seed": seed, "side": side,
                    "prompt": prompt, "avoid": avoid, "progress": progress,
                }  # fmt: skip
                made = _exactly(hand, tastes, **exact)
                items = store.add_items(made, eyes.encode(made), space=eyes.space, made_for=person, check=check)
                film = _film(hand, tastes, **exact) if video else None
                if film and not (check and guard and doubted(judge(check, [film])[0], guard)):
                    film.to_video(out / "film.webm")
            else:
                items = step(
                    store, person, encoder=eyes, model=learned, generator=hand, n=spread or n, seed=seed, steer=steer,
                    surprise=0.0 if like or unexplored else surprise, prompt=prompt, negative=avoid, size=(side, side),
                    progress=progress, check=check, **given,
                )  # fmt: skip
        blocked = veil(Store(home(), guard=guard), None, items).blocked
        items = [item for item in items if item not in blocked]
        media = [store.media(item) for item in items]
        best = _most_different(media, eyes.encode(media), n) if spread and len(media) > n else range(len(media))
        if blocked:
            typer.echo(f"{len(blocked)} not written: the filter '{filter}' doubts them")
        for k in best:
            shown.append(media[k])
            name = f"{f'user{person}' if person else 'taste'}-{items[k]}"
            media[k].to_png(out / f"{name}.png")
            if media[k].kind == "video":
                media[k].to_video(out / f"{name}.webm")
    columns = n + 1 if before else n
    Media.image(contact_sheet(shown, columns=columns)).to_png(out / "sheet.png")
    typer.echo(f"{len(shown) - bool(before)} pictures in {out}")


def _exactly(
    hand: Generator,
    tastes: np.ndarray,
    *,
    before: Media | None,
    amount: float,
    seed: int,
    side: int,
    prompt: str | None,
    avoid: np.ndarray | None,
    **given: Any,
) -> list[Media]:
    """One medium for each taste: a picture edited, from seeds of its own each, or made anew, from the same noise."""
    import numpy as np

    from zahir.protocols import Edits

    n = len(tastes)
    given["prompts"] = None if prompt is None else [prompt] * n
    given["negatives"] = None if avoid is None else np.repeat(avoid[None], n, axis=0)
    if before is not None and isinstance(hand, Edits):
        return hand.edit([before] * n, tastes, seeds=range(seed, seed + n), amount=amount, **given)
    return hand.generate(tastes, seeds=[seed] * n, size=(side, side), **given)


def _film(hand: Generator, tastes: np.ndarray, **exact: Any) -> Media:
    """A way through tastes as a video: by a generator that films, else picture by picture from the same noise."""
    import numpy as np

    from zahir.media import Media
    from zahir.protocols import Films
    from zahir.steer import strip

    if isinstance(hand, Films):
        size = (exact["side"], exact["side"])
        return hand.film(tastes, seed=exact["seed"], strength=exact["strength"], size=size, frames=FRAMES, fps=FPS)
    steps = FRAMES // (len(tastes) - 1)
    way = np.concatenate([*(strip(a, b, steps + 1)[:-1] for a, b in pairwise(tastes)), tastes[-1:]])
    made = _exactly(hand, way, **exact)
    return Media(np.concatenate([each.pixels[None] for each in made]), FPS, made[len(made) // 2].origin)


def _most_different(media: Sequence[Media], vectors: np.ndarray, n: int) -> list[int]:
    """Positions of n media that suit the tastes they were made for and differ from each other."""
    import numpy as np

    from zahir.steer import spread

    wanted = np.mean([each.origin.taste for each in media if each.origin.taste is not None], axis=0)
    suits = (vectors - vectors.mean(axis=0)) @ wanted
    return spread(vectors, n, relevance=suits, diversity=DIVERSITY).tolist()


def _nearest_pair(store: Store, learned: TasteModel, data: Dataset, seed: int) -> tuple[int, int]:
    """The two people whose tastes are nearest, among those with three ratings or more."""
    import numpy as np

    from zahir.space import cosine

    counts = np.bincount(data.interactions.users, minlength=data.interactions.num_users)
    ids = (np.flatnonzero(counts >= 3) + 1).tolist()
    if len(ids) < 2:
        raise ZahirError(f"{len(ids)} people have 3 ratings or more in space {data.space}; two are needed.")
    rng = np.random.default_rng(seed)
    tastes = np.stack([learned.embed_user(store.history(each, space=data.space), rng=rng) for each in ids])
    alike = cosine(tastes, tastes) - 2 * np.eye(len(ids))
    first, second = np.unravel_index(np.argmax(alike), alike.shape)
    typer.echo(f"users {ids[first]} and {ids[second]}: cosine of their tastes {alike.max():.3f}")
    return ids[first], ids[second]
