"""`python -m pallet`."""

from __future__ import annotations

import sys

from pallet.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
