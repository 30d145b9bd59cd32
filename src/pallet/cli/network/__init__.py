"""`pallet network`."""
