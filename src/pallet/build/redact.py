"""Addresses without the credentials in them, as BuildKit's provenance has them."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

_MASK = "xxxxx"


def redacted(address: str) -> str:
    """`https://xxxxx:xxxxx@host/path` for an address with user and password; what is no URL stays."""
    if "://" not in address:
        return address
    parts = urlsplit(address)
    credentials, at, host = parts.netloc.rpartition("@")
    if not at:
        return address
    user, colon, _ = credentials.partition(":")
    masked = (_MASK if user else "") + (f":{_MASK}" if colon else "")
    return urlunsplit(parts._replace(netloc=f"{masked}@{host}"))
