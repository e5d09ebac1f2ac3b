"""Points on the shell lie where real embeddings lie, and nearer the taste the stronger it is."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zahir.errors import BadData, ZahirError
from zahir.models import BIGG, VIT_H
from zahir.shell import Shell, file_name
from zahir.space import normalize

REAL = Path(__file__).parents[2] / "shared" / "data" / "blue_tigers" / "item_embeddings.npz"


def clouds(n, dim=48, seed=0):
    """Embeddings with a mean, some long axes and some length, as CLIP's are."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(np.random.default_rng(99).standard_normal((dim, dim)))[0]
    spreads = np.concatenate([[9.0, 6.0, 4.0], np.full(dim - 3, 1.5)])
    return (rng.standard_normal((n, dim)) * spreads) @ turn + 20 * turn[5] + 3


def distance(cloud, rows):
    """Mahalanobis distance under the cloud's own covariance, a typical one being 1; by a direct solve."""
    mean, covariance = cloud.mean(axis=0), np.cov(cloud.T)
    apart = rows - mean
    return np.sqrt(np.sum(apart * np.linalg.solve(covariance, apart.T).T, axis=1) / cloud.shape[1])


def test_fit_recovers_mean_axes_and_lengths():
    cloud = clouds(20_000)
    shell = Shell.of("test", cloud)
    covariance = (shell.axes.T * (shell.spreads**2 - shell.rest**2)) @ shell.axes + shell.rest**2 * np.eye(48)
    np.testing.assert_allclose(covariance, np.cov(cloud.T), atol=0.03 * 81)
    np.testing.assert_allclose(shell.mean, cloud.mean(axis=0), rtol=1e-4)
    assert shell.norm == pytest.approx(np.linalg.norm(cloud, axis=1).mean())
    assert shell.radius == pytest.approx(np.sqrt(np.trace(np.cov(cloud.T))), rel=1e-3)


def test_a_step_goes_along_the_root_of_the_covariance():
    cloud = clouds(20_000)
    taste = normalize(np.random.default_rng(4).standard_normal((3, 48)))
    values, vectors = np.linalg.eigh(np.cov(cloud.T))
    way = taste @ (vectors * np.sqrt(values)) @ vectors.T
    assert np.sum(normalize(way) * normalize(Shell.of("test", cloud).steps(taste)), axis=1).min() > 0.99


def test_points_lie_on_the_shell_as_far_out_as_new_pictures():
    shell, cloud, new = Shell.of("test", clouds(2000)), clouds(2000), clouds(500, seed=1)
    tastes = np.random.default_rng(3).standard_normal((100, 48))
    for strength in (0.0, 0.5, 1.0):
        points = shell.points(tastes, strength)
        np.testing.assert_allclose(np.linalg.norm(points, axis=1), np.linalg.norm(new, axis=1).mean(), rtol=0.02)
        assert distance(cloud, points).max() < distance(cloud, new).max()
    assert distance(cloud, tastes).min() > distance(cloud, new).max(), "a bare taste is no picture's embedding"


def test_the_stronger_the_nearer_and_none_is_the_mean():
    shell = Shell.of("test", clouds(2000))
    tastes = np.random.default_rng(3).standard_normal((50, 48))
    nearness = [np.sum(normalize(shell.points(tastes, s)) * normalize(tastes), axis=1) for s in (0.0, 0.5, 1.0, 2.0)]
    assert np.all(np.diff(nearness, axis=0) > 0)
    np.testing.assert_allclose(shell.points(tastes, 0.0)[7], normalize(shell.mean) * shell.norm, rtol=1e-5)


def test_a_start_is_moved_not_left():
    shell, start = Shell.of("test", clouds(2000)), clouds(5, seed=7)
    tastes = np.random.default_rng(3).standard_normal((5, 48))
    stayed, moved = (shell.points(tastes, strength, start=start) for strength in (0.0, 0.5))
    np.testing.assert_allclose(normalize(stayed), normalize(start), atol=1e-5)
    assert np.all(np.sum((moved - stayed) * tastes, axis=1) > 0)
    assert np.sum(normalize(moved) * normalize(start), axis=1).min() > 0.5


@settings(max_examples=20, deadline=None)
@given(length=st.floats(1e-3, 1e3), strength=st.floats(0, 2), seed=st.integers(0, 99))
def test_a_row_stands_alone_and_its_length_says_nothing(length, strength, seed):
    shell = Shell.of("test", clouds(200))
    tastes = np.random.default_rng(seed).standard_normal((4, 48))
    together = shell.points(tastes, strength)
    np.testing.assert_allclose(shell.points(length * tastes[2:3], strength)[0], together[2], rtol=2e-4, atol=2e-4)


