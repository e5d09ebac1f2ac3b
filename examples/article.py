"""The article from start to end: ratings -> factors -> pictures for the two most similar people -> their ratings -> ...

    python examples/article.py                                        # invented people who rate the studio's pictures
    python examples/article.py --ratings ratings.csv --images folder/
    python examples/article.py --ratings ratings.csv --images folder/ --generator kandinsky --encoder clip-bigg

1. Every rated picture is embedded. 2. The table of ratings is factorised, items tethered to their embeddings
(`TetheredWALS`): a person becomes a point of the pictures' space. 3. The two people whose points are nearest are found,
and pictures are made at them. 4. They rate those, the ratings join the table, and it is factorised again. Nobody sits
here to do the rating, so that somebody simulated does, by a hidden direction of the space: of the invented people it is
the one that their ratings came from; of real people it is read off their own ratings alone, before anything is made.

Written to `out`: round0.png, round1.png, ... (a row each) and article.png, in which the rows of a person are what
they had liked, what was made for them first, and what was made last. Printed: how well the pictures please, in standard
deviations over the pictures that were there; 0 is a picture taken at random.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from zahir import History, Interactions, Media
from zahir.datasets import pictures, read
from zahir.datasets.rows import MaxBad, Rejects
from zahir.errors import SpaceMismatch, ZahirError
from zahir.evaluate.raters import Rater
from zahir.media import contact_sheet, read_image
from zahir.plugins import make
from zahir.protocols import Encoder
from zahir.space import cosine, normalize
from zahir.studio import StudioEncoder, StudioGenerator
from zahir.taste.directions import Ridge
from zahir.taste.wals import TetheredWALS


def main(
    ratings: Path | None = None,
    images: Path | None = None,
    embeddings: Path | None = None,
    generator: str = "studio",
    encoder: str = "studio",
    out: Path = Path("article"),
    people: int = 12,
    library: int = 120,
    rounds: int = 3,
    n: int = 6,
    side: int = 256,
    seed: int = 0,
) -> list[float]:
    """Run it all; the mean liking of what was made in each round. `people` and `library` are of the invented data."""
    rng = np.random.default_rng(seed)
    eyes, hand = make("encoders", encoder), make("generators", generator)
    if eyes.space != hand.space:
        raise SpaceMismatch(eyes.space, hand.space)
    if ratings is None:
        table, vectors, media, raters = invented(people, library, eyes, rng)
    else:
        table, vectors, media = loaded(ratings, images, embeddings, eyes)
        raters = {}
    print(f"{len(table)} ratings of {table.num_items} pictures by {table.num_users} people, space {eyes.space}")

    model = TetheredWALS().fit(table, vectors)
    pair, alike = most_similar(model, table, vectors, rng)
    print(f"most similar: people {pair[0]} and {pair[1]}, the cosine of their tastes is {alike:.2f}")
    judges = {person: raters.get(person) or judge(person, table, vectors, rng) for person in pair}
    rows = {person: [liked(person, table, media, n)] for person in pair}
    out.mkdir(parents=True, exist_ok=True)
    pleased = []
    for number in range(rounds + 1):
        likings = []
        known = vectors
        for person in pair:
            tastes = model.tastes(history(person, table, known), n, rng=rng)
            made = hand.generate(tastes, seeds=rng.integers(2**31, size=n).tolist(), size=(side, side))
            seen = eyes.encode(made)
            liking = judges[person].liking(made, seen)
            said = np.where(judges[person].likes(liking, rng), 0.5, -0.5)
            table = joined(table, person, said)
            vectors = np.concatenate([vectors, seen])
            rows[person].append(made)
            likings.append(float(liking.mean()))
        Media.image(contact_sheet([m for p in pair for m in rows[p][-1]], columns=n)).to_png(out / f"round{number}.png")
        pleased.append(float(np.mean(likings)))
        print(f"round {number}: " + ", ".join(f"person {p} {x:+.2f}" for p, x in zip(pair, likings)))
        model.fit(table, vectors)
    shown = [m for p in pair for row in (rows[p][0], rows[p][1], rows[p][-1]) for m in row]
    Media.image(contact_sheet(shown, columns=n)).to_png(out / "article.png")
    print(f"look at {out / 'article.png'}")
    return pleased


def invented(
    people: int, library: int, eyes: Encoder, rng: np.random.Generator
) -> tuple[Interactions, np.ndarray, list[Media | None], dict[int, Rater]]:
    """Pictures of the studio, and people in groups of like taste, who each say of a tenth of them what they think."""
    anything = rng.standard_normal((library, StudioEncoder().dim)).astype(np.float32)
    media = StudioGenerator().generate(anything, seeds=range(library), strength=0.0, size=(192, 192))
    vectors = eyes.encode(media)
    offsets = vectors - vectors.mean(axis=0)
    groups = normalize(rng.standard_normal((max(1, people // 3), library)) @ offsets)
    own = normalize(rng.standard_normal((people, library)) @ offsets)
    raters = {k: along(normalize(groups[k % len(groups)] + 0.5 * own[k]), vectors) for k in range(people)}
    parts = []
    for person, rater in raters.items():
        items = rng.permutation(library)[: max(6, library // 10)]
        said = rater.likes(rater.liking([], vectors[items]), rng)
        parts.append((np.full(len(items), person), items, np.where(said, 0.5, -0.5)))
    users, items, values = (np.concatenate(each) for each in zip(*parts))
    return Interactions.of(users, items, values, num_users=people, num_items=library), vectors, list(media), raters


def loaded(
    ratings: Path, images: Path | None, embeddings: Path | None, eyes: Encoder
) -> tuple[Interactions, np.ndarray, list[Media | None]]:
    """Any ratings; their pictures are embedded where no embeddings are given, which must be of the encoder's space."""
    rejects = Rejects(MaxBad.of("1%"), print)
    data = read(ratings, images=images, embeddings=embeddings, space=embeddings and eyes.space, rejects=rejects)
    if not data.embeddings.shape[1]:
        data = pictures.embed(data, eyes, rejects=rejects)
    if data.embeddings.shape[1] != eyes.dim:
        raise ZahirError(
            f"the embeddings are {data.embeddings.shape[1]} wide, the encoder's {eyes.dim}. "
            "Give --encoder that which made them, or --images instead."
        )
    media = [read_image(path) if path else None for path in data.media] or [None] * len(data.item_ids)
    return data.interactions, normalize(data.embeddings), media


