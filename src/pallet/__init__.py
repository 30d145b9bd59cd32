"""pallet."""
