"""The pages as files: nothing from elsewhere, nothing inline, no dead reference, enough contrast; and their tests."""

import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STATIC = ROOT / "zahir/web/static"
PAGES = sorted(STATIC.glob("*.html"))
ROUTES = {"/", "/likes", "/welcome", "/api/taste/file"}  # tests/test_browser*.py open each of them


class Elements(HTMLParser):
    """All elements of a page, with their attributes, and the text inside script and style."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag, attrs):
        self.all.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.all and self.all[-1][0] in {"script", "style"} and data.strip():
            self.inline.append(data)


def test_units_of_the_pages():
    node = shutil.which("node")
    if node is None:
        (pytest.fail if os.environ.get("ZAHIR_REQUIRE_ALL") else pytest.skip)("node is not installed")
    files = sorted(str(path) for path in (ROOT / "tests/web").glob("*.test.js"))
    done = subprocess.run([node, "--test", *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    counted = re.search(r"^\D*pass (\d+)$", done.stdout, re.MULTILINE)
    assert counted
    assert int(counted[1]) >= 32


def test_types_of_the_pages():
    tsc = ROOT / "node_modules/.bin/tsc"
    if not tsc.exists():
        (pytest.fail if os.environ.get("ZAHIR_REQUIRE_ALL") else pytest.skip)(
            "TypeScript is not here: npm install --no-package-lock"
        )
    done = subprocess.run([tsc, "-p", "zahir/web/jsconfig.json"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_nothing_inline_and_nothing_from_elsewhere(page):
    elements = Elements(page)
    assert not elements.inline
    for tag, attributes in elements.all:
        assert tag != "style"
        assert "style" not in attributes, f"<{tag}> has a style attribute, which the policy forbids"
        assert not [name for name in attributes if name.startswith("on")], f"<{tag}> has an inline handler"
        for name in ("src", "href", "action"):
            assert not re.match(r"(\w+:)?//|data:|javascript:", attributes.get(name) or ""), attributes[name]
    assert not [
        path for path in STATIC.glob("*.[cj]s*") if re.search(r"""["'(]https?://(?!www\.w3\.org/)""", path.read_text())
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_reference_leads_somewhere(page):
    elements = Elements(page)
    ids = [attributes["id"] for _, attributes in elements.all if attributes.get("id")]
    assert len(ids) == len(set(ids))
    symbols = set(re.findall(r'<symbol id="(\w+)"', (STATIC / "marks.svg").read_text()))
    for tag, attributes in elements.all:
        for name in ("src", "href"):
            path, _, fragment = (attributes.get(name) or "/").partition("#")
            if path.startswith("/static/"):
                assert (STATIC / path.removeprefix("/static/")).is_file(), path
                assert tag != "use" or fragment in symbols, fragment
            else:
                assert path.partition("?")[0] in {"", *ROUTES}, path
                assert not fragment or fragment in ids, fragment
        for name in ("for", "aria-controls", "aria-labelledby"):
            assert name not in attributes or attributes[name] in ids, attributes[name]


def test_scripts_and_styles_refer_to_what_exists():
    for script in STATIC.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', script.read_text()):
            assert (STATIC / name).is_file(), f"{script.name} imports {name}"
    for style in STATIC.glob("*.css"):
        for name in re.findall(r'url\("([^"]+)"\)', style.read_text()):
            assert (STATIC / name).is_file(), f"{style.name} loads {name}"
    used = {"feed.html": ["feed", "visit", "label", "dials", "reason", "sheets", "more"], "gallery.html": ["gallery"]}
    for page, scripts in used.items():
        ids = {attributes.get("id") for _, attributes in Elements(STATIC / page).all} | {"now"}
        for script in scripts:
            for name in re.findall(r'\$\("#([\w-]+)"', (STATIC / f"{script}.js").read_text()):
                assert name in ids, f"{script}.js looks for #{name}, which {page} lacks"


def tokens(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", css))


def rooms() -> dict[str, dict[str, str]]:
    css = (STATIC / "tokens.css").read_text()
    dark, light, automatic = re.findall(r':root(?:\[data-theme="\w+"\])? \{\s*color-scheme:.*?\n *\}', css, re.DOTALL)
    assert tokens(automatic) == tokens(light)
    return {"dark": tokens(dark), "light": tokens(light)}


def contrast(one: str, other: str) -> float:
    """WCAG 2.2: (lighter + 0.05) / (darker + 0.05) of relative luminance."""

    def luminance(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("room", ["dark", "light"])
def test_contrast_is_enough_in_both_rooms(room):
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    values = rooms()[room]
    for wall in ("wall", "wall-raised"):
        for text in ("ink", "ink-soft", "ink-faint", "pencil", "brick"):
            assert contrast(values[text], values[wall]) >= 4.5, (text, wall)
        assert contrast(values["edge"], values[wall]) >= 3, wall
