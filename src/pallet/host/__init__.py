"""The machine: files, locks, mounts, namespaces."""
