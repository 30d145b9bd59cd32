"""`pallet completion SHELL`: scripts that ask the hidden `pallet __complete` what may stand at the end of the line."""
