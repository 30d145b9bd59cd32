"""Any tree goes through import, commit, run, export and import again unchanged."""

from __future__ import annotations

import os
import shutil
import stat
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.support import need, scratch
from tests.support.pallet import PalletCLI
from tests.support.tree import Node, difference, list_tar, list_tree

pytestmark = pytest.mark.root

_EXAMPLES = int(os.environ.get("PALLET_EXAMPLES", "6"))

_NAMES = ("a", "b", "c", "with space", "ünïcode-名前", os.fsdecode(b"\xff\xfe-bytes"), "line\nbreak", "-rf", ".hidden")
_LONG = ("n" * 255, "ß" * 127)
_CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)  # cap_net_bind_service+ep (linux/capability.h)
_ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", tag, perm, id)
    for tag, perm, id in (
        (1, 7, ~0 & 0xFFFFFFFF),
        (2, 5, 1234),
        (4, 5, 0xFFFFFFFF),
        (16, 5, 0xFFFFFFFF),
        (32, 1, 0xFFFFFFFF),
    )
)


class Op(msgspec.Struct, frozen=True):
    """One change to a tree; what cannot be done where it is asked for is left out."""

    verb: str
    path: tuple[str, ...]
    number: int = 0
    other: tuple[str, ...] = ()


_paths = st.lists(st.sampled_from(_NAMES) | st.sampled_from(_NAMES[:3]), min_size=1, max_size=4).map(tuple)
_KINDS = ("mkdir", "file", "append", "sparse", "symlink", "device", "fifo", "long", "again")
_verbs = st.sampled_from(
    [*_KINDS, "mkdir", "file", "file", "link", "link", "remove", "chmod", "chown", "time", "xattr"]
)
_ops = st.builds(Op, _verbs, _paths, st.integers(0, (1 << 62) - 1), _paths)


def change(root: str, ops: list[Op]) -> None:
    """Makes the changes below a directory; no symlink is followed."""
    for op in ops:
        parent = _parent(root, op.path)
        if parent is not None:
            _change(root, parent, f"{parent}/{op.path[-1]}", op)


def _parent(root: str, path: tuple[str, ...]) -> str | None:
    """The directory that the path's last name is in, made if it is missing; None if something else is in its place."""
    place = root
    for name in path[:-1]:
        place += "/" + name
        if not os.path.lexists(place):
            os.mkdir(place)
        if not stat.S_ISDIR(os.lstat(place).st_mode):
            return None
    return place


def _change(root: str, parent: str, path: str, op: Op) -> None:
    number = op.number
    here = os.lstat(path) if os.path.lexists(path) else None
    if op.verb == "long":
        path = f"{parent}/{_LONG[number % 2]}"
        _remove(path)
        _write(path, number)
    elif op.verb == "mkdir":
        _remove(path, unless=stat.S_IFDIR)
        if not os.path.lexists(path):
            os.mkdir(path)
        os.chmod(path, 0o700 | number & 0o3777)
    elif op.verb == "file":
        _remove(path)
        _write(path, number)
    elif op.verb == "append" and here is not None and stat.S_ISREG(here.st_mode):
        with open(path, "ab") as file:
            file.write(b"more" * (number % 1000))
    elif op.verb == "sparse":
        _remove(path)
        with open(path, "wb") as file:
            file.seek(number % 3_000_000)
            file.write(b"island")
            file.truncate(number % 3_000_000 + number % 200_000)
    elif op.verb == "symlink":
        _remove(path)
        os.symlink("/".join(op.other) * (1 + number % 30), path)
    elif op.verb == "link":
        source = "/".join((root, *op.other))
        if _is_plain(root, op.other) and source != path:
            _remove(path)
            if os.path.lexists(source) and not stat.S_ISDIR(os.lstat(source).st_mode):
                os.link(source, path, follow_symlinks=False)
    elif op.verb == "device":
        _remove(path)
        kind = stat.S_IFCHR if number & 1 else stat.S_IFBLK
        os.mknod(path, kind | 0o640, os.makedev(1 + number % 4000, number % 100_000))
    elif op.verb == "fifo":
        _remove(path)
        os.mkfifo(path, 0o600)
    elif op.verb == "remove":
        _remove(path)
    elif op.verb == "again":  # an opaque directory, if there was one
        _remove(path)
        os.mkdir(path)
        _write(f"{path}/{op.other[-1]}", number)
    elif here is not None:
        _adorn(path, here, op)


