"""How well proposals for a photograph please simulated people, beside automatic enhancement and chance.

    python benchmarks/enhance.py [--others 24] [--people 12] [--photos 6] [--seed 0]

Photographs are the studio's pictures, spoilt: exposed, tinted and flattened at random. Each simulated person likes the
unspoilt picture developed by settings of their own, which belong to one of three ways of liking photographs (warm and
contrasty; soft and cool; dark and vivid) with a person's own deviation; a picture is liked the less the further it is
from that one in OKLab, and the choice among four proposals and the photograph itself is drawn with those odds (in
steps of a just noticeable difference, 0.02). Nothing of this is known to what proposes.

Printed, by the number of photographs somebody has chosen for: how far the first proposal is from their favourite,
when it is learned from them alone, from the population alone, and from both; and how often they take it rather than
Pillow's autocontrast, its equalize, random settings or the photograph as it is. Then, for people who have chosen
nothing but rated pictures: how much better they like the first proposal with their taste and without it.
"""

from __future__ import annotations

import argparse
import json
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from zahir.enhance.learn import ANYBODY, SPREAD, Choice, Preference, offset, population, preference
from zahir.enhance.propose import propose, start
from zahir.enhance.tone import LIMITS, NEUTRAL, Settings, apply
from zahir.interactions import History
from zahir.media import Media
from zahir.oklab import oklab
from zahir.space import normalize
from zahir.studio import StudioEncoder, StudioGenerator
from zahir.taste.wals import TetheredWALS

NOTICED = 0.02
SIDE = (64, 48)
WAYS = (
    Settings(contrast=0.45, blacks=-0.4, temperature=0.5, vibrance=0.3, lights_yellow=0.3),
    Settings(exposure=0.3, contrast=-0.4, blacks=0.5, temperature=-0.45, saturation=-0.3),
    Settings(exposure=-0.6, contrast=0.2, saturation=0.4, clarity=0.3, shadows_yellow=-0.5),
)


class Photograph(NamedTuple):
    """A picture before and after it was spoilt."""

    good: np.ndarray
    spoilt: np.ndarray


def photographs(n: int, rng: np.random.Generator, *, size: tuple[int, int] = SIDE) -> list[Photograph]:
    """Spoilt pictures of the studio."""
    hand = StudioGenerator()
    tastes = rng.standard_normal((n, StudioEncoder().dim)).astype(np.float32)
    made = hand.generate(tastes, seeds=rng.integers(2**31, size=n).tolist(), strength=0.0, size=(384, 288))
    out = []
    for each in made:
        good = np.array(Image.fromarray(each.pixels).resize(size, Image.Resampling.LANCZOS))
        harm = rng.standard_normal(4) * [0.8, 0.25, 0.35, 0.15] + [0, -0.3, 0, 0]
        told = within(Settings(exposure=harm[0], contrast=harm[1], temperature=harm[2], tint=harm[3]))
        out.append(Photograph(good, apply(good, told)))
    return out


def within(told: Settings) -> Settings:
    """Brought into the limits, as plain numbers."""
    return Settings(*np.clip(told, -np.array(LIMITS), LIMITS).tolist())


def somebody(number: int, rng: np.random.Generator) -> Settings:
    """The settings that a person likes: one of the ways, and a deviation of a third of the usual spread."""
    return within(Settings(*(np.array(WAYS[number % 3]) + 0.35 * SPREAD * rng.standard_normal(len(SPREAD)))))


def far(picture: np.ndarray, favourite: np.ndarray) -> float:
    """How far two pictures are from each other, in just noticeable differences."""
    return float(np.sqrt(((oklab(picture) - oklab(favourite)) ** 2).mean()) / NOTICED)


