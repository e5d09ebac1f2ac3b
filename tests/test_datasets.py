"""Reading ratings: every layout in small files, every kind of bad row, and rows nobody foresaw."""

import json
import os
import sqlite3
from contextlib import closing

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from PIL import Image
from safetensors.numpy import save_file
from tables import ANY, told, triples

from zahir.datasets import pictures, read
from zahir.datasets.rows import MAX_LINE, MaxBad, Rejects
from zahir.datasets.scale import parse, recognise, to_ratings
from zahir.errors import BadData

VECTORS = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
NAMES = ["a", "b", "c", "d", "e"]


def write(folder, rows, header="user,item,rating", name="ratings.csv"):
    """A table of ratings beside embeddings of items a to e."""
    text = rows if isinstance(rows, bytes) else "\n".join([header, *rows]).encode()
    (folder / name).write_bytes(text)
    np.savez(folder / "embeddings.npz", embeddings=VECTORS, ids=np.array(NAMES))
    return folder / name


# layouts


def test_blue_tigers(tmp_path):
    vectors = np.random.default_rng(1).standard_normal((3, 1280)).astype(np.float16)
    np.savez(tmp_path / "item_embeddings.npz", embeddings=vectors)
    (tmp_path / "items.csv").write_text(
        "item,kind,made_for,text\n0,calibration,,\n1,generated,7,a cat\n2,generated,,\n"
    )
    (tmp_path / "ratings.csv").write_text("user,item,rating,own_item\n7,0,-1.0,0\n7,1,0.5,1\n9,0,1.0,0\n")
    sentences = []
    data = read(tmp_path, say=sentences.append)
    assert triples(data) == [("7", "0", -1.0), ("7", "1", 0.5), ("9", "0", 1.0)]
    assert data.space == "clip:ViT-bigG-14/laion2b_s39b_b160k"
    assert_allclose(data.embeddings, vectors.astype(np.float32))
    assert "blue_tigers" in sentences[0]
    assert "3 ratings by 2 people, as they are" in sentences[1]


def test_flickr_aes(tmp_path):
    (tmp_path / "40K").mkdir()
    for name in ("farm1 one.jpg", "farm1_two.jpg", "farm2_unrated.jpg"):
        Image.new("RGB", (8, 8), "red").save(tmp_path / "40K" / name)
    (tmp_path / "FLICKR-AES_image_labeled_by_each_worker.csv").write_text(
        " worker, imagePair, score\nA1 X,farm1 one.jpg,5\nA1 X,farm1_two.jpg,1\nB2,farm1_two.jpg,3\n"
    )
    data = read(tmp_path)
    assert triples(data) == [("A1 X", "farm1 one.jpg", 1), ("A1 X", "farm1_two.jpg", -1), ("B2", "farm1_two.jpg", 0)]
    assert data.embeddings.shape == (2, 0)
    assert [path.name for path in data.media] == data.item_ids
    assert triples(read(tmp_path / "FLICKR-AES_image_labeled_by_each_worker.csv")) == triples(data)


def test_para(tmp_path):
    for folder in ("annotation", "imgs/session1", "imgs/session2"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("session1/a.jpg", "session2/a.jpg"):
        Image.new("RGB", (8, 8)).save(tmp_path / "imgs" / name)
    (tmp_path / "annotation" / "PARA-Images.csv").write_text(
        "sessionId,imageName,userId,qualityScore,aestheticScore\n"
        "session1,a.jpg,A1,2,5.0\nsession2,a.jpg,A1,2,1.0\nsession3,a.jpg,A1,2,1.0\n"
    )
    data, bad = told(tmp_path)
    assert triples(data) == [("A1", "session1/a.jpg", 1.0), ("A1", "session2/a.jpg", -1.0)]
    assert [line for line, _ in bad] == [4]


def test_pamela(tmp_path):
    (tmp_path / "img").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "img" / "1.png")
    entry = {"participant_id": 7, "image_path": "img/1.png", "original_score": 4, "more": {}}
    (tmp_path / "all.json").write_text(json.dumps([entry, "no", entry | {"original_score": None}, {}]))
    data, bad = told(tmp_path / "all.json")
    assert triples(data) == [("7", "img/1.png", 0.5)]
    assert [line for line, _ in bad] == [2, 3, 4]
    for text in ("{}", "[" * 100_000, '[{"a'):
        (tmp_path / "all.json").write_text(text)
        with pytest.raises(BadData, match="JSON"):
            read(tmp_path / "all.json")


