"""How good it is: `evaluate` on ratings held out and `simulate` in the closed loop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zahir.cli.ask import Embeddings, Encoder, Images, MaxBad, Scale, progress_bar, read, say
from zahir.errors import ZahirError

if TYPE_CHECKING:
    from zahir.datasets.synthetic import Planted
    from zahir.evaluate.protocols.result import Models, Result
    from zahir.protocols import Progress


def evaluate(
    path: Annotated[Path | None, typer.Argument(help="a file or folder of ratings")] = None,
    planted: Annotated[bool, typer.Option("--planted", help="invented people instead, whose tastes are known")] = False,
    parts: Annotated[bool, typer.Option("--parts", help="which part of a model helps, one changed at a time")] = False,
    few_shot: Annotated[bool, typer.Option("--few-shot", help="by how many ratings of one's own are known")] = False,
    protocol: Annotated[
        str | None, typer.Option(help="rebeca, ren2017, para, pamela or lapis; rebeca without PATH simulates people")
    ] = None,
    models: Annotated[str | None, typer.Option(help="names, a comma between (default: all)")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="how often to split, or to invent people; 5 if not")] = None,
    folds: Annotated[int | None, typer.Option(min=2, help="parts, each held out once; 3 if not said")] = None,
    images: Images = None,
    embeddings: Embeddings = None,
    scale: Scale = None,
    max_bad: MaxBad = "100,1%",
    encoder: Encoder = "studio",
    as_json: Annotated[bool, typer.Option("--json")] = False,
    plot: Annotated[Path | None, typer.Option(help="also draw the weighted AUC: a PNG, SVG or PDF file")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="fits at once")] = 1,
) -> None:
    """Measure taste models on ratings and on items held out; or with --planted on known tastes."""
    from functools import partial

    from zahir.evaluate import report
    from zahir.plugins import installed, make

    if protocol is None and (path is None) == (not planted):
        raise ZahirError("measured on what? Give the PATH of ratings or --planted, one of the two.")
    if protocol is not None:
        _refuse("--protocol", seeds=seeds, folds=folds, plot=plot)
    elif planted:
        _refuse("--planted", folds=folds, plot=plot)
    elif parts:
        _refuse("--parts", models=models, plot=plot)
    elif few_shot:
        _refuse("--few-shot", folds=folds)
    seeds, folds = seeds or 5, folds or 3
    chosen = (
        models.split(",")
        if models
        else sorted(installed("taste_models"), key=lambda each: (each != "gaussian", each != "wals", each))
    )
    for each in chosen:
        make("taste_models", each)  # a wrong name is better told now than after an hour
    makers = {each: partial(make, "taste_models", each) for each in chosen}
    if protocol is not None:
        _protocol(protocol, path, makers, images, embeddings, scale, max_bad, encoder, as_json, jobs)
        return
    if path is None:
        from zahir.evaluate.planted import recover

        with progress_bar("fitting") as progress:
            found = recover(_planted(seeds), makers, progress=progress)
        report.show_recovered(found, seeds=seeds, as_json=as_json)
        return
    data = read(path, images, embeddings, scale, None, max_bad, encoder)
    if parts:
        from zahir.evaluate.parts import which_part_helps

        with progress_bar("fitting") as progress:
            rows = which_part_helps(data, seeds=seeds, folds=folds, jobs=jobs, progress=progress)
        report.show_parts(rows, seeds=seeds, folds=folds, as_json=as_json)
        return
    if few_shot:
        from zahir.evaluate.few_shot import few_shot as measure

        with progress_bar("fitting") as progress:
            points = measure(data, makers, seeds=seeds, jobs=jobs, progress=progress)
        report.show_few_shot(points, seeds=seeds, as_json=as_json)
        if plot is not None:
            from zahir.evaluate.plot import save_curves

            save_curves(report.curves(points), plot, title="AUC within person, weighted by ratings")
        return
    from zahir.evaluate.compare import compare

    with progress_bar("fitting") as progress:
        rows = compare(data, makers, seeds=seeds, folds=folds, baseline="one-taste", jobs=jobs, progress=progress)
    report.show_compared(rows, data=data, seeds=seeds, folds=folds, as_json=as_json)
    if plot is not None:
        from zahir.evaluate.plot import save_plot

        save_plot(report.weighted(rows), plot, title="AUC within person, weighted by ratings, 95 % over people")


def _refuse(what: str, **given: object) -> None:
    """Raise ZahirError for options that would say nothing to what was asked."""
    idle = [f"--{name}" for name, value in given.items() if value is not None]
    if idle:
        raise ZahirError(f"{what} does not listen to {' or '.join(idle)}: how it measures is settled. Leave it out.")


def _protocol(
    name: str,
    path: Path | None,
    models: Models,
    images: Path | None,
    embeddings: Path | None,
    scale: str | None,
    max_bad: str,
    encoder: str,
    as_json: bool,
    jobs: int,
) -> None:
    """A published protocol on a data set with its published split; REBECA's on simulated people without a PATH."""
    from zahir.datasets.parts import parts
    from zahir.evaluate.protocols import PROTOCOLS
    from zahir.evaluate.protocols.result import show
    from zahir.evaluate.report import LABELS

    if name not in PROTOCOLS:
        raise ZahirError(f"no protocol '{name}'. Known: {', '.join(PROTOCOLS)}.")
    if path is None and name != "rebeca":
        raise ZahirError(f"protocol '{name}' of what? Give the PATH of its data set; see `zahir datasets list`.")
    if path is None:
        with progress_bar("simulating") as progress:
            results = _simulated(models, encoder, progress)
    else:
        data = read(path, images, embeddings, scale, None, max_bad, encoder)
        split = parts(path, data, say=say)
        with progress_bar("fitting") as progress:
            results = [PROTOCOLS[name](data, models, parts=split, jobs=jobs, progress=progress)]
    show(results, labels=LABELS, as_json=as_json)


