"""A person's taste put into a file: from their history and a fitted model, with what is known of doubt and of decoders.

Knows no particular model, and neither the form of the file nor where it goes.
"""

from __future__ import annotations

import numpy as np

from zahir.errors import ZahirError
from zahir.protocols import KnowsDoubt, TasteModel
from zahir.shell import Shell
from zahir.store import Store
from zahir.taste_file import TasteFile

DRAWS = 256  # from the posterior, of which the file keeps a sketch


def packed(
    store: Store,
    user: int,
    *,
    model: TasteModel,
    space: str,
    name: str,
    shell: Shell | None = None,
    negative: bool = False,
    rng: np.random.Generator,
) -> TasteFile:
    """This person's taste in a space, as the model has it now.

    `shell` is the space's, where decoders read it. With `negative`, the opposite of the taste goes along to lead away
    from. Raises ZahirError for somebody without ratings there: the file would hold everybody's taste under their name.
    """
    history = store.history(user, space=space)
    if len(history) == 0:
        raise ZahirError(
            f"user {user} has rated nothing in space '{space}'. Rate something first, or name another space."
        )
    taste = model.embed_user(history, rng=rng)
    draws = model.sample_tastes(history, DRAWS, rng=rng) if isinstance(model, KnowsDoubt) else None
    return TasteFile.of(name, space, taste, negative=-taste if negative else None, draws=draws, shell=shell)
