"""Photographs as files: every bit back, EXIF and profile kept, orientation right, nothing written over."""

import av
import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from PIL.TiffImagePlugin import IFDRational

from zahir.enhance import photo
from zahir.enhance.photo import Photo
from zahir.errors import BadData, ZahirError

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SUFFIXES = ("png", "tif")


def pixels(dtype, shape=(21, 300, 3), seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def exif(orientation=1):
    told = Image.Exif()
    told[0x010F], told[0x0112] = "Maker", orientation
    told[0x8769] = {0x9003: "2026:01:01 10:00:00", 0x829A: IFDRational(1, 50), 0x927C: b"maker\0's note"}
    told[0x8825] = {1: "N", 2: (51.0, 30.0, 0.0)}
    return told.tobytes().removeprefix(b"Exif\0\0")


def told_by(data):
    found = Image.Exif()
    found.load(data)
    return dict(found) | {"exif": found.get_ifd(0x8769), "gps": found.get_ifd(0x8825)}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("alpha", [False, True])
def test_every_bit_comes_back_with_exif_profile_and_xmp(tmp_path, suffix, dtype, alpha):
    kept = Photo(pixels(dtype), pixels(dtype, (21, 300), 1) if alpha else None, exif(), ICC, b"<x:xmpmeta/>")
    path = tmp_path / f"a.{suffix}"
    photo.write(kept, path)
    back = photo.read(path)
    assert back.pixels.dtype == dtype
    assert np.array_equal(back.pixels, kept.pixels)
    assert (back.alpha is None) == (not alpha)
    assert not alpha or np.array_equal(back.alpha, kept.alpha)
    assert (back.icc, back.xmp) == (ICC, b"<x:xmpmeta/>")
    assert told_by(back.exif) == told_by(kept.exif)


@pytest.mark.parametrize(("suffix", "codec", "kind"), [("png", "png", "rgb48be"), ("tif", "tiff", "rgb48le")])
def test_16_bits_agree_with_another_writer_and_another_reader(tmp_path, suffix, codec, kind):
    deep = pixels(np.uint16, (24, 50, 3))
    frame = av.VideoFrame.from_ndarray(deep, format="rgb48le").reformat(format=kind)
    coder = av.CodecContext.create(codec, "w")
    coder.width, coder.height, coder.pix_fmt, coder.time_base = 50, 24, kind, 1
    theirs = tmp_path / f"theirs.{suffix}"
    theirs.write_bytes(b"".join(bytes(packet) for packet in [*coder.encode(frame), *coder.encode(None)]))
    assert np.array_equal(photo.read(theirs).pixels, deep)
    ours = tmp_path / f"ours.{suffix}"
    photo.write(Photo(deep, exif=exif(), icc=ICC), ours)
    with av.open(str(ours)) as opened:
        assert np.array_equal(next(opened.decode(video=0)).to_ndarray(format="rgb48le"), deep)
    with Image.open(ours) as opened:  # Pillow cuts to 8 bits, but reads all of the rest
        assert opened.info["icc_profile"] == ICC
        assert np.array_equal(np.asarray(opened.convert("RGB")), (deep >> 8).astype(np.uint8))


def test_jpeg_keeps_exif_byte_for_byte_and_loses_the_old_thumbnail(tmp_path):
    first = exif()
    second = first + b"\0\0"  # a second directory: what cameras put the thumbnail in
    count = int.from_bytes(first[8:10], "big")
    link = 10 + 12 * count
    with_thumbnail = second[:link] + len(first).to_bytes(4, "big") + second[link + 4 :]
    path = tmp_path / "a.jpg"
    Image.fromarray(pixels(np.uint8)).save(path, exif=b"Exif\0\0" + with_thumbnail, icc_profile=ICC)
    back = photo.read(path)
    assert back.exif == second
    photo.write(back, tmp_path / "b.jpg")
    again = photo.read(tmp_path / "b.jpg")
    assert (again.exif, again.icc) == (second, ICC)
    assert told_by(again.exif)["exif"][0x927C] == b"maker\0's note"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("suffix", "dtype"), [("png", np.uint8), ("tif", np.uint8), ("png", np.uint16), ("tif", np.uint16)]
)
def test_orientation_is_applied_as_pillow_does_and_then_said_to_be_upright(tmp_path, orientation, suffix, dtype):
    eight = pixels(np.uint8, (12, 19, 3))
    path = tmp_path / f"a.{suffix}"
    if dtype == np.uint8:
        Image.fromarray(eight).save(path, exif=b"Exif\0\0" + exif(orientation))
    else:
        photo.write(Photo(eight.astype(np.uint16) * 257, exif=exif(orientation)), path)
    with_tag = tmp_path / "tagged.png"
    Image.fromarray(eight).save(with_tag, exif=b"Exif\0\0" + exif(orientation))
    with Image.open(with_tag) as opened:
        upright = np.asarray(ImageOps.exif_transpose(opened))
    back = photo.read(path)
    assert back.pixels.dtype == dtype
    assert np.array_equal(back.pixels, upright.astype(dtype) * (257 if dtype == np.uint16 else 1))
    assert told_by(back.exif)[0x0112] == 1
    assert told_by(back.exif)[0x010F] == "Maker"


