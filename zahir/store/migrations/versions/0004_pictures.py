"""An index that says which items have pictures, without reading their long rows."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index("ix_items_id_file", "items", ["id", "file"])


def downgrade() -> None:
    op.drop_index("ix_items_id_file", "items")
