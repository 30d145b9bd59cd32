"""State on disk: blobs by digest, and a SQLite database of images, names and containers."""
