"""Errors that say what is wrong, what was expected and what to do.

The command line prints a `ZahirError` as one line and exits with 2; anything else is a bug and shows
its traceback. A wrong argument in a call is a plain `ValueError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from os import PathLike


class ZahirError(Exception):
    """Something a person can put right: the message says how."""


class SpaceMismatch(ZahirError):
    """Two parts speak of different embedding spaces; their vectors must never meet."""

    def __init__(self, encoder: str, other: str, *, what: str = "generator") -> None:
        super().__init__(
            f"the {what} reads space '{other}', but the encoder writes '{encoder}'. "
            f"Use an encoder and a {what} of one space, or re-encode the store."
        )


class NotFitted(ZahirError):
    """A model was asked for something that only `fit` can know."""

    def __init__(self, model: object, wanted: str) -> None:
        super().__init__(f"{type(model).__name__} has no {wanted} before fit. Call fit(interactions, embeddings).")


class UnknownPlugin(ZahirError):
    """No plugin of that name is installed."""

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        close = get_close_matches(name, known, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        super().__init__(f"No {kind} named '{name}'.{hint} Known: {', '.join(sorted(known)) or 'none'}.")


class MissingExtra(ZahirError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional part. Install it: pip install 'zahir[{extra}]'")


class BadData(ZahirError):
    """A file holds something that cannot be read: names the file, the line and the value."""

    def __init__(self, message: str, *, path: str | PathLike[str] | None = None, line: int | None = None) -> None:
        where = "" if path is None else f"{path}, line {line}: " if line is not None else f"{path}: "
        super().__init__(where + message)
        self.path, self.line = path, line


class StoreError(ZahirError):
    """The database refused: an unknown user or item, a rating that is not there, a schema too new."""
