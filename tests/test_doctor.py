"""The doctor finds what is broken, and says what to do."""

import socket

import pytest

from zahir import doctor


@pytest.fixture
def examined(tmp_path):
    def examine(home=tmp_path, port=0):
        return {check.part: check for check in doctor.examine(home, port=port)}

    return examine


@pytest.mark.slow
def test_a_machine_that_runs_the_tests_is_well(examined):
    checks = examined()
    assert [part for part, check in checks.items() if check.state == "broken"] == []
    assert "GiB free" in checks["home"].found
    assert "WAL" in checks["SQLite"].found


def test_a_port_in_use_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(doctor._BrokenError) as error:
            doctor._port(taken.getsockname()[1])
    assert "PORT=" in error.value.args[1]


def test_a_home_that_is_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    for check in (doctor._home, doctor._sqlite):
        with pytest.raises(doctor._BrokenError) as error:
            check(tmp_path / "file")
        assert "ZAHIR_HOME" in error.value.args[1]


def test_weights_are_those_that_notice_names(tmp_path, monkeypatch):
    folder = tmp_path / "zahir" / "studio" / "weights"
    folder.mkdir(parents=True)
    monkeypatch.setattr(doctor, "__file__", str(tmp_path / "zahir" / "doctor.py"))
    with pytest.raises(doctor._BrokenError, match="none in"):
        doctor._weights()
    (folder / "encoder.onnx").write_bytes(b"zahir")
    (folder / "inverse.safetensors").write_bytes(b"not named there")
    (tmp_path / "NOTICE").write_text(f"encoder.onnx, sha256 {'0' * 64}")
    with pytest.raises(doctor._BrokenError, match=r"^\('encoder\.onnx not as in NOTICE"):
        doctor._weights()
    digest = "e05aaa0aaca2aa8c1d74bfd04c98630506d24144e5222db81495df0daf44d76d"  # printf zahir | sha256sum
    (tmp_path / "NOTICE").write_text(f"encoder.onnx, sha256 {digest}")
    assert doctor._weights().startswith("encoder.onnx e05aaa0a")


@pytest.mark.slow
def test_generators_are_told_by_what_is_here_and_what_fits(tmp_path, monkeypatch):
    tiny = pytest.importorskip("tiny")
    from zahir import models
    from zahir.generate import loading

    def found():
        return {check.part: check for check in doctor._generators()}

    monkeypatch.setenv("ZAHIR_DEVICE", "cpu")
    monkeypatch.setenv("ZAHIR_MODELS", str(tmp_path))
    assert found()["models"].advice.startswith("zahir models list")
    here = tiny.weights("kandinsky", "clip-bigg")
    (tmp_path / "kandinsky").symlink_to(here / "kandinsky")
    assert found()["kandinsky"] == (
        "kandinsky",
        "missing",
        "not whole without clip-bigg:",
        "zahir models get kandinsky",
    )
    (tmp_path / "clip-bigg").symlink_to(here / "clip-bigg")
    assert "zahir models shell" in found()["kandinsky"].advice, "its space is not known yet"
    (tmp_path / "shells").symlink_to(here / "shells")
    told = found()["kandinsky"]
    assert told.state == "works"
    assert f"{2 * models.find('kandinsky').memory:.1f} of" in told.found
    assert [loading.what_fits(7.7, free) for free in (24.0, 10.0, 4.0)] == ["none", "model", "sequential"]
