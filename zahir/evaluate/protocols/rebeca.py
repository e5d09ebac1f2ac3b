"""REBECA's protocol (arXiv 2502.18477): who likes what of ten held-out ratings each, and the pictures made for people.

A like is a rating of at least 0.5, four stars of five. Knows nothing of files; encoder and generator are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from zahir.errors import BadData, SpaceMismatch
from zahir.evaluate import metrics
from zahir.evaluate.compare import histories
from zahir.evaluate.metrics import Interval
from zahir.evaluate.protocols import generated, verifier
from zahir.evaluate.protocols.result import USER_MEAN, Line, Models, Parts, Result, each_model, exact, over_people
from zahir.evaluate.protocols.verifier import Judged, Verifier
from zahir.interactions import Dataset, Interactions
from zahir.media import Media
from zahir.protocols import Encoder, Generator, Progress, TasteModel

LIKE = 0.5
HELD_OUT = 10  # ratings of each person for the test, and as many for the validation
SEED = 42
PICTURES = 25  # made for each person
NEAREST = (1, 5)
FIXED_EPOCHS = 50
SIZE = (128, 128)  # pixels of what is made: what the encoder looks at
JUDGE, FIXED_JUDGE = "verifier (early stop)", f"verifier ({FIXED_EPOCHS} epochs)"

_NOTES = [
    "pooled AUC mixes taste with how much each person likes at all: the row 'user mean' shows how much of it; "
    "the AUC within a person is the fairer figure.",
    "published on FLICKR-AES: verifier .867 pooled (ViT-bigG, 2,100 ratings), epochs chosen on a validation part.",
    "the split is random, so most held-out pictures were rated by others in training; `zahir evaluate PATH` has "
    "held-out pictures as well.",
]
_MADE_NOTES = [
    "made pictures are judged by a verifier in the embedding space they were made in: it may praise what only that "
    "space likes. 'truth' rows, with simulated people, are by their hidden taste.",
    "p (published) is the share of 1,000 shuffles that reach the real median and can be 0; p counts the real one in. "
    "It says that there is something personal, not how much: \"own over others'\" does, the mean score of one's own "
    "pictures less that of everybody else's.",
    "at k = 5 the union is nearly the whole pool, so that precision is near the base rate: only k = 1 tells much.",
]

Truth = Callable[[Float32[np.ndarray, "pictures dim"], Sequence[Media]], Float[np.ndarray, "people pictures"]]


class Split(NamedTuple):
    """Places of ratings."""

    train: Int64[np.ndarray, "_"]
    validation: Int64[np.ndarray, "_"]
    test: Int64[np.ndarray, "_"]


def split(table: Interactions, *, seed: int = SEED) -> Split:
    """Ten ratings of each person for the test and ten for validation; a third each of those with fewer than 30."""
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(len(table)), table.users))
    users = table.users[order]
    place = np.arange(len(users)) - np.searchsorted(users, users)
    held = np.minimum(HELD_OUT, np.bincount(users, minlength=table.num_users) // 3)[users]
    part = np.where(place < held, 2, np.where(place < 2 * held, 1, 0))
    return Split(*(np.sort(order[part == k]) for k in range(3)))


def rebeca(
    data: Dataset, models: Models, *, parts: Parts, jobs: int = 1, progress: Progress | None = None, width: int = 480
) -> Result:
    """Taste models and the verifier on the test ratings: AUC pooled (1,000 bootstraps of ratings) and within people.

    Every model learns from the training part alone. `parts` is not used: the split is drawn with seed 42.
    """
    table = data.interactions.latest()
    places = split(table)
    train, test = table.take(places.train), table.take(places.test)
    _check_both(test.ratings >= LIKE)

    def work(name: str, make: Callable[[], TasteModel]) -> Line:
        scores = make().fit(train, data.embeddings).predict(test.users, test.items)
        return Line("held-out ratings", name, _figures(test, scores))

    lines = each_model(models, work, jobs=jobs, progress=progress)
    for name, fit in ((JUDGE, _early), (FIXED_JUDGE, _fixed)):
        scores = fit(data, table, places, width).score(test.users, test.items, data.embeddings)
        lines.append(Line("held-out ratings", name, _figures(test, scores)))
    lines.append(Line("held-out ratings", USER_MEAN, _figures(test, _user_means(train)[test.users])))
    few = int((np.bincount(table.users, minlength=table.num_users) < 3 * HELD_OUT).sum())
    notes = [f"{len(test):,} test ratings of {table.num_users} people, seed {SEED}; fits on {len(train):,}."]
    notes += [f"{few} people have fewer than 30 ratings: a third of theirs is the test, not ten."] * (few > 0)
    return Result("rebeca", lines, notes + _NOTES)


def rebeca_made(
    data: Dataset,
    models: Models,
    *,
    encoder: Encoder,
    generator: Generator,
    truth: Truth | None = None,
    pictures: int = PICTURES,
    width: int = 480,
    progress: Progress | None = None,
) -> Result:
    """Make pictures for everybody by each model, and judge them as REBECA does.

    The verifier learns from the training part, as the models do; the pool of the retrieval are the test and
    validation ratings. `truth` gives simulated people's hidden liking of pictures. Raises SpaceMismatch.
    """
    for other in (data.space, generator.space):
        if other != encoder.space:
            raise SpaceMismatch(encoder.space, other)
    table = data.interactions.latest()
    places = split(table)
    train, pool = table.take(places.train), table.take(np.concatenate([places.validation, places.test]))
    judge = _early(data, table, places, width)
    judged: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {JUDGE: {}, "truth": {}}
    near: list[Line] = []
    for done, (name, make) in enumerate(models.items(), 1):
        made, media, owners = _make(make(), train, data, encoder, generator, pictures)
        people, whose = np.unique(owners, return_inverse=True)  # somebody without a rating gets no picture
        judged[JUDGE][name] = _everybody(judge, made, table.num_users)[people], whose.astype(np.int64)
        if truth is not None:
            judged["truth"][name] = truth(made, media)[people], whose.astype(np.int64)
        for k in NEAREST:
            found = generated.retrieval(
                made, owners, data.embeddings, pool.users, pool.items, pool.ratings >= LIKE,
                num_users=table.num_users, k=k,
            )  # fmt: skip
            figures = {column: over_people(values) for column, values in found._asdict().items()}
            near.append(Line(f"nearest {k} of the held-out pictures", name, figures))
        if progress is not None and not progress(done, len(models)):
            raise BadData("the evaluation was cancelled.")
    lines = [line for who, scores in judged.items() for line in _judged(who, scores)]
    notes = [f"{pictures} pictures for each person in the training part, at strength 1, without a prompt."]
    lines += sorted(near, key=lambda line: line.setting)
    return Result("rebeca, pictures made", lines, notes + _MADE_NOTES)


def _make(
    model: TasteModel, train: Interactions, data: Dataset, encoder: Encoder, generator: Generator, pictures: int
) -> tuple[np.ndarray, list[Media], np.ndarray]:
    """Embeddings, media and owners of what is made for everybody who is in the training part."""
    rng = np.random.default_rng(SEED)
    model.fit(train, data.embeddings)
    people = list(histories(train, data.embeddings))
    tastes = np.concatenate([model.tastes(person, pictures, rng=rng) for person in people])
    seeds = rng.integers(2**31, size=len(tastes)).tolist()
    media = generator.generate(tastes, seeds=seeds, size=SIZE)
    owners = np.repeat(np.array([person.user for person in people], np.int64), pictures)
    return encoder.encode(media), media, owners


def _judged(who: str, scores: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> list[Line]:
    """One judge's figures for every model: `scores` of all pictures by all people, and whose each is."""
    if not scores:
        return []
    means = {model: generated.own_means(*each) for model, each in scores.items()}
    won = generated.wins(np.stack(list(means.values())))
    first = next(iter(means))
    lines = []
    for (model, each), best in zip(scores.items(), won):
        test = generated.permutation_test(*each)
        figures = {
            "median of means": exact(test.median),
            "of shuffles": exact(float(np.mean(test.shuffled))),
            "p (published)": exact(test.published_p),
            "p": exact(test.p),
            "own over others'": over_people(generated.own_over_others(*each)),
            "people won": exact(float(best)),
            f"Wilcoxon p to {first}": exact(generated.wilcoxon(means[model], means[first])),
        }
        lines.append(Line(f"made pictures, by the {who}", model, figures))
    return lines


