"""The verbs of `pallet system`."""
