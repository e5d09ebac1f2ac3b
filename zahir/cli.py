"""The `zahir` command: one function per verb; each loads what it needs only when it runs.

Knows the environment (ZAHIR_HOME, ZAHIR_DEVICE); nothing below it does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from threadpoolctl import threadpool_limits

from zahir.errors import BadData, ZahirError

if TYPE_CHECKING:
    from zahir.datasets.rows import MaxBad as Limit
    from zahir.datasets.rows import Rejects
    from zahir.datasets.synthetic import Planted
    from zahir.evaluate.protocols.result import Models, Result
    from zahir.interactions import Dataset
    from zahir.protocols import Progress

Images = Annotated[Path | None, typer.Option(help="a folder of pictures, which the items name")]
Embeddings = Annotated[Path | None, typer.Option(help="the items' embeddings: .npz, .npy, .parquet or .safetensors")]
Scale = Annotated[str | None, typer.Option(help="the worst and the best rating, such as 1,5 (default: recognised)")]
MaxBad = Annotated[str, typer.Option(help="bad rows that are let through: a count, a share, or both")]
Encoder = Annotated[str, typer.Option(help="embeds pictures that come without embeddings")]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def home() -> Path:
    """Where everything is kept: ZAHIR_HOME, or ~/.zahir."""
    return Path(os.environ.get("ZAHIR_HOME") or Path.home() / ".zahir")


@app.callback()
def zahir() -> None:
    """Rate pictures, see your taste, get pictures made for it."""
    # numba reads this when it is imported: compiled kernels belong to the installation's home
    os.environ.setdefault("NUMBA_CACHE_DIR", str(home() / "numba"))
    # the products of matrices here are small: BLAS threads cost more than they bring
    threadpool_limits(1)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="address to listen on (default: 127.0.0.1)")] = None,
    port: Annotated[int | None, typer.Option(envvar="PORT", help="0 takes a free one (default: 8000)")] = None,
) -> None:
    """Start the web app, and its worker, and print its address."""
    from zahir.web.serve import serve as run
    from zahir.web.settings import load_settings

    home().mkdir(parents=True, exist_ok=True)
    run(load_settings(home(), host=host, port=port))


@app.command(name="import")
def import_(
    path: Annotated[Path, typer.Argument(help="a file or folder of ratings, or a folder of pictures")],
    name: Annotated[str | None, typer.Option(help="what to call it in the store (default: as PATH)")] = None,
    images: Images = None,
    embeddings: Embeddings = None,
    scale: Scale = None,
    space: Annotated[str | None, typer.Option(help="the embeddings' space, as their encoder names it")] = None,
    max_bad: MaxBad = "100,1%",
    encoder: Encoder = "studio",
) -> None:
    """Bring ratings and pictures into the store: whole, or not at all."""
    from zahir.store import Store

    data = _read(path, images, embeddings, scale, space, max_bad, encoder)
    called = name or (path if path.is_dir() else path.with_suffix("")).resolve().name
    with _progress("keeping") as progress:
        people, items = Store(home()).import_dataset(data, name=called, progress=progress)
    typer.echo(f"imported '{called}': {len(people):,} people, {len(items):,} items, {len(data.interactions):,} ratings")


@app.command()
def evaluate(
    path: Annotated[Path | None, typer.Argument(help="a file or folder of ratings")] = None,
    planted: Annotated[bool, typer.Option("--planted", help="invented people instead, whose tastes are known")] = False,
    parts: Annotated[bool, typer.Option("--parts", help="which part of a model helps, one changed at a time")] = False,
    few_shot: Annotated[bool, typer.Option("--few-shot", help="by how many ratings of one's own are known")] = False,
    protocol: Annotated[
        str | None, typer.Option(help="rebeca, ren2017, para, pamela or lapis; rebeca without PATH simulates people")
    ] = None,
    models: Annotated[str | None, typer.Option(help="names, a comma between (default: all)")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="how often to split, or to invent people")] = 5,
    folds: Annotated[int, typer.Option(min=2, help="parts, each held out once")] = 3,
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
    chosen = (
        models.split(",")
        if models
        else sorted(installed("taste_models"), key=lambda each: (each != "wals", each != "one-taste", each))
    )
    for each in chosen:
        make("taste_models", each)  # a wrong name is better told now than after an hour
    makers = {each: partial(make, "taste_models", each) for each in chosen}
    if protocol is not None:
        _protocol(protocol, path, makers, images, embeddings, scale, max_bad, encoder, as_json, jobs)
        return
    if path is None:
        from zahir.evaluate.planted import recover

        with _progress("fitting") as progress:
            found = recover(_planted(seeds), makers, progress=progress)
        report.show_recovered(found, seeds=seeds, as_json=as_json)
        return
    data = _read(path, images, embeddings, scale, None, max_bad, encoder)
    if parts:
        from zahir.evaluate.parts import which_part_helps

        with _progress("fitting") as progress:
            rows = which_part_helps(data, seeds=seeds, folds=folds, jobs=jobs, progress=progress)
        report.show_parts(rows, seeds=seeds, folds=folds, as_json=as_json)
        return
    if few_shot:
        from zahir.evaluate.few_shot import few_shot as measure

        with _progress("fitting") as progress:
            points = measure(data, makers, seeds=seeds, jobs=jobs, progress=progress)
        report.show_few_shot(points, seeds=seeds, as_json=as_json)
        if plot is not None:
            from zahir.evaluate.plot import save_curves

            save_curves(report.curves(points), plot, title="AUC within person, weighted by ratings")
        return
    from zahir.evaluate.compare import compare

    with _progress("fitting") as progress:
        rows = compare(data, makers, seeds=seeds, folds=folds, baseline="one-taste", jobs=jobs, progress=progress)
    report.show_compared(rows, data=data, seeds=seeds, folds=folds, as_json=as_json)
    if plot is not None:
        from zahir.evaluate.plot import save_plot

        save_plot(report.weighted(rows), plot, title="AUC within person, weighted by ratings, 95 % over people")


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
        with _progress("simulating") as progress:
            results = _simulated(models, encoder, progress)
    else:
        data = _read(path, images, embeddings, scale, None, max_bad, encoder)
        split = parts(path, data, say=_say)
        with _progress("fitting") as progress:
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


def _read(
    path: Path,
    images: Path | None,
    embeddings: Path | None,
    scale: str | None,
    space: str | None,
    max_bad: str,
    encoder: str,
) -> Dataset:
    """Read a data set, tell what is seen and what is bad, and embed pictures that have no embedding."""
    from zahir.datasets import pictures, read
    from zahir.datasets.rows import MaxBad
    from zahir.datasets.scale import parse
    from zahir.plugins import make

    try:
        rejects = _rejects(MaxBad.of(max_bad))
        wanted = parse(scale) if scale else None
    except ValueError as error:
        raise ZahirError(str(error)) from error
    data = read(path, embeddings=embeddings, images=images, scale=wanted, space=space, rejects=rejects, say=_say)
    if data.embeddings.shape[1]:
        data = pictures.without_broken(data, rejects=rejects)
    else:
        with _progress("embedding") as progress:
            data = pictures.embed(data, make("encoders", encoder), rejects=rejects, progress=progress)
    if rejects.total:
        _say(f"{rejects.total} bad rows, items or pictures were left out.")
    return data


def _say(sentence: object) -> None:
    typer.echo(sentence, err=True)


def _rejects(limit: Limit) -> Rejects:
    """Tells of the first twenty."""
    from zahir.datasets.rows import Rejects

    def report(error: BadData) -> None:
        if rejects.total < 20:
            _say(error)
        elif rejects.total == 20:
            _say("... and more")

    rejects = Rejects(limit, report)
    return rejects


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


@contextmanager
def _progress(what: str) -> Iterator[Progress]:
    """A bar on stderr for as long as something takes."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)

        def progress(done: int, of: int) -> bool:
            bar.update(task, completed=done, total=of)
            return True

        yield progress


