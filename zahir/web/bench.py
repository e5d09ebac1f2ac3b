"""What the worker works with: the parts that the settings name, checked against each other, and the newest fit.

Knows no job. Parts are made by name; an error here is one that an operator can put right.
"""

from __future__ import annotations

import inspect
import logging
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from zahir.errors import BadData, SpaceMismatch, UnknownPlugin, ZahirError
from zahir.plugins import Group, installed, make
from zahir.protocols import Encoder, Filter, Generator
from zahir.store import Store
from zahir.web import jobs, library
from zahir.web.settings import Settings

log = logging.getLogger("zahir.worker")


@dataclass
class Bench:
    """The worker's table; each of its lanes has one of its own, with a model of its own."""

    settings: Settings
    store: Store
    encoder: Encoder
    generators: dict[str, Generator]  # as the settings name them
    stand_in: Generator
    stand_in_dim: int
    filter: Filter | None
    model: Any  # a SavedTasteModel
    fit: str | None  # the one that the model holds
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
    shapes: set[str] = field(default_factory=set)  # that screens have asked for
    unreadable: set[int] = field(default_factory=set)  # items whose file is gone
    looked: float = 0.0  # when it was last considered whether to refit
    full: float = 0.0  # when the shelf was last found full

    @property
    def quick(self) -> str | None:
        """The name of the generator that is made to wait for; None when all may be slow."""
        name = self.settings.generator_stand_in
        return name if name in self.generators else None

    def quota(self, name: str) -> int:
        """Unseen pictures of this generator that are kept ready for everybody who is active."""
        share = self.settings.generators.count(name) / len(self.settings.generators)
        return max(1, round(self.settings.ready * share))


def set_up(settings: Settings) -> Bench:
    """Make the parts, see that they speak of one space, and load the newest fit.

    Raises ZahirError for an unknown name, a missing extra or missing weights, and for parts of two spaces.
    """
    encoder: Encoder = part("encoders", settings.encoder, settings)
    generators: dict[str, Generator] = {}
    for name in settings.generators:
        if name not in generators:
            generators[name] = part("generators", name, settings)
        if not generators[name].space:
            raise ZahirError(
                f"'{name}' finds what is there, which the shelf does already. Name one that makes something."
            )
        if generators[name].space != encoder.space:
            raise SpaceMismatch(encoder.space, generators[name].space, what=f"generator '{name}'")
    name = settings.generator_stand_in
    stand_in = generators.get(name) or part("generators", name, settings)
    judge = part("filters", settings.filter, settings) if settings.filter else None
    model = make("taste_models", settings.taste_model)
    store = library.open_store(settings)
    library.choose_space(store, encoder.space)
    dim = _dim_of(name, stand_in, encoder, settings)
    bench = Bench(settings, store, encoder, generators, stand_in, dim, judge, model, None)
    take_newest_fit(bench)
    return bench


def lane_of(bench: Bench) -> Bench:
    """A bench beside this one, for another thread: the same parts, but a model that nobody else refits."""
    beside = replace(bench, model=make("taste_models", bench.settings.taste_model), fit=None, shapes=set())
    beside.rng = np.random.default_rng()
    take_newest_fit(beside)
    return beside


def part(group: Group, name: str, settings: Settings) -> Any:
    """Make a part by its name, with the device and the type of numbers where it asks for them."""
    entry = installed(group).get(name.partition("=")[0])
    takes = inspect.signature(entry.load()).parameters if entry else {}
    given = {"device": settings.device, "dtype": settings.dtype}
    return make(group, name, **{key: value for key, value in given.items() if value and key in takes})


def take_newest_fit(bench: Bench) -> None:
    """Load the current fit, unless the model holds it already: another process may have made it."""
    current = bench.store.current_fit(bench.encoder.space)
    if current is None or current[0] == bench.fit or not hasattr(bench.model, "load"):
        return
    bench.fit = current[0]
    try:
        bench.model = type(bench.model).load(bench.store.home / "fits" / bench.fit)
    except BadData as error:  # of another model, or of another version
        log.warning("%s A new one is made.", error)
        with bench.store.writing() as db:
            jobs.enqueue(db, "refit", {None: {}})


def _dim_of(name: str, stand_in: Generator, encoder: Encoder, settings: Settings) -> int:
    """The width of the tastes that the stand-in reads: its space is that of an encoder, its own or the server's."""
    if stand_in.space == encoder.space:
        return encoder.dim
    try:
        own: Encoder = part("encoders", name, settings)
    except UnknownPlugin as error:
        raise ZahirError(
            f"the stand-in '{name}' needs an encoder of its name, or the space of '{settings.encoder}'. "
            "Leave generator_stand_in at 'studio'."
        ) from error
    if own.space != stand_in.space:
        raise SpaceMismatch(own.space, stand_in.space, what=f"stand-in '{name}'")
    return own.dim
