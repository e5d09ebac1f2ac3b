"""Tables of ratings: what they refuse, and their two sparse views."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from zahir import History, Interactions


def test_bad_values_are_named(unchecked):
    with pytest.raises(ValueError, match=r"\[-1, 1\]; got 5.0 at row 1.*stars"):
        Interactions.of([0, 0], [0, 1], [1, 5])
    with pytest.raises(ValueError, match="got nan at row 0"):
        Interactions.of([0], [0], [np.nan])
    with pytest.raises(ValueError, match=r"users must be in \[0, 2\); got 2 at row 0"):
        Interactions.of([2], [0], [1], num_users=2)
    with pytest.raises(ValueError, match=r"> 0; got 0\.0"):
        Interactions.of([0], [0], [1], weights=[0])
    with pytest.raises(ValueError, match="items has 1 entries, embeddings has 2"):
        History.of(np.zeros((2, 3)), [1.0])


triples = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 4), st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0])), max_size=30
)


@given(triples)
def test_latest_keeps_the_last_rating_of_each_cell(rows):
    users, items, ratings = (list(column) for column in zip(*rows)) if rows else ([], [], [])
    table = Interactions.of(users, items, ratings, num_users=4, num_items=5).latest()
    expected = {(u, i): r for u, i, r in rows}
    assert dict(zip(zip(table.users.tolist(), table.items.tolist()), table.ratings.tolist())) == expected
    assert len(table) == len(expected)
    for rows_, a, b in ((table.by_user(), "users", "items"), (table.by_item(), "items", "users")):
        assert rows_.num_rows == getattr(table, f"num_{a}")
        for k in range(rows_.num_rows):
            indices, values, _ = rows_.row(k)
            mine = getattr(table, a) == k
            assert_array_equal(np.sort(indices), np.sort(getattr(table, b)[mine]))
            assert sorted(values) == sorted(table.ratings[mine])


def test_a_later_time_beats_a_later_row():
    table = Interactions.of([0, 0], [0, 0], [1, -1], times=[9, 3]).latest()
    assert table.ratings.tolist() == [1.0]
