"""The verbs of `pallet image`."""