def test_simulacra_aesthetic_captions(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "1_a.png")
    with closing(sqlite3.connect(tmp_path / "sac.sqlite")) as database:
        database.executescript(
            "CREATE TABLE paths (iid INTEGER, path TEXT); CREATE TABLE ratings (sid, iid, rating, verified);"
            "INSERT INTO paths VALUES (1, '1_a.png'), (2, '2_gone.png');"
            "INSERT INTO ratings VALUES (3, 1, 10, 0), (4, 1, 1, 1), (4, 1, NULL, 1), (5, 2, 5, 1);"
        )
    data, bad = told(tmp_path / "sac.sqlite")
    assert triples(data) == [("3", "1_a.png", 1.0), ("4", "1_a.png", -1.0)]
    assert [line for line, _ in bad] == [4]
    for content in (b"SQLite format 3\0 not", b""):
        (tmp_path / "sac.sqlite").write_bytes(content)
        with pytest.raises(BadData, match="not the database"):
            read(tmp_path / "sac.sqlite")


def test_a_folder_of_pictures(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("deep/b.png", "a.JPG", ".hidden/c.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a picture")
    data = read(tmp_path)
    assert data.item_ids == ["a.JPG", "deep/b.png"]
    assert len(data.interactions) == len(data.user_ids) == 0


@pytest.mark.parametrize("kind", ["npz", "npy", "parquet", "safetensors", "safetensors-each", "safetensors-ids"])
def test_embeddings_in_every_format(tmp_path, kind):
    path = tmp_path / f"vectors.{kind.split('-')[0]}"
    names = NAMES
    if kind == "npz":
        np.savez(path, embeddings=VECTORS, ids=np.array(NAMES))
    elif kind == "npy":
        np.save(path, VECTORS.astype(np.float16).astype(np.float32))
        names = list("01234")
    elif kind == "parquet":
        pq.write_table(pa.table({"item": NAMES, "embedding": list(VECTORS)}), path)
    elif kind == "safetensors-each":
        save_file(dict(zip(NAMES, VECTORS)), path)
    elif kind == "safetensors-ids":
        save_file({"embeddings": VECTORS}, path, metadata={"ids": json.dumps(NAMES)})
    else:
        save_file({"embeddings": VECTORS, "ids": np.arange(5)}, path)
        names = list("01234")
    (tmp_path / "r.csv").write_text(f"user;item;rating\nx;{names[1]};0.5\ny;{names[4]};-1\n")
    data = read(tmp_path / "r.csv", embeddings=path, space="mine")
    assert triples(data) == [("x", names[1], 0.5), ("y", names[4], -1.0)]
    assert_allclose(data.embeddings, VECTORS, atol=2e-3)
    assert data.space == "mine"


def test_ratings_in_parquet_with_weights_and_times(tmp_path):
    table = {"User ID": [1, 1, 2], "image": ["a", "a", "b"], "stars": [5, 1, 3]}
    times = pa.array([1_700_000_000, 1_800_000_000, 1_700_000_000], pa.timestamp("s"))
    path = tmp_path / "ratings.parquet"
    pq.write_table(pa.table({**table, "weight": [1.0, 2.0, 0.5], "timestamp": times}), path)
    write(tmp_path, [], name="unused.csv")
    sentences = []
    data = read(path, say=sentences.append)
    assert triples(data) == [("1", "a", 1.0), ("1", "a", -1.0), ("2", "b", 0.0)]
    assert data.interactions.weights.tolist() == [1, 2, 0.5]
    assert data.interactions.times.tolist() == [1_700_000_000, 1_800_000_000, 1_700_000_000]
    assert "from 1..5 mapped to -1..1" in " ".join(sentences)
    assert data.space.startswith("data:")


def test_what_is_no_layout_is_refused(tmp_path):
    def refused(path, message):
        with pytest.raises(BadData, match=message):
            read(path)

    refused(tmp_path / "none", "no such file")
    refused(tmp_path, "no pictures")
    refused(write(tmp_path, ["x,a,1"], name="notes.txt"), "not a layout")
    refused(write(tmp_path, ["x,a,1"], header="who,what,howmuch"), "no column for user and item and rating")
    refused(write(tmp_path, ["x,a,1"], header="user,user,item,rating"), "two columns")
    refused(write(tmp_path, b""), "no column")
    refused(write(tmp_path, "user,item,rating\nx,a,1".encode("utf-16")), "UTF-16")
    (tmp_path / "embeddings.npz").unlink()
    refused(write(tmp_path, ["x,a,1"]).with_name("alone.csv"), "no such file")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "ratings.csv").write_text("user,item,rating\nx,a,1\n")
    refused(tmp_path / "deep", "--embeddings FILE or --images DIR")


