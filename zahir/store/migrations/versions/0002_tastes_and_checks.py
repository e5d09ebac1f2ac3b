"""Tastes that came in files, what filters said of pictures, and each person's own policy about it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("users", sa.Column("safety", sa.String(8), nullable=True))
    op.create_table(
        "checks",
        sa.Column("item", Id, sa.ForeignKey("items.id", name="fk_checks_item"), primary_key=True, autoincrement=False),
        sa.Column("filter", sa.String(64), primary_key=True),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("score", sa.Float, nullable=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.CheckConstraint("score >= 0 AND score <= 1", name="ck_checks_range"),
    )
    op.create_table(
        "tastes",
        sa.Column("id", Id, primary_key=True, autoincrement=True),
        sa.Column("user", Id, sa.ForeignKey("users.id", name="fk_tastes_user"), nullable=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("space", sa.Text, nullable=False),
        sa.Column("file", sa.LargeBinary, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("user", "name", name="uq_tastes_user"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    raise RuntimeError("Checks and tastes would be lost. Restore a backup instead.")
