"""Ratings to one taste: the solve, the models on it, and the models they are compared with."""
