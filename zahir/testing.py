"""Contracts anybody can run over their own plugin: encoders, taste models, generators and filters.

Knows the sockets of `zahir.protocols`; nothing of any implementation. Each function returns when the
contract holds and raises AssertionError, saying what broke, when it does not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zahir.errors import NotFitted
from zahir.interactions import History, Interactions
from zahir.media import Media
from zahir.protocols import Encoder, Filter, Generator, Retrieves, TasteModel

__all__ = ["check_encoder", "check_filter", "check_generator", "check_taste_model"]


def check_taste_model(factory: Callable[[], TasteModel]) -> None:
    """Check a taste model; `factory` makes a new one each time it is called."""
    table, embeddings = _people()
    model = factory()
    _check_without_fit(model, embeddings)
    _must(model.fit(table, embeddings) is model, "fit must return the model itself")
    users, items = table.users, table.items
    told = model.predict(users, items)
    _check_scores(told, len(users), "predict")
    _must(_correlation(told, table.ratings) > 0.2, "predictions of ratings seen in fit must rise with those ratings")
    _check_history(model, _history(table, embeddings, 0), embeddings, "somebody of the fit")
    stranger = _history(table, embeddings, 1, known=False)
    _check_history(model, stranger, embeddings, "somebody whom the fit has not met, with items it does not know")
    _check_history(model, History.empty(embeddings.shape[1]), embeddings, "somebody without ratings")
    _check_history(model, History.empty(embeddings.shape[1], user=2), embeddings, "a user of the fit without history")

    again = factory().fit(table, embeddings).predict(users, items)
    _must(np.array_equal(again, told), "two fits of the same ratings must predict the same")
    model.fit(table.take(np.arange(len(table)) % 2 == 0), embeddings[:, ::-1].copy())
    _must(np.array_equal(model.fit(table, embeddings).predict(users, items), told), "fit must forget the fit before")
    turn = np.random.default_rng(1).permutation(table.num_users)
    turned = Interactions.of(
        turn[users], items, table.ratings, times=table.times, num_users=table.num_users, num_items=table.num_items
    )
    other = factory().fit(turned, embeddings).predict(turn[users], items)
    _must(np.allclose(other, told, atol=0.02), "people numbered in another order must be predicted the same")

    nothing = Interactions.of([], [], [], num_users=3, num_items=len(embeddings))
    blank = factory().fit(nothing, embeddings)
    _check_scores(blank.predict(np.array([0, 2]), np.array([0, 1])), 2, "predict after a fit without ratings")
    _check_history(blank, History.empty(embeddings.shape[1], user=0), embeddings, "somebody in a fit without ratings")
    _check_history(blank, stranger, embeddings, "the first person who rates after a fit without ratings")


def check_encoder(encoder: Encoder) -> None:
    """Check an encoder on small pictures of several shapes, and on a video."""
    _must(isinstance(encoder.space, str) and encoder.space != "", f"space must be a name; got {encoder.space!r}")
    _must(isinstance(encoder.dim, int) and encoder.dim > 0, f"dim must be a positive int; got {encoder.dim!r}")
    rng = np.random.default_rng(0)
    shapes = [(64, 64), (48, 96), (96, 48), (224, 224), (17, 31)]
    pictures = [Media.image(_picture(rng, height, width)) for height, width in shapes]
    pictures.append(Media(np.stack([_picture(rng, 64, 64) for _ in range(3)]), 12.0))
    rows = encoder.encode(pictures)
    _must(rows.shape == (len(pictures), encoder.dim), f"encode must give one row of {encoder.dim}; got {rows.shape}")
    _must(rows.dtype == np.float32, f"embeddings must be float32; got {rows.dtype}")
    _must_be_unit(rows, "embeddings")
    empty = encoder.encode([])
    _must(empty.shape == (0, encoder.dim), f"encode([]) must have shape (0, {encoder.dim}); got {empty.shape}")
    alone = np.concatenate([encoder.encode([medium]) for medium in pictures])
    _must(np.abs(alone - rows).max() < 1e-3, "an embedding must not depend on what else is in the batch")
    between = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
    _must(between.max() < 0.9999, "different pictures must have different embeddings")


def check_generator(generator: Generator, *, dim: int) -> None:
    """Check a generator that reads embeddings of width `dim`."""
    _must(isinstance(generator.space, str) and generator.space != "", "space must be a name")
    _must(generator.kind in ("image", "video"), f"kind must be 'image' or 'video'; got {generator.kind!r}")
    _must(isinstance(generator.accepts_prompts, bool), "accepts_prompts must be a bool")
    _must(generator.generate(np.zeros((0, dim), np.float32), seeds=[]) == [], "no tastes must give no media")
    rng = np.random.default_rng(0)
    tastes = _unit(rng, 3, dim)
    size = (64, 64)
    seen: list[tuple[int, int]] = []

    def watch(done: int, of: int) -> bool:
        seen.append((done, of))
        return True

    media = generator.generate(tastes, seeds=[1, 2, 3], size=size, progress=watch)
    _must(len(media) == 3, f"3 tastes must give 3 media; got {len(media)}")
    ended = bool(seen) and seen[-1][0] == seen[-1][1] >= 3
    _must(ended, f"progress must end with done = of, 3 at least; got {seen[-1:]}")
    for i, (medium, seed) in enumerate(zip(media, (1, 2, 3))):
        frames = medium.frames
        _must((len(frames) == 1) == (generator.kind == "image"), f"kind is {generator.kind}; {len(frames)} frames came")
        _must(frames.shape[1:3] == (64, 64), f"size=(64, 64) was asked for; frames of {frames.shape[1:3]} came")
        origin = medium.origin
        names = origin.generator != "" or isinstance(generator, Retrieves)  # a photograph that was found stays one
        _must(names, "origin.generator must name the generator")
        _must(origin.space == generator.space, f"origin.space must be {generator.space!r}; got {origin.space!r}")
        _must(origin.seed == seed, f"origin.seed must be {seed}; got {origin.seed}")
        right = origin.taste is not None and np.allclose(origin.taste, tastes[i], atol=1e-6)
        _must(right, "origin.taste must be the taste that was asked for")
    alone = generator.generate(tastes[1:2], seeds=[2], size=size)[0]
    _must(_same(alone, media[1]), "a medium must depend on its own taste and seed alone, not on its batch")
    _must(not _same(generator.generate(tastes[1:2], seeds=[9], size=size)[0], media[1]), "another seed must show")
    _must(not _same(generator.generate(tastes[:1], seeds=[2], size=size)[0], media[1]), "another taste must show")
    for strength in (0.0, 2.0):
        made = generator.generate(tastes[:1], seeds=[1], size=size, strength=strength)
        _must(len(made) == 1, f"strength {strength} must be possible")
    cut = generator.generate(tastes, seeds=[1, 2, 3], size=size, progress=lambda done, of: done < 1)
    _must(len(cut) < 3, "progress returning False must stop the work")
    _must(
        all(_same(a, b) for a, b in zip(cut, media)), "what was made before the stop must be what would have been made"
    )


def check_filter(check: Filter, *, name: str) -> None:
    """Check a filter that is registered as `name`, on small pictures and on a video."""
    _must(check.name == name, f"name must be what it is registered as, {name!r}; got {check.name!r}")
    _must(isinstance(check.version, str) and 0 < len(check.version) <= 64, "version must be 1 to 64 characters")
    rng = np.random.default_rng(0)
    frames = [_picture(rng, height, width) for height, width in [(64, 64), (48, 96), (17, 31)]]
    pictures = [Media.image(frame) for frame in frames]
    scores = check.score(pictures)
    _must(scores.shape == (3,) and scores.dtype == np.float32, f"score must give float32 (3,); got {scores.shape}")
    _must(bool(np.all((scores >= 0) & (scores <= 1))), f"scores must be in [0, 1]; got {scores}")
    _must(check.score([]).shape == (0,), "score([]) must have shape (0,)")
    alone = np.array([check.score([picture])[0] for picture in pictures])
    _must(bool(np.allclose(alone, scores, atol=1e-3)), "a score must not depend on what else is in the batch")
    film = [_picture(rng, 64, 64) for _ in range(11)]
    worst = max(float(check.score([Media.image(frame)])[0]) for frame in film)
    told = float(check.score([Media(np.stack(film), 8.0)])[0])
    _must(abs(told - worst) < 1e-3, f"a video's score must be its worst frame's, {worst:.4f}; got {told:.4f}")


def _check_without_fit(model: TasteModel, embeddings: np.ndarray) -> None:
    try:
        model.predict(np.array([0]), np.array([0]))
    except NotFitted:
        pass
    else:
        raise AssertionError("predict before fit must raise NotFitted")
    rng = np.random.default_rng(3)
    history = History.of(embeddings[:12], rng.choice([-0.5, 0.5, 0.0, 1.0], 12))
    _check_history(model, history, embeddings, "somebody, without any fit")
    _check_history(model, History.empty(embeddings.shape[1]), embeddings, "nobody known, without any fit")
    for ratings in (np.full(4, 0.5), np.full(4, -0.5), np.zeros(4)):
        _check_history(model, History.of(embeddings[:4], ratings), embeddings, f"four ratings of {ratings[0]}")


def _check_history(model: TasteModel, history: History, embeddings: np.ndarray, who: str) -> None:
    """Everything a model answers about one person; nothing it was given may change."""
    dim = embeddings.shape[1]
    for array in (history.items, history.embeddings, history.ratings, history.weights, history.times, embeddings):
        array.setflags(write=False)
    first = model.score(history, embeddings)
    _check_scores(first, len(embeddings), f"score for {who}")
    _check_scores(model.score(history, embeddings[:0]), 0, f"score of no pictures for {who}")
    taste = model.embed_user(history, rng=np.random.default_rng(5))
    _must(taste.shape == (dim,) and taste.dtype == np.float32, f"embed_user for {who} must give float32 ({dim},)")
    _must_be_unit(taste[None], f"embed_user for {who}")
    same = model.embed_user(history, rng=np.random.default_rng(5))
    _must(np.array_equal(taste, same), f"embed_user for {who} must depend on its arguments alone")
    for n in (0, 1, 7):
        rows = model.tastes(history, n, rng=np.random.default_rng(6))
        _must(rows.shape == (n, dim) and rows.dtype == np.float32, f"tastes for {who} must give float32 ({n}, {dim})")
        _must_be_unit(rows, f"tastes for {who}")
        _must(
            np.array_equal(rows, model.tastes(history, n, rng=np.random.default_rng(6))),
            f"tastes for {who} must depend on the arguments alone",
        )
    _must(np.array_equal(model.score(history, embeddings), first), f"score for {who} must not change what it reads")


def _check_scores(scores: np.ndarray, n: int, what: str) -> None:
    _must(scores.shape == (n,) and scores.dtype == np.float32, f"{what} must give float32 ({n},); got {scores.shape}")
    _must(bool(np.all(np.isfinite(scores))), f"{what} must be finite")


def _must_be_unit(rows: np.ndarray, what: str) -> None:
    lengths = np.linalg.norm(rows, axis=1)
    _must(bool(np.all(np.abs(lengths - 1) < 1e-3)), f"{what} must be of unit length; got {lengths.round(4)}")


def _must(holds: bool, rule: str) -> None:
    if not holds:
        raise AssertionError(rule)


def _people() -> tuple[Interactions, np.ndarray]:
    """Eight people with tastes, forty pictures, graded ratings; the last picture and person 2 have none."""
    rng = np.random.default_rng(0)
    embeddings = _unit(rng, 40, 16)
    tastes = _unit(rng, 1, 16) + _unit(rng, 8, 16)
    cells = np.array([(u, i) for u in range(8) if u != 2 for i in rng.permutation(39)[:20]])
    users, items = cells[:, 0], cells[:, 1]
    liking = np.einsum("nd,nd->n", tastes[users], embeddings[items])
    grades = np.array([-1, -0.5, 0, 0.5, 1])[np.digitize(liking, [-0.4, -0.1, 0.1, 0.4])]
    return Interactions.of(users, items, grades, num_users=8, num_items=40), embeddings


def _history(table: Interactions, embeddings: np.ndarray, user: int, *, known: bool = True) -> History:
    mine = table.users == user
    items = table.items[mine]
    return History.of(
        embeddings[items], table.ratings[mine], user=user if known else None, items=items if known else None
    )


def _unit(rng: np.random.Generator, n: int, dim: int) -> np.ndarray:
    rows = rng.standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _picture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Smooth colours: a coarse random grid, enlarged."""
    grid = rng.uniform(0, 255, (4, 4, 3))
    rows, cols = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    return grid[rows][:, cols].astype(np.uint8)


def _same(a: Media, b: Media) -> bool:
    return a.frames.shape == b.frames.shape and np.array_equal(a.frames, b.frames)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0
