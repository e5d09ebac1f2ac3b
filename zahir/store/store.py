"""The store's verbs: who is there, what was made, what was shown, what people said of it.

Knows nothing of models, generators or the web. Numbers: a user's row in every fit is id - 1; an item's
row is its place in its space, given when its embedding is added. Both only grow, so a fit needs no map
of names: it knows the first `users` and the first `items` of them.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int64
from PIL import Image
from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, func, insert, select, update

from zahir.errors import BadData, StoreError
from zahir.interactions import Dataset, History, Interactions
from zahir.media import Media, Origin, read_image
from zahir.protocols import Filter
from zahir.safety import Guard, judge
from zahir.space import normalize
from zahir.store.checks import counts, record, veil
from zahir.store.database import open_engine, writing
from zahir.store.files import Files
from zahir.store.schema import embeddings, exposures, fits, items, picks, ratings, retractions, users, variants

NEITHER_WEIGHT = 0.5  # "neither" tells less than a like or a dislike
MAX_SIDE = 1536  # pixels; imported pictures are kept no larger


@dataclass(frozen=True)
class Pick:
    """One item chosen for somebody's feed."""

    item: int
    slot: str  # calibration, mine, people, surprise or shelf
    why: str  # one sentence for the person
    propensity: float  # the probability with which the policy chose it
    policy: str = ""
    blurred: bool = False  # the filter doubts it, and this person's policy blurs


@dataclass(frozen=True)
class NewRating:
    """A rating to be written; `key` names the request, so that a retry has no second effect."""

    user: int
    item: int
    rating: float
    key: str


@dataclass(frozen=True)
class Item:
    """What the store knows of one item."""

    id: int
    token: str
    kind: str
    source: str
    file: str | None
    alt: str
    made_for: int | None
    surprise: float | None
    origin: Origin
    created: int


QUESTIONS_FILE = "questions.npy"  # in the folder of a fit


class Shelf(NamedTuple):
    """All items of a space that can be shown, one entry each, in the order they came."""

    ids: Int64[np.ndarray, "n"]
    rows: Int64[np.ndarray, "n"]  # of their embedding
    calibration: Bool[np.ndarray, "n"]
    made_for: Int64[np.ndarray, "n"]  # 0 for nobody
    surprise: Float32[np.ndarray, "n"]  # radians; 0 where nothing was turned