def test_broken_and_hostile_embeddings_are_refused(tmp_path):
    path = write(tmp_path, ["x,a,-1"])
    hostile = tmp_path / "x.npy"
    np.save(hostile, np.array([{"a": 1}]), allow_pickle=True)
    (tmp_path / "y.npz").write_bytes(b"PK\x03\x04 no")
    (tmp_path / "z.safetensors").write_bytes(b"\xff" * 40)
    (tmp_path / "w.parquet").write_bytes(b"PAR1 no PAR1")
    np.savez(tmp_path / "v.npz", embeddings=VECTORS, ids=np.array(["a", "a", "b", "c", "d"]))
    np.savez(tmp_path / "u.npz", embeddings=VECTORS[0])
    for name in ("x.npy", "y.npz", "z.safetensors", "w.parquet", "v.npz", "u.npz", "ratings.csv"):
        with pytest.raises(BadData, match=name):
            read(path, embeddings=tmp_path / name)


# bad rows


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (b"x,a", "2 fields; the header has 3"),
        (b"x,a,0.5,extra", "4 fields"),
        (b",a,0.5", "the user is empty"),
        (b"x,,0.5", "the item is empty"),
        (b"x,a,", "rating '' is not a finite number"),
        (b"x,a,good", "rating 'good' is not a finite number"),
        (b"x,a,NaN", "rating 'NaN' is not a finite number"),
        (b"x,a,-inf", "not a finite number"),
        (b"x,a,1_0", "not a finite number"),
        (b"x,a,1e999", "not a finite number"),
        (b"x,a," + b"9" * 400, "not a finite number"),
        (b"x,a,99999999999999999999", "rating 1e+20 is out of range. Expected -1 to 1"),
        (b"x,a,1.01", "rating 1.01 is out of range"),
        (b"x,99999999999999999999,0.5", "there is no item '99999999999999999999'"),
        (b"x,../../etc/passwd,0.5", "there is no item"),
        (b"x\0,a,0.5", "NUL"),
        (b"x\xff,a,0.5", "not UTF-8"),
        (b"x\x07,a,0.5", "no id"),
        (b"y" * 600 + b",a,0.5", "no id"),
        (b'"x,a,0.5', "cannot be split"),
        (b'x,"a"b,0.5', "cannot be split"),
        (b"z" * (MAX_LINE + 10) + b",a,0.5", "longer than"),
        (b"good1,a,0.5", "user 'good1' has already rated this item at line 2"),
    ],
)
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_every_kind_of_bad_row_is_reported_with_its_line(tmp_path, row, why, newline):
    lines = [b"\xef\xbb\xbfuser,item,rating", b"good1,a,-0.5", b"good1,b,1", row, b"good2,c,0.25", b""]
    path = write(tmp_path, newline.join(lines))
    data, bad = told(path)
    assert triples(data) == [("good1", "a", -0.5), ("good1", "b", 1.0), ("good2", "c", 0.25)]
    assert [line for line, _ in bad] == [4]
    assert why in bad[0][1]
    assert str(path) in bad[0][1]
    with pytest.raises(BadData, match=r"1 of 4 cannot be read; at most 100 and 1 % of all may be(.|\n)*line 4"):
        read(path, scale=(-1.0, 1.0))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("x,a,1,0,5", "weight '0' is out of range"),
        ("x,a,1,-1,5", "weight '-1' is out of range"),
        ("x,a,1,nan,5", "weight 'nan' is not a finite number"),
        ("x,a,1,1,yesterday", "time 'yesterday' is no time"),
        ("x,a,1,1,1700000000000", "Expected seconds since 1970"),
        ("x,a,1,1,inf", "no time"),
        ("g,a,-1,1,100", "already rated this item at line 2"),
    ],
)
def test_bad_weights_and_times(tmp_path, row, why):
    path = write(tmp_path, ["g,a,-1,1,100", row, "g,a,1,1,2026-01-31 12:00"], header="user,item,rating,weight,time")
    data, bad = told(path)
    assert data.interactions.times.tolist() == [100, 1_769_860_800]
    assert [line for line, _ in bad] == [3]
    assert why in bad[0][1]


