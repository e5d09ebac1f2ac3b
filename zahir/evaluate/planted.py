"""What taste models recover of tastes that were planted, where the truth about every picture is known.

Knows nothing of how people are invented: populations are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Float64

from zahir.evaluate import metrics
from zahir.evaluate.compare import histories, somebody_else
from zahir.evaluate.metrics import Interval
from zahir.interactions import Dataset
from zahir.protocols import Progress, TasteModel
from zahir.space import cosine


@runtime_checkable
class Population(Protocol):
    """Ratings and the truth behind them: one taste per person, and their liking of every picture."""

    @property
    def dataset(self) -> Dataset: ...

    @property
    def tastes(self) -> Float32[np.ndarray, "people dim"]: ...

    @property
    def liking(self) -> Float32[np.ndarray, "people items"]: ...


class Recovery(NamedTuple):
    """One model on one kind of population, mean over its draws."""

    population: str
    model: str
    agreement: Interval  # correlation of scores with the true liking of all pictures, over people
    swapped: float  # the same with somebody else's scores
    taste: float  # mean cosine to the true taste
    alike: float  # median cosine between two people's tastes
    truly_alike: float
    shared: float | None  # the model's estimate of the shared share, where it makes one


def recover(
    populations: Mapping[str, Sequence[Population]],
    models: Mapping[str, Callable[[], TasteModel]],
    *,
    progress: Progress | None = None,
) -> list[Recovery]:
    """Fit each model on each draw of each kind of population, and compare with the truth."""
    tasks = [(kind, name) for kind in populations for name in models]
    rows = []
    for done, (kind, name) in enumerate(tasks, 1):
        draws = [_recover(each, models[name](), seed) for seed, each in enumerate(populations[kind])]
        rows.append(_mean(kind, name, draws))
        if progress is not None and not progress(done, len(tasks)):
            break
    return rows


class _Draw(NamedTuple):
    agreement: Float64[np.ndarray, "people"]
    swapped: float
    taste: float
    alike: float
    truly_alike: float
    shared: float | None


def _recover(population: Population, model: TasteModel, seed: int) -> _Draw:
    data, rng = population.dataset, np.random.default_rng(seed)
    model.fit(data.interactions, data.embeddings)
    people = list(histories(data.interactions, data.embeddings))
    rows = np.array([person.user for person in people])
    scores = np.stack([model.score(person, data.embeddings) for person in people])
    tastes = np.stack([model.embed_user(person, rng=rng) for person in people])
    truth = population.liking[rows]
    return _Draw(
        _correlation(scores, truth),
        float(_correlation(scores[somebody_else(len(rows), seed=seed)], truth).mean()),
        float(np.diag(cosine(tastes, population.tastes[rows])).mean()),
        metrics.person_to_person(tastes),
        metrics.person_to_person(population.tastes[rows]),
        getattr(model, "shared_share_", None),
    )


def _mean(kind: str, name: str, draws: list[_Draw]) -> Recovery:
    """People of all draws are resampled together: they are different people."""
    values = np.concatenate([draw.agreement for draw in draws])
    agreement = metrics.over_people(values, metrics.resample(len(values)))
    shared = [draw.shared for draw in draws if draw.shared is not None]
    return Recovery(
        kind,
        name,
        agreement,
        swapped=float(np.mean([draw.swapped for draw in draws])),
        taste=float(np.mean([draw.taste for draw in draws])),
        alike=float(np.mean([draw.alike for draw in draws])),
        truly_alike=float(np.mean([draw.truly_alike for draw in draws])),
        shared=float(np.mean(shared)) if shared else None,
    )


def _correlation(a: np.ndarray, b: np.ndarray) -> Float64[np.ndarray, "people"]:
    """Pearson's, row by row; 0 where a row is constant: it orders nothing."""
    a, b = (rows - rows.mean(1, keepdims=True, dtype=np.float64) for rows in (a, b))
    lengths = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return np.where(lengths > 1e-9, (a * b).sum(1) / np.where(lengths > 1e-9, lengths, 1), 0.0)
