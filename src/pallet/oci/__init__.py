"""Image documents: descriptors, manifests, indexes, configs.

Source: OCI image spec 1.1 and docker's image manifest v2, schema 2. Every document keeps the raw bytes it was read
from, because its digest is the digest of exactly those bytes.
"""