def test_quoted_fields_may_span_lines_and_mixed_newlines_are_fine(tmp_path):
    path = write(tmp_path, b'user,item,rating,why\r\nx,a,1,"so\nnice, ""really"""\ry,b,-1,"plain"\n\n\nz,c,0,\n')
    data, bad = told(path)
    assert triples(data) == [("x", "a", 1.0), ("y", "b", -1.0), ("z", "c", 0.0)]
    assert not bad


def test_a_stray_quote_costs_its_own_line_alone(tmp_path):
    rows = [f"u{k},a,-0.5" for k in range(200)]
    rows[3] = 'u3,"a,-0.5'
    data, bad = told(write(tmp_path, rows))
    assert [line for line, _ in bad] == [5]
    assert len(data.interactions) == 199


def test_the_count_and_the_share_decide(tmp_path):
    rows = [f"u{k},a,{'?' if k % 50 == 7 else -0.5}" for k in range(1000)]  # 20 bad
    path = write(tmp_path, rows)
    assert len(read(path, rejects=Rejects(MaxBad.of("20"))).interactions) == 980
    assert len(read(path, rejects=Rejects(MaxBad.of("2%"))).interactions) == 980
    with pytest.raises(BadData, match=r"20 cannot be read; at most 19"):
        read(path, rejects=Rejects(MaxBad.of("19")))
    with pytest.raises(BadData, match=r"20 of 1000 cannot be read; at most 100 and 1.9 % of all"):
        read(path, rejects=Rejects(MaxBad.of("100,1.9%")))
    for wrong in ("some", "-1", "101%"):
        with pytest.raises(ValueError, match=r"max-bad|invalid literal"):
            MaxBad.of(wrong)


def test_items_without_a_direction_are_reported(tmp_path):
    path = write(tmp_path, ["x,a,-1", "x,b,1"])
    vectors = VECTORS.copy()
    vectors[1, 2], vectors[3] = np.nan, 0
    np.savez(tmp_path / "embeddings.npz", embeddings=vectors, ids=np.array(NAMES))
    data, bad = told(path)
    assert data.item_ids == ["a", "c", "e"]
    assert ["row 1: the embedding of 'b' is zero or not finite" in why for _, why in bad] == [True, False, False]
    assert ["row 3: the embedding of 'd' is zero or not finite" in why for _, why in bad] == [False, True, False]
    assert "there is no item 'b'" in bad[2][1]


# scales


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([-1, -0.5, 0.5, 1], (-1, 1)),
        ([-0.2, 0.0, 0.3], (-1, 1)),
        ([1, 2, 3, 4, 5], (1, 5)),
        ([1, 5, 2.5], (1, 5)),
        ([2, 7, 10], (1, 10)),
        ([1, 2, 3, 5] * 100 + [50], (1, 5)),
        ([-1, 1] * 100 + [5], (-1, 1)),
        ([], (-1, 1)),
    ],
)
def test_scales_are_recognised(values, scale):
    assert recognise(np.array(values, np.float64)) == scale


@pytest.mark.parametrize("values", [[0, 1], [0.5, 1], [0, 3, 5], [1, 2, 3, 4], [0, 100], [1, 1], [1] * 200 + [5, 10]])
def test_ambiguous_scales_say_what_to_pass(values):
    with pytest.raises(ValueError, match=f"--scale={min(values):g},{max(values):g}"):
        recognise(np.array(values, np.float64))


def test_a_scale_that_is_given_is_used(tmp_path):
    path = write(tmp_path, ["x,a,0", "x,b,50", "x,c,100", "x,d,101"])
    data, bad = told(path, scale=parse("0,100"))
    assert [r for *_, r in triples(data)] == [-1, 0, 1]
    assert "Expected 0 to 100" in bad[0][1]
    with pytest.raises(BadData, match="ratings from 0 to 101"):
        read(path)
    for wrong in ("5,1", "1", "a,b", "0,inf"):
        with pytest.raises(ValueError):  # noqa: PT011
            parse(wrong)
    assert_allclose(to_ratings(np.array([1.0, 3, 4, 5]), (1, 5)), [-1, 0, 0.5, 1])


