"""Populations whose tastes are known, so that what a model recovers can be measured.

Knows nothing of taste models or of how they are judged.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from zahir.interactions import Dataset, Interactions
from zahir.space import normalize

_MEAN_COSINE = 0.42  # between two embeddings of different pictures, as CLIP ViT-bigG/14 has it
_DECAY = 0.9  # variance along the k-th principal axis falls as k^-0.9, again as CLIP's of real pictures
_STEEPNESS = 2.5  # P(like) = sigmoid(2.5 s)


class Planted(NamedTuple):
    """Ratings, and the truth they came from.

    `liking` is each person's true score of every picture, in standard deviations over the pictures.
    """

    dataset: Dataset
    tastes: Float32[np.ndarray, "people dim"]
    liking: Float32[np.ndarray, "people items"]


def planted(
    people: int = 50,
    ratings: int = 40,
    shared: float = 0.2,
    *,
    clusters: int | None = None,
    seed: int = 0,
    embeddings: Float32[np.ndarray, "items dim"] | None = None,
) -> Planted:
    """Invent people who each rate `ratings` pictures, drawn at random, as like (0.5) or dislike (-0.5).

    A taste is sqrt(shared) times one direction for all plus sqrt(1 - shared) times one's own, so that
    the cosine between two people's tastes is `shared` on average. Directions are random mixtures of the
    centred embeddings, so that tastes vary in the ways pictures vary. With `clusters`, four fifths of what
    is not shared is common to the like-minded people of one cluster (person p is in cluster
    p % clusters). P(like) = sigmoid(2.5 liking). `embeddings` are the pictures; without them 400 are
    invented, 256 wide, with the mean cosine and the spectrum that CLIP gives real pictures.
    """
    if not 0.0 <= shared <= 1.0:
        raise ValueError(f"shared must be in [0, 1]; got {shared}.")
    rng = np.random.default_rng(seed)
    pictures = _pictures(400, 256, rng) if embeddings is None else np.asarray(embeddings, np.float32)
    items = len(pictures)
    if not 0 <= ratings <= items:
        raise ValueError(f"each person rates a picture once: ratings must be in [0, {items}]; got {ratings}.")

    units = normalize(pictures).astype(np.float64)
    centred = normalize(units - units.mean(0)).astype(np.float64)

    def directions(n: int) -> np.ndarray:
        mixed = rng.standard_normal((n, items)) @ centred
        return mixed / np.linalg.norm(mixed, axis=1, keepdims=True)

    own = directions(people)
    if clusters is not None:
        own = np.sqrt(0.8) * directions(clusters)[np.arange(people) % clusters] + np.sqrt(0.2) * own
    tastes = np.sqrt(shared) * directions(1) + np.sqrt(1.0 - shared) * own

    liking = tastes @ centred.T
    liking = (liking - liking.mean(1, keepdims=True)) / liking.std(1, keepdims=True)
    rated = rng.permuted(np.tile(np.arange(items), (people, 1)), axis=1)[:, :ratings]
    chance = 1.0 / (1.0 + np.exp(-_STEEPNESS * np.take_along_axis(liking, rated, axis=1)))
    likes = np.where(rng.random(rated.shape) < chance, 0.5, -0.5)
    table = Interactions.of(
        np.repeat(np.arange(people), ratings), rated.ravel(), likes.ravel(), num_users=people, num_items=items
    )
    names = [f"person-{p}" for p in range(people)], [f"picture-{i}" for i in range(items)]
    return Planted(Dataset(table, pictures, "planted", *names), normalize(tastes), liking.astype(np.float32))


def _pictures(items: int, dim: int, rng: np.random.Generator) -> np.ndarray:
    """Unit embeddings: a common direction, and deviations from it with a power-law spectrum."""
    spread = np.arange(1, dim + 1) ** (-_DECAY / 2)
    axes, _ = np.linalg.qr(rng.standard_normal((dim, dim)))
    deviations = normalize((rng.standard_normal((items, dim)) * spread) @ axes).astype(np.float64)
    centre = normalize(rng.standard_normal(dim)).astype(np.float64)
    return normalize(np.sqrt(_MEAN_COSINE) * centre + np.sqrt(1.0 - _MEAN_COSINE) * deviations)
