"""Opens an archive of images: docker's or OCI's, tar or directory, compressed or not, file or stream."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO, Protocol

from pallet.archive.docker_reader import MANIFEST, DockerReader
from pallet.archive.files import Directory, Files
from pallet.archive.oci_reader import INDEX, layout_images
from pallet.archive.source import ArchiveImage
from pallet.archive.spool import spool
from pallet.archive.tar_files import TarFiles
from pallet.content import CHUNK_SIZE
from pallet.errors import HostError, Integrity, InvalidInput, NotFound
from pallet.layer.compress import HEAD, Readable, decompressor, detect
from pallet.layer.tarread import docker_text
from pallet.naming import DEFAULT_TAG
from pallet.reference import Reference


class _Closable(Protocol):
    def close(self) -> None: ...


class Archive:
    """An open archive; its sources can be read until it is closed. A context manager.

    Attributes:
        images: all its images, in its order.
    """

    def __init__(self, images: tuple[ArchiveImage, ...], held: tuple[_Closable, ...]) -> None:
        self.images = images
        self._held = held

    def select(self, name: str) -> ArchiveImage:
        """The image with this name or label, as in skopeo's `oci:directory:label`; "" for the only image there is.

        Raises:
            NotFound: no image is called that, or several could be meant.
        """
        if not name:
            if len(self.images) != 1:
                raise NotFound(f"the archive has {len(self.images)} images: one must be named")
            return self.images[0]
        for image in self.images:
            if name in image.labels or any(name in _called(known) for known in image.names):
                return image
        raise NotFound(f"the archive has no image {name}")

    def close(self) -> None:
        """Close files and drop what was spooled."""
        for each in self._held:
            each.close()
        self._held = ()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _called(name: Reference) -> tuple[str, ...]:
    """The words for a name; the tag `latest` need not be said."""
    words = (str(name), name.familiar)
    return (*words, name.name, name.familiar_name) if name.tag == DEFAULT_TAG else words


def open_archive(where: str | os.PathLike[str] | BinaryIO, spool_dir: str) -> Archive:
    """Find out what an archive is, and which images it has.

    Args:
        where: a tar file or an OCI layout directory, or an open stream. A stream that is a regular file is read in
            place from where it stands; any other is copied once to `spool_dir`. So is a compressed tar, inflated.
        spool_dir: a directory for nameless temporary files.

    Raises:
        InvalidInput: it has no images, or is damaged.
        UnsafeArchive: its tar tries what no tar may.
        HostError: it cannot be opened, or copied.
    """
    if isinstance(where, str | os.PathLike):
        path = os.fspath(where)
        if os.path.isdir(path):
            return _open_directory(path)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise HostError(f"open {path}: {(error.strerror or str(error)).lower()}") from error
        try:
            return _open_file(fd, spool_dir)
        finally:
            os.close(fd)
    fileno = _fileno(where)
    return _spool(where, spool_dir) if fileno is None else _open_file(fileno, spool_dir)


def _open_directory(path: str) -> Archive:
    files = Directory(path)
    if not _has(files, INDEX):
        raise InvalidInput(f"invalid archive: the directory {path} has no {INDEX}")
    return Archive(layout_images(files), (files,))


def _fileno(stream: BinaryIO) -> int | None:
    """The stream's regular file, standing where the next read would read; None if it has none."""
    try:
        fd = stream.fileno()
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        os.lseek(fd, stream.tell(), os.SEEK_SET)  # without what a buffer has read ahead
    except OSError:
        return None
    return fd


def _open_file(fd: int, spool_dir: str) -> Archive:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        return _spool(_Raw(fd), spool_dir)
    start = os.lseek(fd, 0, os.SEEK_CUR)
    if detect(os.pread(fd, HEAD, start)) != "none":
        return _spool(_Raw(fd), spool_dir)
    return _open_tar(os.dup(fd), start, spool_dir)


def _spool(stream: Readable, spool_dir: str) -> Archive:
    try:
        fd, _ = spool(decompressor(stream), spool_dir)
    except Integrity as error:
        raise InvalidInput(docker_text(error)) from error
    return _open_tar(fd, 0, spool_dir)


def _open_tar(fd: int, start: int, spool_dir: str) -> Archive:
    try:
        files = TarFiles(fd, start)
    except BaseException:
        os.close(fd)
        raise
    return _open(files, spool_dir)


def _open(files: Files, spool_dir: str) -> Archive:
    reader = DockerReader(files, spool_dir)
    try:
        # An archive of docker >= 25 is both; the OCI layout keeps the manifest, and with it the image's digest.
        if _has(files, INDEX):
            return Archive(layout_images(files), (files,))
        if _has(files, MANIFEST):
            return Archive(reader.images(), (reader, files))
        if _has(files, "repositories"):
            raise InvalidInput("invalid archive: docker before 1.10 wrote it, and that format is no longer read")
        raise InvalidInput(f"invalid archive: it has neither {MANIFEST} nor {INDEX}")
    except BaseException:
        reader.close()
        files.close()
        raise


def _has(files: Files, name: str) -> bool:
    try:
        files.find(name)
    except NotFound:
        return False
    return True


class _Raw:
    """An open file that is read in order."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self, size: int, /) -> bytes:
        return os.read(self._fd, min(size, CHUNK_SIZE))
