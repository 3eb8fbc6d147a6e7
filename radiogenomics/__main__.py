"""``python -m radiogenomics`` is the command line."""

from radiogenomics.cli import main

main()
