"""A taste that was exported leads plain diffusers code, which knows nothing of Zahir, where Zahir leads its own."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny
from PIL import Image
from safetensors.numpy import load_file

from zahir.generate.loading import shell_of
from zahir.plugins import make
from zahir.taste_file import TasteFile, write

GUIDE = Path(__file__).parents[1] / "docs" / "guide.md"
STEPS = 6


def documented():
    """The lines of the guide that lead diffusers by a taste."""
    after = GUIDE.read_text().split("**In diffusers**", 1)[1]
    return re.search(r"```python\n(.*?)```", after, re.DOTALL)[1]


def here(code, root, file, out):
    """The same lines for this machine: its folders instead of the hub's names, its device, fewer steps."""
    for named, meant in {
        '"stabilityai/stable-diffusion-xl-base-1.0"': repr(str(root / "sdxl")),
        '"h94/IP-Adapter"': repr(str(root / "ip-adapter-sdxl")),
        '"cuda"': '"cpu"',
        "torch.float16": "torch.float32",
        '"anna.safetensors"': repr(str(file)),
        '"anna.png"': repr(str(out)),
        'prompt="",': f'prompt="", num_inference_steps={STEPS},',
    }.items():
        assert named in code, f"the guide no longer says {named}"
        code = code.replace(named, meant)
    return code


@pytest.fixture(scope="module")
def root():
    return tiny.weights("sdxl", "ip-adapter-sdxl")


def run(code, *more):
    check = "import sys; assert 'zahir' not in {name.split('.')[0] for name in sys.modules}"
    lines = ["import torch; torch.set_num_threads(1)", code, *more, check]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def pixels(path):
    with Image.open(path) as opened:
        return np.asarray(opened).astype(int)


@pytest.mark.slow
def test_plain_diffusers_makes_the_picture_that_zahir_makes(root, tmp_path, monkeypatch):
    monkeypatch.setenv("ZAHIR_MODELS", str(root))
    generator = make("generators", "sdxl", device="cpu", dtype="float32")
    rng = np.random.default_rng(1)
    taste, against = rng.standard_normal((2, generator.shell.dim)).astype(np.float32)
    shell = shell_of(generator.space)
    for name, negative in (("with", against), ("without", None)):
        file, out = tmp_path / f"{name}.safetensors", tmp_path / f"{name}.png"
        write(file, TasteFile.of(name, generator.space, taste, negative=negative, shell=shell))
        nobody = tmp_path / f"{name}-nobody.png"
        again = f"made = pipe(prompt='', num_inference_steps={STEPS}, ip_adapter_image_embeds=[0 * taste], "
        again += f"generator=torch.Generator().manual_seed(1)); made.images[0].save({str(nobody)!r})"
        run(here(documented(), root, file, out), again)
        theirs = pixels(out)
        height, width = theirs.shape[:2]
        ours = generator.generate(
            taste[None],
            seeds=[1],
            negatives=None if negative is None else negative[None],
            steps=STEPS,
            guidance=5.0,
            size=(width, height),
        )[0]
        assert np.abs(theirs - ours.pixels).max() <= 1, "the same picture, to rounding"
        assert np.abs(theirs - pixels(nobody)).max() > 3, "and the taste shows"
        assert np.abs(load_file(file)["ip_adapter_image_embeds"][0]).max() > 0 or negative is None
    assert np.abs(pixels(tmp_path / "with.png") - pixels(tmp_path / "without.png")).max() > 1, "so does the negative"
