"""The tables, once, for every database the store runs on.

Knows nothing of models or pictures. Rows are appended, not changed: a rating that is taken back is a
second event, so that any past state of anybody's taste can be computed again.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only where the key is plain INTEGER
_Id = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    return Column("id", _Id, primary_key=True, autoincrement=True)


def _to(table: str, name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, _Id, ForeignKey(f"{table}.id"), nullable=nullable)


users = Table(
    "users",
    metadata,
    _id(),
    Column("name", Text, unique=True),  # of imported people, "set/person"; visitors have none
    Column("strength", Float, nullable=False, default=1.0),  # in [0, 2]
    Column("surprise", Float, nullable=False, default=1 / 7),  # share of surprises, in [0, 1]
    Column("safety", String(8)),  # the person's own policy: off, blur or block; NULL leaves it to the server
    Column("created", BigInteger, nullable=False),  # all times: seconds since 1970, UTC
    sqlite_autoincrement=True,
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),  # the cookie itself is never stored
    _to("users", "user"),
    Column("created", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
)

items = Table(
    "items",
    metadata,
    _id(),
    Column("token", String(32), nullable=False, unique=True),  # what the outside calls it
    Column("kind", String(8), nullable=False),  # image or video
    Column("source", String(16), nullable=False),  # generated, calibration or imported
    Column("file", Text),  # under the media folder; NULL where only an embedding is known
    Column("name", Text, unique=True),  # of imported items, "set/item"
    Column("alt", Text, nullable=False, default=""),  # the picture in words
    _to("users", "made_for", nullable=True),
    Column("surprise", Float),  # radians that a generated item was turned away from the taste
    Column("origin", Text, nullable=False),  # media.Origin as JSON: enough to make it again
    Column("maker", Text),  # the generator as the server's settings name it; NULL where no server made it
    Column("created", BigInteger, nullable=False),
    CheckConstraint("source IN ('generated', 'calibration', 'imported')", name="source"),
    Index("ix_items_made_for", "made_for", "id"),
    Index("ix_items_id_file", "id", "file"),  # what has a picture, without reading the long rows
    sqlite_autoincrement=True,
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("space", Text, primary_key=True),
    Column("row", Integer, primary_key=True),  # 0, 1, 2, ... within its space: the item's row in every fit
    _to("items", "item"),
    Column("vector", LargeBinary, nullable=False),  # little-endian float32
    UniqueConstraint("item", "space"),
)

ratings = Table(
    "ratings",
    metadata,
    _id(),
    _to("users", "user"),
    _to("items", "item"),
    Column("rating", Float, nullable=False),
    Column("weight", Float, nullable=False),
    Column("key", Text, nullable=False),  # of the request: the same key twice has one effect
    Column("created", BigInteger, nullable=False),
    CheckConstraint("rating >= -1 AND rating <= 1", name="range"),
    UniqueConstraint("user", "key"),
    Index("ix_ratings_user_item", "user", "item"),
    Index("ix_ratings_item", "item"),
    sqlite_autoincrement=True,
)

retractions = Table(
    "retractions",
    metadata,
    _id(),
    Column("rating", _Id, ForeignKey("ratings.id"), nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

exposures = Table(
    "exposures",
    metadata,
    _id(),
    _to("users", "user"),
    _to("items", "item"),
    Column("slot", String(16), nullable=False),
    Column("why", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("policy", String(32), nullable=False),
    Column("propensity", Float, nullable=False),  # the probability with which the policy chose it
    Column("created", BigInteger, nullable=False),
    Index("ix_exposures_user_item", "user", "item"),
    sqlite_autoincrement=True,
)

picks = Table(  # what the feed chose for somebody and has not been painted yet
    "picks",
    metadata,
    _to("users", "user"),
    _to("items", "item"),
    Column("slot", String(16), nullable=False),
    Column("why", Text, nullable=False),
    Column("policy", String(32), nullable=False),
    Column("propensity", Float, nullable=False),
    Column("place", Integer, nullable=False),  # the smallest is next
    Column("created", BigInteger, nullable=False),
    UniqueConstraint("user", "item"),
)

variants = Table(  # the same item in the shape of a screen
    "variants",
    metadata,
    _to("items", "item"),
    Column("shape", String(16), nullable=False),
    Column("file", Text, nullable=False),
    UniqueConstraint("item", "shape"),
)

checks = Table(  # what a filter said of a picture
    "checks",
    metadata,
    Column("item", _Id, ForeignKey("items.id"), primary_key=True, autoincrement=False),
    Column("filter", String(64), primary_key=True),
    Column("version", String(64), nullable=False),  # of the filter; another one looks again
    Column("score", Float),  # in [0, 1], 1 is not safe; NULL: the filter failed
    Column("created", BigInteger, nullable=False),
    CheckConstraint("score >= 0 AND score <= 1", name="range"),
)

tastes = Table(  # tastes that came in files
    "tastes",
    metadata,
    _id(),
    _to("users", "user", nullable=True),  # whose page it came through; NULL: the installation's
    Column("name", Text, nullable=False),
    Column("space", Text, nullable=False),
    Column("file", LargeBinary, nullable=False),  # as `taste_file` writes it
    Column("created", BigInteger, nullable=False),
    UniqueConstraint("user", "name"),
    sqlite_autoincrement=True,
)

mixes = Table(  # a taste from a file that is mixed into somebody's own
    "mixes",
    metadata,
    Column("user", _Id, ForeignKey("users.id"), primary_key=True, autoincrement=False),
    _to("tastes", "taste"),
    Column("share", Float, nullable=False),  # of the file's taste, in [0, 1]
    CheckConstraint("share >= 0 AND share <= 1", name="range"),
)

spaces = Table(  # that the server's encoders have written; the one chosen last is in use
    "spaces",
    metadata,
    Column("space", Text, primary_key=True),
    Column("unreadable", Integer, nullable=False),  # items that could not be looked at
    Column("chosen", BigInteger, nullable=False),
)

fits = Table(
    "fits",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("space", Text, nullable=False),
    Column("users_known", Integer, nullable=False),  # the fit knows users with id <= users_known
    Column("items_known", Integer, nullable=False),  # and items with row < items_known
    Column("ratings", Integer, nullable=False),  # how many it was made from
    Column("created", BigInteger, nullable=False),
    Column("number", Integer, nullable=False, unique=True),  # the greatest of a space is the current one
)

jobs = Table(
    "jobs",
    metadata,
    _id(),
    _to("users", "user", nullable=True),
    Column("kind", String(16), nullable=False),
    Column("payload", Text, nullable=False),  # JSON
    Column("state", String(8), nullable=False, default="queued"),  # queued, running, done or failed
    Column("attempts", Integer, nullable=False, default=0),
    Column("lease_until", BigInteger),
    Column("done", Integer),  # of slow work: how far it has come,
    Column("of", Integer),
    Column("cancelled", BigInteger),  # and when somebody asked to stop it
    Column("error", Text),
    Column("created", BigInteger, nullable=False),
    Column("finished", BigInteger),
    CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name="state"),
    Index("ix_jobs_state", "state", "id"),
    sqlite_autoincrement=True,
)
