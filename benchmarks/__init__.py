"""pallet beside docker, podman and skopeo: the same images, the same registry, one machine, one run."""
