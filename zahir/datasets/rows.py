"""Rows of CSV and Parquet files as text, one at a time, in bounded memory; and a tally of what cannot be read.

Knows nothing of what the columns mean.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from zahir.errors import BadData

MAX_LINE = 65_536  # characters; a longer line is skipped piece by piece, never held
MAX_SPAN = 50  # lines that one quoted field may run over

Row = tuple[int, Sequence[str]]


class MaxBad(NamedTuple):
    """How many rows may be unreadable before reading stops: both the count and the share must hold."""

    rows: int = 100
    share: float = 0.01

    def __str__(self) -> str:
        return f"{self.rows:,} and {100 * self.share:g} % of all"

    @staticmethod
    def of(text: str) -> MaxBad:
        """Read "100", "1%" or "100,1%"; a part that is not given does not limit. Raises ValueError otherwise."""
        count, share = 10**9, 1.0
        for part in text.split(","):
            if part.strip().endswith("%"):
                share = float(part.strip()[:-1]) / 100
            else:
                count = int(part)
        if not (count >= 0 and 0 <= share <= 1):
            raise ValueError(f"max-bad must be a count >= 0, a share from 0% to 100%, or both; got {text!r}.")
        return MaxBad(count, share)


class Rejects:
    """Rows, items and pictures that could not be read: each is reported, too many end the reading."""

    def __init__(self, limit: MaxBad | None = None, report: Callable[[BadData], None] = lambda _: None) -> None:
        self.limit, self.report, self.total = limit or MaxBad(), report, 0
        self._first: BadData | None = None
        self._count = 0

    def reject(self, why: str, *, path: str | PathLike[str], line: int | None = None) -> None:
        """Report one; raises BadData when the count is used up."""
        error = BadData(why, path=path, line=line)
        self.report(error)
        self._first = self._first or error
        self._count += 1
        self.total += 1
        if self._count > self.limit.rows:
            raise self._too_many("", path)

    def settle(self, good: int, *, path: str | PathLike[str]) -> None:
        """A file is read to its end, `good` rows of it well: raises BadData when the share is used up."""
        if self._count > self.limit.share * (good + self._count):
            raise self._too_many(f" of {good + self._count}", path)
        self._count, self._first = 0, None

    def _too_many(self, of: str, path: str | PathLike[str]) -> BadData:
        return BadData(
            f"{self._count}{of} cannot be read; at most {self.limit} may be. Nothing was kept. "
            f"The first is {self._first} Repair the file, or let more through with --max-bad.",
            path=path,
        )


def records(path: Path, rejects: Rejects) -> Iterator[Row]:
    """Every row of a CSV (comma, semicolon or tab) or Parquet file with its number; the first is the header.

    A row that cannot be split into as many fields as the header has goes to `rejects`. Numbers are lines
    of the file, from 1, or rows of the table under the header.
    """
    if path.suffix.casefold() in {".parquet", ".pq"}:
        yield from _parquet(path)
    else:
        yield from _csv(path, rejects)


def shown(text: str) -> str:
    """A value as it may stand in a message: quoted, at most 40 characters."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _csv(path: Path, rejects: Rejects) -> Iterator[Row]:
    source, waiting = lines(path, rejects), deque[tuple[int, str]]()
    delimiter, width = "", 0
    while (first := waiting.popleft() if waiting else next(source, None)) is not None:
        number, text = first
        if not text.strip():
            continue
        pieces, quotes, later = [text], text.count('"'), list[tuple[int, str]]()
        while quotes % 2 and len(pieces) < MAX_SPAN:
            more = waiting.popleft() if waiting else next(source, None)
            if more is None:
                break
            later.append(more)
            pieces.append(more[1])
            quotes += more[1].count('"')
        delimiter = delimiter or max(",;\t", key=text.count)
        try:
            fields = next(csv.reader(pieces, delimiter=delimiter, strict=True))
            problem = f"{len(fields)} fields; the header has {width}." if width and len(fields) != width else ""
        except csv.Error as error:
            problem = f"{shown(text.strip())} cannot be split into fields ({error}). Expected every quote closed."
        if problem:
            rejects.reject(problem, path=path, line=number)
            waiting.extendleft(reversed(later))  # a stray quote costs its own line, not those after it
            continue
        width = width or len(fields)
        yield number, fields


def lines(path: Path, rejects: Rejects) -> Iterator[tuple[int, str]]:
    """Every line of a UTF-8 file with its number; one that is too long or no text goes to `rejects`."""
    with path.open("rb") as raw:
        if raw.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            raise BadData("this is UTF-16. Expected UTF-8: save it again as UTF-8.", path=path)
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        number = 0
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                while not line.endswith("\n") and (line := file.readline(MAX_LINE)):
                    pass
                rejects.reject(f"longer than {MAX_LINE} characters. Expected one rating.", path=path, line=number)
            elif "\0" in line:
                rejects.reject("a NUL character. Expected text.", path=path, line=number)
            elif not line.isascii() and any("\udc80" <= letter <= "\udcff" for letter in line):
                rejects.reject("not UTF-8. Save the file again as UTF-8.", path=path, line=number)
            else:
                yield number, line


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            yield 0, names
            number = 0
            for batch in file.iter_batches(batch_size=4096):
                columns = [_texts(batch.column(k)) for k in range(len(names))]
                for fields in zip(*columns):
                    number += 1
                    yield number, fields
    except (pa.ArrowException, OSError) as error:
        raise BadData(f"not a Parquet file that can be read ({error}).", path=path) from error


def _texts(column: object) -> list[str]:
    values: list[object] = column.to_pylist()  # type: ignore[attr-defined]
    return ["" if value is None else str(value) for value in values]