def test_grey_is_read_as_three_channels(tmp_path):
    grey = pixels(np.uint16, (9, 14))
    Image.fromarray(grey).save(tmp_path / "deep.png")
    Image.fromarray((grey >> 8).astype(np.uint8)).save(tmp_path / "flat.png")
    assert np.array_equal(photo.read(tmp_path / "deep.png").pixels, grey[..., None].repeat(3, -1))
    assert np.array_equal(
        photo.read(tmp_path / "flat.png").pixels, (grey >> 8).astype(np.uint8)[..., None].repeat(3, -1)
    )


def test_a_profile_of_grey_is_not_kept_for_three_channels(tmp_path):
    grey = ICC[:16] + b"GRAY" + ICC[20:]
    Image.fromarray(pixels(np.uint8, (9, 14))).save(tmp_path / "a.png", icc_profile=grey)
    assert photo.read(tmp_path / "a.png").icc == b""


def test_another_format_keeps_what_it_can(tmp_path):
    photo.write(Photo(pixels(np.uint16), exif=exif(), icc=ICC), tmp_path / "a.tif")
    deep = photo.read(tmp_path / "a.tif")
    photo.write(deep, tmp_path / "a.jpg")
    flat = photo.read(tmp_path / "a.jpg")
    assert (flat.bits, flat.icc) == (8, ICC)
    assert told_by(flat.exif) == told_by(deep.exif)


def test_nothing_is_ever_written_over(tmp_path):
    path = tmp_path / "a.png"
    path.write_text("precious")
    with pytest.raises(ZahirError, match="exists and is never written over"):
        photo.write(Photo(pixels(np.uint8)), path)
    assert path.read_text() == "precious"


def test_the_default_name_is_beside_the_original(tmp_path):
    assert photo.default_path(tmp_path / "a.b.jpg") == tmp_path / "a.b-zahir.jpg"


def test_other_names_are_refused(tmp_path):
    with pytest.raises(ZahirError, match=r"cannot write 'a\.webp': expected one of \.jpg"):
        photo.write(Photo(pixels(np.uint8)), tmp_path / "a.webp")


def test_a_raw_file_is_named_and_the_way_out_is_told(tmp_path):
    path = tmp_path / "a.NEF"
    Image.fromarray(pixels(np.uint8)).save(path, "TIFF")
    with pytest.raises(BadData, match=r"RAW file\. Develop it first.*darktable-cli 'a\.NEF' 'a\.tif'"):
        photo.read(path)


def test_what_is_no_photograph_is_said_to_be_none(tmp_path):
    for name, data, why in (
        ("a.jpg", b"hello", "not a JPEG, PNG or TIFF"),
        ("b.png", b"\x89PNG\r\n\x1a\n" + bytes(30), "not a JPEG|broken"),
        ("c.tif", b"II*\0\x08\0\0\0", "not a JPEG|broken"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BadData, match=why):
            photo.read(tmp_path / name)
    with pytest.raises(BadData, match="there is no such file"):
        photo.read(tmp_path / "d.jpg")


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_a_cut_off_file_is_broken(tmp_path, suffix):
    whole, cut = tmp_path / f"a.{suffix}", tmp_path / f"cut.{suffix}"
    photo.write(Photo(pixels(np.uint16), exif=exif()), whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(BadData, match=r"broken|cannot be read"):
        photo.read(cut)


@pytest.mark.parametrize("mode", ["CMYK", "F", "I"])
def test_other_kinds_of_pixels_say_what_to_convert(tmp_path, mode):
    path = tmp_path / "a.tif"
    Image.new(mode, (8, 8)).save(path)
    with pytest.raises(BadData, match="Expected RGB or grey of 8 or 16 bits: convert it first"):
        photo.read(path)


def test_broken_exif_tells_nothing_and_breaks_nothing(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(pixels(np.uint8)).save(path, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")
    assert photo.read(path).exif == b""


def test_what_a_screen_shows_goes_by_the_profile():
    flat = pixels(np.uint8)
    assert np.array_equal(photo.for_screen(Photo(flat)), flat)
    same = photo.for_screen(Photo(flat, icc=ICC))
    assert np.abs(same.astype(int) - flat).max() <= 1
    assert np.array_equal(photo.for_screen(Photo(flat, icc=b"no profile")), flat)


def test_a_small_copy_keeps_its_shape():
    assert photo.small(Photo(pixels(np.uint16, (100, 300, 3))), 60).size == (60, 20)