# pictures


class Redness:
    """The smallest encoder: mean colour, made unit."""

    space, dim = "redness", 3

    def encode(self, media):
        rows = np.stack([each.pixels.mean((0, 1)) + 1 for each in media]).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_broken_pictures_are_left_out_with_their_ratings(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for k in range(20):
        Image.new("RGB", (6, 6), (k * 12, 0, 100)).save(folder / f"{k}.png")
    whole = (folder / "3.png").read_bytes()
    (folder / "3.png").write_bytes(whole[:40])
    (folder / "4.png").write_text("<script>")
    (tmp_path / "ratings.csv").write_text("user,image,rating\n" + "".join(f"u,{k},{(-1) ** k}\n" for k in range(20)))
    data = read(tmp_path)
    bad, steps = [], []
    full = pictures.embed(
        data, Redness(), rejects=Rejects(ANY, bad.append), progress=lambda done, of: not steps.append((done, of))
    )
    assert full.space == "redness"
    assert [path.name for path in full.media] == [name for name in data.item_ids if name not in {"3.png", "4.png"}]
    assert len(full.interactions) == 18
    for path, row in zip(full.media, full.embeddings):
        assert_allclose(row, Redness().encode([pictures.read_image(path)])[0], atol=1e-6)
    assert {name for _, name, _ in triples(full)} == set(full.item_ids)
    assert sorted(error.path.name for error in bad) == ["3.png", "4.png"]
    assert steps[-1] == (20, 20)
    with pytest.raises(BadData, match="2 of 20"):
        pictures.embed(data, Redness(), rejects=Rejects())
    with pytest.raises(BadData, match="cancelled"):
        pictures.embed(data, Redness(), rejects=Rejects(ANY), progress=lambda done, of: False)
    (tmp_path / "ratings.csv").write_text("user,image,rating\nu,0,-1\n")
    with_vectors = read(tmp_path / "ratings.csv", images=folder, embeddings=_vectors_of(tmp_path))
    kept = pictures.without_broken(with_vectors, rejects=Rejects(ANY))
    assert None not in with_vectors.media
    assert [path is None for path in kept.media] == [name in {"3", "4"} for name in kept.item_ids]


def _vectors_of(folder):
    names = [f"{k}" for k in range(20)]
    np.savez(folder / "v.npz", embeddings=np.ones((20, 3)), ids=np.array(names))
    return folder / "v.npz"


@pytest.mark.filterwarnings("ignore")  # Pillow warns of some of what it then reads
def test_a_thousand_spoilt_pictures_are_read_or_refused(tmp_path, capfd):
    rng = np.random.default_rng(0)
    base = Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8))
    kinds = [("png", "RGB"), ("png", "P"), ("jpeg", "RGB"), ("jpeg", "CMYK"), ("webp", "RGBA"), ("gif", "P")]
    kinds += [("bmp", "RGB"), ("tiff", "RGB"), ("avif", "RGB")]
    names = []
    for k in range(999):
        kind, mode = kinds[k % len(kinds)]
        path = tmp_path / f"{k}.{kind}"
        base.convert(mode).save(path)
        data = bytearray(path.read_bytes())
        place = rng.integers(len(data))
        noise = rng.integers(0, 256, 9, np.uint8).tobytes()
        spoilt = [data[:place], data[:place] + noise + data[place:], data[:place] + noise + data[place + 9 :]]
        path.write_bytes(spoilt[rng.integers(3)])
        names.append(path.name)
    bad = []
    full = pictures.embed(read(tmp_path), Redness(), rejects=Rejects(ANY, bad.append))
    capfd.readouterr()  # libtiff's remarks
    assert sorted([error.path.name for error in bad] + list(full.item_ids)) == sorted(names)
    assert 100 < len(bad) < 900


