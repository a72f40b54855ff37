"""``python -m conductor``: the command line."""

import sys

from conductor.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
