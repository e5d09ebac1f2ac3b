"""Which Gaussian model suits the ratings at hand: its scales by evidence, its parts by pictures held out.

Knows what the parts cost and when they can be judged; nothing of how the chosen model is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Float32
from scipy.linalg import solve

from zahir.interactions import Interactions
from zahir.space import normalize
from zahir.taste.alike import likeness
from zahir.taste.dual import Cells, covariance
from zahir.taste.evidence import ENOUGH, SAMPLES, Scales, fixed_scales, sample, scales_by_evidence
from zahir.taste.metric import metrics
from zahir.taste.pictures import Kernel, Line, curve
from zahir.taste.switch import cold_ranking, gain

Switch = Literal["auto"] | bool

_PEOPLE, _EACH = 5, 10  # so many people, with so many ratings each, and a part of the model can be judged
_POWERS = (0.0, 0.5, 1.0)  # of the images' covariance, as the covariance of tastes
# standard errors that a part must gain: likeness does no harm where it says nothing, a curve that gains nothing does
_LEAST_OF_PEOPLE, _LEAST_OF_CURVE = -1.0, 0.0
_JITTER = 1e-5


class Option(NamedTuple):
    """A model to choose: how pictures are alike, whether people are, and the variances of the parts."""

    kernel: Kernel
    alike: bool
    scales: Scales


class Choice(NamedTuple):
    """The head that steers, the one that ranks, and why these."""

    steering: Option
    ranking: Option
    why: str


def choose(
    table: Interactions, units: Float32[np.ndarray, "items dim"], *, alike: Switch, curved: Switch, seed: int
) -> Choice:
    """Choose on the terms of people like me first, then on the curved kernel; True or False settles one beforehand.

    `table` has no repeated ratings, `units` are the unit embeddings of all items, of which rated ones or a
    sample of them decide.
    """
    mean = (units.sum(0, dtype=np.float64) / max(1, len(units))).astype(np.float32)
    some = table.take(sample(table.users, SAMPLES[1], np.random.default_rng(seed)))
    rated, slots = np.unique(some.items, return_inverse=True)
    few, seen = (
        Interactions.of(np.unique(some.users, return_inverse=True)[1], slots, some.ratings, weights=some.weights),
        units[rated],
    )
    candidates = [Line(mean, metric) for metric in metrics(normalize(units - mean), _POWERS)]
    plain = _scaled(few, seen, candidates if len(few) >= ENOUGH else candidates[1:2], alike=False, seed=seed)

    shared = few.take(np.bincount(few.items, minlength=1)[few.items] > 1)
    likely = partial(_scaled, few, seen, [plain.kernel], alike=True, seed=seed, start=plain.scales)
    steering, of_people = _settle(
        "people like me", alike, plain, likely, shared, few, seen, seed, least=_LEAST_OF_PEOPLE
    )
    bent = partial(_scaled, few, seen, [curve(units)], alike=steering.alike, seed=seed, start=steering.scales)
    ranking, of_curve = _settle("curved kernel", curved, steering, bent, few, few, seen, seed, least=_LEAST_OF_CURVE)
    return Choice(steering, ranking, f"{of_people}; {of_curve}")


def _scaled(
    table: Interactions,
    units: np.ndarray,
    kernels: Sequence[Kernel],
    *,
    alike: bool,
    seed: int,
    start: Scales | None = None,
) -> Option:
    """The kernel and the scales that evidence prefers; below 30 ratings the first and rounded ones."""
    if len(table) < ENOUGH:
        return Option(kernels[0], alike, fixed_scales(table.ratings, alike=alike))
    best, scales = scales_by_evidence(
        table.users,
        table.items,
        table.ratings,
        table.weights,
        factors=[_factors(kernel, units) for kernel in kernels],
        strengths={},
        rng=np.random.default_rng(seed),
        positions=_positions(table) if alike else None,
        start=start,
    )
    return Option(kernels[best], alike, scales)


def _settle(
    what: str,
    switch: Switch,
    plain: Option,
    make: Callable[[], Option],
    judges: Interactions,
    table: Interactions,
    units: np.ndarray,
    seed: int,
    *,
    least: float,
) -> tuple[Option, str]:
    """`make()` where it is asked for, or where it ranks new pictures better by `least` standard errors.

    `judges` are ratings that can tell.
    """
    if switch != "auto":
        return (make(), f"{what}: on, as asked") if switch else (plain, f"{what}: off, as asked")
    people = int(np.sum(np.bincount(judges.users, minlength=1) >= _EACH))
    if people < _PEOPLE:
        return plain, f"{what}: off, {people} people with {_EACH} ratings that can tell; {_PEOPLE} are needed"
    option = make()
    better, worse = (cold_ranking(table, _predictor(each, units), seed=seed) for each in (option, plain))
    found = gain(better, worse, table.items)
    return (option, f"{what}: on, {found}") if found.mean > least * found.error else (plain, f"{what}: off, {found}")


def _predictor(option: Option, units: np.ndarray) -> Callable[[Interactions, Interactions], np.ndarray]:
    features = option.kernel.features(units)
    alike = option.kernel.between(features, features).astype(np.float64)

    def predict(known: Interactions, held: Interactions) -> np.ndarray:
        positions = _positions(known) if option.alike else np.zeros((known.num_users, 0))
        a, b = (Cells(table.users, positions[table.users], table.items) for table in (known, held))
        system = covariance(a, a, alike[np.ix_(a.items, a.items)], option.scales)
        system[np.diag_indices(len(known))] += option.scales.noise / known.weights
        dual = solve(system, known.ratings.astype(np.float64), assume_a="pos", overwrite_a=True)
        return covariance(b, a, alike[np.ix_(b.items, a.items)], option.scales) @ dual

    return predict


def _positions(table: Interactions) -> Float[np.ndarray, "users rank"]:
    return likeness(table.users, table.items, table.ratings, num_users=table.num_users, num_items=table.num_items)


def _factors(kernel: Kernel, units: np.ndarray) -> Float32[np.ndarray, "items rank"]:
    """Vectors whose products are the kernel."""
    features = kernel.features(units)
    if isinstance(kernel, Line):
        return features
    between = kernel.between(features, features).astype(np.float64)
    between[np.diag_indices(len(between))] += _JITTER
    return np.linalg.cholesky(between).astype(np.float32)
