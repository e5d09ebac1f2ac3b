"""A taste as a file: it comes back as it was, decoders go where the shell sends them, and strangers do no harm."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import load, save
from tastes import DIM, SPACE, a_shell, a_taste

from zahir.errors import BadData, ZahirError
from zahir.space import normalize
from zahir.taste_file import MAX_BYTES, TasteFile, cleaned, from_bytes, read, to_bytes, write


def same(one, other):
    assert (one.name, one.space, one.created) == (other.name, other.space, other.created)
    for name in ("positive", "negative", "doubt_axes", "doubt_spreads"):
        assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.doubt_rest == other.doubt_rest
    assert (one.reach is None) == (other.reach is None)
    if one.reach is not None:
        assert_array_equal(one.reach.mean, other.reach.mean)
        assert_array_equal(one.reach.ways, other.reach.ways)
        assert (one.reach.norm, one.reach.radius) == (other.reach.norm, other.reach.radius)


@pytest.mark.parametrize("kind", ["safetensors", "json"])
@pytest.mark.parametrize("whole", [True, False])
def test_it_comes_back_to_the_last_bit(tmp_path, kind, whole):
    taste = a_taste(reach=whole, negative=whole, draws=whole)
    write(tmp_path / "a.taste", taste, kind)
    same(read(tmp_path / "a.taste"), taste)
    assert [path.name for path in tmp_path.iterdir()] == ["a.taste"]
    other = from_bytes(to_bytes(read(tmp_path / "a.taste"), "json" if kind == "safetensors" else "safetensors"))
    same(other, taste)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(ZahirError, match="cannot be written"):
        write(tmp_path / "gone" / "a.taste", a_taste())
    (tmp_path / "there").mkdir()
    with pytest.raises(ZahirError, match="cannot be written"):
        write(tmp_path / "there", a_taste())
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0, 2.0])
def test_decoders_are_sent_where_the_shell_sends_them(strength):
    shell, taste = a_shell(), a_taste()
    both = np.stack([taste.negative, taste.positive])
    assert_allclose(taste.reach.points(strength), shell.points(both, strength), rtol=1e-5, atol=1e-4)


def test_the_embeddings_lie_as_diffusers_wants_them():
    taste = a_taste()
    tensors = load(to_bytes(taste))
    embeddings = tensors["ip_adapter_image_embeds"]
    assert embeddings.shape == (2, 1, DIM)
    assert embeddings.dtype == np.float32
    shell = a_shell()
    assert_allclose(embeddings[1], shell.points(taste.positive[None]), rtol=1e-5, atol=1e-4)
    assert_allclose(embeddings[0], shell.points(taste.negative[None]), rtol=1e-5, atol=1e-4)
    alone = load(to_bytes(a_taste(negative=False)))["ip_adapter_image_embeds"]
    assert not alone[0].any(), "nothing to lead away from is zeros, as the pipelines have it"
    assert_allclose(alone[1], embeddings[1], atol=1e-5)
    lists = json.loads(to_bytes(taste, "json"))["ip_adapter_image_embeds"]
    assert_array_equal(np.float32(lists), embeddings)
    assert "ip_adapter_image_embeds" not in load(to_bytes(a_taste(reach=False)))


def test_the_doubt_is_that_of_the_draws():
    rng = np.random.default_rng(0)
    taste, axis = np.eye(DIM)[:2] * 2
    draws = taste + rng.standard_normal((400, 1)) * 0.5 * axis / 2 + 0.02 * rng.standard_normal((400, DIM))
    kept = TasteFile.of("x", SPACE, taste, draws=draws)
    assert abs(kept.doubt_axes[0, 1]) > 0.99
    assert kept.doubt_spreads[0] == pytest.approx(0.25, rel=0.1), "half as much, of a taste that is two long"
    assert kept.doubt_rest == pytest.approx(0.01, rel=0.2)
    assert_allclose(kept.doubt_axes @ kept.doubt_axes.T, np.eye(len(kept.doubt_axes)), atol=1e-5)
    nothing = TasteFile.of("x", SPACE, taste)
    assert (nothing.doubt_axes.shape, nothing.doubt_rest) == ((0, DIM), 0.0)


def test_what_is_no_taste_is_refused():
    with pytest.raises(ValueError, match="Rate something"):
        TasteFile.of("x", SPACE, np.zeros(DIM))
    with pytest.raises(ValueError, match="needs a name"):
        TasteFile.of("\u202e\n", SPACE, np.ones(DIM))
    with pytest.raises(ValueError, match="the shell is of space"):
        TasteFile.of("x", "else/24", np.ones(DIM), shell=a_shell())


def test_names_do_no_harm():
    assert cleaned("../../etc/passwd\x00\x1b[31m\u202eevil\r\n") == "../../etc/passwd [31m evil"
    assert cleaned("Ａnna  \t Ñandú") == "Ａnna Ñandú"
    assert len(cleaned("x" * 1000)) == 80
    assert read_back(facts={"name": "a\x1b]0;b\x07\u2028c"}).name == "a ]0;b c"


def parts():
    tensors = load(to_bytes(a_taste()))
    length = struct.unpack("<Q", to_bytes(a_taste())[:8])[0]
    return json.loads(to_bytes(a_taste())[8 : 8 + length])["__metadata__"], {k: v.copy() for k, v in tensors.items()}


def read_back(*, facts=None, tensors=None, without=()):
    old_facts, old_tensors = parts()
    new = {k: v for k, v in {**old_facts, **(facts or {})}.items() if k not in without}
    arrays = {k: v for k, v in {**old_tensors, **(tensors or {})}.items() if k not in without}
    return from_bytes(save(arrays, metadata=new))


LARGE = np.full(DIM, 3e38, np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"facts": {"version": "2"}}, "version '2'; this Zahir reads 1"),
        ({"without": ["version"]}, "version None"),
        ({"facts": {"owner": "x"}}, "unknown fact 'owner'"),
        ({"facts": {"name": "\u200b \n"}}, "no name that can be read"),
        ({"facts": {"name": "x" * 1001}}, "short text"),
        ({"facts": {"space": "clip\nroot"}}, "no name of a space"),
        ({"facts": {"created": "soon"}}, "'created' is 'soon'"),
        ({"facts": {"created": "-5"}}, "'created' is -5"),
        ({"facts": {"norm": "nan"}}, "'norm' is nan"),
        ({"facts": {"radius": "1e300"}}, "'radius' is 1e"),
        ({"tensors": {"weights": np.zeros(3, np.float32)}}, "unknown tensor 'weights'"),
        ({"tensors": {"positive": np.ones(DIM, np.float64)}}, "'positive' is 'F64'"),
        ({"tensors": {"positive": np.ones((DIM, 1), np.float32)}}, "has shape"),
        ({"tensors": {"positive": np.ones(DIM, np.float32)}}, "'positive' has length 4.9"),
        ({"tensors": {"positive": np.full(DIM, np.nan, np.float32)}}, "not finite"),
        ({"tensors": {"positive": np.ones(1, np.float32)}}, "1 numbers wide"),
        ({"tensors": {"positive": normalize(np.ones(9000))}}, "9000 numbers wide"),
        ({"tensors": {"negative": LARGE}}, "'negative' has length"),
        ({"tensors": {"mean": np.ones(DIM + 1, np.float32)}}, "'mean' has shape"),
        ({"tensors": {"mean": LARGE}}, "not where its taste leads"),
        ({"tensors": {"ways": np.zeros((2, DIM), np.float32)}}, "not where its taste leads"),
        ({"tensors": {"ip_adapter_image_embeds": np.zeros((2, 1, DIM), np.float32)}}, "not where its taste leads"),
        ({"tensors": {"doubt_spreads": -np.ones(16, np.float32)}}, "spread of doubt is negative"),
        ({"tensors": {"doubt_spreads": np.ones(25, np.float32)}}, "25 axes of doubt"),
        ({"without": ["negative"]}, "no negative"),
        ({"without": ["ways", "norm"]}, "it has only mean"),
    ],
)
def test_what_is_wrong_is_said(change, message):
    with pytest.raises(BadData, match=message):
        read_back(**change)


def framed(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def tensor(dtype, shape, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "neither safetensors nor JSON"),
        (b"\x80\x04\x95pickle", "neither safetensors nor JSON"),
        (b"{" * 100_000, "neither safetensors nor JSON"),
        (b'{"zahir_taste": ' + b"[" * 200_000, "neither safetensors nor JSON"),
        (b'{"positive": [NaN], "zahir_taste": {}}', "NaN is no number"),
        (b'{"a": 1, "a": 2}', "a key stands twice"),
        (b"[1, 2]", "a JSON list"),
        (b'{"zahir_taste": [], "positive": []}', "no 'zahir_taste'"),
        (b'{"zahir_taste": {"version": "1", "version": "1"}}', "a key stands twice"),
        (b'{"zahir_taste": {}, "positive": {"a": 1}}', "no number"),
        (b'{"zahir_taste": {}, "positive": ["1", "2"]}', "no number"),
        (b'{"zahir_taste": {}, "positive": [true, false]}', "no number"),
        (b'{"zahir_taste": {}, "positive": [[1], [1, 2]]}', "not a table"),
        (b'{"zahir_taste": {}, "positive": [1' + b"0" * 5000 + b"]}", "neither safetensors nor JSON"),
        (b'{"zahir_taste": {}, "positive": [1' + b"0" * 400 + b"]}", "no number"),
        (b'{"zahir_taste": {"version": 1}}', "'version' must be a short text"),
        (b'{"zahir_taste": {}, "__proto__": []}', "unknown key '__proto__'"),
        (framed(b"{" + b" " * 70_000 + b"}"), "a header of 70,002 bytes"),
        (framed(b'{"positive": 1, "positive": 2}'), "a key stands twice"),
        (framed({"__metadata__": {}, "positive": tensor("F32", [4], 99)}), "sound"),
        (framed({"__metadata__": {}, "positive": tensor("F32", [2**62, 4], 0)}), "sound"),
        (framed({"__metadata__": {}, "positive": tensor("BF16", [4], 8)}), "BF16"),
        (framed({"__metadata__": {}, "positive": []}), "is None"),
        (framed({}), "no metadata"),
        (b"\xff" * (MAX_BYTES + 1), "more than 4,194,304 bytes"),
    ],
)  # fmt: skip
def test_what_strangers_made_up_is_told_apart(data, message):
    with pytest.raises(BadData, match=message):
        from_bytes(data)


def test_only_files_are_read(tmp_path):
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(BadData, match="no such file"):
            read(path)
    (tmp_path / "zeros").write_bytes(bytes(MAX_BYTES + 5))
    with pytest.raises(BadData, match=r"zeros: more than"):
        read(tmp_path / "zeros")


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    st.sampled_from(["safetensors", "json"]),
    st.lists(st.tuples(st.integers(0, 2**20), st.integers(1, 255)), max_size=8),
    st.integers(0, 2**20),
    st.booleans(),
)
def test_flipped_and_cut_bytes_are_bad_data_or_a_taste(kind, flips, cut, shorten):
    data = bytearray(WHOLE[kind])
    for where, by in flips:
        data[where % len(data)] ^= by
    if shorten:
        del data[cut % len(data) :]
    try:
        taste = from_bytes(bytes(data))
    except BadData:
        return
    assert np.isfinite(taste.positive).all()
    to_bytes(taste, "json")


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.binary(max_size=300), st.booleans())
def test_bytes_of_any_kind_are_bad_data(data, header):
    with pytest.raises(BadData):
        from_bytes(framed(data) if header else data)


WHOLE = {kind: to_bytes(a_taste(draws=False), kind) for kind in ("safetensors", "json")}
