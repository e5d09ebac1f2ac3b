"""Files on disk, and invented people, as `Dataset`: one module per source; knows nothing of models."""