class Store:
    """A database and a media folder under one home.

    With a `guard` the store goes by what a filter said of its pictures (`zahir.store.checks`): what is blocked is not
    on the shelf, and ratings of it teach nothing. Whoever shows pictures asks `checks.veil` what to leave out or blur.
    """

    def __init__(self, home: Path | str, url: str | None = None, *, guard: Guard | None = None) -> None:
        self.home = Path(home)
        self.guard = guard
        self.home.mkdir(parents=True, exist_ok=True)
        self.engine = open_engine(url or f"sqlite:///{self.home / 'zahir.db'}")
        self.files = Files(self.home / "media")
        self._vectors: dict[str, np.ndarray] = {}
        self._shelves: dict[str, Shelf] = {}
        self._open = threading.local()

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: committed at the end, rolled back whole when anything raises.

        Verbs called inside it by the same thread join it: one flush to the disk for all of them.
        """
        outer: Connection | None = getattr(self._open, "transaction", None)
        if outer is not None:
            yield outer
            return
        with writing(self.engine) as connection:
            self._open.transaction = connection
            try:
                yield connection
            finally:
                self._open.transaction = None

    # people

    def add_user(self, name: str | None = None) -> int:
        """A new person; only imported people have a name."""
        with self.writing() as db:
            return _insert(db, users, name=name, created=_now())

    def user_named(self, name: str) -> int:
        """The person of this name or number; raises StoreError with some that there are."""
        with self.engine.connect() as db:
            found = db.scalar(select(users.c.id).where(users.c.name == name))
            if found is None and name.isdecimal():
                found = db.scalar(select(users.c.id).where(users.c.id == int(name)))
            if found is None:
                some = db.scalars(select(users.c.name).where(users.c.name.is_not(None)).limit(5)).all()
                count = db.scalar(select(func.count()).select_from(users))
                raise StoreError(f"no user '{name}'. There are {count}, numbered from 1; some names: {some}.")
            return int(found)

    def set_dials(self, user: int, *, strength: float, surprise: float) -> None:
        """Remember a person's two dials: strength in [0, 2], surprise as a share in [0, 1]."""
        if not (0 <= strength <= 2 and 0 <= surprise <= 1):
            raise ValueError(f"strength must be in [0, 2] and surprise in [0, 1]; got {strength} and {surprise}.")
        with self.writing() as db:
            db.execute(update(users).where(users.c.id == user).values(strength=strength, surprise=surprise))

    def dials(self, user: int) -> tuple[float, float]:
        """A person's (strength, surprise)."""
        with self.engine.connect() as db:
            row = db.execute(select(users.c.strength, users.c.surprise).where(users.c.id == user)).one_or_none()
        if row is None:
            raise StoreError(f"no user {user}.")
        return row.strength, row.surprise

    # items

    def add_items(
        self,
        media: Sequence[Media],
        vectors: Float32[np.ndarray, "n dim"],
        *,
        space: str,
        made_for: int | None,
        source: str = "generated",
        files: Sequence[str] | None = None,
        check: Filter | None = None,
    ) -> list[int]:
        """Keep media, their embeddings and what the filter `check` says of them; files first, then all rows at once.

        `files` are their names where the media folder holds them already.
        """
        if len(media) != len(vectors):
            raise ValueError(f"{len(media)} media, but {len(vectors)} embeddings. Give one each.")
        scores = [] if check is None else judge(check, media)
        names = [self.files.add(each) for each in media] if files is None else files
        with self.writing() as db:
            ids = [
                _insert(
                    db,
                    items,
                    token=secrets.token_urlsafe(16),
                    kind=each.kind,
                    source=source,
                    file=name,
                    alt=str(each.origin.details.get("alt", "")),
                    made_for=made_for,
                    surprise=each.origin.details.get("surprise"),
                    origin=each.origin.to_json(),
                    created=_now(),
                )
                for each, name in zip(media, names)
            ]
            self._add_vectors(db, ids, vectors, space)
            if check is not None:
                record(self, ids, scores, by=check)
        return ids

    def item(self, item: int | str) -> Item:
        """An item by its number, or by the token that the outside knows it by."""
        column = items.c.id if isinstance(item, int) else items.c.token
        with self.engine.connect() as db:
            row = db.execute(select(items).where(column == item)).mappings().one_or_none()
        if row is None:
            raise StoreError(f"no item {item!r}.")
        values = {name: row[name] for name in Item.__dataclass_fields__ if name != "origin"}
        return Item(origin=Origin.from_json(row["origin"]), **values)

    def media(self, item: int) -> Media:
        """The medium itself, with its origin; raises StoreError where only an embedding is known."""
        known = self.item(item)
        if known.file is None:
            raise StoreError(f"item {item} came without a picture: only its embedding is known.")
        kept = self.files.read(known.file)
        return Media(kept.frames, kept.fps, known.origin)

    def vectors(self, space: str) -> Float32[np.ndarray, "items dim"]:
        """All embeddings of a space, row by row; read once and then only what is new."""
        have = self._vectors.get(space)
        start = 0 if have is None else len(have)
        with self.engine.connect() as db:
            query = select(embeddings.c.vector).where(embeddings.c.space == space, embeddings.c.row >= start)
            blobs = db.scalars(query.order_by(embeddings.c.row)).all()
        if blobs:
            new = np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), -1).astype(np.float32)
            have = new if have is None else np.concatenate([have, new])
            self._vectors[space] = have
        return np.zeros((0, 0), np.float32) if have is None else have

    def shelf(self, space: str, user: int | None = None) -> Shelf:
        """Items that have a picture and an embedding here and are not blocked for this person (None: for everybody).

        Read once and then only what is new.
        """
        have = self._shelves.get(space)
        start = 0 if have is None else int(have.rows[-1]) + 1
        query = (
            select(items.c.id, embeddings.c.row, items.c.source, items.c.made_for, items.c.surprise)
            .join(embeddings, and_(embeddings.c.item == items.c.id, embeddings.c.space == space))
            .where(embeddings.c.row >= start, items.c.file.is_not(None))
            .order_by(embeddings.c.row)
        )
        with self.engine.connect() as db:
            new = db.execute(query).all()
        if new or have is None:
            added = Shelf(
                np.array([row.id for row in new], np.int64),
                np.array([row.row for row in new], np.int64),
                np.array([row.source == "calibration" for row in new], np.bool_),
                np.array([row.made_for or 0 for row in new], np.int64),
                np.array([row.surprise or 0 for row in new], np.float32),
            )
            have = added if have is None else Shelf(*(np.concatenate(pair) for pair in zip(have, added)))
            if len(have.rows):
                self._shelves[space] = have
        blocked = veil(self, user).blocked
        if not blocked:
            return have
        kept = ~np.isin(have.ids, list(blocked))
        return Shelf(*(column[kept] for column in have))

    def seen(self, user: int) -> tuple[Int64[np.ndarray, "n"], Int64[np.ndarray, "m"]]:
        """Ids of the items a person has a standing rating of, and of those painted on their screen."""
        rated = [item for _, item, _, _ in self.rated(user)]
        with self.engine.connect() as db:
            shown = db.scalars(select(exposures.c.item).where(exposures.c.user == user).distinct()).all()
        return np.array(rated, np.int64), np.array(shown, np.int64)

    def liked(self, ids: Sequence[int], *, besides: int) -> set[int]:
        """Which of these items somebody other than this person likes."""
        query = select(ratings.c.item).where(
            stands(), ratings.c.item.in_(list(ids)), ratings.c.user != besides, ratings.c.rating > 0
        )
        with self.engine.connect() as db:
            return set(db.scalars(query))

    def unembedded(self, space: str, n: int) -> list[int]:
        """Up to n items that have a picture, but no embedding in this space; the oldest first."""
        have = select(embeddings.c.item).where(embeddings.c.space == space)
        query = select(items.c.id).where(items.c.file.is_not(None), items.c.id.not_in(have)).order_by(items.c.id)
        with self.engine.connect() as db:
            return list(db.scalars(query.limit(n)))

    def embed(self, ids: Sequence[int], vectors: Float32[np.ndarray, "n dim"], *, space: str) -> None:
        """Add the embeddings of items in one more space."""
        with self.writing() as db:
            self._add_vectors(db, ids, vectors, space)

    def spaces(self) -> dict[str, int]:
        """Embedding spaces in use, with the number of items in each."""
        with self.engine.connect() as db:
            query = select(embeddings.c.space, func.count()).group_by(embeddings.c.space)
            return {row[0]: row[1] for row in db.execute(query)}

    # ratings

    def rate(self, user: int, item: int, rating: float, *, key: str) -> int:
        """Write one rating in [-1, 1] and return its id; the same key twice has one effect."""
        done = self.rate_many([NewRating(user, item, rating, key)])[0]
        if isinstance(done, StoreError):
            raise done
        return done

    def rate_many(self, new: Sequence[NewRating]) -> list[int | StoreError]:
        """Write ratings in one transaction: one flush to the disk for all of them.

        Each gets its own answer, its id or what is wrong with it; a wrong one does not stop the others.
        """
        with self.writing() as db:
            return [_rate(db, each) for each in new]

    def retract(self, user: int, rating: int) -> None:
        """Take a rating back: an event of its own. Twice is once; raises StoreError for somebody else's."""
        with self.writing() as db:
            owner = db.scalar(select(ratings.c.user).where(ratings.c.id == rating))
            if owner != user:
                raise StoreError(f"user {user} has no rating {rating}.")
            if db.scalar(select(retractions.c.id).where(retractions.c.rating == rating)) is None:
                db.execute(insert(retractions).values(rating=rating, created=_now()))

    def expose(self, user: int, pick: Pick, *, position: int = 0) -> None:
        """Note that an item was painted on somebody's screen, why, and how likely the policy chose it."""
        with self.writing() as db:
            values = {
                "user": user, "item": pick.item, "slot": pick.slot, "why": pick.why, "policy": pick.policy,
                "propensity": pick.propensity, "position": position, "created": _now(),
            }  # fmt: skip
            db.execute(insert(exposures), values)
            db.execute(_FORGET_PICK, {"by": user, "of": pick.item})

    def history(self, user: int, *, space: str) -> History:
        """One person's ratings that stand, oldest first, of items that have an embedding in this space."""
        table = self.vectors(space)
        known_users, known_items = self._fitted(space)
        rows = self._standing(space, ratings.c.user == user)
        where = rows["row"]
        return History.of(
            table[where] if len(where) else np.zeros((0, table.shape[1]), np.float32),
            rows["rating"],
            user=user - 1 if user <= known_users else None,
            items=np.where(where < known_items, where, -1),
            weights=rows["weight"],
            times=rows["created"],
        )

    def rated(self, user: int) -> list[tuple[int, int, float, int]]:
        """(rating id, item, rating, time) of all ratings of a person that stand, oldest first."""
        with self.engine.connect() as db:
            query = select(ratings.c.id, ratings.c.item, ratings.c.rating, ratings.c.created)
            rows = db.execute(query.where(stands(), ratings.c.user == user).order_by(ratings.c.id))
            return [(row.id, row.item, row.rating, row.created) for row in rows]

    def dataset(self, *, space: str) -> Dataset:
        """All ratings that stand of items in this space, as a fit wants them."""
        table = self.vectors(space)
        rows = self._standing(space)
        with self.engine.connect() as db:
            count = db.scalar(select(func.max(users.c.id))) or 0
            query = select(embeddings.c.item).where(embeddings.c.space == space, embeddings.c.row < len(table))
            item_ids = [str(item) for item in db.scalars(query.order_by(embeddings.c.row))]
        keep = (rows["row"] < len(table)) & (rows["user"] <= count)
        interactions = Interactions.of(
            rows["user"][keep] - 1,
            rows["row"][keep],
            rows["rating"][keep],
            weights=rows["weight"][keep],
            times=rows["created"][keep],
            num_users=count,
            num_items=len(table),
        )
        return Dataset(interactions, table, space, [str(k + 1) for k in range(count)], item_ids)

    # housekeeping

    def sweep(self, *, older_than: float) -> list[str]:
        """Delete media files that no row names, left by somebody who died before writing it; returns their names.

        `older_than` is their least age in seconds: younger ones may belong to somebody who is about to.
        """
        found = self.files.names(older_than=older_than)
        with self.engine.connect() as db:
            named = set(db.scalars(select(items.c.file))) | set(db.scalars(select(variants.c.file)))
        orphans = [name for name in found if name not in named]
        for name in orphans:
            self.files.delete(name)
        return orphans

    # fits

    def record_fit(self, name: str, *, space: str, users_known: int, items_known: int, ratings_used: int) -> None:
        """From now on `history` speaks to this fit: its first rows of users and items are known."""
        with self.writing() as db:
            number = (db.scalar(select(func.max(fits.c.number))) or 0) + 1
            db.execute(
                insert(fits).values(
                    id=name, space=space, users_known=users_known, items_known=items_known, ratings=ratings_used,
                    created=_now(), number=number,
                )
            )  # fmt: skip

    def current_fit(self, space: str) -> tuple[str, int] | None:
        """(id, ratings it was made from) of the newest fit of a space."""
        with self.engine.connect() as db:
            query = select(fits.c.id, fits.c.ratings).where(fits.c.space == space)
            row = db.execute(query.order_by(fits.c.number.desc()).limit(1)).one_or_none()
        return None if row is None else (row.id, row.ratings)

    def questions(self, space: str) -> Int64[np.ndarray, "n"] | None:
        """Ids of items that tell people apart, as the newest fit of a space chose them; None where it did not."""
        fit = self.current_fit(space)
        file = self.home / "fits" / fit[0] / QUESTIONS_FILE if fit else None
        if file is None or not file.exists():
            return None
        return np.load(file, allow_pickle=False)

    def count_ratings(self, space: str) -> int:
        """Number of ratings that stand, of items in this space."""
        return len(self._standing(space)["row"])

    # other people's data

    def import_dataset(
        self,
        data: Dataset,
        *,
        name: str,
        progress: Callable[[int, int], bool] | None = None,
        check: Filter | None = None,
    ) -> tuple[list[int], list[int]]:
        """Take in a data set whole or not at all; returns the ids of its users and items, in its order.

        People and items are named "name/their id". Pictures are decoded and kept as WebP no larger than MAX_SIDE,
        never the file itself, with what the filter `check` says of them. Raises StoreError when a set of this name is
        there already, BadData when a picture is broken.
        """
        with self.engine.connect() as db:
            taken = db.scalar(select(items.c.id).where(items.c.name.startswith(f"{name}/", autoescape=True)).limit(1))
        if taken is not None:
            raise StoreError(f"a data set '{name}' is in the store already. Give this one another name.")
        files: list[str | None] = [None] * data.interactions.num_items
        judged: dict[int, float | None] = {}
        for k, path in enumerate(data.media):
            if path is not None:
                picture = _smaller(read_image(path))
                files[k] = self.files.add(picture)
                if check is not None:
                    judged[k] = judge(check, [picture])[0]
            if progress is not None and not progress(k + 1, len(data.media)):
                raise BadData("the import was cancelled; nothing was kept.")
        table, now = data.interactions.latest(), _now()
        with self.writing() as db:
            user_ids = [_insert(db, users, name=f"{name}/{each}", created=now) for each in data.user_ids]
            item_ids = [
                _insert(
                    db, items, token=secrets.token_urlsafe(16), kind="image", source="imported", file=file,
                    name=f"{name}/{each}", alt="", origin=Origin().to_json(), created=now,
                )
                for each, file in zip(data.item_ids, files)
            ]  # fmt: skip
            self._add_vectors(db, item_ids, data.embeddings, data.space)
            if check is not None:
                record(self, [item_ids[k] for k in judged], list(judged.values()), by=check)
            order = np.argsort(table.times, kind="stable")
            rows = [
                {
                    "user": user_ids[table.users[k]], "item": item_ids[table.items[k]],
                    "rating": float(table.ratings[k]), "weight": float(table.weights[k]),
                    "key": f"import/{name}/{k}", "created": int(table.times[k]),
                }
                for k in order
            ]  # fmt: skip
            if rows:
                db.execute(insert(ratings), rows)
        return user_ids, item_ids

    # inside

    def _add_vectors(
        self, db: Connection, ids: Sequence[int], vectors: Float32[np.ndarray, "n dim"], space: str
    ) -> None:
        first = db.execute(select(func.max(embeddings.c.row), func.count()).where(embeddings.c.space == space)).one()
        start = 0 if first[0] is None else int(first[0]) + 1
        if start:
            have = db.scalar(select(func.length(embeddings.c.vector)).where(embeddings.c.space == space).limit(1))
            if have is not None and have != 4 * vectors.shape[1]:
                raise StoreError(
                    f"space '{space}' holds embeddings of width {have // 4}; got {vectors.shape[1]}. "
                    "A space names one encoder: give these a name of their own."
                )
        if len(ids) == 0:
            return
        if not np.all(np.isfinite(vectors)):
            raise StoreError("an embedding holds a value that is not finite. Encode it again.")
        unit = normalize(vectors)  # one convention for every encoder: unit rows
        rows = [
            {"space": space, "row": start + k, "item": item, "vector": unit[k].astype("<f4").tobytes()}
            for k, item in enumerate(ids)
        ]
        db.execute(insert(embeddings), rows)

    def _fitted(self, space: str) -> tuple[int, int]:
        with self.engine.connect() as db:
            query = select(fits.c.users_known, fits.c.items_known).where(fits.c.space == space)
            row = db.execute(query.order_by(fits.c.number.desc()).limit(1)).one_or_none()
        return (0, 0) if row is None else (row.users_known, row.items_known)

    def _standing(self, space: str, *where: ColumnElement[bool]) -> dict[str, np.ndarray]:
        """Columns of the ratings that stand, in the order they were given."""
        query = (
            select(ratings.c.user, embeddings.c.row, ratings.c.rating, ratings.c.weight, ratings.c.created)
            .join(embeddings, and_(embeddings.c.item == ratings.c.item, embeddings.c.space == space))
            .where(stands(), counts(self.guard), *where)
            .order_by(ratings.c.id)
        )
        with self.engine.connect() as db:
            rows = db.execute(query).all()
        columns = list(zip(*rows)) if rows else [()] * 5
        kinds = (np.int64, np.int64, np.float32, np.float32, np.int64)
        names = ("user", "row", "rating", "weight", "created")
        return {name: np.asarray(column, kind) for name, column, kind in zip(names, columns, kinds)}