def _everybody(judge: Verifier, made: np.ndarray, num_users: int) -> Float[np.ndarray, "people pictures"]:
    """What everybody would say of every picture, a few people at a time."""
    rows = []
    for some in np.array_split(np.arange(num_users), max(1, num_users // 8)):
        users, items = np.repeat(some, len(made)), np.tile(np.arange(len(made)), len(some))
        rows.append(judge.score(users, items, made).reshape(len(some), -1))
    return np.concatenate(rows)


def _early(data: Dataset, table: Interactions, places: Split, width: int) -> Verifier:
    """The published verifier, whose epochs the validation part chooses."""
    known, held = (_liked(table.take(part)) for part in (places.train, places.validation))
    return verifier.fit(known, data.embeddings, num_users=table.num_users, validation=held, width=width)


def _fixed(data: Dataset, table: Interactions, places: Split, width: int) -> Verifier:
    """The same with its epochs fixed in advance, so that it learns from no more than the taste models do."""
    known = _liked(table.take(places.train))
    return verifier.fit(known, data.embeddings, num_users=table.num_users, epochs=FIXED_EPOCHS, width=width)


def _liked(table: Interactions) -> Judged:
    return Judged(table.users, table.items, table.ratings >= LIKE)


def _figures(test: Interactions, scores: np.ndarray) -> dict[str, Interval]:
    scores, liked = scores.astype(np.float64), test.ratings >= LIKE
    within = metrics.within_auc(test.users, liked, scores, num_users=test.num_users)
    return {"pooled AUC": _bootstrapped(liked, scores), "AUC within person": over_people(within)}


def _bootstrapped(liked: Bool[np.ndarray, "n"], scores: Float[np.ndarray, "n"]) -> Interval:
    """Ratings are resampled, as in the paper; each is its own "person" of `metrics.pooled_auc`."""
    each = np.arange(len(scores))
    real = metrics.pooled_auc(each, liked, scores, times=np.ones((1, len(scores))))
    return metrics.interval(
        float(real[0]), metrics.pooled_auc(each, liked, scores, times=metrics.resample(len(scores), seed=SEED))
    )


def _user_means(train: Interactions) -> Float[np.ndarray, "users"]:
    """The mean rating of each person, everybody's for those without one."""
    total = np.bincount(train.users, train.ratings, train.num_users)
    count = np.bincount(train.users, minlength=train.num_users)
    level = float(train.ratings.mean()) if len(train) else 0.0
    return np.where(count > 0, total / np.maximum(count, 1), level)


def _check_both(liked: Bool[np.ndarray, "n"]) -> None:
    if not (liked.any() and not liked.all()):
        raise BadData(
            f"{len(liked)} test ratings, {int(liked.sum())} of them likes. Expected likes and others to tell apart."
        )
