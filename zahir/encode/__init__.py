"""Pixels to embeddings with other people's models; torch is loaded when one is used."""
