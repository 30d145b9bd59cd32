"""`pallet volume`."""
