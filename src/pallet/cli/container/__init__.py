"""The verbs of `pallet container`."""
