"""The page about generators says what the code says: names, sizes, options and commands."""

import inspect
import re
from pathlib import Path

import pytest

from zahir import models
from zahir.generate.loading import settle
from zahir.plugins import installed

PAGE = (Path(__file__).parents[1] / "docs" / "generators.md").read_text()


def table(heading):
    """Rows of the first table under a heading, as cells."""
    part = PAGE.split(f"## {heading}")[1]
    rows = re.search(r"\|---.*\n((?:\|.*\n)+)", part)[1].splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_every_generator_of_the_package_is_there_with_the_encoder_of_its_space():
    told = {name: row[2] for row in table("Which goes with which") for name in re.findall(r"`([\w-]+)`", row[0])}
    for name, where in told.items():
        assert name in installed("generators")
        if name in models.CATALOGUE:
            encoder = re.search(r"`([\w-]+)`", where)[1]
            assert models.find(encoder).space == models.find(name).space
    ours = {name for name, entry in installed("generators").items() if entry.value.startswith("zahir.generate.")}
    assert ours <= set(told)


def test_sizes_are_the_catalogues():
    for name, size in table("Memory"):
        assert float(size) == pytest.approx(models.find(name.strip("`")).memory, abs=0.06), name


def test_its_keywords_are_those_of_settling():
    told = set(re.findall(r"^\| `(\w+)` \| (?!\d)", PAGE.split("one keyword of the generator")[1], re.MULTILINE))
    assert set(inspect.signature(settle).parameters) - {"pipeline", "weights"} <= told


def test_what_it_tells_to_get_can_be_got():
    for name in re.findall(r"zahir models get ([\w-]+)", PAGE):
        assert name in models.CATALOGUE
    total = sum(models.find(name).size for name in models.with_needs("sdxl-own"))
    assert f"({total:.1f} GB:" in PAGE
