"""Which kind of snapshot new layers become. What is here already stays what it is: both kinds work together."""

from __future__ import annotations

import os

from pallet.errors import Unsupported
from pallet.settings import Settings


def makes_images(settings: Settings) -> bool:
    """Whether layers become EROFS images, rather than being unpacked.

    Raises:
        Unsupported: they should, by the settings, and cannot.
    """
    if settings.snapshotter != "erofs":
        return False
    from pallet.layer.erofs.probe import why_no_images

    reason = why_no_images(os.path.join(settings.root, "staging"))
    if reason:
        raise Unsupported(f"the erofs snapshotter does not work here: {reason}", hint="Use --snapshotter overlay.")
    return True
