"""The ComfyUI nodes keep ComfyUI's contract, agree with the shell they came from, and need nothing of Zahir."""

import importlib.util
import inspect
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tastes import DIM, SPACE, a_shell, a_taste

from zahir.space import normalize
from zahir.taste_file import to_bytes, write

PACK = Path(__file__).parents[1] / "integrations" / "comfyui"

# outputs, and the types that inputs take, of the nodes of others that the example connects to
OTHERS = {
    "CheckpointLoaderSimple": (("MODEL", "CLIP", "VAE"), {}),
    "IPAdapterModelLoader": (("IPADAPTER",), {}),
    "IPAdapterEmbeds": (
        ("MODEL",),
        {"model": "MODEL", "ipadapter": "IPADAPTER", "pos_embed": "EMBEDS", "neg_embed": "EMBEDS"},
    ),
    "CLIPTextEncode": (("CONDITIONING",), {"clip": "CLIP"}),
    "EmptyLatentImage": (("LATENT",), {}),
    "KSampler": (
        ("LATENT",),
        {"model": "MODEL", "positive": "CONDITIONING", "negative": "CONDITIONING", "latent_image": "LATENT"},
    ),
    "VAEDecode": (("IMAGE",), {"samples": "LATENT", "vae": "VAE"}),
    "SaveImage": ((), {"images": "IMAGE"}),
}


@pytest.fixture
def torch():
    if importlib.util.find_spec("torch") is None:
        (pytest.fail if os.environ.get("ZAHIR_REQUIRE_ALL") else pytest.skip)("the nodes need torch, as ComfyUI has it")
    import torch

    return torch


@pytest.fixture
def inputs(tmp_path):
    (tmp_path / "zahir").mkdir()
    return tmp_path


