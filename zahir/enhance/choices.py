"""The log of choices: one line of JSON for each, appended and never changed, in the installation's home.

Knows people by name only, and nothing of pictures.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zahir.enhance.learn import Choice, offset
from zahir.enhance.tone import Settings, check
from zahir.errors import BadData

FILE = "enhancements.jsonl"


def record(
    path: Path, person: str, *, start: Settings, alternatives: Sequence[Settings], kept: int, key: str = ""
) -> None:
    """Append what somebody kept of what they were shown; choosing again with the same `key` replaces it.

    The line is written at once and flushed to the disk: two who choose at the same time do not mix.
    """
    if not 0 <= kept < len(alternatives):
        raise ValueError(f"kept must be one of the {len(alternatives)} that there were; got {kept}.")
    line = {
        "key": key or uuid.uuid4().hex,
        "person": person,
        "start": start._asdict(),
        "alternatives": [each._asdict() for each in alternatives],
        "kept": kept,
        "time": int(time.time()),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as log:
        log.write(json.dumps(line).encode() + b"\n")
        os.fsync(log.fileno())


def read(path: Path) -> dict[str, list[Choice]]:
    """Everybody's standing choices; nobody's where there is no log. Raises BadData, with the line."""
    standing: dict[tuple[str, str], Choice] = {}
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        try:
            told = json.loads(line)
            start = settings_of(told["start"])
            offsets = np.array([offset(settings_of(each), start) for each in told["alternatives"]])
            kept = int(told["kept"])
            if not 0 <= kept < len(offsets):
                raise ValueError(f"kept is {kept} of {len(offsets)}")
            standing[str(told["person"]), str(told["key"])] = Choice(offsets, kept)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadData(f"not a choice ({error!r}). Take the line out.", path=path, line=number) from error
    people: dict[str, list[Choice]] = {}
    for (person, _), choice in standing.items():
        people.setdefault(person, []).append(choice)
    return people


def settings_of(told: dict[str, float]) -> Settings:
    """Settings from their names; raises ValueError for unknown names and for values out of limits."""
    if unknown := set(told) - set(Settings._fields):
        raise ValueError(f"unknown settings {sorted(unknown)}")
    settings = Settings(**{name: float(value) for name, value in told.items()})
    check(settings)
    return settings
