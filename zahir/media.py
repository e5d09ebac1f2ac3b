"""Media: frames of pixels and where they came from; PNG, WebP, WebM and MP4 in and out.

An image is a one-frame video. Knows nothing of embeddings or people. Whatever a generator made is written
with the machine-readable mark of generated media (IPTC digital source type), whether or not its origin is told.
"""

from __future__ import annotations

import base64
import io
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from os import PathLike
from typing import IO, Any, Literal

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from zahir.errors import BadData

PathOrFile = str | PathLike[str] | IO[bytes] | io.BytesIO

MAX_PIXELS = 40_000_000  # of one frame; a 13 kB file can claim 100 million
MAX_FRAMES = 300

_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia</Iptc4xmpExt:DigitalSourceType>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


@dataclass(frozen=True, eq=False)
class Origin:
    """Where a medium came from: enough to make it again.

    `details` holds what only its generator understands (the studio's genome, say), as JSON values.
    Media that nobody generated here have generator "" and no seed.
    """

    generator: str = ""
    space: str = ""
    taste: Float32[np.ndarray, "dim"] | None = None
    prompt: str | None = None
    seed: int | None = None
    strength: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """One JSON object; the taste as base64 of little-endian float32."""
        taste = None if self.taste is None else base64.b64encode(self.taste.astype("<f4").tobytes()).decode()
        return json.dumps({**vars(self), "taste": taste, "details": dict(self.details)}, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Origin:
        """Read what `to_json` wrote; raises BadData for anything else."""
        try:
            values = json.loads(text)
            taste = values.pop("taste", None)
            if taste is not None:
                taste = np.frombuffer(base64.b64decode(taste, validate=True), "<f4").astype(np.float32)
            return Origin(taste=taste, **values)
        except (ValueError, TypeError, AttributeError) as error:
            raise BadData(f"not an origin: {text[:80]!r} ({error}). Expected the JSON that Zahir writes.") from error


@dataclass(frozen=True, eq=False)
class Media:
    """Frames of RGB pixels, 0 to 255."""

    frames: UInt8[np.ndarray, "frames height width 3"]
    fps: float | None = None  # None for an image
    origin: Origin = field(default_factory=Origin)

    def __post_init__(self) -> None:
        if self.frames.ndim != 4 or self.frames.shape[-1] != 3 or 0 in self.frames.shape:
            raise ValueError(f"frames must have shape (frames, height, width, 3); got {self.frames.shape}.")
        if self.fps is None and len(self.frames) != 1:
            raise ValueError(f"an image has one frame; got {len(self.frames)}. Give fps for a video.")

    @staticmethod
    def image(pixels: UInt8[np.ndarray, "height width 3"], origin: Origin | None = None) -> Media:
        """A single picture."""
        return Media(pixels[None], None, origin or Origin())

    @property
    def kind(self) -> Literal["image", "video"]:
        return "image" if self.fps is None else "video"

    @property
    def generated(self) -> bool:
        """Whether a generator made it: a photograph must not carry the mark of generated media."""
        return bool(self.origin.generator)

    @property
    def pixels(self) -> UInt8[np.ndarray, "height width 3"]:
        """The picture itself, or the middle frame of a video."""
        return self.frames[len(self.frames) // 2]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.frames.shape[2], self.frames.shape[1]

    def to_png(self, to: PathOrFile, *, tell_origin: bool = True) -> None:
        """Write `pixels` as PNG; with its origin as text unless `tell_origin` is off."""
        info = PngImagePlugin.PngInfo()
        if self.generated:
            info.add_itxt("XML:com.adobe.xmp", _XMP)
        if tell_origin:
            info.add_itxt("zahir", self.origin.to_json())
        Image.fromarray(self.pixels).save(to, "PNG", pnginfo=info)

    def to_webp(self, to: PathOrFile, *, quality: int = 90) -> None:
        """Write `pixels` as WebP, for screens: small, without its origin."""
        label = {"xmp": _XMP.encode()} if self.generated else {}
        Image.fromarray(self.pixels).save(to, "WEBP", quality=quality, method=4, **label)

    def to_video(self, to: PathOrFile, *, container: Literal["webm", "mp4"] = "webm", crf: int = 24) -> None:
        """Write all frames as WebM (VP9) or MP4 (H.264); `crf` is quality, lower is better (0 to 51).

        Both codecs want even sides: an odd last row or column is left out.
        """
        import av  # half a second; only videos pay it

        width, height = (side - side % 2 for side in self.size)
        codec = {"webm": "libvpx-vp9", "mp4": "libx264"}[container]
        options = {"crf": str(crf)}
        if container == "webm":  # a fifteenth of the time of VP9's usual pace, for 0.6 dB and a fourth more bytes
            options |= {"b": "0", "row-mt": "1", "deadline": "realtime", "cpu-used": "6"}
        target: Any = to if hasattr(to, "write") else str(to)
        with av.open(target, "w", format=container) as out:
            if self.generated:
                out.metadata["comment"] = "trainedAlgorithmicMedia"
            out.metadata["description"] = self.origin.to_json()
            stream: Any = out.add_stream(codec, rate=Fraction(self.fps or 1).limit_denominator(1000), options=options)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for pixels in self.frames:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[:height, :width]), format="rgb24")
                out.mux(stream.encode(frame))
            out.mux(stream.encode())


