"""Media in and out of files, with the label of generated media and what must be refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from zahir import Media, Origin
from zahir.errors import BadData
from zahir.media import read_image, read_video, to_bytes

ORIGIN = Origin("studio", "studio-1/x", np.float32([0.5, -0.25]), None, 7, 1.0, {"genome": [1, 2]})


def picture(seed=0, size=32):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)


def test_png_keeps_pixels_and_origin(tmp_path):
    media = Media.image(picture(), ORIGIN)
    media.to_png(tmp_path / "a.png")
    back = read_image(tmp_path / "a.png")
    assert (back.pixels == media.pixels).all()
    assert back.origin.to_json() == ORIGIN.to_json()
    assert back.origin.taste.tolist() == [0.5, -0.25]


def test_ai_label_stays_when_the_origin_is_not_told():
    out = io.BytesIO()
    Media.image(picture(), ORIGIN).to_png(out, tell_origin=False)
    assert b"trainedAlgorithmicMedia" in out.getvalue()
    assert b"genome" not in out.getvalue()
    assert b"trainedAlgorithmicMedia" in to_bytes(Media.image(picture(), ORIGIN), "webp")


def test_photographs_are_not_called_generated():
    for kind in ("png", "webp"):
        assert b"trainedAlgorithmicMedia" not in to_bytes(Media.image(picture()), kind)


@pytest.mark.parametrize("container", ["webm", "mp4"])
def test_videos_come_back_whole(tmp_path, container):
    ramp = np.linspace(0, 255, 8).astype(np.uint8)
    frames = np.broadcast_to(ramp[:, None, None, None], (8, 48, 64, 3)).copy()
    Media(frames, 12.0, ORIGIN).to_video(tmp_path / f"a.{container}", container=container)
    back = read_video(tmp_path / f"a.{container}")
    assert back.frames.shape == frames.shape
    assert back.fps == 12.0
    assert np.abs(back.frames.astype(int) - frames).mean() < 4
    assert b"trainedAlgorithmicMedia" in (tmp_path / f"a.{container}").read_bytes()


def test_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(BadData, match=r"text\.png: not a picture"):
        read_image(tmp_path / "text.png")
    with pytest.raises(BadData, match="no such file"):
        read_image(tmp_path / "none.png")
    whole = to_bytes(Media.image(picture()), "png")
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadData, match="broken"):
        read_image(tmp_path / "half.png")
    with pytest.raises(BadData, match="not a video"):
        read_video(tmp_path / "text.png")


def test_a_small_file_cannot_claim_a_huge_picture():
    chunks = [b"IHDR" + struct.pack(">IIBBBBB", 12000, 9000, 8, 0, 0, 0, 0), b"IDAT" + zlib.compress(b""), b"IEND"]
    lengths = [struct.pack(">I", len(chunk) - 4) for chunk in chunks]
    sums = [struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks]
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(a + b + c for a, b, c in zip(lengths, chunks, sums))
    with pytest.raises(BadData, match="Scale it down"):
        read_image(io.BytesIO(bomb))


def test_pictures_are_turned_upright_and_flattened(tmp_path):
    image = Image.fromarray(picture(size=16)).crop((0, 0, 16, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert read_image(tmp_path / "turned.jpg").size == (8, 16)
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (read_image(tmp_path / "clear.png").pixels == 255).all()


def test_shapes_are_checked(unchecked):
    with pytest.raises(ValueError, match=r"got \(3, 3, 3\)"):
        Media(np.zeros((3, 3, 3), np.uint8))
    with pytest.raises(ValueError, match="one frame; got 2"):
        Media(np.zeros((2, 3, 3, 3), np.uint8))
    with pytest.raises(BadData, match="not an origin"):
        Origin.from_json("[1]")
