"""What the options of `generate` say: names and files as tastes and pictures, and the verbs as one steer.

Knows the store and the sockets; makes nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from zahir.errors import SpaceMismatch, StoreError, ZahirError
from zahir.loop import AMONG
from zahir.media import Media, read_image
from zahir.protocols import Encoder, KnowsWords, TasteModel
from zahir.steer import Steer, like_this, mix, strip, towards, unexplored
from zahir.store import Store
from zahir.store.tastes import taste_named
from zahir.taste_file import read

AMOUNT = 0.3  # of a word that comes without one

Weighted = tuple[str, float]


@contextmanager
def wrong_values_told() -> Iterator[None]:
    """What a person typed reaches functions as a wrong argument: that is theirs to put right."""
    try:
        yield
    except ValueError as error:
        raise ZahirError(str(error)) from error


def weighted(text: str, without: float) -> Weighted:
    """A name and its amount, "warm:0.5"; `without` one of its own it is given this one."""
    name, colon, amount = text.rpartition(":")
    try:
        return (name, float(amount)) if colon else (text, without)
    except ValueError:
        return text, without


def words(more: Sequence[str], less: Sequence[str]) -> list[Weighted]:
    """Words with their amounts in [-1, 1], negative for what there shall be less of."""
    said = [(*weighted(text, AMOUNT), sign) for texts, sign in ((more, 1), (less, -1)) for text in texts]
    for word, amount, _ in said:
        if not 0 < amount <= 1:
            raise ZahirError(
                f"the amount of '{word}' must be above 0 and at most 1; got {amount}. Try {word}:{AMOUNT}."
            )
    return [(word, sign * amount) for word, amount, sign in said]


def taste_of(who: str, store: Store, model: TasteModel, encoder: Encoder, *, seed: int) -> Float32[np.ndarray, "dim"]:
    """The taste of a person, by number or name; of a file of `zahir taste export`; or of an imported one's name."""
    if Path(who).is_file():
        found = read(Path(who))
    else:
        try:
            person = store.user_named(who)
        except StoreError as nobody:
            try:
                found = taste_named(store, who)
            except StoreError as nothing:
                raise ZahirError(f"'{who}' is no file; {nobody} And {nothing}") from nothing
        else:
            return model.embed_user(store.history(person, space=encoder.space), rng=np.random.default_rng(seed))
    if found.space != encoder.space:
        raise SpaceMismatch(encoder.space, found.space, what="taste")
    return found.positive


def picture_of(what: str, store: Store) -> Media:
    """A picture file, or an item by its number."""
    if Path(what).is_file():
        return read_image(Path(what))
    if not what.isdecimal():
        raise ZahirError(f"'{what}' is neither a picture file nor the number of an item.")
    return store.media(int(what))


def steering(
    store: Store,
    user: int | None,
    *,
    model: TasteModel,
    encoder: Encoder,
    seed: int,
    taste: str | None = None,
    like: str | None = None,
    distance: float = 0.3,
    mixed: Sequence[Weighted] = (),
    said: Sequence[Weighted] = (),
    end: str | None = None,
    open_: float | None = None,
) -> Steer | None:
    """The verbs, in this order, as one steer; None where there are none.

    Start from a person's own tastes, from that of `taste` or from what is `like` a picture; mix in those of others;
    turn by words; go on to the taste of `end` in n steps; turn by `open_` radians where the person's ratings say
    nothing.
    """
    rng = np.random.default_rng(seed)
    among = store.vectors(encoder.space)[-AMONG:]
    verbs: list[Steer] = []
    if taste is not None:
        given = taste_of(taste, store, model, encoder, seed=seed)
        verbs.append(lambda tastes: np.repeat(given[None], len(tastes), axis=0))
    if like is not None:
        seen = encoder.encode([picture_of(like, store)])[0]
        verbs.append(lambda tastes: like_this(seen, len(tastes), distance, rng=rng, among=among))
    if end is not None:
        last = taste_of(end, store, model, encoder, seed=seed)
        first = None if user is None else taste_of(str(user), store, model, encoder, seed=seed)
        verbs.append(lambda tastes: strip(tastes[0] if taste or like or first is None else first, last, len(tastes)))
    if mixed:
        others = [taste_of(who, store, model, encoder, seed=seed) for who, _ in mixed]
        verbs.append(lambda tastes: mix([tastes, *others], [1.0, *(weight for _, weight in mixed)]))
    if said:
        if not isinstance(encoder, KnowsWords):
            raise ZahirError(f"the encoder of space '{encoder.space}' knows no words, which --more and --less want.")
        with wrong_values_told():
            ways = encoder.directions([word for word, _ in said])
        verbs.append(lambda tastes: towards(tastes, ways, [amount for _, amount in said]))
    if open_ is not None and user is not None:
        rated = store.history(user, space=encoder.space).embeddings
        verbs.append(lambda tastes: unexplored(tastes, rated, open_, rng=rng, among=among))

    def steer(tastes: Float32[np.ndarray, "n dim"]) -> Float32[np.ndarray, "n dim"]:
        with wrong_values_told():
            for verb in verbs:
                tastes = verb(tastes)
        return tastes

    return steer if verbs else None
