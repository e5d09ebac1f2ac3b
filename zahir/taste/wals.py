"""`TetheredWALS`: tastes from everybody's ratings, items held near their image embeddings.

Knows how the half-steps of the solve make a model; nothing of pictures or of how a taste is rendered.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float32, Int64

from zahir.errors import NotFitted
from zahir.interactions import History, Interactions, Rows
from zahir.space import normalize
from zahir.taste.evidence import ENOUGH, SAMPLES, Scales, fixed_scales, sample, scales_by_evidence
from zahir.taste.half_steps import TetherForm, by_their_own, half_steps, paired
from zahir.taste.kept import mapped, opened, replaced
from zahir.taste.lean import random_direction
from zahir.taste.metric import IDENTITY, Metric, metrics
from zahir.taste.posterior import row_samples, row_variance
from zahir.taste.reweigh import by_age, by_exposure, check
from zahir.taste.several import draw
from zahir.taste.shared import Strengths
from zahir.taste.solve import solve_rows
from zahir.taste.threads import gram
from zahir.taste.trust import believed, trusted, weighed

_TETHERS = (np.inf, 3.0, 1.0)  # tried from stiff to loose, in units of the noise variance
_TRIAL_ITERATIONS = 2
_POWERS = (0.0, 0.5, 1.0)  # of the images' covariance, as the covariance of tastes
_OPTIONAL = ("item", "level", "bias")
_FORMAT = 2


class TetheredWALS:
    """Weighted alternating least squares whose item embeddings are tethered to image embeddings.

    A rating of item i by person u is explained as

        r_ui = level + bias_u + bias_i + x_u . f_i + noise / sqrt(w_ui)

    where c_i is the centred unit embedding of the item's image and all parts minimise

        sum_rated w (r - level - bias_u - bias_i - x_u . f_i)^2 + unobserved sum_unrated (x_u . f_i)^2
        + regularization sum_u |x_u - p|^2 + population |p|^2 + tether sum_i |f_i - c_i|^2
        + (the same for biases and level).

    `regularization` and `population` are ridge strengths, that is noise variance over variance; "auto"
    chooses each by evidence from the ratings (`zahir.taste.evidence`), and below 30 ratings takes
    rounded ones. Unless both are set by hand, |.|^2 of tastes is by a `Metric` that is chosen along:
    tastes may vary more in the directions in which pictures vary more. `population=None` draws people
    to zero instead of a population's taste p, and `leave_out` names parts to do without: "item",
    "level", "bias". `tether=numpy.inf` keeps items at their images; "auto" lets them go only as far as
    held-out ratings are the better for it; 0 is plain WALS: items are drawn to zero by `regularization`,
    and one that nobody rated stays there. `tether_form="pseudo"` is the article's: as with 0, but with
    one pseudo-rating of 1 with weight `tether` between an item and its own image.

    With items at their images and nothing unobserved, the whole is one Gaussian problem and solved as
    such; otherwise half-steps alternate, each of them exact, `iterations` times. Not convex: every fit
    starts from the images, so that the same ratings give the same model. `seed` draws the folds of the
    choice of tether and the sample that evidence looks at. `trust="auto"` lets people whose votes say
    nothing of taste (`zahir.taste.trust`) speak less for others, never for themselves. `half_life` and
    `exposure` make ratings count less with age and for items that many rated (`zahir.taste.reweigh`).
    """

    mean_: Float32[np.ndarray, "dim"]
    population_: Float32[np.ndarray, "dim"]
    user_embeddings_: Float32[np.ndarray, "users dim"]
    item_embeddings_: Float32[np.ndarray, "items dim"]
    user_bias_: Float32[np.ndarray, "users"]
    item_bias_: Float32[np.ndarray, "items"]
    metric_: Metric = IDENTITY  # tastes are a priori normal with covariance S^2 times their scale
    rated_: np.ndarray  # whether each user of the fit had rated anything
    item_weight_: Float32[np.ndarray, "items"]  # of each item's ratings; ones without `exposure`
    trust_: Float32[np.ndarray, "users"]  # weight in [0, 1] of what each says about others; ones without `trust`
    level_: float
    scales_: dict[str, float]
    tether_: float

    def __init__(
        self,
        *,
        tether: float | Literal["auto"] = "auto",
        regularization: float | Literal["auto"] = "auto",
        population: float | Literal["auto"] | None = "auto",
        unobserved: float = 0.0,
        tether_form: TetherForm = "pull",
        iterations: int = 10,
        seed: int = 0,
        trust: Literal["auto"] | None = None,
        half_life: float | None = None,
        exposure: float = 0.0,
        leave_out: Sequence[str] = (),
    ) -> None:
        if tether != "auto" and not float(tether) >= 0:
            raise ValueError(f"tether must be >= 0 or 'auto'; got {tether!r}. Large is stiff, 0 is none.")
        for name, value in (("regularization", regularization), ("population", population)):
            if not (value == "auto" or (value is None and name == "population")) and not float(value or 0) > 0:
                raise ValueError(f"{name} must be > 0 or 'auto'; got {value!r}. Large is stiff.")
        if unknown := set(leave_out) - set(_OPTIONAL):
            raise ValueError(f"leave_out names parts among {', '.join(_OPTIONAL)}; got {', '.join(sorted(unknown))}.")
        if tether_form not in ("pull", "pseudo"):
            raise ValueError(f"tether_form must be 'pull' or 'pseudo'; got {tether_form!r}.")
        if tether_form == "pseudo" and tether == np.inf:
            raise ValueError("a pseudo-rating of infinite weight has no solution. Use tether_form='pull'.")
        if not 0 <= unobserved < np.inf:
            raise ValueError(f"unobserved must be finite and >= 0; got {unobserved}.")
        if trust not in ("auto", None) or (trust and unobserved):
            raise ValueError(f"trust must be 'auto' or None, and None where unobserved > 0; got {trust!r}.")
        check(half_life, exposure)
        if iterations < 1:
            raise ValueError(f"iterations must be at least 1; got {iterations}.")
        self.tether = tether
        self.regularization = regularization
        self.population = population
        self.unobserved = unobserved
        self.tether_form: TetherForm = tether_form
        self.iterations = iterations
        self.seed = seed
        self.trust: Literal["auto"] | None = trust
        self.half_life = half_life
        self.exposure = exposure
        self.leave_out = tuple(leave_out)

    def fit(self, interactions: Interactions, item_embeddings: Float32[np.ndarray, "items dim"]) -> TetheredWALS:
        """Learn from everybody's ratings; the latest counts where an item was rated twice.

        Raises ValueError when there is not one embedding per item, or a weight is not above `unobserved`.
        """
        if len(item_embeddings) != interactions.num_items:
            raise ValueError(
                f"{interactions.num_items} items, but {len(item_embeddings)} embeddings. Give one row per item."
            )
        table = interactions.latest()
        self.item_weight_ = by_exposure(table.items, table.num_items, self.exposure)
        # the evidence hears ratings as they are: to it, weights are claims about the noise
        counts = by_age(table.users, table.times, self.half_life) * self.item_weight_[table.items]
        counted = replace(table, weights=table.weights * counts)
        if len(table) and not counted.weights.min() > self.unobserved:
            raise ValueError(f"weights must be > unobserved={self.unobserved}; got {counted.weights.min()}.")
        units = normalize(item_embeddings)
        self.mean_ = (units.sum(0, dtype=np.float64) / max(1, len(units))).astype(np.float32)
        images = normalize(units - self.mean_)
        self.trust_ = self._trust(table, images)
        told = weighed(counted, self.trust_)
        metric, scales = self._choose(believed(table, self.trust_), images)
        strengths, factors = _strengths(scales), metric.factors(images)
        tether = self._choose_tether(told, factors, strengths) if self.tether == "auto" else float(self.tether)
        *_, found = half_steps(told, factors, strengths=strengths, tether=tether, **self._form())
        if np.any(self.trust_ < 1):
            found = by_their_own(counted, found, strengths)
        self.scales_, self.tether_, self.metric_ = scales._asdict(), tether, metric
        self.population_, self.level_ = metric.factors(found.population), found.level
        self.user_embeddings_ = metric.factors(found.users)
        self.item_embeddings_ = images + metric.back(found.items - factors)
        self.user_bias_, self.item_bias_ = found.user_bias, found.item_bias
        self.rated_ = np.bincount(table.users, minlength=table.num_users) > 0
        return self

    @property
    def shared_share_(self) -> float:
        """Share of tastes that all people have in common, in [0, 1]: population / (population + own)."""
        population, own = self._scales().population, self._scales().own
        return population / (population + own)

    def predict(self, users: Int64[np.ndarray, "n"], items: Int64[np.ndarray, "n"]) -> Float32[np.ndarray, "n"]:
        """Expected rating of rows of the fit, biases and learned item embeddings included."""
        self._must_be_fitted("predictions")
        out = self.level_ + self.user_bias_[users] + self.item_bias_[items]
        return (out + paired(self.user_embeddings_, users, self.item_embeddings_, items)).astype(np.float32)

    def score(self, history: History, embeddings: Float32[np.ndarray, "m dim"]) -> Float32[np.ndarray, "m"]:
        """Expected rating by this person of any embedding: what is shared, plus what the history tells."""
        taste, bias = self._fold_in(history)
        return (self._level() + bias + self._centre(embeddings) @ taste).astype(np.float32)

    def embed_user(self, history: History, *, rng: np.random.Generator) -> Float32[np.ndarray, "dim"]:
        """The unit taste: one row solved, everybody else as fitted."""
        taste, _ = self._fold_in(history)
        return normalize(taste) if np.any(taste) else random_direction(len(taste), rng)

    def tastes(self, history: History, n: int, *, rng: np.random.Generator) -> Float32[np.ndarray, "n dim"]:
        """n unit directions from all of this person's tastes; of one taste, leaned on liked items."""
        taste = self.embed_user(history, rng=rng)
        factors, _, _ = self._known(history)
        return draw(taste, normalize(factors), history.ratings, n, rng=rng)

    def vector(self, history: History) -> Float32[np.ndarray, "dim"]:
        """The expected taste, not normalised: `score` rises by it."""
        return self._fold_in(history)[0].astype(np.float32)

    def posterior(
        self, history: History, embeddings: Float32[np.ndarray, "m dim"]
    ) -> tuple[Float32[np.ndarray, "m"], Float32[np.ndarray, "m"]]:
        """Mean and variance of this person's expected rating of any embedding, everybody else as fitted.

        A rating itself also has its noise, and what is particular to a picture. P(like) is
        Phi(mean / sqrt(variance + noise)). Unrated cells are no data here, whatever `unobserved` is.
        """
        row = self._row(history)
        along = self.metric_.factors(self._centre(embeddings))
        along = np.concatenate([along, np.full((len(along), 1), row.bias, np.float32)], axis=1)
        noise = self._scales().noise
        spread = row_variance(row.factors, row.weights, strength=1 / row.variance, noise=noise, along=along)
        return self.score(history, embeddings), spread.astype(np.float32)

    def sample_tastes(self, history: History, n: int, *, rng: np.random.Generator) -> Float32[np.ndarray, "n dim"]:
        """n tastes that this person may have, drawn from their posterior; not normalised."""
        row, noise = self._row(history), self._scales().noise
        drawn = row_samples(row.factors, row.weights, n, strength=1 / row.variance, noise=noise, rng=rng)
        return self.vector(history) + self.metric_.factors(drawn[:, :-1])

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the fit as .npy files and meta.json; aside first, so that a reader never sees half of it."""
        self._must_be_fitted("fit to save")
        told = {name: getattr(self, name) for name in _SETTINGS}
        fitted = {"level": self.level_, "tether": self.tether_, "scales": self.scales_}
        with replaced(folder) as aside:
            for name in _ARRAYS:
                np.save(aside / f"{name}.npy", getattr(self, f"{name}_"), allow_pickle=False)
            for name, matrix in self.metric_._asdict().items():
                np.save(aside / f"metric_{name}.npy", matrix, allow_pickle=False)
            meta = {"format": _FORMAT, "settings": told, "fitted": fitted}
            (aside / "meta.json").write_text(json.dumps(meta, indent=1))

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> TetheredWALS:
        """Read what `save` wrote, its tables memory-mapped; raises BadData when it is something else."""
        with opened(folder, _FORMAT) as (source, meta):
            model = cls(**meta["settings"])
            fitted = meta["fitted"]
            model.level_, model.tether_ = float(fitted["level"]), float(fitted["tether"])
            model.scales_ = dict(fitted["scales"])
            for name in _ARRAYS:
                setattr(model, f"{name}_", mapped(source / f"{name}.npy"))
            model.metric_ = Metric(*(mapped(source / f"metric_{name}.npy") for name in Metric._fields))
        return model

    def _choose(self, table: Interactions, images: np.ndarray) -> tuple[Metric, Scales]:
        """The metric of tastes and all scales: by evidence, unless ratings are few or all was set by hand."""
        given = self._given()
        if {"own", "population"} <= given.keys():
            return IDENTITY, self._given_or(fixed_scales(table.ratings))
        if len(table) < ENOUGH:
            return metrics(images, _POWERS[1:2])[0], self._given_or(fixed_scales(table.ratings))
        candidates = metrics(images, _POWERS)
        best, scales = scales_by_evidence(
            table.users,
            table.items,
            table.ratings,
            table.weights,
            factors=[metric.factors(images) for metric in candidates],
            strengths=given,
            rng=np.random.default_rng(self.seed),
        )
        return candidates[best], scales

    def _given(self) -> dict[str, float]:
        """Strengths set by hand."""
        given = dict.fromkeys(self.leave_out, np.inf)
        if self.regularization != "auto":
            given["own"] = float(self.regularization)
        if self.population != "auto":
            given["population"] = np.inf if self.population is None else float(self.population)
        return given

    def _given_or(self, scales: Scales) -> Scales:
        return scales._replace(**{name: scales.noise / strength for name, strength in self._given().items()})

    def _trust(self, table: Interactions, images: np.ndarray) -> Float32[np.ndarray, "users"]:
        if self.trust is None:
            return np.ones(table.num_users, np.float32)

        def sized(believed: Interactions) -> tuple[np.ndarray, Scales]:
            metric, scales = self._choose(believed, images)
            return metric.factors(images), scales

        return trusted(table, sized, seed=self.seed)

    def _choose_tether(self, table: Interactions, factors: np.ndarray, strengths: Strengths) -> float:
        """The stiffest tether whose error on held-out ratings is within one standard error of the least.

        Breiman et al. (1984), 3.4.3. Where no item has ratings of two people there is nothing to learn.
        """
        tethers = _TETHERS[1:] if self.tether_form == "pseudo" else _TETHERS
        if len(table) < ENOUGH or np.bincount(table.items).max() < 2:
            return tethers[0]
        rng = np.random.default_rng(self.seed)
        table = table.take(sample(table.users, SAMPLES[-1], rng))
        fold = rng.permutation(len(table)) % 2
        form = self._form() | {"iterations": min(self.iterations, _TRIAL_ITERATIONS)}
        errors = np.zeros((len(tethers), len(table)))
        for k in range(2):
            known, held = table.take(fold != k), table.take(fold == k)
            for row, tether in enumerate(tethers):
                *_, fit = half_steps(known, factors, strengths=strengths, tether=tether, **form)
                told = fit.level + fit.user_bias[held.users] + fit.item_bias[held.items]
                told = told + paired(fit.users, held.users, fit.items, held.items)
                errors[row, fold == k] = held.weights * (held.ratings - told) ** 2
        excess = errors - errors[np.argmin(errors.mean(1))]
        close = excess.mean(1) <= excess.std(1) / np.sqrt(len(table))
        return tethers[int(np.argmax(close))]

    def _fold_in(self, history: History) -> tuple[np.ndarray, float]:
        """This person's taste (not normalised) and bias, all others as fitted.

        Given the tastes x_v of n others, one's own has mean population Sum x_v / (own + n population) and
        variance own (own + (n + 1) population) / (own + n population): what is solved for somebody in the
        fit with the ratings of the fit is the fit itself.
        """
        row = self._row(history)
        rows = Rows(np.array([0, len(row.factors)]), np.arange(len(row.factors)), row.left, row.weights)
        unrated = None
        if self.unobserved and self._fitted():
            dim = len(row.prior) - 1
            unrated = np.zeros((dim + 1, dim + 1))
            unrated[:dim, :dim] = self.unobserved * gram(self.metric_.factors(self.item_embeddings_))
        found = solve_rows(rows, row.factors, prior=row.prior, gram=unrated, strength=1 / row.variance)[0]
        return self.metric_.factors(found[:-1]), float(row.bias * found[-1])

    def _row(self, history: History) -> _Row:
        """The ridge regression that one person is: the bias is one coordinate more."""
        strengths = _strengths(self._scales())
        own, population = 1.0 / strengths.own, 1.0 / strengths.population
        factors, left, weights = self._known(history)
        factors, dim = self.metric_.factors(factors), factors.shape[1]
        total, others = np.zeros(dim, np.float32), 0
        if self._fitted():
            others = int(self.rated_.sum())
            if population > 0:
                total = self.population_ * np.float32((own + others * population) / population)
            if history.user is not None and history.user < len(self.rated_) and self.rated_[history.user]:
                others -= 1
                # what one contributed to the population: nearly the population itself, where trust is low
                share = self.trust_[history.user]
                total = total - share * self.user_embeddings_[history.user] - (1 - share) * self.population_
        prior = np.float32(population / (own + others * population)) * self.metric_.back(total)
        variance = own * (own + (others + 1) * population) / (own + others * population)
        # scaled so that one strength serves both taste and bias
        scale = np.float32(1.0 / np.sqrt(variance * strengths.bias))
        wide = np.concatenate([factors, np.full((len(factors), 1), scale, np.float32)], axis=1)
        return _Row(wide, left, weights, np.append(prior, np.float32(0)), float(variance), scale)

    def _known(self, history: History) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Factors, ratings less what is not personal, and weights of a history's items."""
        factors = self._centre(history.embeddings)
        left = history.ratings - np.float32(self._level())
        given = history.weights * by_age(np.zeros(len(history), np.int64), history.times, self.half_life)
        # what is particular to an item nobody knows is noise, so that its rating says less
        weights = 1.0 / (1.0 / given + 1.0 / np.float32(_strengths(self._scales()).item))
        if self._fitted():
            # rows beyond the fit are of items added since, as unknown to it as -1
            inside = (history.items >= 0) & (history.items < len(self.item_bias_))
            known = history.items[inside]
            factors[inside] = self.item_embeddings_[known]
            left[inside] -= self.item_bias_[known]
            given = given[inside] * self.item_weight_[known]
            weights[inside] = given - np.float32(self.unobserved)
            left[inside] *= given / weights[inside]
        return factors, left, weights

    def _centre(self, embeddings: np.ndarray) -> np.ndarray:
        units = normalize(embeddings)
        return normalize(units - self.mean_) if self._fitted() else units

    def _level(self) -> float:
        return self.level_ if self._fitted() else 0.0

    def _scales(self) -> Scales:
        return Scales(**self.scales_) if self._fitted() else self._given_or(fixed_scales(np.zeros(0, np.float32)))

    def _form(self) -> dict[str, Any]:
        return {"tether_form": self.tether_form, "unobserved": self.unobserved, "iterations": self.iterations}

    def _fitted(self) -> bool:
        return hasattr(self, "scales_")

    def _must_be_fitted(self, wanted: str) -> None:
        if not self._fitted():
            raise NotFitted(self, wanted)


class _Row(NamedTuple):
    """What a taste must explain (`left`), the variance of its prior in units of the noise, the size of a bias."""

    factors: np.ndarray
    left: np.ndarray
    weights: np.ndarray
    prior: np.ndarray
    variance: float
    bias: np.float32


_SETTINGS = (
    "tether",
    "regularization",
    "population",
    "unobserved",
    "tether_form",
    "iterations",
    "seed",
    "trust",
    "half_life",
    "exposure",
    "leave_out",
)
_ARRAYS = (
    "mean",
    "population",
    "user_embeddings",
    "item_embeddings",
    "user_bias",
    "item_bias",
    "rated",
    "trust",
    "item_weight",
)


def _strengths(scales: Scales) -> Strengths:
    """Noise over scale; infinity for a part of scale 0."""
    return Strengths(*(scales.noise / scale if scale > 0 else np.inf for scale in scales[:5]))
