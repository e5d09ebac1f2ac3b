"""The field's published protocols, end to end, each with the fairer figure beside its own."""

from __future__ import annotations

from collections.abc import Mapping

from zahir.evaluate.protocols import aesthetics, pamela, rebeca, ren2017
from zahir.evaluate.protocols.result import Run

PROTOCOLS: Mapping[str, Run] = {
    "rebeca": rebeca.rebeca,
    "ren2017": ren2017.ren2017,
    "para": aesthetics.para,
    "pamela": pamela.pamela,
    "lapis": aesthetics.lapis,
}
