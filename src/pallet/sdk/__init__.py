"""The Python face: the engine in docker-py's words. `import pallet; engine = pallet.Engine()`."""
