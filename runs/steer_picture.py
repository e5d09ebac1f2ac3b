"""Make docs/steer.webp: one taste, the same with words, on the way to another person's, and a picture edited; and
docs/words.webp: the same taste and seed with every word that the studio knows.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from zahir.evaluate.raters import pixel_rater
from zahir.interactions import History, Interactions
from zahir.media import Media, contact_sheet
from zahir.steer import strip, towards
from zahir.studio import StudioEncoder, StudioGenerator
from zahir.studio.calibration import calibration, embeddings
from zahir.studio.words import vocabulary
from zahir.taste.wals import TetheredWALS

COLUMNS, SIDE, GAP, LABEL = 6, 190, 8, 26
ACROSS, SMALL, WORD = 10, 112, 0.5  # the sheet of words: columns, pixels of a picture, amount of each word
PAPER, INK = (18, 18, 17), (243, 241, 236)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs" / "steer.webp")
    parser.add_argument("--people", nargs=2, default=["dark with bright lights", "warm, geometric, calm"])
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--amount", type=float, default=0.3, help="of the words")
    args = parser.parse_args()
    eyes, hand = StudioEncoder(), StudioGenerator()
    mine, theirs = tastes_of(args.people, args.seed)
    own = np.repeat(mine[None], COLUMNS, axis=0)
    seeds, size = range(args.seed, args.seed + COLUMNS), (2 * SIDE, 2 * SIDE)

    def said(word: str, amount: float) -> list[Media]:
        return hand.generate(towards(own, eyes.directions([word]), [amount]), seeds=seeds, size=size)

    first = hand.generate(own, seeds=seeds, size=size)
    edited = [hand.edit(first[:1], own[:1] * 0 + theirs, seeds=[1], amount=a)[0] for a in np.linspace(0, 1, COLUMNS)]
    rows = {
        "a taste": first,
        f"--more warm:{args.amount}": said("warm", args.amount),
        f"--less busy:{args.amount}": said("busy", -args.amount),
        "--strip, to somebody else's taste": hand.generate(
            strip(mine, theirs, COLUMNS), seeds=[args.seed] * COLUMNS, size=size
        ),
        "--edit, towards that taste, by 0 to 1": edited,
    }
    paint(rows).save(args.out, "WEBP", quality=78, method=6)
    words = vocabulary()
    turned = np.concatenate([towards(own[:1], way[None], [WORD]) for way in eyes.directions(words)])
    named = dict(zip(words, hand.generate(turned, seeds=[args.seed + 3] * len(words), size=(256, 256))))
    all_words(named).save(args.out.with_name("words.webp"), "WEBP", quality=76, method=6)


def tastes_of(people: list[str], seed: int) -> np.ndarray:
    """Tastes (people, dim) of simulated people who rated the calibration set, learned from all their ratings."""
    pictures, seen, rng = calibration(), embeddings(), np.random.default_rng(seed)
    n = len(seen)
    likes = [rater.likes(rater.liking(pictures, seen), rng) for rater in (pixel_rater(p, pictures) for p in people)]
    ratings = np.where(np.concatenate(likes), 0.5, -0.5)
    table = Interactions.of(np.repeat(np.arange(len(people)), n), np.tile(np.arange(n), len(people)), ratings)
    model = TetheredWALS().fit(table, seen)
    return np.stack([
        model.embed_user(History.of(seen, ratings[u * n : (u + 1) * n], user=u, items=np.arange(n)), rng=rng)
        for u in range(len(people))
    ])  # fmt: skip


def paint(rows: dict[str, list[Media]]) -> Image.Image:
    """A row of pictures under its name each."""
    height = SIDE + GAP + LABEL
    sheet = Image.new("RGB", (COLUMNS * (SIDE + GAP) + GAP, len(rows) * height + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for place, (name, media) in enumerate(rows.items()):
        draw.text((GAP, place * height + GAP), name, INK, font_size=15)
        strip_ = Image.fromarray(contact_sheet(media, columns=COLUMNS, side=SIDE, gap=GAP))
        sheet.paste(strip_.crop((0, GAP, strip_.width, strip_.height)), (0, place * height + LABEL + GAP))
    return sheet


def all_words(named: dict[str, Media]) -> Image.Image:
    """Pictures with their word below each."""
    step, rows = SMALL + GAP, -(-len(named) // ACROSS)
    sheet = Image.new("RGB", (ACROSS * step + GAP, rows * (step + 18) + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for place, (word, media) in enumerate(named.items()):
        left, top = GAP + place % ACROSS * step, GAP + place // ACROSS * (step + 18)
        sheet.paste(Image.fromarray(media.pixels).resize((SMALL, SMALL), Image.Resampling.LANCZOS), (left, top))
        draw.text((left + SMALL / 2, top + SMALL + 2), word, INK, font_size=13, anchor="ma")
    return sheet


if __name__ == "__main__":
    main()
