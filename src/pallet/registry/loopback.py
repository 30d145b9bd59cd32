"""Which registries are on this machine. On the quick path: it imports nothing."""

from __future__ import annotations


def is_loopback(host: str) -> bool:
    """Whether `host[:port]` is this machine by its very name: 127.0.0.0/8, ::1 or localhost.

    Other names are not looked up: DNS must not decide who gets a password in the clear.
    """
    if "@" in host:  # a URL's user, and who knows what behind it
        return False
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name in ("localhost", "::1"):
        return True
    parts = name.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part.isdigit() and int(part) < 256 for part in parts)
