"""The familiar form of image names, as docker prints them.

Kept apart from `pallet.reference` and free of regular expressions, because listing images needs nothing else and must
start fast. Source: github.com/distribution/reference, "familiar" names.
"""

from __future__ import annotations

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"
_OFFICIAL = "docker.io/library/"


def familiar(name: str) -> str:
    """Shorten a normalised name: `docker.io/library/ubuntu` becomes `ubuntu`, `docker.io/me/app` becomes `me/app`.

    A tag or digest behind the name stays as it is. Names of other registries are returned unchanged.
    """
    if name.startswith(_OFFICIAL):
        rest = name[len(_OFFICIAL) :]
        # docker.io/library/a/b is not an official image: its short form keeps the "library/".
        return rest if "/" not in rest.partition("@")[0] else name[len(DEFAULT_DOMAIN) + 1 :]
    if name.startswith(DEFAULT_DOMAIN + "/"):
        return name[len(DEFAULT_DOMAIN) + 1 :]
    return name
