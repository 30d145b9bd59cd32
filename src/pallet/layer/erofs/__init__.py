"""EROFS images of layers: a layer's plain tar, and behind it the metadata by which the kernel mounts it."""