# what runs for every rating is built once: an expression costs more to build than to run
_GIVEN = select(ratings.c.id, ratings.c.item).where(
    ratings.c.user == bindparam("by"), ratings.c.key == bindparam("named")
)
_THERE = select(
    select(users.c.id).where(users.c.id == bindparam("by")).exists().label("user"),
    select(items.c.id).where(items.c.id == bindparam("of")).exists().label("item"),
)
_FORGET_PICK = delete(picks).where(picks.c.user == bindparam("by"), picks.c.item == bindparam("of"))


def _rate(db: Connection, new: NewRating) -> int | StoreError:
    if not -1 <= new.rating <= 1:
        return StoreError(f"a rating must be in [-1, 1]; got {new.rating}.")
    this = {"by": new.user, "of": new.item, "named": new.key}
    done = db.execute(_GIVEN, this).one_or_none()
    if done is not None:
        if done.item != new.item:
            return StoreError(f"key '{new.key}' was used for another item. Every rating needs a key of its own.")
        return int(done.id)
    for name, found in db.execute(_THERE, this).mappings().one().items():
        if not found:
            return StoreError(f"no {name} {getattr(new, name)}.")
    weight = NEITHER_WEIGHT if new.rating == 0 else 1.0
    db.execute(_FORGET_PICK, this)
    return _insert(
        db, ratings, user=new.user, item=new.item, rating=new.rating, weight=weight, key=new.key, created=_now()
    )


@cache
def stands() -> ColumnElement[bool]:
    """A rating stands when it is the person's last of that item among those not taken back."""
    newest = ratings.alias("newest")
    back = select(retractions.c.rating)
    last = (
        select(func.max(newest.c.id))
        .where(newest.c.user == ratings.c.user, newest.c.item == ratings.c.item, newest.c.id.not_in(back))
        .scalar_subquery()
    )
    return ratings.c.id == last


def _insert(db: Connection, table: Table, **values: object) -> int:
    key = db.execute(insert(table), values).inserted_primary_key
    assert key is not None
    return int(key[0])


def _smaller(media: Media) -> Media:
    image = Image.fromarray(media.pixels)
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return Media.image(np.asarray(image), media.origin)


def _now() -> int:
    return int(time.time())