@app.command()
def generate(
    user: Annotated[str | None, typer.Option(help="whose taste: a number, or the name of an imported person")] = None,
    most_similar: Annotated[bool, typer.Option(help="the two people with the nearest tastes, a row each")] = False,
    n: Annotated[int, typer.Option(min=1, help="how many pictures of each person")] = 6,
    strength: Annotated[float, typer.Option(min=0, max=2, help="0 the average, 1 the taste")] = 1.0,
    surprise: Annotated[float, typer.Option(min=0, max=1.5708, help="radians away from the taste")] = 0.3,
    seed: Annotated[int, typer.Option()] = 0,
    side: Annotated[int, typer.Option(min=16, max=4096, help="pixels")] = 512,
    out: Annotated[Path, typer.Option(help="a folder for the pictures and sheet.png")] = Path("pictures"),
    generator: Annotated[str, typer.Option()] = "studio",
    encoder: Annotated[str, typer.Option()] = "studio",
    model: Annotated[str, typer.Option()] = "wals",
) -> None:
    """Make pictures for anyone in the matrix; with --most-similar, two people's side by side."""
    import numpy as np

    from zahir.loop import step
    from zahir.media import Media, contact_sheet
    from zahir.plugins import make
    from zahir.space import cosine
    from zahir.store import Store

    if (user is None) == (not most_similar):
        raise ZahirError("whose pictures? Give --user NAME or --most-similar, one of the two.")
    store, eyes, taste = Store(home()), make("encoders", encoder), make("taste_models", model)
    data = store.dataset(space=eyes.space)
    taste.fit(data.interactions, data.embeddings)
    if user is not None:
        people = [store.user_named(user)]
    else:
        counts = np.bincount(data.interactions.users, minlength=data.interactions.num_users)
        ids = (np.flatnonzero(counts >= 3) + 1).tolist()
        if len(ids) < 2:
            raise ZahirError(f"{len(ids)} people have 3 ratings or more in space {eyes.space}; two are needed.")
        rng = np.random.default_rng(seed)
        tastes = np.stack([taste.embed_user(store.history(each, space=eyes.space), rng=rng) for each in ids])
        alike = cosine(tastes, tastes) - 2 * np.eye(len(ids))
        first, second = np.unravel_index(np.argmax(alike), alike.shape)
        people = [ids[first], ids[second]]
        typer.echo(f"users {people[0]} and {people[1]}: cosine of their tastes {alike.max():.3f}")
    out.mkdir(parents=True, exist_ok=True)
    made: list[Media] = []
    for person in people:
        items = step(
            store, person, encoder=eyes, model=taste, generator=make("generators", generator), n=n,
            strength=strength, surprise=surprise, seed=seed, size=(side, side),
        )  # fmt: skip
        made += [store.media(item) for item in items]
        for item, picture in zip(items, made[-n:]):
            picture.to_png(out / f"user{person}-{item}.png")
    Media.image(contact_sheet(made, columns=n)).to_png(out / "sheet.png")
    typer.echo(f"{len(made)} pictures in {out}")


