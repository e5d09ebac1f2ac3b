"""`python -m zahir` is `zahir`."""

from zahir.cli import main

main()
