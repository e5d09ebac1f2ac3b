"""The README is true: its code runs, its file tree is the files', its commands exist."""

import re
import subprocess
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
def test_the_library_lines_run_without_torch(tmp_path):
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    check = "import sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", f"{code}\n{check}"], cwd=tmp_path, check=True)
    assert (tmp_path / "mine.png").stat().st_size > 10_000
