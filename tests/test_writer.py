"""The writer: many writes in one transaction, each answered for itself, none before it is on the disk."""

import asyncio
import time

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError

from zahir.store import Store
from zahir.store.schema import users
from zahir.web.writer import Writer


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path)
    yield opened
    opened.close()


def count(store):
    with store.engine.connect() as db:
        return db.scalar(select(func.count()).select_from(users))


def test_what_waits_is_committed_together_and_answered_after(store):
    commits, seen = [], []
    event.listen(store.engine, "commit", lambda _: commits.append(1))
    writer = Writer(store)

    async def many():
        async def one():
            number = await writer(store.add_user)
            seen.append(count(store) >= number)  # another connection sees it: it is on the disk
            return number

        waiting = [asyncio.create_task(one()) for _ in range(100)]
        await asyncio.sleep(0)
        writer.start()
        return await asyncio.gather(*waiting)

    numbers = asyncio.run(many())
    writer.stop()
    assert sorted(numbers) == list(range(1, 101))
    assert all(seen)
    assert len(commits) <= 3


def test_a_write_that_fails_is_undone_alone(store):
    writer = Writer(store)
    writer.start()

    def wrong():
        store.add_user()
        raise ValueError("no")

    async def both():
        return await asyncio.gather(
            *(writer(each) for each in (store.add_user, wrong, store.add_user)), return_exceptions=True
        )

    first, problem, last = asyncio.run(both())
    writer.stop()
    assert isinstance(problem, ValueError)
    assert first != last
    assert count(store) == 2


def test_stopping_writes_what_waits(store, caplog):
    writer = Writer(store)
    for _ in range(5):
        writer.later(store.add_user)
    writer.later(lambda: 1 / 0)
    writer.start()
    writer.stop()
    assert count(store) == 5
    assert "ZeroDivisionError" in caplog.text


def test_somebody_who_leaves_does_not_stop_the_others(store):
    writer = Writer(store)

    async def leave():
        gone = asyncio.create_task(writer(store.add_user))
        stays = asyncio.create_task(writer(store.add_user))
        await asyncio.sleep(0)
        gone.cancel()
        writer.start()
        return await stays

    assert asyncio.run(leave()) == 2
    writer.stop()
    assert count(store) == 2


def test_a_locked_database_refuses_the_whole_group_after_one_wait(store, tmp_path):
    writer = Writer(store)
    event.listen(store.engine, "checkout", lambda connection, *_: connection.execute("PRAGMA busy_timeout=200"))

    async def many():
        return await asyncio.gather(*(writer(store.add_user) for _ in range(20)), return_exceptions=True)

    other = Store(tmp_path)
    with other.writing():
        writer.start()
        began = time.monotonic()
        answers = asyncio.run(many())
        waited = time.monotonic() - began
    assert all(isinstance(each, OperationalError) for each in answers)
    assert waited < 20 * 0.2  # not once for each
    assert asyncio.run(many()) == list(range(1, 21))
    writer.stop()
    other.close()
