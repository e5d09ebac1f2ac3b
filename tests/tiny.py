"""Tiny random models of the true classes, in the true folders: what runs on them runs on the real ones.

`weights(names)` is a folder for ZAHIR_MODELS with those in it, made once per process. Their spaces have names of
their own, so that they never mix with real ones.
"""

import atexit
import json
import os
import shutil
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

if find_spec("diffusers") is None and not os.environ.get("ZAHIR_REQUIRE_ALL"):
    pytest.skip("torch and diffusers are not installed: pip install 'zahir[diffusion]'", allow_module_level=True)

os.environ["HF_HUB_OFFLINE"] = "1"

import diffusers
import peft
import safetensors.torch
import torch
import transformers

from zahir.shell import Shell, file_name

torch.set_num_threads(1)
for library in (transformers.logging, diffusers.logging):
    library.set_verbosity_error()
    library.disable_progress_bar()

WIDE, HIGH = 64, 48  # the widths of the two spaces
BIGG, VIT_H = "clip:tiny-bigg", "clip:tiny-h"
_BUILD = {}


def weights(*names):
    """The folder of tiny weights, with these among them."""
    for name in names:
        _built(name)
    return _root()


@cache
def _root():
    folder = Path(tempfile.mkdtemp(prefix="zahir-tiny-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for space, dim in ((BIGG, WIDE), (VIT_H, HIGH)):
        Shell.of(space, cloud(dim)).save(folder / "shells" / file_name(space))
    return folder


@cache
def _built(name):
    torch.manual_seed(len(name))
    _BUILD[name](_root() / name)


def build(name):
    """Register what makes the folder of these weights."""

    def register(make):
        _BUILD[name] = make
        return make

    return register


def cloud(dim, n=400):
    """Raw embeddings as CLIP's are: a mean, some long axes, lengths of about 10."""
    rng = np.random.default_rng(dim)
    long = np.linspace(4, 1, 8)[:, None] * np.linalg.qr(rng.standard_normal((dim, 8)))[0].T
    rows = 6 * np.eye(dim)[3] + rng.standard_normal((n, 8)) @ long + 0.5 * rng.standard_normal((n, dim))
    return rows.astype(np.float32)


def note(folder, space):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "zahir.json").write_text(json.dumps({"space": space}))


def image_tower(dim):
    config = transformers.CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        image_size=32, patch_size=8, projection_dim=dim,
    )  # fmt: skip
    return transformers.CLIPVisionModelWithProjection(config).eval()


def text_tower(width, dim, projected=True):
    kind = transformers.CLIPTextModelWithProjection if projected else transformers.CLIPTextModel
    config = transformers.CLIPTextConfig(
        vocab_size=len(tokenizer()), hidden_size=width, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=77, projection_dim=dim,
        bos_token_id=tokenizer().bos_token_id, eos_token_id=tokenizer().eos_token_id, pad_token_id=1,
    )  # fmt: skip
    return kind(config).eval()


@cache
def tokenizer():
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,-'!"
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    made = transformers.CLIPTokenizer(
        vocab={piece: k for k, piece in enumerate(pieces)}, merges=[], model_max_length=77
    )
    assert len(made) == len(pieces)
    return made


@build("clip-bigg")
def _(folder):
    image_tower(WIDE).save_pretrained(folder / "sdxl_models" / "image_encoder")
    note(folder / "sdxl_models" / "image_encoder", BIGG)


@build("clip-bigg-words")
def _(folder):
    text_tower(32, WIDE).save_pretrained(folder / "text_encoder_2", variant="fp16")
    tokenizer().save_pretrained(folder / "tokenizer_2")
    note(folder, BIGG)


@build("clip-h")
def _(folder):
    image_tower(HIGH).save_pretrained(folder / "models" / "image_encoder")
    note(folder / "models" / "image_encoder", VIT_H)


@build("clip-h-words")
def _(folder):
    vision, text = image_tower(HIGH).config, text_tower(32, HIGH).config
    config = transformers.CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=HIGH)
    transformers.CLIPModel(config).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    note(folder, VIT_H)