def _simulated(models: Models, encoder: str, progress: Progress) -> list[Result]:
    """REBECA's protocol on the studio's pictures: 20 people who rate 60 each, whose taste is known."""
    from zahir.evaluate.protocols.rebeca import rebeca, rebeca_made
    from zahir.evaluate.protocols.simulated import crowd
    from zahir.plugins import make

    eyes, studio = make("encoders", encoder), make("generators", "studio")
    people = crowd(20, 60, encoder=eyes, generator=studio, library=600)
    return [
        rebeca(people.dataset, models, parts={}, progress=progress),
        rebeca_made(people.dataset, models, encoder=eyes, generator=studio, truth=people.truth, progress=progress),
    ]


def _planted(seeds: int) -> dict[str, list[Planted]]:
    """50 people with 8 and with 40 ratings each; from nothing shared to most; like-minded groups."""
    from zahir.datasets.synthetic import planted

    kinds: list[tuple[float, int | None]] = [(0.0, None), (0.2, None), (0.5, None), (0.8, None), (0.2, 5)]
    return {
        f"shared {shared:g}{f', {clusters} groups' if clusters else ''}, {ratings} ratings": [
            planted(50, ratings, shared, clusters=clusters, seed=seed) for seed in range(seeds)
        ]
        for shared, clusters in kinds
        for ratings in (8, 40)
    }


def simulate(
    people: Annotated[int, typer.Option(min=1, help="simulated people per taste")] = 10,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    per_round: Annotated[int, typer.Option(min=2, help="pictures per person and round")] = 12,
    calibration: Annotated[int, typer.Option(min=1, help="ratings before the first round")] = 40,
    library: Annotated[int, typer.Option(min=20, help="random pictures to calibrate on and to retrieve from")] = 1000,
    tastes: Annotated[str, typer.Option(help="direction, pixels or both, with a comma between")] = "direction,pixels",
    rows: Annotated[str, typer.Option(help="which rows of the table, or all")] = "all",
    seed: Annotated[int, typer.Option()] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 1,
    sheets: Annotated[Path | None, typer.Option(help="a folder for contact sheets of the last round")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Close the loop with simulated people and print how the pictures made for them rise over rounds."""
    from zahir.evaluate.study import print_study, study

    outcome = study(
        people=people, rounds=rounds, per_round=per_round, calibration=calibration, library=library,
        tastes=tastes.split(","), rows=None if rows == "all" else rows.split(","), seed=seed, jobs=jobs, sheets=sheets,
    )  # fmt: skip
    print_study(outcome, as_json=as_json)
