"""Entry points to objects, by name: built-ins and strangers come through the same door.

Knows nothing of what a plugin does. The groups are `zahir.encoders`, `zahir.taste_models`,
`zahir.generators` and `zahir.filters`; each entry is a class or function that is called to make the object. A name may
carry a place, "sdxl=/models/mine": the object is then made with `place=Path("/models/mine")`.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

from zahir.errors import UnknownPlugin

Group = Literal["encoders", "taste_models", "generators", "filters"]
GROUPS: tuple[Group, ...] = ("encoders", "taste_models", "generators", "filters")


def installed(group: Group) -> dict[str, EntryPoint]:
    """Name to entry point, in alphabetical order."""
    return {
        name: entry_points(group=f"zahir.{group}")[name] for name in sorted(entry_points(group=f"zahir.{group}").names)
    }


def make(group: Group, name: str, **arguments: Any) -> Any:
    """Find, load and construct; raises UnknownPlugin with the nearest name."""
    known = installed(group)
    name, _, place = name.partition("=")
    if place:
        arguments["place"] = Path(place).expanduser()
    if name not in known:
        raise UnknownPlugin(group.removesuffix("s").replace("_", " "), name, list(known))
    return known[name].load()(**arguments)