def _adorn(path: str, here: os.stat_result, op: Op) -> None:
    number = op.number
    symlink = stat.S_ISLNK(here.st_mode)
    if op.verb == "chmod" and not symlink:
        os.chmod(path, number & 0o7777)
    elif op.verb == "chown":
        os.chown(path, number % 70_000, number % (1 << 31), follow_symlinks=False)
    elif op.verb == "time":
        when = number % (10 << 60) - (1 << 60) if number % 3 else number % (1 << 61)
        os.utime(path, ns=(0, when), follow_symlinks=False)
    elif op.verb == "xattr":
        os.setxattr(path, f"trusted.t{number % 3}", op.other[0].encode(errors="surrogateescape"), follow_symlinks=False)
        if not symlink and stat.S_IFMT(here.st_mode) in (stat.S_IFREG, stat.S_IFDIR):
            os.setxattr(path, "user.note", bytes([number % 256]) * (number % 300))
            if number % 5 == 0:
                os.setxattr(path, "system.posix_acl_access", _ACL)
        if stat.S_ISREG(here.st_mode) and number % 2:
            os.setxattr(path, "security.capability", _CAPABILITY)


def _is_plain(root: str, path: tuple[str, ...]) -> bool:
    """Whether all but the last name of the path are directories."""
    places = ["/".join((root, *path[:depth])) for depth in range(1, len(path))]
    return all(os.path.lexists(place) and stat.S_ISDIR(os.lstat(place).st_mode) for place in places)


def _write(path: str, number: int) -> None:
    with open(path, "wb") as file:
        file.write(number.to_bytes(8, "big") * (number % 5000))


def _remove(path: str, unless: int = 0) -> None:
    if not os.path.lexists(path) or stat.S_IFMT(os.lstat(path).st_mode) == unless:
        return
    if stat.S_ISDIR(os.lstat(path).st_mode):
        shutil.rmtree(path)
    else:
        os.unlink(path)


class Whole(msgspec.Struct, frozen=True):
    """A tree with its times to the nanosecond, which `Node` has in seconds."""

    nodes: dict[str, Node]
    times: dict[str, int]

    @classmethod
    def of(cls, root: str) -> Whole:
        nodes = list_tree(Path(root))
        return cls(nodes, {name: os.lstat(f"{root}/{name}").st_mtime_ns for name in nodes})

    def unlike(self, other: Whole) -> list[str]:
        lines = difference(self.nodes, other.nodes)
        for name in self.times.keys() & other.times.keys():
            if self.times[name] != other.times[name]:
                lines.append(f"{name}: time {self.times[name]} != {other.times[name]}")
        return lines


class Trip:
    """One tree on its way."""

    def __init__(self, pallet: PalletCLI, directory: Path) -> None:
        self.pallet = pallet
        self.directory = directory
        self.base = directory / "base"
        (self.base / "bin").mkdir(parents=True)
        (self.base / "t").mkdir()
        shutil.copy(need("busybox"), self.base / "bin/busybox")

    def tar_base(self) -> Path:
        """The base tree as a tar by GNU tar."""
        made = self.directory / "base.tar"
        options = ["--format=posix", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls", "--sparse"]
        subprocess.run(["tar", *options, "-C", self.base, "-cf", made, "."], check=True)
        return made

    def start(self, image: str) -> tuple[str, str]:
        """Runs an image; the container's id, and where its tree can be seen."""
        id = self.pallet.ok("run", "-d", "--network", "none", image, "/bin/busybox", "sleep", "1000")
        return id, f"/proc/{self.pallet.ok('inspect', '-f', '{{.State.Pid}}', id)}/root/t"

    def go(self, ops: list[Op]) -> None:
        """Changes a container's tree, and looks at it after each step of the way."""
        pallet = self.pallet
        base = _as_gnu_tar_sees_it(Whole.of(str(self.base / "t")))
        imported = pallet.ok("import", str(self.tar_base()))
        first, root = self.start(imported)
        assert base.unlike(_as_gnu_tar_sees_it(Whole.of(root))) == []

        change(root, ops)
        expected = Whole.of(root)
        committed = pallet.ok("commit", first)
        assert expected.unlike(Whole.of(root)) == []
        second, again = self.start(committed)
        assert expected.unlike(Whole.of(again)) == []

        for number, container in enumerate((first, second)):
            exported = self.directory / f"export{number}.tar"
            pallet.ok("export", "-o", str(exported), container)
            assert difference(expected.nodes, _below_t(list_tar(exported))) == []
        third, root = self.start(pallet.ok("import", str(exported)))
        assert expected.unlike(Whole.of(root)) == []

        assert pallet.ok("system", "check") == ""
        pallet.ok("rm", "-f", first, second, third)


def _as_gnu_tar_sees_it(tree: Whole) -> Whole:
    """Without the links between the names of a FIFO or device: GNU tar writes each as one of its own."""
    nodes = {
        name: msgspec.structs.replace(node, links=()) if node.kind in ("fifo", "char", "block") else node
        for name, node in tree.nodes.items()
    }
    return Whole(nodes, tree.times)


def _below_t(nodes: dict[str, Node]) -> dict[str, Node]:
    """What is in the directory `t`, named from there."""
    found: dict[str, Node] = {}
    for name, node in nodes.items():
        if name == "t" or name.startswith("t/"):
            links = tuple(each.removeprefix("t/") for each in node.links)
            found[name.removeprefix("t/") if name != "t" else "."] = msgspec.structs.replace(node, links=links)
    return found


@pytest.fixture
def directory() -> Iterator[Path]:
    made = scratch("trip")
    yield made
    shutil.rmtree(made)


@settings(
    max_examples=_EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.large_base_example],
)
@given(
    base=st.lists(_ops, min_size=5, max_size=60),
    changes=st.lists(_ops, min_size=5, max_size=60),
)
def test_generated_trees(pallet: PalletCLI, directory: Path, base: list[Op], changes: list[Op]) -> None:
    place = directory / "example"
    shutil.rmtree(place, ignore_errors=True)
    trip = Trip(pallet, place)
    change(str(trip.base / "t"), base)
    trip.go(changes)


