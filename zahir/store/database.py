"""One database, opened and brought up to date: connections, transactions, migrations.

Knows no verb of the product. SQLite runs in WAL mode with every commit flushed to the disk; a
transaction that writes takes its lock at once (BEGIN IMMEDIATE), so that it waits its turn instead of
failing in the middle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event

from zahir.errors import StoreError

BUSY_SECONDS = 5


def open_engine(url: str) -> Engine:
    """Connect and migrate to the newest schema; raises StoreError when the database is newer than this version."""
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    _migrate(engine)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: committed at the end, rolled back whole when anything raises."""
    with engine.execution_options(writes=True).begin() as connection:
        yield connection


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # pysqlite must not begin transactions behind our back
    for pragma in (f"busy_timeout={BUSY_SECONDS * 1000}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    head = script.get_current_head()
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current == head:
        return
    if current is not None and current not in {each.revision for each in script.walk_revisions()}:
        raise StoreError(
            f"the database has schema {current}, this version of Zahir knows up to {head}. "
            "Install the version that wrote it, or a newer one."
        )
    with writing(engine) as connection:
        # another process may have migrated while this one waited for the lock
        if MigrationContext.configure(connection).get_current_revision() != head:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
