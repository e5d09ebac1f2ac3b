"""How often somebody may do something: token buckets in memory. Knows neither who nor what."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

_REMEMBERED = 10_000  # callers at once; the longest silent is forgotten first


class Rate:
    """At most `per_second` calls a second for each caller on average, with bursts of `burst`."""

    def __init__(self, per_second: float, burst: float) -> None:
        self.per_second, self.burst = per_second, max(burst, 1.0)
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def wait(self, caller: Hashable, now: float) -> float:
        """Seconds this caller must wait; 0.0 counts as one call made. `now` is in seconds, of any steady clock."""
        left, since = self._buckets.pop(caller, (self.burst, now))
        left = min(self.burst, left + (now - since) * self.per_second)
        short = 1.0 - left
        self._buckets[caller] = (left if short > 0 else left - 1.0, now)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        return max(0.0, short / self.per_second)
