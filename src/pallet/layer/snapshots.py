"""Snapshots: layers that can be mounted, each a directory that serves as a lower directory of overlay mounts.

    snapshots/<20 hex of the chain ID>/fs      the layer's files, whiteouts in overlayfs's own terms
    snapshots/<20 hex of the chain ID>/layer   what it is, as JSON
    snapshots/<20 hex of the chain ID>/layer.erofs   if it is an image: it is to be mounted on `fs`, which is empty
    snapshots/<20 hex of the chain ID>/layer.tar     the image's tar, if that is apart: a hard link to the layer's blob
    staging/<random>/                          one that is being made, locked by its maker; or one that is going

Names are short because a mount's options have to fit in one page. A snapshot appears whole, by a rename, and never
changes afterwards; that it is on the disk by then is not waited for, see `pallet.layer.unsynced`. The same layer on
other parents is another snapshot: what it looks like may depend on them. Trees and images stand side by side;
`pallet.host.erofs` mounts what needs mounting.

The module is on the quick path: what is written down about snapshots is loaded where it is needed.
"""

from __future__ import annotations

import errno
import os

from pallet.digest import Digest
from pallet.errors import HostError, Integrity, NotFound, PalletError
from pallet.host.erofs import image_of, tar_of
from pallet.host.files import make_spreading_directory, remove_tree, tree_size
from pallet.host.locks import try_flock
from pallet.layer.placement import snapshot_path
from pallet.layer.unsynced import OLD, Unsynced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence, Set
    from types import TracebackType

    from pallet.layer.snapshot_info import ImageInfo, SnapshotInfo


