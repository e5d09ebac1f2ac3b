"""A Gaussian process over who rates what: fitted to everybody, then read by one person with their latest ratings.

Knows covariances and their algebra; nothing of how kernels, scales or likenesses were chosen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int64
from scipy import sparse

from zahir.interactions import History, Interactions
from zahir.space import normalize
from zahir.taste.alike import place, similarity
from zahir.taste.dual import Amended, Cells, Dual, amend, covariance
from zahir.taste.evidence import Scales
from zahir.taste.pictures import Kernel, Line

STRANGER = -2  # number of somebody who is not in the fit


class Rated(NamedTuple):
    """Everybody's ratings as a fit keeps them, with each item's place among those that were rated."""

    cells: Cells
    ratings: Float32[np.ndarray, "n"]
    weights: Float32[np.ndarray, "n"]
    slots: Int64[np.ndarray, "n"]
    slot_of: Int64[np.ndarray, "items"]  # -1 for an item that nobody rated

    @staticmethod
    def of(table: Interactions, positions: Float[np.ndarray, "users rank"]) -> Rated:
        """Of a table without repeated ratings."""
        rated, slots = np.unique(table.items, return_inverse=True)
        slot_of = np.full(table.num_items, -1)
        slot_of[rated] = np.arange(len(rated))
        cells = Cells(table.users, positions[table.users], table.items)
        return Rated(cells, table.ratings, table.weights, slots.astype(np.int64), slot_of)

    @property
    def items(self) -> Int64[np.ndarray, "rated"]:
        """Which items were rated."""
        return np.flatnonzero(self.slot_of >= 0)


class Process(NamedTuple):
    """One kernel and its scales, solved for everybody's ratings."""

    rated: Rated
    kernel: Kernel
    scales: Scales
    anchors: Float32[np.ndarray, "rated dim"]  # features of the items that were rated
    alike: Float32[np.ndarray, "rated rated"]  # the kernel between these
    dual: Dual

    @staticmethod
    def of(rated: Rated, units: Float32[np.ndarray, "items dim"], kernel: Kernel, scales: Scales) -> Process:
        """Solve for all ratings; `units` are the unit embeddings of all items. O(n^3)."""
        anchors = kernel.features(units[rated.items])
        alike = kernel.between(anchors, anchors)
        system = covariance(rated.cells, rated.cells, alike[np.ix_(rated.slots, rated.slots)], scales)
        return Process(
            rated, kernel, scales, anchors, alike, Dual.of(system, scales.noise / rated.weights, rated.ratings)
        )


class Changes(NamedTuple):
    """What a history says that the fit does not know: whose it is, and what came, changed or went."""

    user: int
    position: Float[np.ndarray, "rank"]
    gone: Int64[np.ndarray, "gone"]  # rows of the fit
    items: Int64[np.ndarray, "q"]
    units: Float32[np.ndarray, "q dim"]
    ratings: Float32[np.ndarray, "q"]
    weights: Float32[np.ndarray, "q"]


def changes(rated: Rated, positions: Float[np.ndarray, "users rank"], history: History) -> Changes:
    """Compare a history, in which the latest rating of an item counts, with the ratings of the fit."""
    inside = (history.items >= 0) & (history.items < len(rated.slot_of))
    items = np.where(inside, history.items, -1)
    order = np.argsort(history.times, kind="stable")[::-1]
    _, latest = np.unique(np.where(items[order] >= 0, items[order], -1 - order), return_index=True)
    rows = np.sort(order[latest])
    items, ratings, weights = items[rows], history.ratings[rows], history.weights[rows]
    user = STRANGER if history.user is None or not 0 <= history.user < len(positions) else history.user
    mine = np.flatnonzero(rated.cells.users == user)
    if len(mine):
        position = positions[user]
    else:
        known = items >= 0
        among = rated.cells.users, rated.cells.items, rated.ratings
        position = np.zeros(positions.shape[1])
        if len(position) and known.any():
            position = place(
                items[known], ratings[known], among=among, positions=positions, num_items=len(rated.slot_of)
            )
    # a rating of the fit that the history repeats word for word is kept, any other is gone
    told = {int(i): (r, w) for i, r, w in zip(items, ratings, weights) if i >= 0}
    fitted = zip(rated.cells.items[mine], rated.ratings[mine], rated.weights[mine])
    same = np.array([told.get(int(i)) == (r, w) for i, r, w in fitted], bool)
    new = ~np.isin(items, rated.cells.items[mine][same])
    units = normalize(history.embeddings[rows][new])
    return Changes(user, position, mine[~same], items[new], units, ratings[new], weights[new])


