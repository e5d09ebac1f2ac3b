"""Photographs as files: 8 and 16 bits, JPEG, PNG and TIFF, with their EXIF, XMP and colour profile; never over a file.

Knows nothing of settings or tastes. A photograph that the camera took sideways is turned upright, which moves pixels
and changes none, and its EXIF says so; the rest of EXIF stays byte for byte, but for the thumbnail. Pillow reads 8 bits
a channel and PyAV 16, which Pillow would cut; PNG and TIFF are written here, since neither library writes 16 bits
together with EXIF and a profile.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8, UInt16
from PIL import Image, ImageCms, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from zahir.errors import BadData, ZahirError

MAX_PIXELS = 200_000_000
FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF"}
RAW = {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw"}
RAW |= {".orf", ".pef", ".raf", ".raw", ".rw2", ".sr2", ".srw", ".x3f"}
_ORIENTATION, _EXIF_IFD, _GPS_IFD = 0x0112, 0x8769, 0x8825
# what says how pixels lie in a TIFF file; all other tags tell of the photograph and are kept
_LAYOUT = {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 318, 319, 320}
_LAYOUT |= {322, 323, 324, 325, 330, 338, 339, 340, 341, 347, 512, 513, 514, 515, 519, 520, 521, 529, 530, 531, 532}
_ICC_TAG, _XMP_TAG = 34675, 700
_PREFIX = b"Exif\0\0"


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph, upright, and what its file tells of it."""

    pixels: UInt8[np.ndarray, "height width 3"] | UInt16[np.ndarray, "height width 3"]
    alpha: np.ndarray | None = None  # (height, width) of the same depth
    exif: bytes = b""  # a TIFF structure, as JPEG and PNG carry it, without any prefix
    icc: bytes = b""
    xmp: bytes = b""

    @property
    def bits(self) -> int:
        """Per channel: 8 or 16."""
        return 8 * self.pixels.itemsize

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def with_pixels(self, pixels: UInt8[np.ndarray, "height width 3"] | UInt16[np.ndarray, "height width 3"]) -> Photo:
        """The same photograph in other colours."""
        return replace(self, pixels=pixels)


def read(path: Path) -> Photo:
    """Read a photograph; raises BadData for what is no JPEG, PNG or TIFF of 8 or 16 bits, and says what to convert."""
    if path.suffix.lower() in RAW:
        raise BadData(
            "a camera's RAW file. Develop it first, for example: "
            f"darktable-cli '{path.name}' '{path.with_suffix('.tif').name}' (16 bits), then enhance that.",
            path=path,
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd EXIF, and of many pixels, which are counted below
            with Image.open(path, formats=["JPEG", "PNG", "TIFF"]) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise BadData(
                        f"{opened.width} x {opened.height} pixels; at most {MAX_PIXELS} are read. Scale it down.",
                        path=path,
                    )
                return _photo(path, opened)
    except FileNotFoundError as error:
        raise BadData("there is no such file.", path=path) from error
    except UnidentifiedImageError as error:
        raise BadData("not a JPEG, PNG or TIFF photograph. Convert it to one of these.", path=path) from error
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        RuntimeError,
        struct.error,
        Image.DecompressionBombError,
    ) as error:
        raise BadData(f"the photograph is broken ({error}). Take a good copy.", path=path) from error


