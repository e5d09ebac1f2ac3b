"""The README is true: its code runs, its file tree is the files', its commands exist."""

import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_tree_names_every_file(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "runs")
    from file_tree import with_tree

    assert with_tree(README) == README, "run: python runs/file_tree.py"


def test_the_commands_exist():
    from zahir.cli import app

    listed = re.search(r"lists the commands:\n(.*?)\.\s", README, re.DOTALL)[1]
    told = CliRunner().invoke(app, ["--help"]).output
    for name in re.findall(r"`(\w+)`", listed):
        assert re.search(rf"\b{name}\b", told), name


@pytest.mark.slow
def test_the_library_lines_run(tmp_path, monkeypatch):
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "mine.png").stat().st_size > 10_000
    assert "torch" not in sys.modules
