"""What one person sees next, why, and with what probability.

A small policy: a slot is drawn (made for me, liked by others, a surprise), then an item within it, and
the product of both probabilities is kept as the pick's propensity, without which no bias of exposure can
be corrected later. Knows nothing of generators; it chooses among what is there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int64

from zahir.interactions import History
from zahir.protocols import TasteModel
from zahir.questions import worth
from zahir.space import cosine, normalize
from zahir.store import Pick, Shelf, Store
from zahir.store.checks import veil

POLICY = "slots-1"
CALIBRATION = 12  # ratings before the feed leans anywhere
PEOPLE_SHARE = 0.2  # of what is no surprise, where others' likes are there to show
TURNED = 1.0  # radians: an item turned further than this from the taste was made as a surprise
RECENT = 48  # newest items made for me that compete: older ones follow an older taste
SHARPNESS = 2.0  # per standard deviation of the score, at strength 1

SURPRISED = "A surprise. Nothing you rated points here."
CALIBRATING = "Finding your footing. Your answer to this one tells much."
OTHERS = "Someone else here liked it, and it is close to your taste."
FROM_THE_SHELF = "From the shelf, while the next one is made."
CLOSE = {
    1: "Close to a picture you liked.",
    2: "Close to two pictures you liked.",
    3: "Close to three pictures you liked.",
}
MADE = "Made for the taste that your ratings show so far."


def next_items(
    store: Store,
    model: TasteModel,
    user: int,
    n: int,
    *,
    space: str,
    strength: float,
    surprise: float,
    rng: np.random.Generator,
    exclude: Collection[int] = (),
) -> list[Pick]:
    """Choose up to n items that this person has not rated, best reasons first.

    `strength` in [0, 2] sharpens the choice towards the taste; `surprise` in [0, 1] is the share of
    surprises. `exclude` are items that wait on the person's screen already. Items that were painted but
    not rated come back only when nothing else is left. An empty list means that everything is rated.
    What the store's guard blocks for this person is never chosen; what it blurs for them is marked so.
    """
    shelf = store.shelf(space, user)
    rated, shown = store.seen(user)
    waiting = np.array(list(exclude), np.int64)
    open_ = ~np.isin(shelf.ids, np.concatenate([rated, waiting]))
    fresh = open_ & ~np.isin(shelf.ids, shown)
    history = store.history(user, space=space)
    vectors = store.vectors(space)
    score: np.ndarray | None = None  # of the whole shelf, once, and not for somebody who still calibrates
    asked = shelf.calibration
    if len(rated) < CALIBRATION:
        questions = store.questions(space)
        asked = asked if questions is None else np.isin(shelf.ids, questions)
    picks: list[Pick] = []
    for k in range(n):
        if len(rated) + len(waiting) + k < CALIBRATION and np.any(fresh & asked):
            seen = np.concatenate([rated, waiting, [pick.item for pick in picks]]).astype(np.int64)
            slots = {"calibration": (1.0, *_telling(shelf, asked, fresh, seen, vectors))}
        else:
            if score is None:
                score = np.zeros(len(shelf.ids))
                if np.any(fresh):
                    score[fresh] = model.score(history, vectors[shelf.rows[fresh]])
            slots = _slots(store, user, shelf, fresh, score, strength, surprise)
        if not slots and np.any(open_):
            slots = {"shelf": (1.0, np.flatnonzero(open_), np.full(int(open_.sum()), 1 / open_.sum()))}
        if not slots:
            break
        names = list(slots)
        shares = np.array([slots[name][0] for name in names])
        shares /= shares.sum()
        slot = int(rng.choice(len(names), p=shares))
        _, where, chances = slots[names[slot]]
        at = int(rng.choice(len(where), p=chances))
        index = int(where[at])
        why = because(names[slot], vectors[shelf.rows[index]], history, vectors)
        picks.append(Pick(int(shelf.ids[index]), names[slot], why, float(shares[slot] * chances[at]), POLICY))
        fresh[index] = open_[index] = False
    blurred = veil(store, user, [pick.item for pick in picks]).blurred
    return [replace(pick, blurred=pick.item in blurred) for pick in picks]


def because(slot: str, vector: np.ndarray, history: History, among: np.ndarray) -> str:
    """The reason in one sentence that is true of this pick."""
    fixed = {"surprise": SURPRISED, "calibration": CALIBRATING, "people": OTHERS, "shelf": FROM_THE_SHELF}
    return fixed.get(slot) or CLOSE.get(min(3, len(near(vector, history, among))), MADE)


def near(vector: np.ndarray, history: History, among: np.ndarray) -> Int64[np.ndarray, "n"]:
    """Positions in the history of liked items close to this embedding, the closest first.

    Close means: closer than 95 of 100 pictures of this space are to the liked ones.
    """
    liked = np.flatnonzero(history.ratings > 0)
    if len(liked) == 0:
        return liked
    centre = among.mean(axis=0)
    likes = normalize(history.embeddings[liked] - centre)
    some = among[:: max(1, len(among) // 256)]
    bar = np.quantile(cosine(some - centre, likes), 0.95)
    close = cosine((vector - centre)[None], likes)[0]
    order = np.argsort(-close)
    return liked[order[close[order] > bar]]


Slot = tuple[float, Int64[np.ndarray, "n"], Float64[np.ndarray, "n"]]


def _slots(
    store: Store,
    user: int,
    shelf: Shelf,
    fresh: np.ndarray,
    scores: np.ndarray,
    strength: float,
    surprise: float,
) -> dict[str, Slot]:
    """Name -> (share, positions on the shelf, probabilities), of the slots that have anything to show."""
    where = np.flatnonzero(fresh)
    if len(where) == 0:
        return {}
    score = scores[where]
    mine = shelf.made_for[where] == user
    turned = shelf.surprise[where] >= TURNED
    slots: dict[str, Slot] = {}

    def add(name: str, share: float, chosen: np.ndarray, sharpness: float) -> None:
        if share > 0 and len(chosen):
            slots[name] = (share, where[chosen], _softmax(sharpness * _standard(score)[chosen]))

    add("mine", (1 - surprise) * (1 - PEOPLE_SHARE), np.flatnonzero(mine & ~turned)[-RECENT:], SHARPNESS * strength)
    best = np.argsort(-score)[:100]
    candidates = best[~mine[best] & (score[best] > np.median(score))]
    liked = store.liked(shelf.ids[where[candidates]].tolist(), besides=user) if len(candidates) else set()
    people = candidates[[int(item) in liked for item in shelf.ids[where[candidates]]]] if liked else candidates[:0]
    add("people", (1 - surprise) * PEOPLE_SHARE, people, SHARPNESS * strength)
    made = np.flatnonzero(turned & mine)
    far = np.flatnonzero(score <= np.median(score))
    add("surprise", surprise, made if len(made) else far, 0.0)
    if "mine" not in slots:
        add("shelf", (1 - surprise) * (1 - PEOPLE_SHARE), np.arange(len(where)), SHARPNESS * strength)
    if not slots:  # surprises only were asked for, and there are none
        add("shelf", 1.0, np.arange(len(where)), SHARPNESS * strength)
    return slots


def _telling(
    shelf: Shelf, asked: np.ndarray, fresh: np.ndarray, seen: np.ndarray, vectors: np.ndarray
) -> tuple[Int64[np.ndarray, "n"], Float64[np.ndarray, "n"]]:
    """Items to ask about, likelier the more an answer would tell beside what everything seen so far tells."""
    where = np.flatnonzero(asked)
    before = np.flatnonzero(np.isin(shelf.ids, seen))
    told = worth(vectors[shelf.rows[where]], asked=vectors[shelf.rows[before]])
    still = fresh[where]
    return where[still], _softmax(2 * SHARPNESS * _standard(told[still]))


def _standard(values: np.ndarray) -> Float64[np.ndarray, "n"]:
    wide = np.asarray(values, np.float64)
    return (wide - wide.mean()) / (wide.std() + 1e-9)


def _softmax(values: np.ndarray) -> Float64[np.ndarray, "n"]:
    grown = np.exp(values - values.max())
    return grown / grown.sum()
