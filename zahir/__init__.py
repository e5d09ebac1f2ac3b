"""Zahir: rate pictures, see your taste, get pictures made for it.

Importing this package loads nouns only; taste models, the studio and the faces load when named.
"""

from __future__ import annotations

from zahir.interactions import History, Interactions, Rows
from zahir.media import Media, Origin

__version__ = "0.1.0"
__all__ = ["History", "Interactions", "Media", "Origin", "Rows", "__version__"]
