"""Photographs enhanced in a person's taste: tone and colour, files in and out, proposals, and what choices teach."""
