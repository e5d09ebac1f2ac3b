"""Steering: verbs that turn, mix and spread tastes before anything is made of them.

Knows nothing of people, words, models or generators: arrays in, arrays out. Tastes are directions of an embedding
space and come back with unit length; all angles are radians.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Float32, Int64

from zahir.space import cosine, normalize, rotate, slerp

Steer = Callable[[Float32[np.ndarray, "n dim"]], Float32[np.ndarray, "n dim"]]
"""What is done to a batch of tastes before media are made of them."""

_TOLD = 1e-5  # variance of liking, of a typical rated item, that its rating leaves open


def mix(tastes: Sequence[Float[np.ndarray, "... dim"]], weights: Sequence[float]) -> Float32[np.ndarray, "... dim"]:
    """Blend tastes, mine and a friend's: the weighted sum of the unit tastes, of unit length again.

    A batch is mixed row by row, a single taste with every row of a batch. A negative weight leads away. Raises
    ValueError unless there is one finite weight for each taste, and where tastes cancel out.
    """
    if len(tastes) != len(weights) or not np.isfinite(weights).all():
        raise ValueError(f"mix wants one finite weight for each taste; got {list(weights)} for {len(tastes)} tastes.")
    mixed = normalize(sum((w * normalize(t).astype(np.float64) for t, w in zip(tastes, weights)), np.zeros(1)))
    if not np.any(mixed, axis=-1).all():
        raise ValueError(f"with weights {list(weights)} these tastes cancel out. Give one of them more weight.")
    return mixed


def towards(
    tastes: Float[np.ndarray, "n dim"], directions: Float[np.ndarray, "m dim"], amounts: Sequence[float]
) -> Float32[np.ndarray, "n dim"]:
    """Turn each taste towards directions, such as those of words, by an amount in [-1, 1] each.

    Of one direction the amount is the share of the way there on the great circle: 0 is the taste, 1 the direction
    itself, and a negative one leads as far to its opposite. Several add up to one direction and one amount, of 1 at
    most. (StyleCLIP, Patashnik et al. 2021, adds such directions; on the sphere a sum becomes a turn.)
    """
    if len(directions) != len(amounts) or not all(-1 <= amount <= 1 for amount in amounts):
        raise ValueError(f"amounts must be in [-1, 1], one for each of {len(directions)} directions; got {amounts}.")
    goal = np.asarray(amounts, np.float64) @ normalize(directions)
    share = np.array([min(1.0, float(np.linalg.norm(goal)))])
    return np.concatenate([slerp(taste, goal, share) if goal.any() else normalize(taste)[None] for taste in tastes])


def explore(
    tastes: Float[np.ndarray, "n dim"],
    surprise: float,
    *,
    rng: np.random.Generator,
    among: Float[np.ndarray, "m dim"] | None = None,
) -> Float32[np.ndarray, "n dim"]:
    """Turn each taste by `surprise`, in [0, pi/2], towards a random direction.

    `among` holds embeddings of real items of the space: the random direction is then a random mixture
    of them about their mean, so that surprises vary in the ways pictures vary. Without it the
    direction is uniform on the sphere, which in a wide space mostly means towards nothing at all.
    """
    return rotate(tastes, _anywhere(tastes, rng, among), _angle("surprise", surprise))


def unexplored(
    tastes: Float[np.ndarray, "n dim"],
    rated: Float[np.ndarray, "k dim"],
    angle: float,
    *,
    rng: np.random.Generator,
    among: Float[np.ndarray, "m dim"] | None = None,
) -> Float32[np.ndarray, "n dim"]:
    """Stay as liked, and move where ratings say nothing: turn each taste by `angle`, in [0, pi/2].

    The direction is a draw as in `explore`, conditioned on every rated item being liked as much as before: what is
    left is orthogonal to all `rated` embeddings (about the mean of `among`) while there are fewer of them than
    dimensions, and beyond that lies where they vary least. The score of every rated item, and of whatever lies
    between them, only falls to cos(angle) of its own, in the same order. Rasmussen & Williams 2006, eq. 2.12.
    """
    about = np.zeros(tastes.shape[1]) if among is None or not len(among) else np.mean(among, axis=0, dtype=np.float64)
    offsets = np.asarray(rated, np.float64) - about
    _, sizes, axes = np.linalg.svd(offsets, full_matrices=False)
    open_ = _TOLD * np.mean(sizes**2) / (sizes**2 + _TOLD * np.mean(sizes**2)) - 1 if sizes.any() else 0 * sizes

    def free(rows: np.ndarray) -> np.ndarray:
        return rows + (rows @ axes.T * open_) @ axes

    side, own = free(_anywhere(tastes, rng, among)), free(normalize(tastes).astype(np.float64))
    lengths = np.sum(own * own, axis=1, keepdims=True)
    side -= np.sum(side * own, axis=1, keepdims=True) / np.where(lengths > 1e-9, lengths, 1.0) * own
    return rotate(tastes, side, _angle("angle", angle))


def apart(
    tastes: Float[np.ndarray, "n dim"], made: Float[np.ndarray, "m dim"], centre: Float[np.ndarray, "dim"], much: float
) -> Float32[np.ndarray, "n dim"]:
    """Lead each unit taste away from what these pictures have in common: taste - much * (their mean - centre).

    `made` are embeddings of pictures made lately, `centre` the mean of the space. What is made next then differs from
    them where the taste leaves it open. Without pictures the tastes come back, normalised.
    """
    if len(made) == 0:
        return normalize(tastes)
    return normalize(normalize(tastes) - much * (np.mean(made, axis=0, dtype=np.float64) - centre))


def spread(
    candidates: Float[np.ndarray, "m dim"], n: int, *, relevance: Float[np.ndarray, "m"], diversity: float
) -> Int64[np.ndarray, "some"]:
    """Choose n rows that are relevant and unlike each other, best first; all of them where there are fewer.

    Maximal marginal relevance (Carbonell & Goldstein 1998, eq. 1): each is the one with the most
    (1 - diversity) * relevance - diversity * (its largest cosine with those chosen before), with `diversity` in
    [0, 1]; relevance is first scaled to [0, 1] over the candidates, so that its units do not matter.
    """
    if not 0 <= diversity <= 1 or n < 0:
        raise ValueError(f"diversity must be in [0, 1] and n at least 0; got {diversity} and {n}.")
    if len(relevance) != len(candidates):
        raise ValueError(f"one relevance for each candidate; got {len(relevance)} for {len(candidates)}.")
    alike = cosine(candidates, candidates)
    worth = np.asarray(relevance, np.float64) - np.min(relevance, initial=np.inf)
    worth *= (1 - diversity) / (worth.max(initial=0.0) or 1.0)
    nearest = np.zeros(len(worth))
    chosen: list[int] = []
    for _ in range(min(n, len(worth))):
        gain = worth - diversity * nearest
        gain[chosen] = -np.inf
        chosen.append(int(np.argmax(gain)))
        nearest = alike[chosen[-1]] if len(chosen) == 1 else np.maximum(nearest, alike[chosen[-1]])
    return np.array(chosen, np.int64)


def strip(a: Float[np.ndarray, "dim"], b: Float[np.ndarray, "dim"], n: int) -> Float32[np.ndarray, "n dim"]:
    """n tastes in equal steps on the great circle from one taste to another, both ends among them; n is 2 or more."""
    if n < 2:
        raise ValueError(f"a strip has both its ends: n must be at least 2; got {n}.")
    return slerp(a, b, np.linspace(0.0, 1.0, n))


def like_this(
    embedding: Float[np.ndarray, "dim"],
    n: int,
    distance: float,
    *,
    rng: np.random.Generator,
    among: Float[np.ndarray, "m dim"],
) -> Float32[np.ndarray, "n dim"]:
    """n tastes for more like a picture, each turned by `distance`, in [0, pi/2], as in `explore`.

    Generators stretch a taste in the ways in which pictures vary, C^1/2 taste with C their covariance; so what is
    asked for is (C + c)^-1/2 (embedding - mean), of the mean and covariance of `among` and c the mean variance, to
    land on the picture. In the studio its likeness has a cosine of .69 then, .65 with the bare offset.
    """
    it = np.asarray(embedding, np.float64)
    if len(among) > 1:
        it = it - among.mean(axis=0, dtype=np.float64)
        _, sizes, axes = np.linalg.svd(among - among.mean(axis=0, dtype=np.float64), full_matrices=False)
        variances = sizes**2 / len(among)
        floor = variances.sum() / len(it) or 1.0
        it = it + ((axes @ it) * (np.sqrt(floor / (variances + floor)) - 1)) @ axes
    return explore(np.repeat(normalize(it)[None], n, axis=0), distance, rng=rng, among=among)


def _anywhere(
    tastes: np.ndarray, rng: np.random.Generator, among: Float[np.ndarray, "m dim"] | None
) -> Float[np.ndarray, "n dim"]:
    """Random directions, one for each taste: mixtures of items about their mean, or from the whole sphere."""
    if among is None or len(among) < 2:
        return rng.standard_normal(tastes.shape)
    return rng.standard_normal((len(tastes), len(among))) @ (np.asarray(among, np.float64) - np.mean(among, axis=0))


def _angle(name: str, angle: float) -> float:
    if not 0.0 <= angle <= np.pi / 2 + 1e-9:
        raise ValueError(f"{name} must be in [0, pi/2] radians; got {angle}.")
    return angle
