"""`GaussianTaste`: population, one's own, and people like oneself, in one Gaussian process.

Knows which model of a rating to choose on the ratings at hand; nothing of pictures or of how a taste is rendered.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Float32, Int64
from scipy.stats import norm

from zahir.errors import NotFitted
from zahir.interactions import History, Interactions
from zahir.space import normalize
from zahir.taste.alike import likeness
from zahir.taste.choose import Switch, choose
from zahir.taste.dual import Dual
from zahir.taste.evidence import Scales, fixed_scales
from zahir.taste.kept import mapped, opened, replaced
from zahir.taste.lean import random_direction
from zahir.taste.metric import IDENTITY, Metric
from zahir.taste.pictures import Kernel, Line, curve
from zahir.taste.process import Person, Process, Rated, changes, expected, in_full, vectors
from zahir.taste.reweigh import by_age, by_exposure, check
from zahir.taste.several import draw
from zahir.taste.trust import believed, kept, trusted, weighed
from zahir.taste.wals import TetheredWALS

DENSE = 5000  # ratings up to which everybody's are solved as one system
_MOST_ALIKE = 300  # people whose tastes are compared with each other
_MOST_AMPLIFIED = 10.0
_FORMAT = 2


class GaussianTaste:
    """What a person likes, as a Gaussian process over people and pictures.

        f(u, i) ~ GP(0, K),  r_ui = f(u, i) + noise / sqrt(w_ui)
        K((u,i),(v,j)) = (population + own [u=v] + like S_uv) k(i,j) + (item + tie S_uv) [i=j] + level + bias [u=v]

    S is how alike two people rate what both have rated (`zahir.taste.alike`), k how alike two pictures are
    (`zahir.taste.pictures`). There are two heads, fitted apart: one with linear k, whose tastes are vectors
    that steer a generator (`embed_user`, `tastes`), and one with curved k that ranks (`predict`, `score`,
    `posterior`). Scales come by evidence (`zahir.taste.evidence`), below 30 ratings they are rounded ones.
    `alike` (the terms with S) and `curved` are "auto": on where pictures held out from everybody are then ranked
    better, the former unless they are ranked worse by a standard error; `why_` tells. Without `curved` the linear
    head ranks as well.

    Up to 5,000 ratings all are solved as one system (Rasmussen & Williams 2006, eq. 2.23), and a history
    amends it exactly: newcomers, ratings that came, changed or went. Beyond, without S and without curve,
    this is `TetheredWALS` with items at their images, which takes over.

    `amplify` steers by population + amplify (taste - population); it changes nothing that is predicted.
    "share" chooses it such that people of the fit are as alike as the scales say they are.

    `trust="auto"` lets people whose votes say nothing of taste (`zahir.taste.trust`) speak less for others,
    never for themselves. `half_life` and `exposure` make ratings count less with age and for items that
    many rated (`zahir.taste.reweigh`). All three are off by default: on real ratings none helped.
    """

    mean_: Float32[np.ndarray, "dim"]
    units_: Float32[np.ndarray, "items dim"]
    positions_: Float[np.ndarray, "users rank"]
    user_embeddings_: Float32[np.ndarray, "users dim"]
    population_: Float32[np.ndarray, "dim"]
    line_: Process
    curve_: Process | None
    large_: TetheredWALS | None
    item_weight_: Float32[np.ndarray, "items"]  # of each item's ratings; ones without `exposure`
    trust_: Float32[np.ndarray, "users"]  # weight in [0, 1] of what each says about others; ones without `trust`
    amplify_: float
    why_: str

    def __init__(
        self,
        *,
        alike: Switch = "auto",
        curved: Switch = "auto",
        amplify: float | Literal["share"] = 1.0,
        seed: int = 0,
        trust: Literal["auto"] | None = None,
        half_life: float | None = None,
        exposure: float = 0.0,
    ) -> None:
        for name, value in (("alike", alike), ("curved", curved)):
            if value != "auto" and not isinstance(value, bool):
                raise ValueError(f"{name} must be True, False or 'auto'; got {value!r}.")
        if amplify != "share" and not 0 <= float(amplify) < np.inf:
            raise ValueError(f"amplify must be finite and >= 0, or 'share'; got {amplify!r}. 1 is the taste itself.")
        if trust not in ("auto", None):
            raise ValueError(f"trust must be 'auto' or None; got {trust!r}.")
        check(half_life, exposure)
        self.alike: Switch = alike
        self.curved: Switch = curved
        self.amplify = amplify
        self.seed = seed
        self.trust: Literal["auto"] | None = trust
        self.half_life = half_life
        self.exposure = exposure

    def fit(self, interactions: Interactions, item_embeddings: Float32[np.ndarray, "items dim"]) -> GaussianTaste:
        """Learn from everybody's ratings; the latest counts where an item was rated twice.

        Raises ValueError when there is not one finite embedding per item.
        """
        if len(item_embeddings) != interactions.num_items:
            raise ValueError(
                f"{interactions.num_items} items, but {len(item_embeddings)} embeddings. Give one row per item."
            )
        _check_finite(item_embeddings)
        table = interactions.latest()
        self.large_ = None
        if len(table) > DENSE:
            weighing = {name: getattr(self, name) for name in ("seed", "trust", "half_life", "exposure")}
            self.large_ = TetheredWALS(tether=np.inf, **weighing).fit(table, item_embeddings)
            self._take_over(self.large_)
            self.why_ = f"people like me, curved kernel: off, {len(table):,} ratings are more than {DENSE:,}"
        else:
            self._fit_dense(table, normalize(item_embeddings))
        self.amplify_ = self._as_alike_as_shared() if self.amplify == "share" else float(self.amplify)
        return self

    @property
    def scales_(self) -> dict[str, float]:
        """Variances of the parts of a rating, of the linear head."""
        return self.large_.scales_ if self.large_ is not None else self.line_.scales._asdict()

    @property
    def noise_(self) -> float:
        """Variance of a rating of a new picture around its mean: noise, and what is particular to the picture."""
        head = fixed_scales(np.zeros(0, np.float32))
        if self._fitted():
            head = Scales(**self.large_.scales_) if self.large_ is not None else (self.curve_ or self.line_).scales
        return head.noise + head.item + head.tie

    @property
    def shared_share_(self) -> float:
        """Expected cosine between the tastes of two people of the fit, in [0, 1], by the scales."""
        if self.large_ is not None:
            return self.large_.shared_share_
        scales, positions = self.line_.scales, self.positions_[np.unique(self.line_.rated.cells.users)]
        n = len(positions)
        between = (np.sum(positions.sum(0) ** 2) - np.sum(positions**2)) / max(1, n * (n - 1))
        whole = scales.population + scales.own + scales.like
        return float(np.clip((scales.population + scales.like * between) / whole, 0.0, 1.0))

    def predict(self, users: Int64[np.ndarray, "n"], items: Int64[np.ndarray, "n"]) -> Float32[np.ndarray, "n"]:
        """Expected rating of rows of the fit, by the ranking head, what is particular to an item included."""
        self._must_be_fitted("predictions")
        if self.large_ is not None:
            return self.large_.predict(users, items)
        for name, rows, count in (("users", users, len(self.positions_)), ("items", items, len(self.units_))):
            if len(rows) and not 0 <= rows.min() <= rows.max() < count:
                raise ValueError(
                    f"{name} must be in [0, {count}), the rows of the fit; got {rows.min()} to {rows.max()}."
                )
        process = self.curve_ or self.line_
        told = expected(process, self.positions_, self.units_, users, items)
        for user in np.unique(users[self.trust_[users] < 1]):
            mine = users == user
            told[mine] = self._in_full(process, int(user)).mean(self.units_[items[mine]], items[mine])
        return told.astype(np.float32)

    def score(self, history: History, embeddings: Float32[np.ndarray, "m dim"]) -> Float32[np.ndarray, "m"]:
        """Expected rating by this person of any embedding, by the ranking head."""
        self._check(history, embeddings)
        large = self._large()
        if large is not None:
            return large.score(history, embeddings)
        return self._person(history, self._ranking(history)).mean(normalize(embeddings)).astype(np.float32)

    def posterior(
        self, history: History, embeddings: Float32[np.ndarray, "m dim"]
    ) -> tuple[Float32[np.ndarray, "m"], Float32[np.ndarray, "m"]]:
        """Mean and variance of this person's expected rating of any embedding, by the ranking head.

        A rating of a new picture varies by `noise_` more.
        """
        self._check(history, embeddings)
        large = self._large()
        if large is not None:
            return large.posterior(history, embeddings)
        person, units = self._person(history, self._ranking(history)), normalize(embeddings)
        return person.mean(units).astype(np.float32), person.variance(units).astype(np.float32)

    def chance(self, history: History, embeddings: Float32[np.ndarray, "m dim"]) -> Float32[np.ndarray, "m"]:
        """Probability that this person's rating of a new picture is above 0: Phi(mean / sqrt(variance + noise))."""
        mean, variance = self.posterior(history, embeddings)
        return norm.cdf(mean / np.sqrt(variance + self.noise_)).astype(np.float32)

    def embed_user(self, history: History, *, rng: np.random.Generator) -> Float32[np.ndarray, "dim"]:
        """The unit taste, by the linear head; amplified."""
        self._check(history, history.embeddings)
        taste, population = self._vectors(history)
        steered = population + np.float32(getattr(self, "amplify_", 1.0)) * (taste - population)
        return normalize(steered) if np.any(steered) else random_direction(len(steered), rng)

    def tastes(self, history: History, n: int, *, rng: np.random.Generator) -> Float32[np.ndarray, "n dim"]:
        """n unit directions from all of this person's tastes; of one taste, leaned on liked items."""
        taste = self.embed_user(history, rng=rng)
        units = normalize(history.embeddings)
        return draw(taste, normalize(units - self.mean_) if self._fitted() else units, history.ratings, n, rng=rng)

    def sample_tastes(self, history: History, n: int, *, rng: np.random.Generator) -> Float32[np.ndarray, "n dim"]:
        """n tastes that this person may have, drawn from their posterior; not normalised, not amplified."""
        self._check(history, history.embeddings)
        large = self._large()
        if large is not None:
            return large.sample_tastes(history, n, rng=rng)
        return self._person(history, self._steering(history)).samples(n, rng)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the fit as .npy files and meta.json; aside first, so that a reader never sees half of it."""
        self._must_be_fitted("fit to save")
        meta: dict[str, Any] = {"format": _FORMAT, "settings": {name: getattr(self, name) for name in _SETTINGS}}
        meta["fitted"] = {"why": self.why_, "amplify": self.amplify_}
        with replaced(folder) as target:
            if self.large_ is not None:
                self.large_.save(target / "large")
            else:
                rated = self.line_.rated
                arrays = {name: getattr(self, f"{name}_") for name in _ARRAYS}
                arrays |= {"users": rated.cells.users, "items": rated.cells.items}
                arrays |= {"ratings": rated.ratings, "weights": rated.weights}
                for name, process in _present(line=self.line_, curve=self.curve_).items():
                    meta[name] = process.scales._asdict()
                    arrays |= {f"{name}_low": process.dual.low, f"{name}_alpha": process.dual.alpha}
                    arrays |= {f"{name}_anchors": process.anchors, f"{name}_alike": process.alike}
                arrays |= {f"metric_{name}": each for name, each in self._line().metric._asdict().items()}
                for name, array in arrays.items():
                    np.save(target / f"{name}.npy", array, allow_pickle=False)
            (target / "meta.json").write_text(json.dumps(meta, indent=1))

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> GaussianTaste:
        """Read what `save` wrote, its tables memory-mapped; raises BadData when it is something else."""
        with opened(folder, _FORMAT) as (source, meta):
            model = cls(**meta["settings"])
            model.why_, model.amplify_ = str(meta["fitted"]["why"]), float(meta["fitted"]["amplify"])
            if "line" not in meta:
                model.large_ = TetheredWALS.load(source / "large")
                model._take_over(model.large_)
                return model
            model._read(source, meta)
        return model

    def _read(self, source: Path, meta: dict[str, Any]) -> None:
        read = {path.stem: mapped(path) for path in source.glob("*.npy")}
        for name in _ARRAYS:
            setattr(self, f"{name}_", read[name])
        self.large_ = None
        table = Interactions.of(
            read["users"],
            read["items"],
            read["ratings"],
            weights=read["weights"],
            num_users=len(self.positions_),
            num_items=len(self.units_),
        )
        rated = Rated.of(table, self.positions_)
        kernels: dict[str, Kernel] = {"line": Line(self.mean_, Metric(read["metric_root"], read["metric_inverse"]))}
        kernels["curve"] = curve(self.units_)
        processes = {
            name: Process(
                rated,
                kernels[name],
                Scales(**meta[name]),
                read[f"{name}_anchors"],
                read[f"{name}_alike"],
                Dual(read[f"{name}_low"], read[f"{name}_alpha"]),
            )
            for name in ("line", "curve")
            if name in meta
        }
        self.line_, self.curve_ = processes["line"], processes.get("curve")

    def _fit_dense(self, table: Interactions, units: np.ndarray) -> None:
        self.item_weight_ = by_exposure(table.items, table.num_items, self.exposure)
        self.trust_ = np.ones(table.num_users, np.float32)
        if self.trust is not None:

            def sized(heard: Interactions) -> tuple[np.ndarray, Scales]:
                option = choose(heard, units, alike=False, curved=False, seed=self.seed).steering
                return option.kernel.features(units), option.scales

            self.trust_ = trusted(table, sized, seed=self.seed)
        # the evidence hears ratings as they are: to it, weights are claims about the noise
        heard = believed(table, self.trust_)
        chosen = choose(heard, units, alike=self.alike, curved=self.curved, seed=self.seed)
        self.why_, self.units_ = chosen.why, units
        self.positions_ = np.zeros((table.num_users, 0))
        if chosen.steering.alike:
            self.positions_ = likeness(
                table.users, table.items, table.ratings, num_users=table.num_users, num_items=table.num_items
            )
        counts = by_age(table.users, table.times, self.half_life) * self.item_weight_[table.items]
        told = weighed(replace(table, weights=table.weights * counts), self.trust_)
        rated = Rated.of(told, self.positions_)
        self.line_ = Process.of(rated, units, chosen.steering.kernel, chosen.steering.scales)
        self.curve_ = None
        if chosen.ranking is not chosen.steering:
            self.curve_ = Process.of(rated, units, chosen.ranking.kernel, chosen.ranking.scales)
        self.mean_ = self._line().mean
        self.user_embeddings_, self.population_ = vectors(self.line_, self.positions_)
        for user in np.flatnonzero(self.trust_ < 1):
            self.user_embeddings_[user] = self._in_full(self.line_, int(user)).taste()[0]

    def _take_over(self, large: TetheredWALS) -> None:
        self.mean_, self.population_, self.user_embeddings_ = large.mean_, large.population_, large.user_embeddings_

    def _as_alike_as_shared(self) -> float:
        """The a with which the median cosine between people's tastes is the shared share; more makes them differ."""
        users = np.flatnonzero(np.any(self.user_embeddings_ != self.population_, axis=1))[:_MOST_ALIKE]
        if len(users) < 2:
            return 1.0
        population, own = self.population_.astype(np.float64), self.user_embeddings_[users] - self.population_
        pairs = np.triu_indices(len(users), 1)

        def alike(a: float) -> float:
            rows = normalize(population + a * own)
            return float(np.median((rows @ rows.T)[pairs]))

        low, high = 0.0, _MOST_AMPLIFIED
        for _ in range(20):
            middle = (low + high) / 2
            low, high = (middle, high) if alike(middle) > self.shared_share_ else (low, middle)
        return (low + high) / 2

    def _vectors(self, history: History) -> tuple[np.ndarray, np.ndarray]:
        """This person's taste and the population's, not normalised."""
        large = self._large()
        if large is not None:
            return large.vector(history), large.population_
        return self._person(history, self._steering(history)).taste()

    def _person(self, history: History, process: Process) -> Person:
        counts = by_age(np.zeros(len(history), np.int64), history.times, self.half_life)
        positions = np.zeros((0, 0))
        if self._fitted():
            positions = self.positions_
            inside = (history.items >= 0) & (history.items < len(self.item_weight_))
            counts[inside] *= self.item_weight_[history.items[inside]]
        counted = replace(history, weights=history.weights * counts)
        return Person.of(process, changes(process.rated, positions, counted))

    def _in_full(self, process: Process, user: int) -> Person:
        """Somebody of the fit to whom their own ratings count as if they were trusted."""
        weight = float(kept(self.trust_[user : user + 1])[0])
        return Person.of(process, in_full(process.rated, self.positions_, self.units_, user, weight))

    def _steering(self, history: History) -> Process:
        """The linear head; without a fit, one that knows nobody."""
        if self._fitted():
            return self.line_
        dim = history.embeddings.shape[1]
        nobody = Rated.of(Interactions.of([], [], [], num_users=0, num_items=0), np.zeros((0, 0)))
        kernel = Line(np.zeros(dim, np.float32), IDENTITY)
        return Process.of(nobody, np.zeros((0, dim), np.float32), kernel, fixed_scales(np.zeros(0, np.float32)))

    def _ranking(self, history: History) -> Process:
        return self.curve_ if self._fitted() and self.curve_ is not None else self._steering(history)

    def _line(self) -> Line:
        assert isinstance(self.line_.kernel, Line)
        return self.line_.kernel

    def _large(self) -> TetheredWALS | None:
        return self.large_ if self._fitted() else None

    def _fitted(self) -> bool:
        return hasattr(self, "why_")

    def _must_be_fitted(self, wanted: str) -> None:
        if not self._fitted():
            raise NotFitted(self, wanted)

    def _check(self, history: History, embeddings: np.ndarray) -> None:
        """Raise ValueError for embeddings of another width than the fit's or the history's, or not finite."""
        width = self.population_.shape[0] if self._fitted() else history.embeddings.shape[1]
        for what, rows in (("history", history.embeddings), ("embeddings", embeddings)):
            if rows.shape[1] != width:
                raise ValueError(f"{what}: embeddings are {rows.shape[1]} wide, the fit is {width} wide. Encode again.")
            _check_finite(rows)


_SETTINGS = ("alike", "curved", "amplify", "seed", "trust", "half_life", "exposure")
_ARRAYS = ("mean", "units", "positions", "user_embeddings", "population", "item_weight", "trust")


def _present(**processes: Process | None) -> dict[str, Process]:
    return {name: process for name, process in processes.items() if process is not None}


def _check_finite(embeddings: np.ndarray) -> None:
    if not np.all(np.isfinite(embeddings)):
        row = int(np.argmin(np.isfinite(embeddings).all(1)))
        raise ValueError(f"embeddings must be finite; got nan or infinity in row {row}. Look at what was encoded.")
