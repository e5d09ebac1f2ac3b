"""The server's settings: file, then environment, then command line; mistakes are named."""

import socket

import pytest

from zahir import filters
from zahir.errors import MissingExtra, ZahirError
from zahir.web.limits import Rate
from zahir.web.serve import serve
from zahir.web.settings import load_settings


def test_the_command_line_beats_the_environment_beats_the_file(tmp_path, monkeypatch):
    (tmp_path / "zahir.toml").write_text('port = 1\nhost = "0.0.0.0"\nready = 7\n')
    monkeypatch.setenv("ZAHIR_PORT", "2")
    assert load_settings(tmp_path).port == 2
    assert load_settings(tmp_path, port=3, host=None).port == 3
    assert (load_settings(tmp_path).host, load_settings(tmp_path).ready) == ("0.0.0.0", 7)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "no setting 'prot'. Known: home, host, port"),
        ("port = 99999", "'port' is 99999"),
        ('ready = "many"', "'ready' is 'many'"),
        ("port 1", "not TOML"),
    ],
)
def test_mistakes_are_named_with_what_to_do(tmp_path, text, said):
    (tmp_path / "zahir.toml").write_text(text)
    with pytest.raises(ZahirError, match=r"zahir\.toml") as error:
        load_settings(tmp_path)
    assert said in str(error.value)


def test_a_policy_without_a_filter_takes_the_default_one_and_says_how_to_have_it(tmp_path, monkeypatch):
    monkeypatch.setattr(filters, "find_spec", lambda name: object())
    assert load_settings(tmp_path).filter == ""
    assert load_settings(tmp_path, filter_policy="off").filter == ""
    assert load_settings(tmp_path, filter_policy="blur", filter="mine").filter == "mine"
    (tmp_path / "zahir.toml").write_text('filter_policy = "block"\n')
    assert load_settings(tmp_path).filter == "nsfw"
    monkeypatch.setattr(filters, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"zahir\[nsfw\]"):
        load_settings(tmp_path)


def test_a_rate_lets_a_burst_through_and_then_the_average():
    rate = Rate(per_second=2, burst=4)
    assert [rate.wait("a", 0.0) for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert rate.wait("b", 0.0) == 0
    assert rate.wait("a", 0.5) == 0
    assert rate.wait("a", 0.5) == 0.5
    assert sum(rate.wait("a", 10 + t / 100) == 0 for t in range(1000)) == pytest.approx(4 + 2 * 10, abs=1)


def test_a_taken_port_is_one_line_that_names_another(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ZahirError, match=f"port {port} .*already in use.* --port {port + 1}"):
            serve(load_settings(tmp_path, port=port))


def test_several_generators_have_shares_and_all_but_the_stand_in_are_slow(tmp_path):
    settings = load_settings(tmp_path, generator="studio, sdxl=/a/b , studio")
    assert settings.generators == ("studio", "sdxl=/a/b", "studio")
    assert settings.slow == ("sdxl=/a/b",)
    assert load_settings(tmp_path).slow == ()
    with pytest.raises(ZahirError, match=r"'generator' is 'studio,'.*commas between"):
        load_settings(tmp_path, generator="studio,")