def history(person: int, table: Interactions, vectors: np.ndarray) -> History:
    """What a person said so far of items that the fit knows."""
    own = table.take((table.users == person) & (table.items < len(vectors)))
    return History.of(vectors[own.items], own.ratings, user=person, items=own.items, weights=own.weights)


def most_similar(
    model: TetheredWALS, table: Interactions, vectors: np.ndarray, rng: np.random.Generator
) -> tuple[list[int], float]:
    """The two people with the nearest tastes, among those with three ratings or more."""
    known = np.flatnonzero(np.bincount(table.users, minlength=table.num_users) >= 3).tolist()
    if len(known) < 2:
        raise ZahirError(f"{len(known)} people have 3 ratings or more; two are needed.")
    tastes = np.stack([model.embed_user(history(person, table, vectors), rng=rng) for person in known])
    alike = cosine(tastes, tastes) - 2 * np.eye(len(known))
    first, second = np.unravel_index(int(np.argmax(alike)), alike.shape)
    return [known[first], known[second]], float(alike.max())


def judge(person: int, table: Interactions, vectors: np.ndarray, rng: np.random.Generator) -> Rater:
    """Who rates in a real person's stead: along the direction that a ridge finds in their own ratings alone."""
    return along(Ridge().embed_user(history(person, table, vectors), rng=rng), vectors)


def along(direction: np.ndarray, vectors: np.ndarray) -> Rater:
    """Somebody who likes one direction, in standard deviations over these pictures."""
    there = vectors @ direction
    mean, spread = float(there.mean()), float(there.std())
    return Rater("direction", lambda _media, seen: (seen @ direction - mean) / spread)


def liked(person: int, table: Interactions, media: list[Media | None], n: int) -> list[Media]:
    """The pictures that they liked most, as far as there are files; grey ones make up the row."""
    own = table.take(table.users == person)
    best = [media[item] for item in own.items[np.argsort(-own.ratings, kind="stable")]]
    grey = Media.image(np.full((8, 8, 3), 40, np.uint8))
    return ([each for each in best if each is not None] + [grey] * n)[:n]


def joined(table: Interactions, person: int, said: np.ndarray) -> Interactions:
    """The table with a person's ratings of new items, numbered after all that were there."""
    first, count = table.num_items, len(said)
    return Interactions.of(
        np.concatenate([table.users, np.full(count, person)]),
        np.concatenate([table.items, np.arange(first, first + count)]),
        np.concatenate([table.ratings, said]),
        weights=np.concatenate([table.weights, np.ones(count)]),
        times=np.concatenate([table.times, np.full(count, table.times.max(initial=0) + 1)]),
        num_users=table.num_users,
        num_items=first + count,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratings", type=Path, help="a file or folder that `zahir import` reads")
    parser.add_argument("--images", type=Path)
    parser.add_argument("--embeddings", type=Path, help="instead of encoding the images")
    parser.add_argument("--generator", default="studio")
    parser.add_argument("--encoder", default="studio")
    parser.add_argument("--out", type=Path, default=Path("article"))
    for name, default in (("people", 12), ("library", 120), ("rounds", 3), ("n", 6), ("side", 256), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    main(**vars(parser.parse_args()))
