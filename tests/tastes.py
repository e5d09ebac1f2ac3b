"""A taste of a small CLIP-like space, and the shell of that space."""

import numpy as np

from zahir.shell import Shell
from zahir.taste_file import TasteFile

SPACE, DIM = "clip:test/24", 24


def a_shell():
    rng = np.random.default_rng(3)
    return Shell.of(SPACE, rng.standard_normal((400, DIM)) * np.linspace(4, 0.2, DIM) + rng.standard_normal(DIM) * 3)


def a_taste(*, seed=4, reach=True, negative=True, draws=True, name="Anna’s taste"):
    rng = np.random.default_rng(seed)
    positive, against = rng.standard_normal((2, DIM))
    return TasteFile.of(
        name,
        SPACE,
        positive,
        negative=against if negative else None,
        draws=positive + 0.3 * rng.standard_normal((64, DIM)) if draws else None,
        shell=a_shell() if reach else None,
        created=1_700_000_000,
    )
