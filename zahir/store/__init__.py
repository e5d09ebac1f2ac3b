"""Users, items, embeddings and an append-only log of ratings, in SQLite or PostgreSQL."""

from zahir.store.store import Item, NewRating, Pick, Shelf, Store

__all__ = ["Item", "NewRating", "Pick", "Shelf", "Store"]