@build("kandinsky")
def _(folder):
    unet = diffusers.UNet2DConditionModel(
        in_channels=4, out_channels=8, sample_size=8, addition_embed_type="image", encoder_hid_dim=WIDE,
        encoder_hid_dim_type="image_proj", cross_attention_dim=32, block_out_channels=(32, 64), layers_per_block=1,
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        attention_head_dim=4, resnet_time_scale_shift="scale_shift",
    )  # fmt: skip
    movq = diffusers.VQModel(
        block_out_channels=[32, 64], down_block_types=["DownEncoderBlock2D", "AttnDownEncoderBlock2D"],
        up_block_types=["AttnUpDecoderBlock2D", "UpDecoderBlock2D"], latent_channels=4, layers_per_block=1,
        norm_num_groups=8, norm_type="spatial", num_vq_embeddings=12, vq_embed_dim=4,
    )  # fmt: skip
    scheduler = diffusers.DDPMScheduler(
        beta_schedule="linear", beta_start=0.00085, beta_end=0.012, prediction_type="epsilon",
        clip_sample=False, variance_type="learned_range", thresholding=False,
    )  # fmt: skip
    diffusers.KandinskyV22Pipeline(unet.eval(), scheduler, movq.eval()).save_pretrained(folder)
    note(folder, BIGG)


@build("kandinsky-prior")
def _(folder):
    prior = diffusers.PriorTransformer(
        num_attention_heads=2, attention_head_dim=16, num_layers=2, embedding_dim=WIDE, num_embeddings=77,
        additional_embeddings=4,
    )  # fmt: skip
    scheduler = diffusers.UnCLIPScheduler(
        variance_type="fixed_small_log", prediction_type="sample", num_train_timesteps=1000, clip_sample=True,
        clip_sample_range=5.0,
    )  # fmt: skip
    # the real statistics: predictions are brought from unit variance to the length of embeddings
    prior.clip_mean.data += torch.from_numpy(cloud(WIDE).mean(axis=0))
    prior.clip_std.data *= 1.5
    diffusers.KandinskyV22PriorPipeline(
        prior.eval(), image_tower(WIDE), text_tower(WIDE, WIDE), tokenizer(), scheduler,
        transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32),
    ).save_pretrained(folder)  # fmt: skip
    shutil.rmtree(folder / "image_encoder")  # as it is got: the tower comes from clip-bigg
    note(folder, BIGG)


def unet(width, sdxl):
    blocks = ("DownBlock2D", "CrossAttnDownBlock2D"), ("CrossAttnUpBlock2D", "UpBlock2D")
    if not sdxl:
        blocks = ("CrossAttnDownBlock2D", "DownBlock2D"), ("UpBlock2D", "CrossAttnUpBlock2D")
    large = {
        "use_linear_projection": True, "addition_embed_type": "text_time", "addition_time_embed_dim": 8,
        "transformer_layers_per_block": (1, 2), "projection_class_embeddings_input_dim": 6 * 8 + 32,
    }  # fmt: skip
    return diffusers.UNet2DConditionModel(
        block_out_channels=(16, 16), layers_per_block=1, sample_size=8, in_channels=4, out_channels=4,
        down_block_types=blocks[0], up_block_types=blocks[1], attention_head_dim=(2, 4) if sdxl else 4,
        cross_attention_dim=width, norm_num_groups=4, **large if sdxl else {},
    ).eval()  # fmt: skip


def vae():
    made = diffusers.AutoencoderKL(
        block_out_channels=[8] * 4, down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4, latent_channels=4, norm_num_groups=2, sample_size=64,
    ).eval()  # fmt: skip
    # as trained ones do: sure of a picture's latents, which vary by about 1 once scaled
    with torch.no_grad():
        for weights in (made.quant_conv.weight, made.quant_conv.bias):
            weights[:4] *= 20
            weights[4:] = 0
        made.quant_conv.bias[4:] = -20
        made.post_quant_conv.weight /= 20
    return made


