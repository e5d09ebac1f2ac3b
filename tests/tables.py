"""Small tables of ratings, and what a reader makes of a file of them."""

import numpy as np

from zahir.datasets import read
from zahir.datasets.rows import MaxBad, Rejects
from zahir.interactions import Interactions

ANY = MaxBad(10**9, 1.0)


def small(seed=0, people=6, pictures=20, dim=8, ratings=60):
    """A few people, graded ratings with weights; the last person and the last picture have none."""
    rng = np.random.default_rng(seed)
    cells = rng.permutation((people - 1) * (pictures - 1))[:ratings]
    table = Interactions.of(
        cells // (pictures - 1),
        cells % (pictures - 1),
        rng.choice([-1, -0.5, 0, 0.5, 1], ratings),
        weights=rng.choice([0.5, 1, 2], ratings),
        num_users=people,
        num_items=pictures,
    )
    return table, rng.standard_normal((pictures, dim)).astype(np.float32) + 1


def told(path, **options):
    """What is read, and the (line, message) of all that is not."""
    bad = []
    data = read(path, rejects=Rejects(ANY, lambda error: bad.append((error.line, str(error)))), **options)
    return data, bad


def triples(data):
    table = data.interactions
    return [
        (data.user_ids[u], data.item_ids[i], float(r))
        for u, i, r in zip(table.users, table.items, table.ratings.astype(float).round(6))
    ]
