"""Make docs/loop.webp: pictures that a simulated person rated, and below what was then made for them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from zahir.evaluate.raters import pixel_rater
from zahir.loop import refit, step
from zahir.media import contact_sheet
from zahir.store import Store
from zahir.studio import StudioEncoder, StudioGenerator
from zahir.studio.calibration import calibration
from zahir.taste.wals import TetheredWALS

SIDE, GAP, COLUMNS = 200, 8, 6
YELLOW, WHITE = (233, 207, 110), (243, 241, 236)


def main(out: Path, *, taste: str = "warm, geometric, calm", rounds: int = 2, seed: int = 3) -> None:
    """Rate the calibration set, go round the loop, and put the first and the last pictures on one sheet."""
    first, eyes, rng = list(calibration()), StudioEncoder(), np.random.default_rng(seed)
    person = pixel_rater(taste, first)
    model, hand = TetheredWALS(), StudioGenerator(eyes)
    with tempfile.TemporaryDirectory() as home:
        store = Store(home)
        user = store.add_user()
        shown = store.add_items(first, eyes.encode(first), space=eyes.space, made_for=None, source="calibration")
        likes = {}
        for round_ in range(rounds + 1):
            media = [store.media(item) for item in shown]
            liking = person.liking(media, eyes.encode(media))
            likes = likes or dict(zip(shown, liking > np.quantile(liking, 0.7)))
            for item, liked in zip(shown, person.likes(liking, rng)):
                store.rate(user, item, 0.5 if liked else -0.5, key=str(item))
            refit(store, model, space=eyes.space)
            shown = step(store, user, encoder=eyes, model=model, generator=hand, n=12, seed=seed + round_)
        made = [store.media(item) for item in shown]
        store.close()
    some = rng.permutation(len(first))[:12]
    above = Image.fromarray(contact_sheet([first[k] for k in some], columns=COLUMNS, side=SIDE, gap=GAP))
    below = Image.fromarray(contact_sheet(made, columns=COLUMNS, side=SIDE, gap=GAP))
    draw = ImageDraw.Draw(above)
    for place, k in enumerate(some):
        left, top = GAP + place % COLUMNS * (SIDE + GAP), GAP + place // COLUMNS * (SIDE + GAP)
        if likes[k + 1]:
            draw.ellipse((left - 2, top - 2, left + SIDE + 2, top + SIDE + 2), outline=YELLOW, width=5)
        else:
            draw.line((left + SIDE - 14, top + 14, left + 14, top + SIDE - 14), fill=WHITE, width=3)
    sheet = Image.new("RGB", (above.width, above.height + below.height + 28), (18, 18, 17))
    sheet.paste(above, (0, 0))
    sheet.paste(below, (0, above.height + 28))
    sheet.save(out, "WEBP", quality=86, method=6)


if __name__ == "__main__":
    main(Path(__file__).parents[1] / "docs" / "loop.webp")