def in_full(
    rated: Rated,
    positions: Float[np.ndarray, "users rank"],
    units: Float32[np.ndarray, "items dim"],
    user: int,
    weight: float,
) -> Changes:
    """Somebody of the fit whose ratings entered with this share of their weight, each instead with all of it."""
    mine = np.flatnonzero(rated.cells.users == user)
    items = rated.cells.items[mine]
    weights = rated.weights[mine] / np.float32(weight)
    return Changes(user, positions[user], mine, items, units[items], rated.ratings[mine], weights)


class Person(NamedTuple):
    """A process as one person sees it, their latest ratings amended."""

    process: Process
    cells: Cells  # of all ratings that count: the fit's, then the new ones
    features: Float32[np.ndarray, "q dim"]  # of the new ones
    amended: Amended
    ratings: Float32[np.ndarray, "n_q"]
    noise: Float[np.ndarray, "n_q"]
    user: int
    position: Float[np.ndarray, "rank"]

    @staticmethod
    def of(process: Process, changed: Changes) -> Person:
        """O(n^2 q) for q ratings that the fit does not know; nothing to do without any."""
        rated, kernel, scales = process.rated, process.kernel, process.scales
        slots, q = np.append(rated.slot_of, -1)[changed.items], len(changed.items)
        known, unknown = slots >= 0, slots < 0
        features = np.empty((q, process.anchors.shape[1]), np.float32)
        alike = np.empty((q, len(process.anchors)), np.float32)
        features[known], alike[known] = process.anchors[slots[known]], process.alike[slots[known]]
        if unknown.any():
            features[unknown] = kernel.features(changed.units[unknown])
            alike[unknown] = kernel.between(features[unknown], process.anchors)
        among = np.empty((q, q), np.float32)
        among[:, known] = alike[:, slots[known]]
        among[known, :] = among[:, known].T
        among[np.ix_(unknown, unknown)] = kernel.between(features[unknown], features[unknown])
        new = Cells(np.full(q, changed.user), np.tile(changed.position, (q, 1)), changed.items)
        cells = Cells(*(np.concatenate(pair) for pair in zip(rated.cells, new)))
        noise = scales.noise / np.append(rated.weights, changed.weights).astype(np.float64)
        cross = covariance(new, rated.cells, alike[:, rated.slots], scales)
        # what is particular to an item that nobody knows is noise, and one's own
        strange = (scales.item + scales.tie) * (changed.items < 0)
        corner = covariance(new, new, among, scales) + np.diag(noise[len(rated.ratings) :] + strange)
        amended = amend(process.dual, gone=changed.gone, cross=cross, corner=corner, ratings=changed.ratings)
        ratings = np.append(rated.ratings, changed.ratings)
        return Person(process, cells, features, amended, ratings, noise, changed.user, changed.position)

    def content(self, pull: Float[np.ndarray, "n_q *m"]) -> tuple[np.ndarray, np.ndarray]:
        """What ratings pulled so weigh together: per item that was rated, and per new rating."""
        rated = self.process.rated
        n = len(rated.slots)
        cells = rated.slots, np.arange(n)
        per_item = sparse.csr_array((np.ones(n), cells), shape=(len(self.process.anchors), n)) @ pull[:n]
        return per_item.astype(np.float32), pull[n:].astype(np.float32)

    def own(self) -> Float[np.ndarray, "n_q"]:
        """Variance of taste that this person has in common with whoever gave each rating."""
        scales = self.process.scales
        common = scales.population + scales.own * (self.cells.users == self.user)
        if scales.like:
            common = common + scales.like * self._likeness()
        return common

    def vectors(self, pull: Float[np.ndarray, "n_q m"]) -> Float32[np.ndarray, "m dim"]:
        """The tastes, before their metric, that ratings pulled so add up to. For `Line` only."""
        old, new = self.content(pull)
        return old.T @ self.process.anchors + new.T @ self.features

    def taste(self) -> tuple[Float32[np.ndarray, "dim"], Float32[np.ndarray, "dim"]]:
        """Expected taste vectors of this person and of the population, as the space sees them. For `Line` only."""
        kernel, alpha = self.process.kernel, self.amended.alpha
        assert isinstance(kernel, Line)
        shares = np.stack([self.own(), np.full(len(alpha), self.process.scales.population)], axis=1)
        mine, population = kernel.metric.factors(self.vectors(alpha[:, None] * shares))
        return mine, population

    def mean(
        self, units: Float32[np.ndarray, "m dim"], items: Int64[np.ndarray, "m"] | None = None
    ) -> Float[np.ndarray, "m"]:
        """Expected ratings of pictures by their unit embeddings: strange ones, or these items of the fit."""
        kernel, alpha, scales = self.process.kernel, self.amended.alpha, self.process.scales
        offset = scales.level * alpha.sum() + scales.bias * alpha[self.cells.users == self.user].sum()
        if items is not None:
            particular = alpha * (scales.item + scales.tie * self._likeness())
            offset = (
                offset + np.bincount(self.cells.items + 1, particular, len(self.process.rated.slot_of) + 1)[items + 1]
            )
        if isinstance(kernel, Line):
            return normalize(units - kernel.mean) @ self.taste()[0] + offset
        features = kernel.features(units)
        old, new = self.content(alpha * self.own())
        out = kernel.between(features, self.process.anchors) @ old
        return out + kernel.between(features, self.features) @ new + offset

    def variance(self, units: Float32[np.ndarray, "m dim"]) -> Float[np.ndarray, "m"]:
        """Variance of what `mean` expects, without the noise of a rating and what is particular to a picture."""
        kernel, m, rank = self.process.kernel, len(units), len(self.position)
        features = kernel.features(units)
        cells = Cells(np.full(m, self.user), np.tile(self.position, (m, 1)).reshape(m, rank), np.full(m, -1))
        old = kernel.between(features, self.process.anchors)[:, self.process.rated.slots]
        alike = np.concatenate([old, kernel.between(features, self.features)], axis=1)
        cross = covariance(cells, self.cells, alike, self.process.scales)
        scales = self.process.scales
        prior = (scales.population + scales.own + scales.like) * kernel.size(features) + scales.level + scales.bias
        return np.maximum(prior - np.einsum("mn,nm->m", cross, self.amended.solve(cross.T)), 0.0)

    def samples(self, n: int, rng: np.random.Generator) -> Float32[np.ndarray, "n dim"]:
        """Tastes drawn from their posterior, not normalised. For `Line` only.

        Pathwise conditioning (Wilson et al. 2020, eq. 4; Matheron's rule): a draw of all ratings from the
        prior, and of the taste with it, then the correction by what the true ratings are above the drawn ones.
        """
        kernel, scales, rated = self.process.kernel, self.process.scales, self.process.rated
        assert isinstance(kernel, Line)
        people, who = np.unique(np.append(self.cells.users, self.user), return_inverse=True)
        positions = np.zeros((len(people), len(self.position)))
        positions[who] = np.concatenate([self.cells.positions, self.position[None]])
        apart = np.sqrt(np.maximum(1 - np.sum(positions**2, axis=1), 0))
        things, what = np.unique(self.cells.items, return_inverse=True)
        stranger = self.cells.items < 0
        dim, total = self.process.anchors.shape[1], len(self.ratings)
        drawn = np.empty((n, dim), np.float32)
        left = np.empty((total, n))
        for k in range(n):

            def normal(*shape: int) -> np.ndarray:
                return rng.standard_normal(shape, np.float32)

            tastes = np.sqrt(scales.population) * normal(1, dim) + np.sqrt(scales.own) * normal(len(people), dim)
            if scales.like:
                close = positions @ normal(positions.shape[1], dim) + apart[:, None] * normal(len(people), dim)
                tastes = tastes + np.sqrt(scales.like) * close
            old, new = tastes.astype(np.float32)[who[: len(rated.slots)]], tastes[who[-1]].astype(np.float32)
            told = np.append(np.einsum("nd,nd->n", old, self.process.anchors[rated.slots]), self.features @ new)
            told = told + np.sqrt(scales.level) * normal(1) + np.sqrt(scales.bias) * normal(len(people))[who[:-1]]
            particular = np.sqrt(scales.item) * normal(len(things))[what]
            if scales.tie:
                rows = normal(len(things), positions.shape[1])[what]
                close = np.einsum("nr,nr->n", rows, self.cells.positions)
                far = np.sqrt(np.maximum(1 - np.sum(self.cells.positions**2, axis=1), 0)) * normal(total)
                particular = particular + np.sqrt(scales.tie) * (close + far)
            unknown = np.sqrt(scales.item + scales.tie) * normal(total)
            told = told + np.where(stranger, unknown, particular) + np.sqrt(self.noise) * normal(total)
            left[:, k], drawn[k] = self.ratings - told, new
        solved = self.amended.solve(left) * self.own()[:, None]
        return kernel.metric.factors(drawn + self.vectors(solved))

    def _likeness(self) -> np.ndarray:
        return similarity(np.array([self.user]), self.position[None], self.cells.users, self.cells.positions)[0]


