"""What a filter's doubt means: policies, the stricter of two, and asking so that a failure is an answer too.

Knows nothing of any filter, of people or of the store.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from zahir.media import Media
from zahir.protocols import Filter

log = logging.getLogger("zahir.safety")

Policy = Literal["off", "blur", "block"]
POLICIES: tuple[Policy, ...] = ("off", "blur", "block")  # each stricter than the one before


class Guard(NamedTuple):
    """What an installation asks of its filter."""

    filter: str  # its name
    policy: Policy = "blur"  # for everybody who did not choose a stricter one
    threshold: float = 0.5  # scores in [0, 1] from here on are not safe


def stricter(one: Policy, other: Policy) -> Policy:
    """The one of two policies that shows less.

    >>> stricter("blur", "off")
    'blur'
    """
    return max(one, other, key=POLICIES.index)


def doubted(score: float | None, guard: Guard) -> bool:
    """Whether the guard's policy applies to a medium of this score; to one that could not be judged it does."""
    return score is None or score >= guard.threshold


def judge(check: Filter, media: Sequence[Media]) -> list[float | None]:
    """The filter's score of each medium, in [0, 1]; None where it failed, which a policy treats as not safe.

    A filter that fails on several together is asked about each alone, so that one picture does not hide the others.
    """
    try:
        return _scores(check, media)
    except Exception as error:  # a stranger's code: whatever it raises means that nothing was judged
        if len(media) == 1:
            log.warning("the filter '%s' failed (%s: %s); what it cannot judge counts as not safe.",
                        check.name, type(error).__name__, error)  # fmt: skip
            return [None]
    return [score for each in media for score in judge(check, [each])]


def _scores(check: Filter, media: Sequence[Media]) -> list[float | None]:
    scores = np.asarray(check.score(media), np.float64)
    if scores.shape != (len(media),):
        raise ValueError(f"{len(media)} media need as many scores; got shape {scores.shape}")
    return [score if math.isfinite(score) and 0 <= score <= 1 else None for score in scores.tolist()]
