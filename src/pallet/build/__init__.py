"""Building images from Dockerfiles: contexts, the cache, one handler an instruction, the builder."""
