"""`nearest` against sorting all products; the index by how many of the true nearest it finds."""

import sys

import numpy as np
import pytest

from zahir.errors import MissingExtra
from zahir.space import normalize
from zahir.taste.nearest import build_index, nearest


def pictures(rng, n, dim):
    """Unit vectors whose variance falls along the axes, as it does in real spaces."""
    return normalize(rng.standard_normal((n, dim)) * np.arange(1, dim + 1) ** -0.5)


@pytest.mark.parametrize("number", [np.float32, np.float16])
@pytest.mark.parametrize("mapped", [False, True])
def test_the_best_unseen_are_those_of_a_full_sort(tmp_path, number, mapped):
    rng = np.random.default_rng(0)
    items, taste = pictures(rng, 40_000, 24).astype(number), normalize(rng.standard_normal(24))
    items[0, 0] = 1e-6  # below the smallest normal float16
    seen = rng.permutation(40_000)[:5000]
    if mapped:
        np.save(tmp_path / "items.npy", items)
        items = np.load(tmp_path / "items.npy", mmap_mode="r")
    which, scores = nearest(items, taste, 100, without=seen, threads=2)
    products = items.astype(np.float64) @ taste
    products[seen] = -np.inf
    np.testing.assert_allclose(scores, np.sort(products)[::-1][:100], atol=1e-6)
    np.testing.assert_allclose(scores, products[which], atol=1e-6)
    assert len(np.unique(which)) == 100


def test_halves_of_every_size_are_read_right():
    """Each finite float16, one by one."""
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    every = every[np.isfinite(every)]
    which, scores = nearest(every[:, None], np.ones(1, np.float32), len(every))
    np.testing.assert_array_equal(scores, every[which].astype(np.float32))


def test_fewer_items_than_asked_for(unchecked):
    items, taste = np.eye(3, dtype=np.float32), np.float32([1, 2, 3])
    assert nearest(items, taste, 10)[0].tolist() == [2, 1, 0]
    assert nearest(items, taste, 10, without=np.array([2, 2]))[0].tolist() == [1, 0]
    assert nearest(items, taste, 10, without=np.array([0, 1, 2]))[0].tolist() == []
    with pytest.raises(ValueError, match="n must be at least 1; got 0"):
        nearest(items, taste, 0)
    with pytest.raises(ValueError, match="a taste of width 3 cannot be compared with items of width 2"):
        nearest(items[:, :2].copy(), taste, 1)


def test_the_index_finds_nearly_all_and_scores_them_exactly():
    pytest.importorskip("faiss")
    rng = np.random.default_rng(1)
    items = pictures(rng, 20_000, 128)
    index, recall = build_index(items, rng=rng), []
    for _ in range(10):
        taste = normalize(rng.choice([-1.0, 1.0], 40) @ items[rng.permutation(len(items))[:40]])
        seen = nearest(items, taste, 30)[0]
        which, scores = nearest(items, taste, 100, without=seen, index=index)
        np.testing.assert_allclose(scores, items[which] @ taste, atol=1e-6)
        assert not np.intersect1d(which, seen).size
        recall.append(np.isin(nearest(items, taste, 100, without=seen)[0], which).mean())
    assert np.mean(recall) >= 0.95
    assert len(nearest(items, taste, 30_000, index=index)[0]) <= len(items)


def test_without_faiss_the_index_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtra, match=r"pip install 'zahir\[faiss\]'"):
        build_index(np.eye(4, dtype=np.float32), rng=np.random.default_rng(0))
