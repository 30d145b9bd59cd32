"""What goes into one container's file system, and comes out of it, in docker-py's words."""

from __future__ import annotations

import stat
from collections.abc import Generator, Iterable
from typing import IO, Any

from pallet.sdk.model import Model
from pallet.sdk.stream import CHUNK_SIZE, Pipe, produced

_CHUNK = 1 << 16


class ContainerFiles(Model):
    """The verbs of `Container` that are about files."""

    def export(self, chunk_size: int | None = CHUNK_SIZE) -> Generator[bytes, None, None]:
        """Its whole file system as a tar, piece by piece; never more than a few pieces are in memory.

        Args:
            chunk_size: bytes of a piece; None for pieces as they come.

        Returns:
            An iterator. Stopping early is fine; `close()` it, or drop it.

        Raises:
            NoSuchContainer: at once: it is gone.
            HostError: while reading: its file system cannot be mounted.

        Example:
            >>> engine.images.import_(container.export(), "apache", tag="flat")
            <Image: 'apache:flat'>
        """
        from pallet.ops.export import export

        engine, id = self._engine, self._id
        engine.store.containers.find_id(id)

        def produce(out: Pipe) -> None:
            export(engine, id, out)

        return produced(produce, chunk_size=chunk_size)

    def get_archive(
        self, path: str, chunk_size: int | None = CHUNK_SIZE, encode_stream: bool = False
    ) -> tuple[Generator[bytes, None, None], dict[str, Any]]:
        """A file, or a directory with all below it, as a tar.

        Args:
            path: in the container, which may be stopped.
            chunk_size: bytes of a piece; None for pieces as they come.
            encode_stream: changes nothing: docker-py compresses what it sends over the network.

        Returns:
            An iterator over the tar's pieces (`close()` it, or drop it, to stop early), and what the path is:
            `{"name": ..., "size": bytes, "mode": Go's FileMode, "mtime": RFC 3339, "linkTarget": ...}`.

        Raises:
            NotFound: nothing is there.
        """
        from pallet.ops.container_archive import get_archive, stat_path
        from pallet.ops.times import rfc3339_nano

        found = stat_path(self._engine, self._id, path)
        engine, id = self._engine, self._id

        def produce(out: Pipe) -> None:
            archive = get_archive(engine, id, path)
            try:
                while data := archive.read(_CHUNK):
                    out.write(data)
            finally:
                archive.close()

        about = {
            "name": found.name,
            "size": found.size,
            "mode": go_mode(found.mode),
            "mtime": rfc3339_nano(found.mtime),
            "linkTarget": found.link_target,
        }
        return produced(produce, chunk_size=chunk_size), about

    def put_archive(self, path: str, data: bytes | IO[bytes] | Iterable[bytes]) -> bool:
        """Extract a tar into a directory of it.

        Args:
            path: the directory, in the container, which may be stopped.
            data: the tar: bytes, a file, or pieces.

        Returns:
            True.

        Raises:
            NotFound: there is no such directory.
            InvalidInput: it is read-only, or what is in it forbids the extraction.
        """
        from pallet.ops.container_archive import WholeWriter, put_archive

        def send(fd: int) -> None:
            out = WholeWriter(fd)
            if isinstance(data, bytes):
                out.write(data)
            elif hasattr(data, "read"):
                while piece := data.read(_CHUNK):
                    out.write(piece)
            else:
                for piece in data:
                    out.write(piece)

        put_archive(self._engine, self._id, path, send)
        return True


# The bits of Go's FileMode (its documentation of package io/fs) for types and for special bits.
_GO_TYPES = {
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFIFO: 1 << 25,
    stat.S_IFSOCK: 1 << 24,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
}
_GO_BITS = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}


def go_mode(mode: int) -> int:
    """Go's FileMode of a file's st_mode."""
    special = sum(new for old, new in _GO_BITS.items() if mode & old)
    return (mode & 0o777) | _GO_TYPES.get(stat.S_IFMT(mode), 0) | special
