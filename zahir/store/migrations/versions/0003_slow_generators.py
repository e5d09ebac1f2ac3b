"""How far slow work has come, which generator made a picture, the server's spaces, and tastes mixed into one's own."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("items", sa.Column("maker", sa.Text, nullable=True))
    op.add_column("jobs", sa.Column("done", sa.Integer, nullable=True))
    op.add_column("jobs", sa.Column("of", sa.Integer, nullable=True))
    op.add_column("jobs", sa.Column("cancelled", sa.BigInteger, nullable=True))
    op.create_table(
        "spaces",
        sa.Column("space", sa.Text, primary_key=True),
        sa.Column("unreadable", sa.Integer, nullable=False),
        sa.Column("chosen", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "mixes",
        sa.Column("user", Id, sa.ForeignKey("users.id", name="fk_mixes_user"), primary_key=True, autoincrement=False),
        sa.Column("taste", Id, sa.ForeignKey("tastes.id", name="fk_mixes_taste"), nullable=False),
        sa.Column("share", sa.Float, nullable=False),
        sa.CheckConstraint("share >= 0 AND share <= 1", name="ck_mixes_range"),
    )


def downgrade() -> None:
    raise RuntimeError("Which generator made a picture would be lost. Restore a backup instead.")