class Staging:
    """A directory for a snapshot in the making; locked, so that a sweep leaves it alone while its maker lives.

    Attributes:
        path: the directory itself: room for what the making needs.
        fs: the directory to fill, empty at first, 0755; it stays empty if there will be an image.
        image: where an image goes; not there at first.
        tar: where its tar goes, if that is apart; not there at first.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.fs = os.path.join(path, "fs")
        self.image = image_of(self.fs)
        self.tar = tar_of(self.image)
        self._lock = -1
        try:
            make_spreading_directory(os.path.dirname(path))
            os.mkdir(path, 0o700)
            self._lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try_flock(self._lock)
            os.mkdir(self.fs)
            os.chmod(self.fs, 0o755)
        except OSError as error:
            self.discard()
            raise HostError(f"cannot make {error.filename or path}: {error.strerror}") from error

    def take_tar(self, path: str) -> None:
        """Have the file of the image's tar here, too.

        Raises:
            HostError: the file system cannot.
        """
        try:
            os.link(path, self.tar)
        except OSError as error:
            raise HostError(f"cannot link {path}: {error.strerror}") from error

    def image_info(self, tar_size: int) -> ImageInfo | None:
        """The description of the image that is here, whose tar has that many bytes; None if there is none.

        Raises:
            HostError: it cannot be read.
        """
        if not os.path.exists(self.image):
            return None
        from pallet.layer.erofs.check import metadata_digest
        from pallet.layer.snapshot_info import ImageInfo

        apart = os.path.exists(self.tar)
        return ImageInfo(tar_size, metadata_digest(self.image, 0 if apart else tar_size), apart)

    def discard(self) -> None:
        """Remove it, unless it has become a snapshot; a second call does nothing."""
        if self.path:
            remove_tree(self.path)
        self.release()

    def release(self) -> None:
        """Let go of it without removing anything."""
        self.path = ""
        fd, self._lock = self._lock, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Staging:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


class Leftover:
    """Something among the snapshots that nothing needs.

    Attributes:
        kind: `snapshot` or `staging`.
        name: the chain ID if it is known, else the directory's name.
    """

    def __init__(self, kind: str, name: str, path: str) -> None:
        self.kind = kind
        self.name = name
        self._path = path

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return tree_size(self._path)

    def remove(self) -> bool:
        """Remove it, unless somebody is working in it; tell whether it is gone."""
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        except OSError:  # no directory: nobody's work
            remove_tree(self._path)
            return True
        try:
            if not try_flock(fd):
                return False
            remove_tree(self._path)
            return True
        finally:
            os.close(fd)


class Snapshots:
    """The snapshots of one store; used by threads and processes at the same time.

    Args:
        root: the store's directory; what is needed in it is made when first written.

    Attributes:
        unsynced: notes of those that may not be on the disk yet.
    """

    def __init__(self, root: str) -> None:
        root = os.path.join(os.getcwd(), root)
        self._directory = os.path.join(root, "snapshots")
        self._staging = os.path.join(root, "staging")
        self._staged = False
        self.unsynced = Unsynced(root)

    def has(self, chain: str) -> bool:
        """Whether the layer is here, unpacked."""
        return os.path.exists(self._path(chain))

    def info(self, chain: str) -> SnapshotInfo:
        """What is known about a snapshot.

        Raises:
            NotFound: it is not here.
            Integrity: its description is damaged, or another chain's.
        """
        try:
            with open(self._path(chain) + "/layer", "rb") as file:
                raw = file.read()
        except FileNotFoundError as error:
            raise NotFound(f"unpacked layer {chain} is missing") from error
        except OSError as error:
            raise HostError(f"cannot read unpacked layer {chain}: {error.strerror}") from error
        from pallet.layer.snapshot_info import SnapshotInfo
        from pallet.oci.codec import decode

        try:
            info = decode(raw, SnapshotInfo, f"the description of layer {chain}")
        except PalletError as error:
            raise Integrity(error.message) from error
        if info.chain_id != chain:
            raise Integrity(f"the description of layer {chain} is another's: {info.chain_id}")
        return info

    def fs(self, chain: str) -> str:
        """The directory with the layer's files; if it is an image, where they show once that is mounted."""
        return self._path(chain) + "/fs"

    def image(self, chain: str) -> str:
        """The file that is the layer's image, if it is one."""
        return image_of(self.fs(chain))

    def lower_dirs(self, chain: str) -> list[str]:
        """The directories of a layer and all below it, top first, as overlayfs wants them; none for no chain.

        Those that are images have to be mounted first: `pallet.host.erofs.mounted_images`.

        Raises:
            NotFound: one of them is missing.
            Integrity: one of them is damaged.
        """
        directories = []
        while chain:
            directories.append(self.fs(chain))
            chain = self.info(chain).parent
        return directories

    def stage(self) -> Staging:
        """A new directory to make a snapshot in.

        Raises:
            HostError: it cannot be made.
        """
        if not self._staged:  # later on, what is being made here would have to be written, too
            self._staged = True
            self.unsynced.make_good(older_than=OLD)
        return Staging(os.path.join(self._staging, os.urandom(6).hex()))

    def commit(self, made: Sequence[tuple[Staging, SnapshotInfo]]) -> None:
        """Make snapshots of staged directories, in this order: parents first.

        They are noted as not being on the disk yet. One that another process has made meanwhile is dropped: both are
        the same.

        Raises:
            HostError: the disk is full, ...
        """
        if not made:
            return
        from pallet.oci.codec import encode

        try:
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            for staging, info in made:
                with open(os.path.join(staging.path, "layer"), "wb") as file:
                    file.write(encode(info))
            with self.unsynced.noted([info.chain_id for _, info in made]):
                for staging, info in made:
                    try:
                        os.rename(staging.path, self._path(info.chain_id))
                    except OSError as error:
                        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                            raise
                        staging.discard()
                    staging.release()
        except OSError as error:
            raise HostError(f"cannot keep an unpacked layer: {error.strerror}") from error

    def remove(self, chain: str) -> None:
        """Remove a snapshot, if it is here; it disappears at once, its files follow.

        Raises:
            HostError: a file cannot be removed.
        """
        away = os.path.join(self._staging, "gone-" + os.urandom(6).hex())
        try:
            make_spreading_directory(self._staging)
            os.rename(self._path(chain), away)
        except FileNotFoundError:
            return
        except OSError as error:
            raise HostError(f"cannot remove unpacked layer {chain}: {error.strerror}") from error
        remove_tree(away)

    def all(self) -> list[Digest]:
        """The chain IDs of all snapshots whose description can be read, in no particular order."""
        return [Digest(chain) for _, chain in self._described() if chain]

    def leftovers(self, used: Set[str]) -> Iterator[Leftover]:
        """What is here besides the snapshots of the chain IDs in `used`: others, damaged ones, dead makers' work."""
        names = {self._path(chain): chain for chain in used}
        for path, chain in self._described():
            if path not in names:
                yield Leftover("snapshot", chain or os.path.basename(path), path)
        for name in _names(self._staging):
            path = os.path.join(self._staging, name)
            if not _is_locked(path):
                yield Leftover("staging", name, path)

    def _path(self, chain: str) -> str:
        return snapshot_path(self._directory, Digest.parse(chain))

    def _described(self) -> Iterator[tuple[str, str]]:
        """Each directory with its chain ID, empty if that cannot be read or does not belong there."""
        from pallet.layer.snapshot_info import SnapshotInfo
        from pallet.oci.codec import decode

        for name in _names(self._directory):
            path = os.path.join(self._directory, name)
            try:
                with open(path + "/layer", "rb") as file:
                    chain = decode(file.read(), SnapshotInfo, "a layer's description").chain_id
            except (OSError, PalletError):
                yield path, ""
            else:
                yield path, chain if self._path(chain) == path else ""


def _names(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []


def _is_locked(path: str) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not try_flock(fd)
    finally:
        os.close(fd)
