"""Users, items, embeddings and an append-only log of ratings, in SQLite or PostgreSQL."""

from zahir.store.store import QUESTIONS_FILE, Item, NewRating, Pick, Shelf, Store

__all__ = ["QUESTIONS_FILE", "Item", "NewRating", "Pick", "Shelf", "Store"]