def expected(
    process: Process,
    positions: Float[np.ndarray, "users rank"],
    units: Float32[np.ndarray, "items dim"],
    users: Int64[np.ndarray, "m"],
    items: Int64[np.ndarray, "m"],
) -> Float[np.ndarray, "m"]:
    """Expected ratings of rows of the fit, what is particular to an item included."""
    rated, scales, alpha = process.rated, process.scales, process.dual.alpha
    out = np.full(len(users), scales.level * alpha.sum())
    distinct, place_of = np.unique(items, return_inverse=True)
    alike = process.kernel.between(process.kernel.features(units[distinct]), process.anchors)
    for user in np.unique(users):
        cells, same = users == user, rated.cells.users == user
        likeness = similarity(np.array([user]), positions[user][None], *rated.cells[:2])[0]
        weights = _per_item(process, scales.population + scales.own * same + scales.like * likeness)
        effects = np.append(_per_item(process, scales.item + scales.tie * likeness), 0.0)
        out[cells] += alike[place_of[cells]] @ weights.astype(np.float32) + effects[rated.slot_of[items[cells]]]
        out[cells] += scales.bias * alpha[same].sum()
    return out


def vectors(
    process: Process, positions: Float[np.ndarray, "users rank"]
) -> tuple[Float32[np.ndarray, "users dim"], Float32[np.ndarray, "dim"]]:
    """Expected taste vectors of everybody and of the population, as the space sees them. For `Line` only."""
    rated, scales, kernel = process.rated, process.scales, process.kernel
    assert isinstance(kernel, Line)
    everybody = _per_item(process, np.full(len(rated.slots), scales.population))
    weights = np.tile(everybody, (len(positions) + 1, 1))
    for user in range(len(positions)):
        same = rated.cells.users == user
        likeness = similarity(np.array([user]), positions[user][None], *rated.cells[:2])[0]
        weights[user] += _per_item(process, scales.own * same + scales.like * likeness)
    tastes = kernel.metric.factors(weights.astype(np.float32) @ process.anchors)
    return tastes[:-1], tastes[-1]


def _per_item(process: Process, shares: np.ndarray) -> np.ndarray:
    return np.bincount(process.rated.slots, process.dual.alpha * shares, minlength=len(process.anchors))
