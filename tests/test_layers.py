"""The layer table of docs/design.md, enforced: who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "zahir"
NOUNS = [
    "errors",
    "jit",
    "oklab",
    "strangers",
    "space",
    "steer",
    "shell",
    "models",
    "device",
    "questions",
    "interactions",
    "media",
    "taste_file",
    "protocols",
    "safety",
]
WORKERS = {"encode", "taste", "generate", "studio", "datasets", "enhance", "filters"}
WIRING = {"store", "plugins", "testing"}
LOOP = {"loop", "feed", "travel"}
FACES = {"cli", "web", "__main__"}
HEAVY = {"torch", "diffusers", "transformers", "ray", "pandas", "matplotlib"}
HEAVY_ALLOWED = {"matplotlib": {"evaluate.plot"}}
TORCH_ROOMS, TORCH = {"device", "encode", "generate"}, {"torch", "diffusers", "transformers"}


def room(module: str) -> str:
    """`evaluate` is several rooms: its measures are workers, its simulation belongs to the loop."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "evaluate" and len(parts) > 1 else parts[0]


def allowed(module: str) -> set[str]:
    own = room(module)
    if own in NOUNS:
        return set(NOUNS[: NOUNS.index(own)])
    if own in WORKERS:
        return {*NOUNS, own}
    if own in {"evaluate.split", "evaluate.metrics", "evaluate.plot"}:
        return {*NOUNS, "evaluate.split", "evaluate.metrics"}
    if own == "testing":
        return {*NOUNS, "testing", "taste"}
    if own in WIRING:
        return {*NOUNS, own}
    if own in LOOP:
        return {*NOUNS, *WIRING, own}
    if own.startswith("evaluate"):
        return {*NOUNS, *WIRING, *LOOP, "evaluate", "evaluate.split", "evaluate.metrics", own}
    return {"*"}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {f"{node.module}.{alias.name}" if node.module == "zahir" else node.module for alias in node.names}
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            raise AssertionError(f"{path}: relative import; write it in full")
    return found


MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
    if path != ROOT / "__init__.py"
}


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_layers(module):
    found = imports(MODULES[module])
    may = allowed(module)
    ours = {name.removeprefix("zahir.") for name in found if name.startswith("zahir.")}
    wrong = {name for name in ours if "*" not in may and room(name) not in may and name.split(".")[0] not in may}
    assert not wrong, f"{module} may import {sorted(may)}; it imports {sorted(wrong)}"
    if room(module) not in FACES:
        assert not {name for name in ours if name.split(".")[0] in FACES}, f"{module} imports a face"
    heavy = {name.split(".")[0] for name in found} & HEAVY
    if room(module) in TORCH_ROOMS:
        heavy -= TORCH
    assert not {name for name in heavy if module not in HEAVY_ALLOWED.get(name, set())}, f"{module} imports {heavy}"


def test_importing_zahir_stays_light():
    code = (
        "import zahir, sys; print([m for m in ('torch', 'numba', 'sqlalchemy', 'av', 'sklearn') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