@pytest.fixture
def pack(inputs, torch, monkeypatch):
    """The pack, imported as ComfyUI imports a folder of custom_nodes."""
    paths = types.ModuleType("folder_paths")
    paths.get_input_directory = lambda: str(inputs)
    monkeypatch.setitem(sys.modules, "folder_paths", paths)
    name = "custom_nodes.zahir_taste"
    spec = importlib.util.spec_from_file_location(name, PACK / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    yield module
    for each in [each for each in sys.modules if each.startswith(name)]:
        del sys.modules[each]


def options(node):
    declared = node.INPUT_TYPES()
    return {**declared["required"], **declared.get("optional", {})}


def check_node(node):
    """What ComfyUI's documentation of a custom node's properties asks for."""
    assert inspect.ismethod(node.INPUT_TYPES), "INPUT_TYPES is a class method"
    declared = node.INPUT_TYPES()
    assert "required" in declared
    assert set(declared) <= {"required", "optional", "hidden"}
    for name, given in options(node).items():
        assert name.isidentifier()
        assert isinstance(given, tuple), name
        assert 1 <= len(given) <= 2, name
        kind, extra = given[0], given[1] if len(given) == 2 else {}
        assert isinstance(extra, dict)
        if isinstance(kind, list):
            assert all(isinstance(choice, str) for choice in kind)
        else:
            assert isinstance(kind, str)
            assert kind == kind.upper()
        if kind in ("INT", "FLOAT", "STRING", "BOOLEAN"):
            assert "default" in extra
        if "min" in extra:
            assert extra["min"] <= extra["default"] <= extra["max"]
    assert isinstance(node.RETURN_TYPES, tuple)
    assert all(isinstance(each, str) for each in node.RETURN_TYPES)
    assert len(getattr(node, "RETURN_NAMES", node.RETURN_TYPES)) == len(node.RETURN_TYPES)
    assert isinstance(node.CATEGORY, str)
    takes = inspect.signature(getattr(node, node.FUNCTION)).parameters
    assert set(options(node)) == set(takes) - {"self"}, "it is called with its inputs by name"
    for name in declared.get("optional", {}):
        assert takes[name].default is not inspect.Parameter.empty
    for extra in ("IS_CHANGED", "VALIDATE_INPUTS"):
        if hasattr(node, extra):
            assert inspect.ismethod(getattr(node, extra))
            assert set(inspect.signature(getattr(node, extra)).parameters) <= set(options(node))


def run(pack, workflow):
    """Run a workflow in the form of ComfyUI's API: inputs are checked first, then nodes run in the order of links."""
    nodes, done = pack.NODE_CLASS_MAPPINGS, {}

    def result(number):
        if number not in done:
            node, given = nodes[workflow[number]["class_type"]], workflow[number]["inputs"]
            for name, value in given.items():
                kind = options(node)[name][0]
                if isinstance(value, list):
                    assert nodes[workflow[value[0]]["class_type"]].RETURN_TYPES[value[1]] == kind
                elif isinstance(kind, list) and not hasattr(node, "VALIDATE_INPUTS"):
                    assert value in kind
            if hasattr(node, "VALIDATE_INPUTS"):
                constants = {name: value for name, value in given.items() if not isinstance(value, list)}
                valid = node.VALIDATE_INPUTS(**constants)
                if valid is not True:
                    assert isinstance(valid, str)
                    raise ValueError(valid)
            values = {k: result(v[0])[v[1]] if isinstance(v, list) else v for k, v in given.items()}
            done[number] = getattr(node(), node.FUNCTION)(**values)
            assert isinstance(done[number], tuple)
            assert len(done[number]) == len(node.RETURN_TYPES)
        return done[number]

    return {number: result(number) for number in workflow}


def to_embeds(*loads, **dials):
    """A workflow that loads these files, mixes them where there are two, and turns them into embeddings."""
    flow = {str(k): {"class_type": "ZahirLoadTaste", "inputs": {"file": name}} for k, name in enumerate(loads)}
    taste = ["0", 0]
    if len(loads) == 2:
        mixed = {"taste": ["0", 0], "other": ["1", 0], "share": dials.pop("share")}
        flow["mix"] = {"class_type": "ZahirMixTastes", "inputs": mixed}
        taste = ["mix", 0]
    flow["embeds"] = {
        "class_type": "ZahirTasteEmbeds",
        "inputs": {"taste": taste, "strength": 1.0, "negative_strength": 1.0, **dials},
    }
    return flow


def test_the_pack_keeps_the_contract(pack, inputs):
    write(inputs / "zahir" / "a.safetensors", a_taste())
    (inputs / "zahir" / "notes.txt").write_text("not listed")
    assert isinstance(pack.NODE_CLASS_MAPPINGS, dict)
    assert set(pack.NODE_DISPLAY_NAME_MAPPINGS) == set(pack.NODE_CLASS_MAPPINGS)
    assert set(pack.__all__) == {"NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"}
    for node in pack.NODE_CLASS_MAPPINGS.values():
        check_node(node)
    assert options(pack.NODE_CLASS_MAPPINGS["ZahirLoadTaste"])["file"][0] == ["a.safetensors"]


def test_the_contract_can_be_broken():
    class Bare:
        RETURN_TYPES = "IMAGE"
        CATEGORY, FUNCTION = "x", "run"

        @classmethod
        def INPUT_TYPES(cls):
            return {"required": {"a": ("FLOAT", {})}}

        def run(self, b):
            return b

    with pytest.raises(AssertionError):
        check_node(Bare)


@pytest.mark.parametrize(("strength", "negative"), [(0.0, 1.0), (0.4, 0.0), (1.0, 1.0), (2.0, 0.5)])
def test_the_dials_are_the_shells(pack, inputs, strength, negative):
    taste, shell = a_taste(), a_shell()
    write(inputs / "zahir" / "a.safetensors", taste)
    made = run(pack, to_embeds("a.safetensors", strength=strength, negative_strength=negative))
    pos, neg = (each.numpy() for each in made["embeds"])
    assert pos.shape == neg.shape == (1, DIM)
    assert_allclose(pos, shell.points(taste.positive[None], strength), rtol=1e-5, atol=1e-4)
    expected = shell.points(taste.negative[None], negative) if negative else np.zeros((1, DIM))
    assert_allclose(neg, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_mix_is_what_the_mixed_taste_would_be(pack, inputs, share):
    one, other, shell = a_taste(), a_taste(seed=9, negative=False), a_shell()
    write(inputs / "zahir" / "a.safetensors", one)
    write(inputs / "zahir" / "b.safetensors", other)
    made = run(pack, to_embeds("a.safetensors", "b.safetensors", share=share, strength=1.3))
    pos, neg = (each.numpy() for each in made["embeds"])
    mixed = normalize((1 - share) * one.positive + share * other.positive)
    assert_allclose(pos, shell.points(mixed[None], 1.3), rtol=1e-5, atol=1e-4)
    expected = shell.points(one.negative[None]) if share < 1 else np.zeros((1, DIM))
    assert_allclose(neg, expected, rtol=1e-5, atol=1e-4)


def test_a_changed_file_is_read_again(pack, inputs):
    load = pack.NODE_CLASS_MAPPINGS["ZahirLoadTaste"]
    write(inputs / "zahir" / "a.safetensors", a_taste(draws=False))
    before = load.IS_CHANGED(file="a.safetensors")
    assert not isinstance(before, bool)
    write(inputs / "zahir" / "a.safetensors", a_taste(draws=False, seed=9))
    assert load.IS_CHANGED(file="a.safetensors") != before


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda: b"nothing", "not a safetensors file"),
        (lambda: b"\0" * (5 << 20), "no taste"),
        (lambda: to_bytes(a_taste(reach=False)), "which no IP-Adapter reads"),
        (lambda: to_bytes(a_taste()).replace(b'"version":"1"', b'"version":"9"'), "no taste that this node reads"),
        (lambda: to_bytes(a_taste()).replace(b'"norm":"', b'"norm":"-'), "not a safetensors file"),
        (lambda: to_bytes(a_taste()).replace(b'"radius":"', b'"radios":"'), "do not fit together"),
    ],
)
def test_what_is_no_taste_is_refused_before_anything_runs(pack, inputs, data, message):
    (inputs / "zahir" / "a.safetensors").write_bytes(data())
    with pytest.raises(ValueError, match=message):
        run(pack, to_embeds("a.safetensors"))


