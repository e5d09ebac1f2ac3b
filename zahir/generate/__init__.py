"""Tastes to media through other people's models, and through what is there already; torch is loaded when one is made."""
