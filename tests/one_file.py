"""A pipeline's weights in one file, in the names of the original code: how checkpoints are shared.

The way back from what diffusers' from_single_file reads, written from the names alone.
"""

import re

import safetensors.torch
import torch

RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
    "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
}  # fmt: skip
EMBEDDINGS = {
    "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
}  # fmt: skip
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
OPEN_CLIP = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "fc1": "c_fc", "fc2": "c_proj"}


def write(pipeline, path):
    """Write its UNet, decoder and text encoders."""
    parts = {f"model.diffusion_model.{k}": v for k, v in _unet(pipeline.unet).items()}
    parts |= {f"first_stage_model.{k}": v for k, v in _vae(pipeline.vae).items()}
    large = hasattr(pipeline, "text_encoder_2")
    first = "conditioner.embedders.0.transformer." if large else "cond_stage_model.transformer."
    for name, values in pipeline.text_encoder.state_dict().items():
        parts[f"{first}text_model.{name.removeprefix('text_model.')}"] = values
    if large:
        second = _open_clip(pipeline.text_encoder_2.state_dict())
        parts |= {f"conditioner.embedders.1.model.{k}": v for k, v in second.items()}
    safetensors.torch.save_file({name: values.contiguous().clone() for name, values in parts.items()}, path)


def _unet(unet):
    deep = unet.config.layers_per_block + 1
    names = {}
    for name in unet.state_dict():
        if match := re.match(r"(down|up)_blocks\.(\d)\.(resnets|attentions)\.(\d)\.(.+)", name):
            side, block, kind, layer, rest = match.groups()
            place = int(block) * deep + int(layer) + (side == "down")
            stem = f"{'input' if side == 'down' else 'output'}_blocks.{place}"
            names[name] = f"{stem}.0.{_said(rest, RESNET)}" if kind == "resnets" else f"{stem}.1.{rest}"
        elif match := re.match(r"down_blocks\.(\d)\.downsamplers\.0\.conv\.(.+)", name):
            names[name] = f"input_blocks.{(int(match[1]) + 1) * deep}.0.op.{match[2]}"
        elif match := re.match(r"up_blocks\.(\d)\.upsamplers\.0\.conv\.(.+)", name):
            after = 2 if hasattr(unet.up_blocks[int(match[1])], "attentions") else 1
            names[name] = f"output_blocks.{(int(match[1]) + 1) * deep - 1}.{after}.conv.{match[2]}"
        elif match := re.match(r"mid_block\.resnets\.(\d)\.(.+)", name):
            names[name] = f"middle_block.{2 * int(match[1])}.{_said(match[2], RESNET)}"
        elif match := re.match(r"mid_block\.attentions\.0\.(.+)", name):
            names[name] = f"middle_block.1.{match[1]}"
        else:
            names[name] = _said(name, EMBEDDINGS)
    return {names[name]: values for name, values in unet.state_dict().items()}


def _vae(vae):
    made, last = {}, len(vae.config.block_out_channels) - 1
    for name, values in vae.state_dict().items():
        name = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", name)
        name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
        name = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{last - int(m[1])}.block.{m[2]}", name)
        name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{last - int(m[1])}.upsample", name)
        name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
        if match := re.match(r"(\w+)\.mid_block\.attentions\.0\.(.+)", name):
            name = f"{match[1]}.mid.attn_1.{_said(match[2], ATTENTION)}"
            values = values[:, :, None, None] if values.ndim == 2 else values
        made[name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")] = values
    return made


def _open_clip(text):
    made = {
        "positional_embedding": text["text_model.embeddings.position_embedding.weight"],
        "token_embedding.weight": text["text_model.embeddings.token_embedding.weight"],
        "ln_final.weight": text["text_model.final_layer_norm.weight"],
        "ln_final.bias": text["text_model.final_layer_norm.bias"],
        "text_projection": text["text_projection.weight"].T,
    }
    for name, values in text.items():
        match = re.match(r"text_model\.encoder\.layers\.(\d+)\.(.+)", name)
        if match is None:
            continue
        stem, rest = f"transformer.resblocks.{match[1]}", match[2]
        if qkv := re.match(r"self_attn\.q_proj\.(weight|bias)", rest):
            parts = [text[name.replace("q_proj", f"{part}_proj")] for part in "qkv"]
            made[f"{stem}.attn.in_proj_{qkv[1]}"] = torch.cat(parts)
        elif rest.startswith("self_attn.out_proj"):
            made[f"{stem}.attn.{rest.removeprefix('self_attn.')}"] = values
        elif not rest.startswith("self_attn"):
            made[f"{stem}.{re.sub('|'.join(OPEN_CLIP), lambda m: OPEN_CLIP[m[0]], rest)}"] = values
    return made


def _said(name, words):
    stem = next(stem for stem in words if name.startswith(f"{stem}."))
    return words[stem] + name.removeprefix(stem)