def test_saved_and_loaded_it_sends_to_the_same_points(tmp_path):
    shell = Shell.of("clip:some/where", clouds(500))
    path = tmp_path / "deep" / file_name(shell.space)
    shell.save(path)
    again = Shell.load(path)
    tastes = np.random.default_rng(3).standard_normal((20, 48))
    assert again.space == shell.space
    assert path.name == "clip-some-where.safetensors"
    assert np.sum(normalize(again.points(tastes)) * normalize(shell.points(tastes)), axis=1).min() > 0.99999
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("data", [b"", b"zahir", b"\x02\0\0\0\0\0\0\0{}", b"\xff" * 64])
def test_what_is_no_shell_is_told(tmp_path, data):
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    with pytest.raises(BadData, match="zahir models shell"):
        Shell.load(path)


def test_parts_that_do_not_fit_are_told(tmp_path, unchecked):
    shell = Shell.of("test", clouds(500))
    Shell(shell.space, shell.mean[:40], shell.axes, shell.spreads, 1.0, 1.0, 1.0).save(tmp_path / "x")
    with pytest.raises(BadData, match="do not fit"):
        Shell.load(tmp_path / "x")


def test_too_few_pictures_or_unit_rows_are_refused(unchecked):
    with pytest.raises(ValueError, match="16 finite embeddings"):
        Shell.of("test", clouds(15))
    with pytest.raises(ValueError, match="same length"):
        Shell.of("test", normalize(clouds(50)))
    with pytest.raises(ValueError, match="finite"):
        Shell.of("test", np.full((20, 4), np.nan))
    with pytest.raises(ValueError, match=r"\(n, 48\)"):
        Shell.of("test", clouds(50)).points(np.zeros((2, 47)))


def test_the_packages_shell_is_the_one_that_notice_names(tmp_path, monkeypatch):
    from zahir.generate.loading import SHELLS, shell_of

    monkeypatch.setenv("ZAHIR_MODELS", str(tmp_path))
    shell = shell_of(BIGG)
    assert (shell.space, shell.dim) == (BIGG, 1280)
    assert shell.norm == pytest.approx(44, abs=1), "what the published embeddings of this tower have"
    path = SHELLS / file_name(BIGG)
    assert path.stat().st_size < 250_000
    assert hashlib.sha256(path.read_bytes()).hexdigest() in (Path(__file__).parents[1] / "NOTICE").read_text()
    np.testing.assert_allclose(shell.axes @ shell.axes.T, np.eye(len(shell.axes)), atol=2e-3)
    mine = Shell.of(BIGG, clouds(100))
    mine.save(tmp_path / "shells" / file_name(BIGG))
    assert shell_of(BIGG).dim == 48, "one's own goes before the package's"
    mine.save(tmp_path / "shells" / file_name("clip:b"))
    with pytest.raises(BadData, match="Fit it again"):
        shell_of("clip:b")
    with pytest.raises(ZahirError, match="zahir models shell clip-h --pictures FOLDER"):
        shell_of(VIT_H)


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason="the real embeddings are not here")
def test_on_real_embeddings_points_lie_no_farther_out_than_pictures_held_out():
    with np.load(REAL) as file:
        rows = file["embeddings"].astype(np.float32)
    order = np.random.default_rng(0).permutation(len(rows))
    seen, new = rows[order[:534]], rows[order[534:]]
    shell = Shell.of("test", seen)
    rng = np.random.default_rng(1)
    tastes = {
        "what some real pictures have in common": normalize(
            (rng.standard_normal((100, len(new))) * (rng.random((100, len(new))) < 0.1)) @ (new - new.mean(axis=0))
        ),
        "any direction": normalize(rng.standard_normal((100, 1280))),
    }
    # the cloud's own covariance has no inverse with fewer pictures than dimensions: distances are the fitted Gaussian's
    covariance = (shell.axes.T * (shell.spreads**2 - shell.rest**2)) @ shell.axes + shell.rest**2 * np.eye(1280)
    inverse = np.linalg.inv(covariance.astype(np.float64))

    def far(rows):
        apart = rows.astype(np.float64) - shell.mean
        return np.sqrt(np.sum(apart @ inverse * apart, axis=1) / 1280)

    for kind, some in tastes.items():
        nearness = []
        for strength in (0.0, 0.5, 1.0, 2.0):
            points = shell.points(some, strength)
            assert abs(np.linalg.norm(points, axis=1).mean() - np.linalg.norm(new, axis=1).mean()) < new.std(), kind
            nearness.append(np.sum(normalize(points) * some, axis=1))
            if strength <= 1:
                assert np.quantile(far(points), 0.95) < np.quantile(far(new), 0.95), (kind, strength)
        assert np.all(np.diff(nearness, axis=0) > 0), kind