@app.command()
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


@app.command()
def doctor(
    port: Annotated[int, typer.Option(envvar="PORT", help="that serve would listen on")] = 8000,
) -> None:
    """Try every part on this machine; exit code 1 when the web app cannot run."""
    from zahir.doctor import examine

    broken = False
    for check in examine(home(), port=port):
        typer.echo(f"{check.state:8} {check.part:12} {' '.join([check.found, check.advice]).strip()}")
        broken = broken or check.state == "broken"
    raise typer.Exit(int(broken))


@app.command()
def plugins() -> None:
    """List encoders, taste models and generators, with the package each comes from."""
    from zahir.plugins import GROUPS, installed

    for group in GROUPS:
        for name, entry in installed(group).items():
            source = entry.dist
            typer.echo(f"{group:13} {name:14} {source.name if source else '?'} {source.version if source else ''}")


datasets = typer.Typer(no_args_is_help=True, help="Public sets of ratings: list, get and check them.")
app.add_typer(datasets, name="datasets")


@datasets.command(name="list")
def list_() -> None:
    """List the public sets: what each is, its size and licence, and how it is had."""
    from zahir.datasets.public import SETS

    for name, each in SETS.items():
        typer.echo(f"{name:16} {each.title}: {each.what}")
        typer.echo(f"{'':16} {'on request' if each.how else 'download'}: {each.size}; {each.home}")
        typer.echo(f"{'':16} licence: {each.licence}")


@datasets.command()
def get(
    name: Annotated[str, typer.Argument(help="as `zahir datasets list` names it")],
    to: Annotated[Path | None, typer.Option(help="a folder (default: NAME among the installation's datasets)")] = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="its archives of pictures too, where large")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Download a public set, after showing its licence; again, to go on where it broke off."""
    from zahir.datasets import public

    which = public.find(name)
    typer.echo(f"{which.title}: {which.what}.\nlicence: {which.licence}\nfrom {which.home}")
    if which.how:
        typer.echo(f"{which.how}\nThen: zahir datasets check FOLDER")
        raise typer.Exit(1)
    wanted, folder = public.files(which, pictures=pictures), to or home() / "datasets" / name
    known = sum(file.size or 0 for file in wanted)
    size = f"{known / 1e6:,.1f} MB" if all(file.size for file in wanted) else which.size
    typer.echo(f"{len(wanted):,} files ({size}) to {folder}")
    if not yes:
        typer.confirm("Download?", abort=True)
    with _progress("downloading") as progress:
        public.get(wanted, folder, progress=progress)
    typer.echo(f"all there. Next: zahir datasets check {folder}")


@datasets.command()
def check(
    path: Annotated[Path, typer.Argument(help="a file or folder in any layout that import reads")],
    images: Images = None,
    embeddings: Embeddings = None,
    scale: Scale = None,
) -> None:
    """Say which layout it has, what it holds and what cannot be read; exit code 1 when something cannot."""
    from zahir.datasets import read
    from zahir.datasets.check import facts
    from zahir.datasets.rows import MaxBad as Limit
    from zahir.datasets.scale import parse

    rejects = _rejects(Limit(10**9, 1.0))
    try:
        wanted = parse(scale) if scale else None
    except ValueError as error:
        raise ZahirError(str(error)) from error
    data = read(path, images=images, embeddings=embeddings, scale=wanted, rejects=rejects, say=typer.echo)
    for fact in facts(data):
        typer.echo(fact)
    typer.echo(f"{rejects.total:,} bad rows, items or pictures.")
    raise typer.Exit(int(rejects.total > 0))


def main() -> None:
    """Run; a ZahirError is one line on stderr and exit code 2."""
    try:
        app()
    except ZahirError as error:
        print(f"zahir: {error}", file=sys.stderr)
        sys.exit(2)
