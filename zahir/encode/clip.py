"""CLIP's image towers as encoders, and its text towers as directions from words (Radford et al. 2021).

Knows nothing of people or of generators. The towers are those that Kandinsky 2.2 and the IP-Adapters were trained on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from zahir import models
from zahir.device import device_of, dtype_of, load, need_torch
from zahir.errors import BadData, SpaceMismatch, ZahirError
from zahir.media import Media
from zahir.space import normalize

_MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)  # of the pixels that CLIP was trained on
_SPREAD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
_WORDS = {  # where an image tower's text tower may lie: weights, and the folders of the tower and its tokenizer
    "clip-bigg": (
        ("clip-bigg-words", "text_encoder_2", "tokenizer_2"),
        ("sdxl", "text_encoder_2", "tokenizer_2"),
        ("kandinsky-prior", "text_encoder", "tokenizer"),
    ),
    "clip-h": (("clip-h-words", "", ""),),
}
_SENTENCES = (  # with the word, and the same without it
    ("a picture of {}", "a picture of something"),
    ("a {} picture", "a picture"),
    ("an image that looks {}", "an image"),
)


class ClipEncoder:
    """An Encoder through transformers: `name` is one of the catalogue's encoders, `place` a folder of one's own.

    `frames` says what a video goes by: its "middle" frame, or the mean of "all". `batch` pictures are looked at
    together: 32 on a GPU, 4 on a CPU. Weights are read when the first picture comes. `device`, and `dtype`, one of
    float16, bfloat16 and float32, are chosen by what is there: half precision on a GPU.
    """

    def __init__(
        self,
        name: str = "clip-bigg",
        place: Path | None = None,
        *,
        device: str | None = None,
        dtype: str | None = None,
        batch: int | None = None,
        frames: Literal["middle", "all"] = "middle",
    ) -> None:
        need_torch(f"encoder '{name}'")
        if frames not in ("middle", "all"):
            raise ValueError(f"frames must be 'middle' or 'all'; got {frames!r}.")
        if batch is not None and batch < 1:
            raise ValueError(f"batch must be at least 1; got {batch}.")
        self.name, self.place, self.frames = name, models.folder(name, place), frames
        self.space = models.space_of(name, place)
        self.device = device_of(device)
        self.dtype = dtype_of(dtype, self.device)
        self.batch = batch or (4 if self.device == "cpu" else 32)
        self._lock = Lock()

    @property
    def dim(self) -> int:
        return int(self._config["projection_dim"])

    def encode(self, media: Sequence[Media]) -> Float32[np.ndarray, "n dim"]:
        """One unit row per medium."""
        return normalize(self.raw(media))

    def raw(self, media: Sequence[Media]) -> Float32[np.ndarray, "n dim"]:
        """One row per medium before it is brought to unit length: what decoders were trained on, and shells are of."""
        pictures = [each.frames if self.frames == "all" else each.pixels[None] for each in media]
        if not pictures:
            return np.zeros((0, self.dim), np.float32)
        rows = self._look(np.concatenate([prepared(each, self._side) for each in pictures]))
        ends = np.cumsum([len(each) for each in pictures])[:-1]
        return np.stack([part.mean(axis=0) for part in np.split(rows, ends)]).astype(np.float32)

    def directions(self, words: Sequence[str]) -> Float32[np.ndarray, "n dim"]:
        """A unit direction for each word or phrase: how sentences change by it, on average over three.

        The global directions of StyleCLIP (Patashnik et al. 2021, section 6): what sentences with and without the
        word have between them is about the same as what pictures have, though sentences and pictures lie apart.
        """
        if empty := [word for word in words if not word.strip()]:
            raise ValueError(f"a direction needs a word; got {empty[0]!r}.")
        if not words:
            return np.zeros((0, self.dim), np.float32)
        plain = normalize(self._read([without for _, without in _SENTENCES]))
        told = normalize(self._read([sentence.format(word.strip()) for word in words for sentence, _ in _SENTENCES]))
        return normalize((told.reshape(len(words), len(_SENTENCES), -1) - plain).mean(axis=1))

    def _look(self, pixels: Float32[np.ndarray, "n 3 side side"]) -> Float32[np.ndarray, "n dim"]:
        import torch

        rows = []
        with self._lock, torch.inference_mode():
            for start in range(0, len(pixels), self.batch):
                some = torch.from_numpy(pixels[start : start + self.batch]).to(self.device, self.dtype)
                rows.append(self._tower(pixel_values=some).image_embeds.float().cpu().numpy())
        if not all(np.isfinite(each).all() for each in rows):
            raise ZahirError("an embedding is no number: half precision overflowed. Use dtype='float32'.")
        return np.concatenate(rows)

    def _read(self, sentences: list[str]) -> Float32[np.ndarray, "n dim"]:
        import torch

        tokenizer, tower = self._reader
        tokens = tokenizer(sentences, padding="max_length", max_length=77, truncation=True, return_tensors="pt")
        with self._lock, torch.inference_mode():
            return tower(input_ids=tokens.input_ids.to(self.device)).text_embeds.float().cpu().numpy()

    @cached_property
    def _config(self) -> dict[str, Any]:
        return _config(self.place)

    @property
    def _side(self) -> int:
        return int(self._config.get("vision_config", self._config).get("image_size", 224))

    @cached_property
    def _tower(self) -> Any:
        from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

        config = _part(CLIPVisionConfig, self._config, "vision_config")
        tower = load(CLIPVisionModelWithProjection, self.place, dtype=self.dtype, config=config)
        return tower.to(self.device).eval()

    @cached_property
    def _reader(self) -> tuple[Any, Any]:
        """The tokenizer and the text tower of this space; raises ZahirError where it is not here."""
        from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer

        text, tokens = self._words()
        config = _part(CLIPTextConfig, _config(text), "text_config")
        tokenizer = CLIPTokenizer.from_pretrained(str(tokens), local_files_only=True)
        if len(tokenizer) != config.vocab_size:
            raise BadData(f"{len(tokenizer):,} tokens, and the text tower knows {config.vocab_size:,}.", path=tokens)
        tower = load(CLIPTextModelWithProjection, text, dtype=self.dtype, config=config)
        return tokenizer, tower.to(self.device).eval()

    def _words(self) -> tuple[Path, Path]:
        if "text_config" in self._config:
            return self.place, self.place
        places = _WORDS.get(self.name, ())
        for name, text, tokens in places:
            folder = models.root() / name
            if (folder / text / "config.json").is_file():
                if (space := models.space_of(name)) != self.space:
                    raise SpaceMismatch(self.space, space, what="text tower")
                return folder / text, folder / tokens
        if not places:
            raise ZahirError(f"{self.place} holds no text tower, so '{self.name}' knows no words.")
        raise ZahirError(
            f"'{self.name}' knows no words without its text tower. Get it: zahir models get {places[0][0]}"
        )


def prepared(frames: UInt8[np.ndarray, "n height width 3"], side: int) -> Float32[np.ndarray, "n 3 side side"]:
    """Pixels as CLIP was trained on them: the shorter side to `side` (bicubic), the middle square, standardised."""
    height, width = frames.shape[1:3]
    size = side * width // min(height, width), side * height // min(height, width)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    squares = [
        np.asarray(Image.fromarray(each).resize(size, Image.Resampling.BICUBIC))[top : top + side, left : left + side]
        for each in frames
    ]
    scaled = (np.stack(squares) / np.float32(255) - _MEAN) / _SPREAD
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), np.float32)


def _config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text())
        return {**config, "projection_dim": int(config.get("projection_dim", 512))}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BadData(f"no CLIP tower ({error}). Expected config.json and model.safetensors.", path=folder) from error


def _part(kind: Any, config: dict[str, Any], part: str) -> Any:
    """A tower's own configuration; in a file of both towers the width they share stands beside them."""
    return kind.from_dict({**config.get(part, config), "projection_dim": config["projection_dim"]})


clip_bigg = partial(ClipEncoder, "clip-bigg")
clip_h = partial(ClipEncoder, "clip-h")
clip_l = partial(ClipEncoder, "clip-l")
