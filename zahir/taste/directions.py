"""Directions of one person without other people: mean difference, linear SVM, ridge, principal components.

Knows one person's centred unit embeddings and ratings; nothing of anybody else.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from sklearn.svm import LinearSVC

from zahir.interactions import Interactions, Rows
from zahir.space import normalize
from zahir.taste.personal import Personal
from zahir.taste.solve import solve_rows


class MeanDifference(Personal):
    """Mean of what was liked less mean of what was not, each rating weighing by its size."""

    def direction(self, vectors: np.ndarray, ratings: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
        """A side without ratings counts as the mean of the space."""
        sides = [_mean(vectors, weights * np.clip(sign * ratings, 0, None)) for sign in (1, -1)]
        return _through_the_middle(sides[0] - sides[1], vectors, ratings, weights)


class LinearSVM(Personal):
    """Linear support vector machine between likes and dislikes, ratings of 0 left out.

    With one of the two classes only, there is nothing to separate and the mean difference is taken.
    """

    def __init__(self, *, C: float = 1.0) -> None:
        self.C = C

    def direction(self, vectors: np.ndarray, ratings: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
        """Half the decision function, so that the margins lie at ratings of -0.5 and 0.5."""
        told = ratings != 0
        if len(np.unique(ratings[told] > 0)) < 2:
            return MeanDifference().direction(vectors, ratings, weights)
        machine = LinearSVC(C=self.C, max_iter=20_000, random_state=0)
        machine.fit(vectors[told], ratings[told] > 0, sample_weight=weights[told])
        return 0.5 * machine.coef_[0], 0.5 * float(machine.intercept_[0])


class Ridge(Personal):
    """Ridge regression of the ratings on the embeddings, with a level."""

    def __init__(self, *, strength: float = 1.0) -> None:
        self.strength = strength

    def direction(self, vectors: np.ndarray, ratings: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
        """One row of `solve_rows`; the level is one more coordinate."""
        n = len(ratings)
        wide = np.concatenate([vectors, np.ones((n, 1), np.float32)], axis=1)
        found = solve_rows(Rows(np.array([0, n]), np.arange(n), ratings, weights), wide, strength=self.strength)[0]
        return found[:-1], float(found[-1])


class PrincipalComponents(Personal):
    """The principal components of the items along which the ratings vary most.

    As in GANSpace (Harkonen et al. 2020) the axes know nothing of ratings; each person gets the `best`
    of the first `components` axes, each with the slope of the ratings along it.
    """

    components_: Float32[np.ndarray, "components dim"]

    def __init__(self, *, components: int = 32, best: int = 3) -> None:
        self.components = components
        self.best = best

    def fit(self, interactions: Interactions, item_embeddings: Float32[np.ndarray, "items dim"]) -> PrincipalComponents:
        """Find the axes of the items, then each person's."""
        units = normalize(item_embeddings)
        self.components_ = _axes(normalize(units - units.mean(0)) if len(units) else units, self.components)
        super().fit(interactions, item_embeddings)
        return self

    def direction(self, vectors: np.ndarray, ratings: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
        """Slopes shrink as if five ratings more had shown none; without a fit the axes are the history's own."""
        axes = self.components_ if hasattr(self, "components_") else _axes(vectors, self.components)
        along = (vectors - _mean(vectors, weights)) @ axes.T
        spread = np.sqrt(np.mean(along**2, axis=0)) + 1e-6
        left = ratings - np.average(ratings, weights=weights)
        slopes = (weights * left) @ (along / spread) / (weights.sum() + 5.0)
        best = np.argsort(-np.abs(slopes))[: self.best]
        return _through_the_middle((slopes[best] / spread[best]) @ axes[best], vectors, ratings, weights)


def _axes(vectors: np.ndarray, count: int) -> np.ndarray:
    """The first principal axes, as unit rows; as many as there are."""
    if len(vectors) < 2:
        return np.zeros((0, vectors.shape[1]), np.float32)
    return np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)[2][:count]


def _mean(vectors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    total = weights.sum()
    return weights @ vectors / total if total > 0 else np.zeros(vectors.shape[1], np.float32)


def _through_the_middle(
    direction: np.ndarray, vectors: np.ndarray, ratings: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, float]:
    """The offset with which the mean item gets the mean rating."""
    return direction, float(np.average(ratings, weights=weights) - direction @ _mean(vectors, weights))
