"""Tastes to media through others' models, and through what is there already; torch is loaded when one is made."""
