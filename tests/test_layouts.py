"""Public sets in small files of their true layouts, with bad rows of every kind, and their published splits."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose
from PIL import Image
from tables import told, triples

from zahir.datasets import pictures, read
from zahir.datasets.check import facts
from zahir.datasets.parts import parts
from zahir.datasets.rows import Rejects
from zahir.errors import BadData


def names(ids, rows):
    return sorted(ids[row] for row in rows)


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), "red").save(path)


# LAPIS


@pytest.fixture
def lapis(tmp_path):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        picture(tmp_path / "images" / name)
    (tmp_path / "annotation").mkdir()
    (tmp_path / "annotation" / "LAPIS_individualratings_metaANDdemodata.csv").write_text(
        "participant_id,image_id,image_filename,response,age\n"
        "7,1,Baroque/a.jpg,100,30\n"
        "7,2,Cubism/b.jpg,0,30\n"
        "8,3,Cubism/c.jpg,62.5,41\n"
        "8,1,Baroque/a.jpg,101,41\n"  # out of range
        "8,2,Cubism/b.jpg,,41\n"  # no response
        "8,9,Cubism/gone.jpg,50,41\n"  # no such picture
        ",1,Baroque/a.jpg,50,41\n"  # nobody
        "7,1,Baroque/a.jpg,10,30\n"  # again
        "7,1,Baroque/a.jpg\n"  # too few fields
    )
    for folder, lists in {
        "imageset": {"TestImageSet": "a.jpg\ngone.jpg\n", "ValImageSet": "b.jpg\n"},
        "userset": {f"TestUserIDs_Fold{k}": f"{6 + k}\n" for k in (1, 2, 3, 4)},
    }.items():
        (tmp_path / folder).mkdir()
        for name, text in lists.items():
            (tmp_path / folder / f"{name}.txt").write_text(text)
    return tmp_path


def test_lapis(lapis):
    data, bad = told(lapis)
    assert triples(data) == [("7", "a.jpg", 1.0), ("7", "b.jpg", -1.0), ("8", "c.jpg", 0.25)]
    assert sorted(line for line, _ in bad) == [5, 6, 7, 8, 9, 10]
    assert [path.name for path in data.media] == data.item_ids


def test_lapis_published_split(lapis):
    sentences = []
    data, _ = told(lapis)
    found = parts(lapis, data, say=sentences.append)
    assert names(data.item_ids, found["test_items"]) == ["a.jpg"]
    assert names(data.item_ids, found["validation_items"]) == ["b.jpg"]
    assert [names(data.user_ids, found[f"users_{k}"]) for k in (1, 2, 3, 4)] == [["7"], ["8"], [], []]
    assert "1 of 2 test items" in sentences[0]


def test_lapis_in_its_other_release_and_without_its_columns(lapis):
    file = lapis / "annotation" / "LAPIS_individualratings_metaANDdemodata.csv"
    file.write_text(" participant_id,file,response\n7,Baroque/a.jpg,50\n")
    assert triples(read(lapis)) == [("7", "a.jpg", 0.0)]
    file.write_text("participant_id,title,response\n7,a,50\n")
    with pytest.raises(BadData, match=r"no column image_filename or file\. Expected those of LAPIS"):
        read(lapis)


# MovieLens

FILMS = [("1", "10", "5", "881250949"), ("2", "10", "1", "881250950"), ("1", "20", "3", "881250951")]


@pytest.mark.parametrize(("name", "between"), [("u.data", "\t"), ("ratings.dat", "::"), ("ratings.csv", ",")])
def test_movielens_in_its_three_layouts(tmp_path, name, between):
    folder = tmp_path / "ml-x"
    folder.mkdir()
    header = ["userId,movieId,rating,timestamp"] if name.endswith("csv") else []
    bad_rows = ["3", between.join(("3", "10", "6", "1")), between.join(("3", "10", "no", "1"))]
    bad_rows += [between.join(("", "10", "4", "1")), between.join(("3", "10", "4", "yesterday"))]
    (folder / name).write_text("\n".join([*header, *map(between.join, FILMS), *bad_rows]) + "\n")
    for path in (tmp_path, folder, folder / name):
        data, bad = told(path)
        low = 1 if name == "u.data" else 0.5
        scaled = [2 * (float(rating) - low) / (5 - low) - 1 for _, _, rating, _ in FILMS]
        assert triples(data) == [(user, film, round(r, 6)) for (user, film, *_), r in zip(FILMS, np.float32(scaled))]
        assert data.interactions.times.tolist() == [881250949, 881250950, 881250951]
        first = 1 + len(header) + len(FILMS)
        assert sorted(line for line, _ in bad) == list(range(first, first + 5))
        assert data.embeddings.shape == (2, 0)
        assert any("for a taste model" in fact for fact in facts(data))


def test_movielens_rated_again_is_a_later_rating(tmp_path):
    (tmp_path / "u.data").write_text("1\t10\t5\t100\n1\t10\t1\t200\n")
    data, bad = told(tmp_path)
    assert data.interactions.latest().ratings.tolist() == [-1.0]
    assert not bad


def test_films_have_nothing_to_be_embedded_but_may_bring_embeddings(tmp_path):
    (tmp_path / "u.data").write_text("".join("\t".join(film) + "\n" for film in FILMS))
    data = read(tmp_path)
    with pytest.raises(BadData, match="no picture"):
        pictures.embed(data, object(), rejects=Rejects())
    vectors = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    np.savez(tmp_path / "films.npz", embeddings=vectors, ids=np.array(["20", "10", "30"]))
    full = read(tmp_path, embeddings=tmp_path / "films.npz")
    assert triples(full) == triples(data)
    assert_allclose(full.embeddings[full.item_ids.index("10")], vectors[1])
    assert full.interactions.num_items == 3


# Blue Tigers as published


def clips(path, rows):
    kinds = {"paths": pa.string(), "embeddings": pa.list_(pa.float64()), "user:rating": pa.string()}
    columns = {name: pa.array([row[k] for row in rows], kind) for k, (name, kind) in enumerate(kinds.items())}
    pq.write_table(pa.table({**columns, "text": [""] * len(rows)}), path)


def test_blue_tigers_as_published(tmp_path):
    rng = np.random.default_rng(0)
    one, two, three = rng.standard_normal((3, 1280)).astype(np.float16).astype(float).tolist()
    clips(
        tmp_path / "dataframe-1.parquet", [("./1.mp4", one, "{0: 0, 11: 1, 12: -0.5}"), ("/tmp/2.mp4", two, "{0: 0}")]
    )
    broken = [
        ("/tmp/4.mp4", two[:7], "{11: 0.5}"),
        ("/tmp/5.mp4", None, "{11: 0.5}"),
        ("/tmp/6.mp4", [float("nan")] * 1280, "{11: 0.5}"),
        ("/tmp/7.mp4", two, "{11: 0.5"),
        ("/tmp/8.mp4", two, "{'eleven': 0.5}"),
        ("/tmp/9.mp4", two, "[" * 5000),
        ("/tmp/10.mp4", two, None),
        (None, two, "{11: 0.5}"),
    ]
    clips(
        tmp_path / "dataframe-2.parquet",
        [("./1.mp4", one, "{0: 0, 11: 1, 12: 1.0, 13: -1.0}"), ("/tmp/3.mp4", three, "{12: 0.5, 13: 3.0}"), *broken],
    )
    data, bad = told(tmp_path)
    assert sorted(triples(data)) == [("12", "./1.mp4", 1.0), ("12", "/tmp/3.mp4", 0.5), ("13", "./1.mp4", -1.0)]
    assert data.item_ids == ["./1.mp4", "/tmp/2.mp4", "/tmp/3.mp4"]
    assert_allclose(data.embeddings, np.float32([one, two, three]))
    assert data.space == "clip:ViT-bigG-14/laion2b_s39b_b160k"
    assert [line for line, why in bad if "cannot be read" in why] == list(range(3, 11))
    assert sum("out of range" in why for _, why in bad) == 1


def test_another_parquet_file_is_not_blue_tigers(tmp_path):
    pq.write_table(pa.table({"user": ["x"], "item": ["0"], "rating": [-0.5]}), tmp_path / "ratings.parquet")
    np.savez(tmp_path / "embeddings.npz", embeddings=np.ones((1, 3), np.float32))
    assert triples(read(tmp_path)) == [("x", "0", -0.5)]


# PAMELA, FLICKR-AES and PARA: folders with their splits


def pamela_folder(folder):
    for name in "abcd":
        picture(folder / "images" / f"{name}.png")
    listed = {
        "train": [(1, "a", 5), (1, "b", 1), (2, "a", 3)],
        "test_seen": [(1, "c", 4), (2, "c", 2)],
        "test_unseen": [(3, "d", 5), (3, "gone", 5)],
    }
    for part, rows in listed.items():
        entries = [
            {"participant_id": user, "image_path": f"images/{image}.png", "original_score": score, "style": None}
            for user, image, score in rows
        ]
        (folder / f"pamela_{part}.json").write_text(json.dumps([*entries, "no rating"]))
    return folder


def test_pamela_as_a_folder_with_its_split(tmp_path):
    data, bad = told(pamela_folder(tmp_path))
    assert len(data.interactions) == 6
    assert len(bad) == 4
    found = parts(tmp_path, data, say=lambda _: None)
    all_triples = triples(data)
    assert [all_triples[k] for k in found["test_seen"]] == [("1", "images/c.png", 0.5), ("2", "images/c.png", -0.5)]
    assert [all_triples[k] for k in found["test_unseen"]] == [("3", "images/d.png", 1.0)]
    assert len(found["train"]) == 3
    assert parts(tmp_path / "pamela_train.json", data, say=lambda _: None) == {}


def test_the_embeddings_of_a_public_set_may_be_given(tmp_path):
    (tmp_path / "FLICKR-AES_image_labeled_by_each_worker.csv").write_text(
        " worker, imagePair, score\nA,1.jpg,5\nB,2.jpg,1\nB,3.jpg,1\n"
    )
    (tmp_path / "test_workers.txt").write_text("B\nC\n")
    np.savez(tmp_path / "v.npz", embeddings=np.eye(2, dtype=np.float32), ids=np.array(["1.jpg", "2.jpg"]))
    data, bad = told(tmp_path, embeddings=tmp_path / "v.npz", space="mine")
    assert triples(data) == [("A", "1.jpg", 1.0), ("B", "2.jpg", -1.0)]
    assert data.space == "mine"
    assert [line for line, _ in bad] == [4]
    assert names(data.user_ids, parts(tmp_path, data, say=lambda _: None)["test_users"]) == ["B"]


def test_para_published_split(tmp_path):
    for name in ("session1/a.jpg", "session2/b.jpg", "session2/c.jpg"):
        picture(tmp_path / "imgs" / name)
    (tmp_path / "annotation").mkdir()
    (tmp_path / "annotation" / "PARA-Images.csv").write_text(
        "sessionId,imageName,userId,aestheticScore\nsession1,a.jpg,A1,5.0\nsession2,b.jpg,A1,1.0\nsession2,c.jpg,A2,1.0\n"
    )
    (tmp_path / "annotation" / "PARA-GiaaTest.csv").write_text("sessionId,imageName,aestheticScore_mean\ns,b.jpg,3\n")
    (tmp_path / "validation_images.txt").write_text("c.jpg\n")
    (tmp_path / "userset").mkdir()
    (tmp_path / "userset" / "TestUserIDs_Fold3.txt").write_text("A2\n")
    data = read(tmp_path)
    found = parts(tmp_path, data, say=lambda _: None)
    assert names(data.item_ids, found["test_items"]) == ["session2/b.jpg"]
    assert names(data.item_ids, found["validation_items"]) == ["session2/c.jpg"]
    assert names(data.user_ids, found["users_3"]) == ["A2"]
    assert "users_1" not in found