def write(photo: Photo, path: Path, *, quality: int = 95) -> None:
    """Write a photograph, in the format that the path's suffix names: PNG and TIFF as deep as it is, JPEG in 8 bits.

    Raises ZahirError when there is a file already, and when the suffix is none of FORMATS. `quality` is JPEG's.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ZahirError(f"cannot write '{path.name}': expected one of {', '.join(FORMATS)}. Give another name.")
    data = {"JPEG": _jpeg, "PNG": _png, "TIFF": _tiff}[kind](photo, quality)
    try:
        with path.open("xb") as out:  # exclusively: not even a file that came a moment ago is written over
            out.write(data)
    except FileExistsError as error:
        raise ZahirError(f"{path} exists and is never written over. Give another path, or move it away.") from error


def default_path(path: Path) -> Path:
    """Where an enhanced photograph goes: beside the original, photo.jpg -> photo-zahir.jpg."""
    return path.with_name(f"{path.stem}-zahir{path.suffix}")


def small(photo: Photo, side: int) -> Photo:
    """A copy of 8 bits whose longer side is `side` at most, without alpha: to try things on."""
    eight = Image.fromarray(_eight(photo.pixels))
    eight.thumbnail((side, side), Image.Resampling.LANCZOS)
    return replace(photo, pixels=np.array(eight), alpha=None)


def for_screen(photo: Photo) -> UInt8[np.ndarray, "height width 3"]:
    """Its pixels as sRGB of 8 bits, by its colour profile where it has one that can be read."""
    seen = Image.fromarray(_eight(photo.pixels))
    if photo.icc:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(photo.icc))
            ImageCms.profileToProfile(seen, profile, ImageCms.createProfile("sRGB"), inPlace=True)
        except (ImageCms.PyCMSError, OSError):
            pass  # of grey or of a printer: what is left is to look at the numbers as they are
    return np.array(seen)


# EXIF's orientation -> (rows and columns change places, then the steps through rows and through columns)
_TURNS = {
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, 1, -1),
    7: (True, -1, -1),
    8: (True, -1, 1),
}


def _photo(path: Path, opened: Image.Image) -> Photo:
    tiff, depth = isinstance(opened, TiffImageFile), _depth(path, opened)
    if opened.format == "PNG":
        opened.load()  # eXIf may follow the pixels
    told = opened.getexif()
    turn = _TURNS.get(told.get(_ORIENTATION, 1))
    if _ORIENTATION in told:
        told[_ORIENTATION] = 1  # which also keeps Pillow from turning TIFF files itself
    exif = _of_tiff(told) if tiff else _amended(opened.info.get("exif", b""))
    xmp = opened.info.get("xmp") or opened.info.get("XML:com.adobe.xmp", "").encode()
    if depth == 16:
        channels = _deep(path)
    elif depth == 8 and opened.mode in {"1", "L", "LA", "P", "PA", "RGB", "RGBA"}:
        channels = np.array(opened.convert("RGBA" if opened.has_transparency_data else "RGB"))
    else:
        raise BadData(
            f"{depth} bits a channel in mode {opened.mode}. Expected RGB or grey of 8 or 16 bits: convert it first, "
            "for example to a 16-bit RGB TIFF.",
            path=path,
        )
    if turn is not None:
        transpose, rows, columns = turn
        channels = channels.swapaxes(0, 1) if transpose else channels
        channels = channels[::rows, ::columns]
    alpha = np.ascontiguousarray(channels[..., 3]) if channels.shape[-1] == 4 else None
    icc = opened.info.get("icc_profile") or b""
    if icc[16:20] != b"RGB ":  # of grey: what is written has three channels
        icc = b""
    return Photo(np.ascontiguousarray(channels[..., :3]), alpha, exif, icc, bytes(xmp))


def _depth(path: Path, opened: Image.Image) -> int:
    if isinstance(opened, TiffImageFile):
        tags = opened.tag_v2
        return max(tags.get(258, (1,))) if set(tags.get(339, (1,))) == {1} else 32  # 339: whole numbers, no floats
    if opened.format == "PNG":
        with path.open("rb") as file:
            return max(8, file.read(25)[24])
    return 8


def _deep(path: Path) -> np.ndarray:
    """The channels of a picture of 16 bits, 3 or 4 of them."""
    import av  # half a second; only 16 bits pay it

    try:
        with av.open(str(path)) as opened:
            frame = next(opened.decode(video=0))
            name = frame.format.name.removesuffix("le").removesuffix("be")
            if name == "gray16":
                return np.repeat(frame.to_ndarray(format="gray16le")[..., None], 3, axis=-1)
            if name == "ya16":
                grey, alpha = np.moveaxis(frame.to_ndarray(format="rgba64le")[..., [0, 3]], -1, 0)
                return np.stack([grey, grey, grey, alpha], axis=-1)
            if name in {"rgb48", "rgba64"}:
                return frame.to_ndarray(format=f"{name}le")
    except (av.FFmpegError, StopIteration, ValueError) as error:
        raise BadData(f"its 16 bits cannot be read ({error}). Save it as an uncompressed TIFF.", path=path) from error
    raise BadData(f"pixels of kind {frame.format.name}. Convert it to a 16-bit RGB TIFF.", path=path)


def _eight(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.dtype == np.uint8 else ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _of_tiff(tags: Image.Exif) -> bytes:
    """What the tags of a TIFF file tell of the photograph, as EXIF; profile and XMP travel apart."""
    kept = Image.Exif()
    kept.endian = tags.endian
    for tag, value in tags.items():
        if tag not in _LAYOUT | {_ICC_TAG, _XMP_TAG}:
            kept[tag] = tags.get_ifd(tag) if tag in (_EXIF_IFD, _GPS_IFD) else value
    return kept.tobytes().removeprefix(_PREFIX) if len(kept) else b""


def _amended(exif: bytes) -> bytes:
    """EXIF byte for byte, makers' notes and all, but upright and without its thumbnail, which shows the old picture."""
    exif = exif.removeprefix(_PREFIX)
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return b""
    amended = bytearray(exif)
    try:
        (first,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, first)
        for entry in range(first + 2, first + 2 + 12 * count, 12):
            if struct.unpack_from(order + "H", exif, entry)[0] == _ORIENTATION:
                struct.pack_into(order + "H", amended, entry + 8, 1)
        struct.pack_into(order + "I", amended, first + 2 + 12 * count, 0)  # no second directory
    except struct.error:
        return b""  # EXIF that ends in the middle tells nothing
    return bytes(amended)


