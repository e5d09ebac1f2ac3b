"""The first schema: users, items, embeddings, ratings, exposures, fits and jobs.

A migration describes the tables as they were when it was written, so that it never changes after a
release; this one is the frozen copy of the first `schema.py`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _id() -> "sa.Column[int]":
    return sa.Column("id", Id, primary_key=True, autoincrement=True)


def _to(table: str, name: str, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, Id, sa.ForeignKey(f"{table}.id", name=f"fk__{name}"), nullable=nullable)


def _whole(name: str, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _text(name: str, length: int | None = None, nullable: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.String(length) if length else sa.Text, nullable=nullable)


def _real(name: str, nullable: bool = False) -> "sa.Column[float]":
    return sa.Column(name, sa.Float, nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "users", _id(), _text("name", nullable=True), _real("strength"), _real("surprise"), _whole("created"),
        sa.UniqueConstraint("name", name="uq_users_name"), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_table(
        "sessions", sa.Column("token_hash", sa.String(64), primary_key=True), _to("users", "user"),
        _whole("created"), _whole("seen"),
    )  # fmt: skip
    op.create_table(
        "items", _id(), _text("token", 32), _text("kind", 8), _text("source", 16), _text("file", nullable=True),
        _text("name", nullable=True), _text("alt"), _to("users", "made_for", True), _real("surprise", True),
        _text("origin"), _whole("created"),
        sa.UniqueConstraint("token", name="uq_items_token"), sa.UniqueConstraint("name", name="uq_items_name"),
        sa.CheckConstraint("source IN ('generated', 'calibration', 'imported')", name="ck_items_source"),
        sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_items_made_for", "items", ["made_for", "id"])
    op.create_table(
        "embeddings", sa.Column("space", sa.Text, primary_key=True), sa.Column("row", sa.Integer, primary_key=True),
        _to("items", "item"), sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("item", "space", name="uq_embeddings_item"),
    )  # fmt: skip
    op.create_table(
        "ratings", _id(), _to("users", "user"), _to("items", "item"), _real("rating"), _real("weight"),
        _text("key"), _whole("created"),
        sa.CheckConstraint("rating >= -1 AND rating <= 1", name="ck_ratings_range"),
        sa.UniqueConstraint("user", "key", name="uq_ratings_user"), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_ratings_user_item", "ratings", ["user", "item"])
    op.create_index("ix_ratings_item", "ratings", ["item"])
    op.create_table(
        "retractions", _id(), _to("ratings", "rating"), _whole("created"),
        sa.UniqueConstraint("rating", name="uq_retractions_rating"), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_table(
        "exposures", _id(), _to("users", "user"), _to("items", "item"), _text("slot", 16), _text("why"),
        sa.Column("position", sa.Integer, nullable=False), _text("policy", 32), _real("propensity"),
        _whole("created"), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_exposures_user_item", "exposures", ["user", "item"])
    op.create_table(
        "picks", _to("users", "user"), _to("items", "item"), _text("slot", 16), _text("why"), _text("policy", 32),
        _real("propensity"), sa.Column("place", sa.Integer, nullable=False), _whole("created"),
        sa.UniqueConstraint("user", "item", name="uq_picks_user"),
    )  # fmt: skip
    op.create_table(
        "variants", _to("items", "item"), _text("shape", 16), _text("file"),
        sa.UniqueConstraint("item", "shape", name="uq_variants_item"),
    )  # fmt: skip
    op.create_table(
        "fits", sa.Column("id", sa.String(40), primary_key=True), _text("space"),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("users_known", "items_known", "ratings")),
        _whole("created"),
        sa.Column("number", sa.Integer, nullable=False), sa.UniqueConstraint("number", name="uq_fits_number"),
    )  # fmt: skip
    op.create_table(
        "jobs", _id(), _to("users", "user", True), _text("kind", 16), _text("payload"), _text("state", 8),
        sa.Column("attempts", sa.Integer, nullable=False), _whole("lease_until", True), _text("error", nullable=True),
        _whole("created"), _whole("finished", True),
        sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name="ck_jobs_state"),
        sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_jobs_state", "jobs", ["state", "id"])


def downgrade() -> None:
    raise RuntimeError("There is nothing older than the first schema. Restore a backup instead.")