def read_image(source: PathOrFile) -> Media:
    """Read one picture of any common format: turned upright, RGB, transparency on white.

    Raises BadData when the file is no picture, is broken, or claims more than MAX_PIXELS.
    """
    name = source if isinstance(source, (str, PathLike)) else "picture"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(source) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise BadData(
                        f"{opened.width} x {opened.height} pixels; at most {MAX_PIXELS} are read. Scale it down first.",
                        path=name,
                    )
                text = getattr(opened, "text", {}).get("zahir")
                upright = ImageOps.exif_transpose(opened)
                if upright.has_transparency_data:
                    upright = upright.convert("RGBA")
                    upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
                pixels = np.array(upright.convert("RGB"))
    except UnidentifiedImageError as error:
        raise BadData(
            "not a picture, or of an unknown format. Expected PNG, JPEG, WebP or the like.", path=name
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadData(f"{error} Scale it down first.", path=name) from error
    except FileNotFoundError as error:
        raise BadData("there is no such file.", path=name) from error
    except (OSError, ValueError, SyntaxError, EOFError, RuntimeError) as error:  # Pillow's ways to say "broken"
        raise BadData(f"the picture is broken ({error}). Save it again from a good copy.", path=name) from error
    return Media.image(pixels, Origin.from_json(text) if text else None)


def read_video(source: PathOrFile) -> Media:
    """Read a video whole; raises BadData when it is none, or longer than MAX_FRAMES frames."""
    import av

    name = source if isinstance(source, (str, PathLike)) else "video"
    try:
        readable: Any = source if hasattr(source, "read") else str(source)
        with av.open(readable) as opened:
            stream = opened.streams.video[0]
            if stream.width * stream.height > MAX_PIXELS:
                raise BadData(f"{stream.width} x {stream.height} pixels; at most {MAX_PIXELS} are read.", path=name)
            frames = list(_decode(opened, str(name)))
            return Media(np.stack(frames), float(stream.average_rate or 25))
    except (av.FFmpegError, IndexError) as error:
        raise BadData(f"not a video that can be read ({error}). Expected WebM or MP4.", path=name) from error


def to_bytes(media: Media, kind: Literal["png", "webp", "webm", "mp4"], *, quality: int = 90) -> bytes:
    """The medium as the bytes of a file of this kind; `quality` (0 to 100) is WebP's."""
    out = io.BytesIO()
    if kind == "png":
        media.to_png(out)
    elif kind == "webp":
        media.to_webp(out, quality=quality)
    else:
        media.to_video(out, container=kind)
    return out.getvalue()


def contact_sheet(
    media: Sequence[Media], *, columns: int, side: int = 256, gap: int = 8
) -> UInt8[np.ndarray, "height width 3"]:
    """Pictures side by side, row by row, each scaled to fill a square of `side` pixels, on near black."""
    rows = -(-len(media) // columns)
    step = side + gap
    sheet = np.full((rows * step + gap, columns * step + gap, 3), 18, np.uint8)
    for k, each in enumerate(media):
        square = ImageOps.fit(Image.fromarray(each.pixels), (side, side), Image.Resampling.LANCZOS)
        top, left = gap + k // columns * step, gap + k % columns * step
        sheet[top : top + side, left : left + side] = np.asarray(square)
    return sheet


def _decode(opened: Any, name: str) -> Iterator[np.ndarray]:
    for count, frame in enumerate(opened.decode(video=0)):
        if count == MAX_FRAMES:
            raise BadData(f"more than {MAX_FRAMES} frames. Cut it first.", path=name)
        yield frame.to_ndarray(format="rgb24")
