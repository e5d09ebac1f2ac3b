"""The public sets of ratings: what each is, under which licence, and how it is had.

Knows nothing of how a set is read. Nothing is downloaded but by `get`; the addresses are the sets' own homes.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import quote

from zahir.datasets.download import download, read_json
from zahir.errors import BadData, UnknownPlugin
from zahir.protocols import Progress


class File(NamedTuple):
    """One file of a set; `checksum` "sha256:..." or "md5:...", None where the home publishes none."""

    url: str
    name: str  # of the file, within the set's folder
    size: int | None = None  # bytes
    checksum: str | None = None


class PublicSet(NamedTuple):
    """A set. Without files and listing it is not for download: `how` says whom to ask, and for what."""

    title: str
    what: str
    size: str
    licence: str
    home: str
    files: tuple[File, ...] = ()
    pictures: tuple[File, ...] = ()  # had only when asked for: they are large
    listing: str | None = None  # a hub's address that lists the files
    how: str = ""


_TIGERS = "https://raw.githubusercontent.com/rynmurdock/Blue-Tigers"
_SAC = "https://s3.us-west-1.wasabisys.com/simulacrabot/simulacra-aesthetic-captions"
_MOVIES = "https://files.grouplens.org/datasets/movielens"
_MOVIES_LICENCE = (
    "for research; no commercial use without permission, no redistribution, name the source (its README.txt)"
)


def _tigers() -> tuple[File, ...]:
    """The versions of the app's file that hold graded ratings, oldest first."""
    versions = [
        (
            "05c27c024ca250b3441163341bd4f347f69be129",
            1_020_189,
            "c520d3019232c76e28849e77e8c736e5dff6f705e19ad8259de3f4ebd55b24eb",
        ),
        (
            "f2f49964204f82e9a7afadca1c4895c3cd6e7e81",
            1_018_230,
            "99391cc85b6fd0f386b826589073b660334fbafb7407372d57887279cc68404f",
        ),
        (
            "4e5d279a6449d29d36e8ccbddf6c3356021fb4c3",
            1_013_083,
            "4a77b95b11cca81e37f7e2f82934a10fbf08f7f0b301c11f6ecc1fc11fa85dfb",
        ),
        (
            "918d60fb7d9e0b337dce90752e8c3f3886976597",
            1_011_022,
            "d5b9c7c52768db00805dd82aab9847af59ddaebfea19cf5d4e3ede8b18f8aa1b",
        ),
    ]
    return tuple(
        File(f"{_TIGERS}/{commit}/dataframe.parquet", f"dataframe-{k}.parquet", size, f"sha256:{sum_}")
        for k, (commit, size, sum_) in enumerate(versions, 1)
    )


def _movielens(name: str, what: str, size: str, md5: str | None) -> PublicSet:
    file = File(f"{_MOVIES}/{name}.zip", f"{name}.zip", checksum=md5 and f"md5:{md5}")
    return PublicSet("MovieLens", what, size, _MOVIES_LICENCE, "https://grouplens.org/datasets/movielens/", (file,))