def test_no_name_leaves_the_folder(pack, inputs):
    write(inputs / "secret.safetensors", a_taste())
    load = pack.NODE_CLASS_MAPPINGS["ZahirLoadTaste"]
    for name in ("../secret.safetensors", str(inputs / "secret.safetensors"), "gone.safetensors", ""):
        assert "there is no" in load.VALIDATE_INPUTS(file=name)
        with pytest.raises(ValueError, match="there is no"):
            load().load(name)


def test_spaces_never_mix(pack, inputs):
    write(inputs / "zahir" / "a.safetensors", a_taste())
    (inputs / "zahir" / "b.safetensors").write_bytes(to_bytes(a_taste()).replace(SPACE.encode(), b"clip:tset/24"))
    with pytest.raises(ValueError, match="cannot be mixed"):
        run(pack, to_embeds("a.safetensors", "b.safetensors", share=0.5))


def test_the_example_connects_what_fits(pack, inputs):
    flow = json.loads((PACK / "example_workflows" / "taste.json").read_text())
    ours = pack.NODE_CLASS_MAPPINGS
    for number, step in flow.items():
        name = step["class_type"]
        for key, value in step["inputs"].items():
            kind = options(ours[name])[key][0] if name in ours else OTHERS[name][1].get(key)
            if isinstance(value, list):
                source = flow[value[0]]["class_type"]
                gives = ours[source].RETURN_TYPES if source in ours else OTHERS[source][0]
                assert gives[value[1]] == kind, (number, key)
        if name in ours:
            assert set(step["inputs"]) == set(options(ours[name]))
    write(inputs / "zahir" / "mine.safetensors", a_taste())
    run(pack, {number: step for number, step in flow.items() if step["class_type"] in ours})


def test_nothing_of_zahir_is_needed(inputs, torch):
    write(inputs / "zahir" / "a.safetensors", a_taste())
    code = f"""
import importlib.util, sys, types
paths = types.ModuleType("folder_paths"); paths.get_input_directory = lambda: {str(inputs)!r}
sys.modules["folder_paths"] = paths
spec = importlib.util.spec_from_file_location("pack", {str(PACK / "__init__.py")!r})
pack = sys.modules["pack"] = importlib.util.module_from_spec(spec); spec.loader.exec_module(pack)
load, embeds = (pack.NODE_CLASS_MAPPINGS[name]() for name in ("ZahirLoadTaste", "ZahirTasteEmbeds"))
pos, neg = embeds.embeds(*load.load("a.safetensors"), 1.0, 1.0)
assert not [name for name in sys.modules if name.split(".")[0] == "zahir"]
print(tuple(pos.shape), tuple(neg.shape))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"(1, {DIM}) (1, {DIM})"