def test_no_name_leads_out_of_the_folder(tmp_path):
    outside, folder = tmp_path / "secret.png", tmp_path / "images"
    folder.mkdir()
    Image.new("RGB", (4, 4)).save(outside)
    Image.new("RGB", (4, 4)).save(folder / "in.png")
    (folder / "link.png").symlink_to(outside)
    (folder / "up").symlink_to(tmp_path, target_is_directory=True)
    payloads = [
        "../secret.png",
        str(outside),
        "link.png",
        "up/secret.png",
        "images/../../secret.png",
        "..\\secret",
        "%2e%2e/secret.png",
        "./in/../../secret.png",
    ]
    (tmp_path / "r.csv").write_text("user,image,rating\n" + "\n".join(f"u,{p},-1" for p in [*payloads, "in", "in.png"]))
    data, bad = told(tmp_path / "r.csv", images=folder)
    assert [line for line, _ in bad] == [2 + k for k in range(len(payloads))] + [3 + len(payloads)]
    assert [path.name for path in data.media] == ["in.png"]


# rows nobody foresaw

_id = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=12)
_good = st.tuples(_id, st.sampled_from(NAMES), st.floats(-1, 1, width=32)).map(
    lambda row: (",".join([row[0], row[1], repr(row[2])]).encode(), (row[0], row[1]))
)
_bad = st.one_of(
    st.tuples(_id, st.sampled_from(NAMES), st.floats().filter(lambda x: not abs(x) <= 1)).map(
        lambda row: ",".join([row[0], row[1], repr(row[2])]).encode()
    ),
    st.tuples(_id, st.integers(5).map(str), st.just("1")).map(lambda row: ",".join(row).encode()),
    st.tuples(_id, st.sampled_from(NAMES), _id.filter(lambda x: not _is_number(x))).map(
        lambda row: ",".join(row).encode()
    ),
    st.binary(min_size=1, max_size=30).map(
        lambda noise: b"\xff," + noise.translate(None, b'\r\n"') + b",a,1"  # never UTF-8
    ),
    st.just(b"\0"),
    st.tuples(_id, st.sampled_from(NAMES)).map(lambda row: ",".join(row).encode()),
)


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(_good, _bad), min_size=30, max_size=90), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_generated_rows_are_read_or_rejected_each_by_its_number(tmp_path, rows, newline):
    lines, expected, seen = [b"user,item,rating"], [], set()
    for number, row in enumerate(rows, 2):
        line, cell = row if isinstance(row, tuple) else (row, None)
        lines.append(line)
        if cell is None or cell in seen:
            expected.append(number)
        else:
            seen.add(cell)
    path = write(tmp_path, newline.join(lines))
    data, bad = told(path, scale=(-1.0, 1.0))
    assert sorted(line for line, _ in bad) == expected
    assert len(data.interactions) == len(rows) - len(expected)
    assert all(len(why) < 400 + len(str(path)) for _, why in bad)


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_ten_thousand_rows_of_noise_are_all_accounted_for(tmp_path, quote):
    rng = np.random.default_rng(5)
    pieces = [
        b"u",
        b"a",
        b"0.5",
        b",",
        b",",
        b"-1",
        quote,
        b"\xff",
        b"\xc3\xa9",
        b"1e9",
        b" ",
        b"\0",
        b";",
        b"\t",
        b"'",
    ]
    lines = [b"".join(rng.choice(pieces, rng.integers(1, 9))) for _ in range(10_000)]
    lines[::10] = [b"person%d,a,-0.5" % k for k in range(1000)]
    path = write(tmp_path, b"\n".join([b"user,item,rating", *lines]))
    data, bad = told(path, scale=(-1.0, 1.0))
    numbers = [line for line, _ in bad]
    rows = len(lines) - sum(not line.strip() for line in lines)
    assert len(set(numbers)) == len(numbers)
    if quote:  # a row in quotes may run over several lines
        assert 0.9 * rows < len(numbers) + len(data.interactions) <= rows
    else:
        assert len(numbers) + len(data.interactions) == rows
        assert len(data.interactions) >= 1000


def test_a_line_without_end_is_never_held(tmp_path):
    path = write(tmp_path, ["x,a,-1"])
    with path.open("ab") as file:
        file.write(b"\ny,b,")
        file.seek(300 * 2**20, os.SEEK_END)  # a sparse hole: 300 MB of NUL in one line
        file.write(b"\nz,c,1\n")
    import tracemalloc

    tracemalloc.start()
    data, bad = told(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert triples(data) == [("x", "a", -1.0), ("z", "c", 1.0)]
    assert [line for line, _ in bad] == [3]
    assert peak < 20 * 2**20