def _everything(salt: int) -> list[Op]:
    """One of each kind, in directories of their own."""
    ops = []
    for number, verb in enumerate(_KINDS):
        path = ("kinds", verb)
        ops += [Op("file", path, 1234), Op(verb, path, 987_654_321 + number + salt, ("x", "y"))]
        for adorn in ("chmod", "chown", "xattr", "time"):
            ops.append(Op(adorn, path, (1 << 60) + 35 * (number + salt) + 1_234_567_891, ("value",)))
    ops += [Op("file", ("links", "one"), 77), Op("link", ("links", "two"), 0, ("links", "one"))]
    ops += [Op("link", ("other", "three"), 0, ("links", "one")), Op("xattr", ("links", "one"), 15, ("v",))]
    ops += [Op("symlink", ("links", "s"), 29, ("a", "b", "c")), Op("link", ("links", "t"), 0, ("links", "s"))]
    ops += [Op("fifo", ("links", "f")), Op("link", ("links", "g"), 0, ("links", "f"))]
    ops += [Op("file", tuple("d" * 100 + str(depth) for depth in range(20)), 500)]
    return ops


def test_everything_added(pallet: PalletCLI, directory: Path) -> None:
    Trip(pallet, directory / "t").go(_everything(1))


def test_everything_changed(pallet: PalletCLI, directory: Path) -> None:
    """All that was there is adorned otherwise, replaced by another kind, removed, or emptied."""
    trip = Trip(pallet, directory / "t")
    change(
        str(trip.base / "t"),
        [*_everything(1), *(Op("file", (f"full{n}", f"f{m}"), m) for n in range(4) for m in range(3))],
    )
    ops = [
        Op(adorn, ("kinds", verb), 1_000_003 * 7, ("new",)) for verb in _KINDS for adorn in ("chown", "xattr", "time")
    ]
    ops += [
        Op(other, ("kinds", verb), 4242, ("x",)) for verb, other in zip(_KINDS, _KINDS[3:] + _KINDS[:3], strict=True)
    ]
    ops += [Op("append", ("links", "one"), 9), Op("chown", ("links", "two"), 5), Op("remove", ("links", "s"))]
    ops += [Op("again", ("full0",), 8, ("f1",)), Op("remove", ("full1",)), Op("remove", ("full2", "f0"))]
    ops += [Op("file", ("full1",), 8), Op("again", ("full3",), 8, ("new",)), Op("remove", ("full3", "new"))]
    trip.go(ops)


def test_everything_removed(pallet: PalletCLI, directory: Path) -> None:
    trip = Trip(pallet, directory / "t")
    change(str(trip.base / "t"), _everything(2))
    trip.go([Op("remove", (name,)) for name in sorted(os.listdir(trip.base / "t"))])