def rivals(spoilt: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What else somebody may take."""
    image = Image.fromarray(spoilt)
    return {
        "autocontrast": np.asarray(ImageOps.autocontrast(image, cutoff=0.5)),
        "equalize": np.asarray(ImageOps.equalize(image)),
        "random settings": apply(spoilt, within(Settings(*(SPREAD * rng.standard_normal(len(SPREAD)))))),
        "as it is": spoilt,
    }


def session(
    likes: Settings, photos: list[Photograph], known: Preference, rng: np.random.Generator
) -> tuple[list[Choice], np.ndarray, list[str], np.ndarray]:
    """Somebody chooses for one photograph after another: their choices, how far the first proposal and the rivals were
    from their favourite, and what they would have taken."""
    choices: list[Choice] = []
    first, others, taken = [], [], []
    for photo in photos:
        favourite = apply(photo.good, likes)
        found = propose(photo.spoilt, preference=preference(choices, known), rng=rng)
        made = [photo.spoilt, *(apply(photo.spoilt, each.settings) for each in found)]
        away = np.array([far(each, favourite) for each in made])
        beside = {name: far(each, favourite) for name, each in rivals(photo.spoilt, rng).items()}
        first.append(away[1])
        others.append(list(beside.values()))
        names = ["proposal", *beside]
        taken.append(names[int(np.argmax(-np.array([away[1], *beside.values()]) + rng.gumbel(size=len(names))))])
        begin = start(photo.spoilt)
        offsets = np.array([offset(each, begin) for each in (NEUTRAL, *(each.settings for each in found))])
        choices.append(Choice(offsets, int(np.argmax(-away + rng.gumbel(size=len(away))))))
    return choices, np.array(first), taken, np.array(others)


def of_choices(others: int, people: int, photos: int, rng: np.random.Generator) -> dict[str, object]:
    """What choices teach."""
    known, log = ANYBODY, []
    for number in range(others):
        log.append(session(somebody(number, rng), photographs(photos, rng), known, rng)[0])
        if number % 6 == 5:
            known = population(log)
    alone, nobody, both, taken, beside = [], [], [], [], []
    for number in range(people):
        likes, own = somebody(number, rng), photographs(photos + 1, rng)
        favourites = [apply(photo.good, likes) for photo in own]
        nobody.append([
            far(apply(photo.spoilt, propose(photo.spoilt, n=1, preference=known, rng=rng)[0].settings), favourite)
            for photo, favourite in zip(own, favourites)
        ])  # fmt: skip
        alone.append(session(likes, own, ANYBODY, rng)[1])
        _, first, chosen, rival = session(likes, own, known, rng)
        both.append(first)
        taken.append(chosen)
        beside.append(rival)
    names = ["autocontrast", "equalize", "random settings", "as it is"]
    each_taken = [name for chosen in taken for name in chosen]
    return {
        "others": others, "people": people,
        "alone": np.mean(alone, 0).round(2).tolist(),
        "population": np.mean(nobody, 0).round(2).tolist(),
        "both": np.mean(both, 0).round(2).tolist(),
        "rivals": dict(zip(names, np.mean(beside, (0, 1)).round(2).tolist())),
        "taken": {name: round(each_taken.count(name) / len(each_taken), 2) for name in ["proposal", *names]},
    }  # fmt: skip


def of_tastes(people: int, rng: np.random.Generator, *, ratings: int = 60) -> dict[str, float]:
    """What a taste for pictures brings: the mean gain in liking, in standard deviations over random settings."""
    eyes, hand = StudioEncoder(), StudioGenerator()
    anything = rng.standard_normal((ratings * 2, eyes.dim)).astype(np.float32)
    library = hand.generate(anything, seeds=range(len(anything)), strength=0.0, size=(128, 128))
    seen = eyes.encode(library)
    gains: dict[str, list[float]] = {"with taste": [], "without": [], "autocontrast": [], "as it is": []}
    for photo in photographs(people, rng, size=(192, 144)):
        direction = normalize(rng.standard_normal(len(seen)) @ (seen - seen.mean(0)))
        liking = (seen - seen.mean(0)) @ direction
        said = np.sign(liking + 0.5 * liking.std() * rng.standard_normal(len(liking)))[:ratings] / 2
        history = History.of(seen[:ratings], said, user=0, items=np.arange(ratings))
        model = TetheredWALS()

        def taste(media: list[Media], model: TetheredWALS = model, history: History = history) -> np.ndarray:
            return model.score(history, eyes.encode(media))

        random = [rivals(photo.spoilt, rng)["random settings"] for _ in range(24)]
        by = eyes.encode([Media.image(each) for each in random]) @ direction
        made = {
            "with taste": apply(photo.spoilt, propose(photo.spoilt, n=1, taste=taste, rng=rng)[0].settings),
            "without": apply(photo.spoilt, propose(photo.spoilt, n=1, rng=rng)[0].settings),
            "autocontrast": rivals(photo.spoilt, rng)["autocontrast"],
            "as it is": photo.spoilt,
        }
        for name, pixels in made.items():
            gains[name].append(float((eyes.encode([Media.image(pixels)])[0] @ direction - by.mean()) / by.std()))
    return {name: round(float(np.mean(each)), 2) for name, each in gains.items()}


def main(others: int = 24, people: int = 12, photos: int = 6, seed: int = 0) -> dict[str, object]:
    """Both parts, printed as JSON and returned."""
    rng = np.random.default_rng(seed)
    found = {"choices": of_choices(others, people, photos, rng), "tastes": of_tastes(people, rng)}
    print(json.dumps(found, indent=1))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("others", 24), ("people", 12), ("photos", 6), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    main(**vars(parser.parse_args()))
