"""What unpacking one layer gives."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

UnpackMode = Literal["base", "diff", "tree"]
"""How a layer is applied.

- `base`: into an empty directory, as an image's first layer: whiteouts have nothing to hide and leave no trace.
- `diff`: into an empty directory that becomes an overlay lower directory: whiteouts become what overlayfs knows.
- `tree`: onto a tree that is there, a mounted overlay for instance: whiteouts delete.
"""


class ForeignLink(Struct, frozen=True):
    """A hard link whose target is not in its layer. Both names are relative to the layer's root."""

    name: bytes
    target: bytes


class Unpacked(Struct, frozen=True):
    """The result of unpacking one layer.

    `diff_id` is the digest of the uncompressed tar, `tar_size` its length in bytes. `size` is docker's layer size: the
    sizes of all that is not a directory, each inode counted once. `files` counts the entries that were extracted.

    What a layer alone cannot settle, in modes `base` and `diff`: `implicit_parents` are directories that the tar
    needs but lacks (made 0755, owner 0:0, mtime 0; `b"."` is the root, for a tar that does not describe it), relative
    names in order of making, parents first; `foreign_links` were not made; `opaque_root` says that the layer hides
    all of its parents, which overlayfs cannot express; `whiteouts` are the names that it hides. `inode_offsets`,
    if an image was made, are where in it the inodes of `implicit_parents` are.
    """

    diff_id: str
    tar_size: int
    size: int
    files: int
    implicit_parents: tuple[bytes, ...] = ()
    foreign_links: tuple[ForeignLink, ...] = ()
    opaque_root: bool = False
    whiteouts: tuple[bytes, ...] = ()
    inode_offsets: tuple[int, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether the layer is right whatever lies below it, its root's own metadata apart."""
        return not self.foreign_links and not self.opaque_root and self.implicit_parents in ((), (b".",))