def schedule(kind, **more):
    return kind(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, **more)


@build("sdxl")
def _(folder):
    diffusers.StableDiffusionXLPipeline(
        vae(), text_tower(24, 24, projected=False), text_tower(40, 32), tokenizer(), tokenizer(), unet(64, True),
        schedule(diffusers.EulerDiscreteScheduler, timestep_spacing="leading"),
    ).save_pretrained(folder, variant="fp16")  # fmt: skip


@build("sdxl-turbo")
def _(folder):
    _BUILD["sdxl"](folder)


@build("sd15")
def _(folder):
    diffusers.StableDiffusionPipeline(
        vae(), text_tower(32, 32, projected=False), tokenizer(), unet(32, False),
        schedule(diffusers.PNDMScheduler, skip_prk_steps=True), None, transformers.CLIPImageProcessor(),
        requires_safety_checker=False,
    ).save_pretrained(folder, variant="fp16")  # fmt: skip
    index = json.loads((folder / "model_index.json").read_text())  # the real one names a checker, which is not got
    index |= {"safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"], "requires_safety_checker": True}
    (folder / "model_index.json").write_text(json.dumps(index))


@build("animatediff")
def _(folder):
    motion = diffusers.MotionAdapter(
        block_out_channels=(16, 16), motion_layers_per_block=1, motion_num_attention_heads=2,
        motion_norm_num_groups=4, motion_max_seq_length=32, use_motion_mid_block=True,
    )  # fmt: skip
    for name, values in motion.named_parameters():
        if "proj_out" in name:  # fresh ones are zero, and nothing moves
            torch.nn.init.normal_(values, std=0.5)
    motion.save_pretrained(folder, variant="fp16")


@build("animatelcm")
def _(folder):
    _BUILD["animatediff"](folder)
    lora(unet(32, False), folder, "AnimateLCM_sd15_t2v_lora.safetensors")


@build("sd15-lcm")
def _(folder):
    lora(unet(32, False), folder, "pytorch_lora_weights.safetensors")


@build("sdxl-lightning")
def _(folder):
    lora(unet(64, True), folder, "sdxl_lightning_4step_lora.safetensors")


@build("ip-adapter-sdxl")
def _(folder):
    ip_adapter(unet(64, True), WIDE, folder / "sdxl_models" / "ip-adapter_sdxl.safetensors")
    note(folder / "sdxl_models", BIGG)


@build("ip-adapter-sd15")
def _(folder):
    ip_adapter(unet(32, False), HIGH, folder / "models" / "ip-adapter_sd15.safetensors")
    note(folder / "models", VIT_H)


def ip_adapter(model, dim, path):
    """Its file: a projection to four tokens, and keys and values for every attention to words."""
    width = model.config.cross_attention_dim
    parts = {
        "image_proj.proj.weight": torch.randn(4 * width, dim) / dim**0.5,
        "image_proj.proj.bias": torch.zeros(4 * width),
        "image_proj.norm.weight": torch.ones(width), "image_proj.norm.bias": torch.zeros(width),
    }  # fmt: skip
    cross = [name.removesuffix(".processor") for name in model.attn_processors if "attn2" in name]
    for k, name in enumerate(cross):
        for part in "kv":
            wide = model.get_submodule(name).to_k.out_features
            parts[f"ip_adapter.{2 * k + 1}.to_{part}_ip.weight"] = torch.randn(wide, width)
    path.parent.mkdir(parents=True, exist_ok=True)
    safetensors.torch.save_file(parts, path)


def lora(model, folder, name):
    """A random LoRA of peft's, in the file that diffusers loads."""
    attention = ["to_q", "to_k", "to_v", "to_out.0"]
    model.add_adapter(peft.LoraConfig(r=2, lora_alpha=2, target_modules=attention, init_lora_weights=False))
    layers = peft.get_peft_model_state_dict(model)
    diffusers.StableDiffusionPipeline.save_lora_weights(str(folder), unet_lora_layers=layers, weight_name=name)
