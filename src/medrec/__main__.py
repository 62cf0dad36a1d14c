"""`python -m medrec`: the command line."""

from medrec.cli import main

main()