def _jpeg(photo: Photo, quality: int) -> bytes:
    out = io.BytesIO()
    told = {"exif": photo.exif, "icc_profile": photo.icc, "xmp": photo.xmp}
    options: dict[str, Any] = {key: value for key, value in told.items() if value}
    if "exif" in options:
        options["exif"] = _PREFIX + photo.exif
    Image.fromarray(_eight(photo.pixels)).save(out, "JPEG", quality=quality, subsampling=0, optimize=True, **options)
    return out.getvalue()


def _png(photo: Photo, _quality: int) -> bytes:
    """PNG, third edition (W3C 2025): eXIf and iCCP before the pixels, each row as its difference from the one above."""
    channels = _channels(photo)
    height, width, count = channels.shape
    rows = channels.astype(f">u{channels.itemsize}").view(np.uint8).reshape(height, -1)
    filtered = np.empty((height, rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 2  # "up"
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8 * channels.itemsize, 6 if count == 4 else 2, 0, 0, 0)

    def chunks() -> Iterator[tuple[bytes, bytes]]:
        yield b"IHDR", header
        if photo.icc:
            yield b"iCCP", b"ICC profile\0\0" + zlib.compress(photo.icc)
        if photo.exif:
            yield b"eXIf", photo.exif
        if photo.xmp:
            yield b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + photo.xmp
        yield b"IDAT", zlib.compress(filtered.tobytes(), 6)
        yield b"IEND", b""

    parts = [
        struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data)) for tag, data in chunks()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _tiff(photo: Photo, _quality: int) -> bytes:
    """TIFF 6.0, its strips deflated. EXIF is a TIFF structure: with the tags of a layout it is the head of the file."""
    channels = _channels(photo)
    height, width, count = channels.shape
    tags = Image.Exif()
    if photo.exif:
        tags.load(photo.exif)
    order = tags.endian or "<"
    told = {tag: tags.get_ifd(tag) if tag in (_EXIF_IFD, _GPS_IFD) else value for tag, value in tags.items()}
    rows = max(1, (1 << 20) // (width * count * channels.itemsize))
    stored = channels.astype(f"{order}u{channels.itemsize}")
    strips = [zlib.compress(stored[first : first + rows].tobytes(), 6) for first in range(0, height, rows)]
    lengths = [len(strip) for strip in strips]
    layout = {
        256: width, 257: height, 258: (8 * channels.itemsize,) * count, 259: 8, 262: 2, 277: count, 278: rows,
        273: tuple(np.cumsum([0, *lengths[:-1]]).tolist()),  # Pillow counts from the end of what it writes
        279: tuple(lengths), 284: 1,
    }  # fmt: skip
    if count == 4:
        layout[338] = 2
    if photo.icc:
        told[_ICC_TAG] = photo.icc
    if photo.xmp:
        told[_XMP_TAG] = photo.xmp
    head = Image.Exif()
    head.endian = order
    for tag, value in (told | layout).items():
        head[tag] = value
    return head.tobytes().removeprefix(_PREFIX) + b"".join(strips)


def _channels(photo: Photo) -> np.ndarray:
    return photo.pixels if photo.alpha is None else np.dstack([photo.pixels, photo.alpha])