SETS: dict[str, PublicSet] = {
    "blue-tigers": PublicSet(
        "Blue Tigers",
        "grades that visitors of a web app gave to generated clips, with CLIP embeddings; 1,388 by 20 people",
        "4 MB",
        "MIT",
        "https://github.com/rynmurdock/Blue-Tigers",
        _tigers(),
    ),
    "pamela": PublicSet(
        "PAMELA",
        "69,904 scores of 5,077 generated pictures by 199 people, with a published split",
        "told before the download",
        "CC BY 4.0",
        "https://huggingface.co/datasets/bethgelab/PAMELA",
        listing="https://huggingface.co/api/datasets/bethgelab/PAMELA/tree/main?recursive=true",
    ),
    "simulacra": PublicSet(
        "Simulacra Aesthetic Captions",
        "176,000 scores of 238,000 generated pictures, people known by their survey",
        "the database; its 87 archives of pictures (very large) only with --pictures",
        "CC0 1.0 (public domain)",
        "https://github.com/JD-P/simulacra-aesthetic-captions",
        (
            File(
                "https://github.com/JD-P/simulacra-aesthetic-captions/raw/main/sac_public_2022_06_29.sqlite",
                "sac_public_2022_06_29.sqlite",
            ),
        ),
        tuple(File(f"{_SAC}/sac-{k:06}.tar", f"sac-{k:06}.tar") for k in range(87)),
    ),
    "movielens-small": _movielens("ml-latest-small", "100,000 ratings of films, no pictures", "1 MB", None),
    "movielens-100k": _movielens(
        "ml-100k", "100,000 ratings of 1,682 films, no pictures", "5 MB", "0e33842e24a9c977be4e0107933c0723"
    ),
    "movielens-1m": _movielens(
        "ml-1m", "1 million ratings of 3,706 films, no pictures", "6 MB", "c4d9eecfca2ab87c1945afe126590906"
    ),
    "movielens-20m": _movielens(
        "ml-20m", "20 million ratings of 26,744 films, no pictures", "199 MB", "cd245b17a1ae2cc31bb14903e1204af3"
    ),
    "movielens-25m": _movielens(
        "ml-25m", "25 million ratings of 59,047 films, no pictures", "262 MB", "6b51fb2759a8657d3bfcbfc42b592ada"
    ),
    "flickr-aes": PublicSet(
        "FLICKR-AES",
        "193,208 scores of 40,988 photographs by 210 people",
        "some GB of photographs",
        "photographs under their owners' Creative Commons licences; for research",
        "https://github.com/alanspike/personalizedImageAesthetics",
        how="The home's README links the scores and the photographs. Put FLICKR-AES_image_labeled_by_each_worker.csv "
        "and the folder 40K/ into one folder; for --protocol ren2017, the ids of the 37 test workers, one a line, "
        "as test_workers.txt beside it (a list is in the home's first issue).",
    ),
    "para": PublicSet(
        "PARA",
        "31,220 photographs, scored by about 25 of 438 people each, with attributes and traits",
        "some GB of photographs",
        "for academic research only, on its terms of use",
        "https://cv-datasets.institutecv.com/#/data-sets",
        how="Ask at the home, with an academic address. Keep its folder as it is: annotation/PARA-Images.csv and "
        "imgs/; annotation/PARA-GiaaTest.csv names the test pictures of --protocol para, userset/ its people.",
    ),
    "lapis": PublicSet(
        "LAPIS",
        "11,723 paintings, rated from 0 to 100 by about 24 of some 530 people each, with attributes and traits",
        "some GB of pictures",
        "for research, on request",
        "https://github.com/Anne-SofieMaerten/LAPIS",
        how="Ask the authors through the home. Keep annotation/LAPIS_individualratings_metaANDdemodata.csv and images/ "
        "in one folder, with imageset/ and userset/, which hold the split of --protocol lapis.",
    ),
}


def find(name: str) -> PublicSet:
    """The set of that name; raises UnknownPlugin with the nearest one."""
    if name not in SETS:
        raise UnknownPlugin("data set", name, list(SETS))
    return SETS[name]


def files(which: PublicSet, *, pictures: bool) -> list[File]:
    """What there is to download; asks the hub where the set lies on one. Raises NotDownloaded."""
    listed = list(_listed(which.listing, which.home)) if which.listing else list(which.files)
    return listed + (list(which.pictures) if pictures else [])


def get(wanted: list[File], folder: Path, *, progress: Progress | None = None) -> None:
    """Download files into a folder and unpack archives there; what is there already is only checked.

    `progress` counts the bytes of one file after the other.
    """
    for file in wanted:
        inside = PurePosixPath(file.name)
        if inside.is_absolute() or ".." in inside.parts:
            raise BadData(f"file name {file.name!r} leads out of the folder; nothing was written.", path=folder)
        path = folder / inside
        download(file.url, path, checksum=file.checksum, size=file.size, progress=progress)
        _unpack(path, folder)


def _listed(url: str, home: str) -> Iterator[File]:
    """The files of a repository on the hub, from its tree as JSON; sums are known where it stores large files."""
    try:
        for page in read_json(url):
            for entry in page:
                name = entry["path"]
                if entry["type"] == "file" and not name.startswith("."):
                    sum_ = entry.get("lfs", {}).get("oid")
                    address = f"{home}/resolve/main/{quote(name)}"
                    yield File(address, name, int(entry["size"]), f"sha256:{sum_}" if sum_ else None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadData(f"the list of files at {url} is not as expected ({error}).") from error


def _unpack(path: Path, folder: Path) -> None:
    """Unpack once: NAME.unpacked says that it was done."""
    done = path.with_name(path.name + ".unpacked")
    if path.suffix not in {".zip", ".tar", ".gz", ".tgz"} or done.exists():
        return
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder)  # leaves out "..", roots and drives by itself
        else:
            with tarfile.open(path) as archive:
                archive.extractall(folder, filter="data")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise BadData(f"not an archive that can be unpacked ({error}).", path=path) from error
    done.touch()
