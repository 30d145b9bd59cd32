"""`python -m pallet`."""

from __future__ import annotations

from pallet.cli.main import command

if __name__ == "__main__":
    command()
