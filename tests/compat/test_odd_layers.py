"""Layers apply on those below as containerd applies them, through a pull from a real registry.

Each case is layers of tar entries and the tree that has to come of them; where umoci can apply the layers too, it has
to agree.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable

import msgspec
import pytest
from tests.compat.merged import pallet_tree, umoci_tree
from tests.support.images import Compression, directory, entry, hardlink, image, push, symlink, tar
from tests.support.pallet import PalletCLI
from tests.support.registry import RegistryServer
from tests.support.tree import Node, difference

Entry = tuple[tarfile.TarInfo, bytes]
OPAQUE = ".wh..wh..opq"


class Odd(msgspec.Struct, frozen=True):
    """One case: layers, lowest first, and the tree: `path: kind mode uid:gid more`, without the root directory.

    Attributes:
        umoci: what umoci does otherwise, or empty where it agrees.
    """

    layers: list[list[Entry]]
    tree: str
    umoci: str = ""
    format: int = tarfile.PAX_FORMAT


BASE = [
    directory("etc/", mode=0o750, uid=3, gid=4, xattrs={"user.kept": b"yes"}),
    entry("etc/conf", b"conf", mode=0o640, uid=5, gid=6),
    directory("data/"),
    entry("data/one", b"1"),
    directory("data/sub/"),
    entry("data/sub/two", b"22"),
    symlink("var", "data"),
]

CASES = {
    "missing parent": Odd(
        [BASE, [entry("etc/new", b"new"), entry("none/at/all", b"x")]],
        """
        data: dir 755 0:0
        data/one: file 644 0:0 1
        data/sub: dir 755 0:0
        data/sub/two: file 644 0:0 22
        etc: dir 750 3:4 user.kept
        etc/conf: file 640 5:6 conf
        etc/new: file 644 0:0 new
        none: dir 755 0:0
        none/at: dir 755 0:0
        none/at/all: file 644 0:0 x
        var: symlink 777 0:0 data
        """,
    ),
    "missing parent, described later": Odd(
        [[entry("a/b/file", b"x"), directory("a/b/", mode=0o700, uid=7), directory("a/", mode=0o711)]],
        """
        a: dir 711 0:0
        a/b: dir 700 7:0
        a/b/file: file 644 0:0 x
        """,
    ),
    "below a lower layer's symlink": Odd(
        [BASE, [entry("var/three", b"333"), directory("var/deep/er/")]],
        """
        data: dir 755 0:0
        data/deep: dir 755 0:0
        data/deep/er: dir 755 0:0
        data/one: file 644 0:0 1
        data/sub: dir 755 0:0
        data/sub/two: file 644 0:0 22
        data/three: file 644 0:0 333
        etc: dir 750 3:4 user.kept
        etc/conf: file 640 5:6 conf
        var: symlink 777 0:0 data
        """,
    ),
    "absolute symlink stays inside": Odd(
        [[directory("real/"), symlink("abs", "/real"), symlink("up", "../../real")], [entry("abs/a"), entry("up/b")]],
        """
        abs: symlink 777 0:0 /real
        real: dir 755 0:0
        real/a: file 644 0:0
        real/b: file 644 0:0
        up: symlink 777 0:0 ../../real
        """,
    ),
    "links into lower layers": Odd(
        [BASE, [hardlink("etc/again", "etc/conf"), hardlink("twice", "etc/again"), hardlink("sym", "var")]],
        """
        data: dir 755 0:0
        data/one: file 644 0:0 1
        data/sub: dir 755 0:0
        data/sub/two: file 644 0:0 22
        etc: dir 750 3:4 user.kept
        etc/again: file 640 5:6 conf =etc/again,etc/conf,twice
        etc/conf: file 640 5:6 conf =etc/again,etc/conf,twice
        sym: symlink 777 0:0 data =sym,var
        twice: file 640 5:6 conf =etc/again,etc/conf,twice
        var: symlink 777 0:0 data =sym,var
        """,
    ),
    "a link into the layer below the one below": Odd(
        [[entry("file", b"x")], [entry("other", b"y")], [hardlink("link", "file"), entry("other", b"z")]],
        """
        file: file 644 0:0 x =file,link
        link: file 644 0:0 x =file,link
        other: file 644 0:0 z
        """,
    ),
    "a lower file's copy is written over, its link is not": Odd(
        [[entry("a", b"old"), hardlink("b", "a")], [entry("a", b"new")]],
        """
        a: file 644 0:0 new
        b: file 644 0:0 old
        """,
    ),
    "opaque first": Odd(
        [BASE, [directory("data/", mode=0o700), entry(f"data/{OPAQUE}"), entry("data/new", b"n")]],
        """
        data: dir 700 0:0
        data/new: file 644 0:0 n
        etc: dir 750 3:4 user.kept
        etc/conf: file 640 5:6 conf
        var: symlink 777 0:0 data
        """,
    ),
    "opaque last": Odd(
        [BASE, [directory("data/", mode=0o700), entry("data/new", b"n"), entry(f"data/{OPAQUE}")]],
        """
        data: dir 700 0:0
        data/new: file 644 0:0 n
        etc: dir 750 3:4 user.kept
        etc/conf: file 640 5:6 conf
        var: symlink 777 0:0 data
        """,
    ),
    "opaque without its directory": Odd(
        [BASE, [entry("data/sub/three", b"3"), entry(f"data/{OPAQUE}")]],
        """
        data: dir 755 0:0
        data/sub: dir 755 0:0
        data/sub/three: file 644 0:0 3
        etc: dir 750 3:4 user.kept
        etc/conf: file 640 5:6 conf
        var: symlink 777 0:0 data
        """,
    ),
    "opaque inside opaque": Odd(
        [
            BASE,
            [entry(f"data/sub/{OPAQUE}"), entry("data/sub/x", b"x"), entry(f"data/{OPAQUE}"), entry("data/y", b"y")],
        ],
        """
        data: dir 755 0:0
        data/sub: dir 755 0:0
        data/sub/x: file 644 0:0 x
        data/y: file 644 0:0 y
        etc: dir 750 3:4 user.kept
        etc/conf: file 640 5:6 conf
        var: symlink 777 0:0 data
        """,
    ),
    "opaque root": Odd(
        [BASE, [entry("new", b"n"), entry(OPAQUE)]],
        """
        new: file 644 0:0 n
        """,
    ),
    "deleted, then there again": Odd(
        [BASE, [entry(".wh.data"), entry("etc/.wh.conf"), entry(".wh.var")], [entry("data/new", b"n"), entry("var")]],
        """
        data: dir 755 0:0
        data/new: file 644 0:0 n
        etc: dir 750 3:4 user.kept
        var: file 644 0:0
        """,
    ),
    "a whiteout of what is not there": Odd(
        [BASE[:2], [entry(".wh.nothing"), entry("no/such/.wh.thing"), entry("etc/.wh.conf")]],
        """
        etc: dir 750 3:4 user.kept
        no: dir 755 0:0
        no/such: dir 755 0:0
        """,
        umoci="makes no directories for a whiteout",
    ),
    "whiteouts in an opaque directory": Odd(
        [BASE, [directory("data/"), entry("data/.wh.one"), entry(f"data/{OPAQUE}"), entry("data/sub/.wh.two")]],
        """
        data: dir 755 0:0
        data/sub: dir 755 0:0
        etc: dir 750 3:4 user.kept
        etc/conf: file 640 5:6 conf
        var: symlink 777 0:0 data
        """,
        umoci="makes no directories for a whiteout",
    ),
    "types that change": Odd(
        [
            [entry("a", b"file"), directory("b/"), entry("b/in", b"x"), symlink("c", "b"), directory("d/"), entry("e")],
            [directory("a/"), entry("a/in", b"y"), entry("b", b"file"), directory("c/"), symlink("d", "c")],
            [entry("e", type=tarfile.FIFOTYPE), symlink("a", "b"), entry("c", b"now a file"), directory("d/")],
        ],
        """
        a: symlink 777 0:0 b
        b: file 644 0:0 file
        c: file 644 0:0 now a file
        d: dir 755 0:0
        e: fifo 644 0:0
        """,
    ),
    "a directory entry on a lower symlink to a directory": Odd(
        [
            [directory("real/"), entry("real/x"), symlink("dir", "real")],
            [directory("dir/", mode=0o700), entry("dir/y")],
        ],
        """
        dir: dir 700 0:0
        dir/y: file 644 0:0
        real: dir 755 0:0
        real/x: file 644 0:0
        """,
    ),
    "duplicates": Odd(
        [[entry("a", b"one"), entry("a", b"second", mode=0o600), directory("d/"), directory("d/", mode=0o700)]],
        """
        a: file 600 0:0 second
        d: dir 700 0:0
        """,
    ),
    "names with dots and slashes": Odd(
        [[directory("./"), directory("./a/"), entry("./a//b", b"x"), entry("a/./c", b"y"), entry("/abs", b"z")]],
        """
        a: dir 755 0:0
        a/b: file 644 0:0 x
        a/c: file 644 0:0 y
        abs: file 644 0:0 z
        """,
    ),
    "long PAX names": Odd(
        [
            [
                entry("/".join(["n" * 200] * 3), b"x"),
                symlink("link", "t" * 300),
                hardlink("hard", "/".join(["n" * 200] * 3)),
            ]
        ],
        f"""
        hard: file 644 0:0 x =hard,{"/".join(["n" * 200] * 3)}
        link: symlink 777 0:0 {"t" * 300}
        {"n" * 200}: dir 755 0:0
        {"n" * 200}/{"n" * 200}: dir 755 0:0
        {"/".join(["n" * 200] * 3)}: file 644 0:0 x =hard,{"/".join(["n" * 200] * 3)}
        """,
    ),
    "long GNU names": Odd(
        [[entry("/".join(["n" * 200] * 3), b"x"), symlink("link", "t" * 300), entry("big", uid=3_000_000_000)]],
        f"""
        big: file 644 3000000000:0
        link: symlink 777 0:0 {"t" * 300}
        {"n" * 200}: dir 755 0:0
        {"n" * 200}/{"n" * 200}: dir 755 0:0
        {"/".join(["n" * 200] * 3)}: file 644 0:0 x
        """,
        format=tarfile.GNU_FORMAT,
    ),
}


def line(name: str, node: Node, contents: dict[str, bytes]) -> str:
    more = [node.target] if node.target else []
    more += [each[0] for each in node.xattrs]
    if node.kind == "file" and node.size:
        more.append(contents[node.sha256].decode())
    if node.links:
        more.append("=" + ",".join(node.links))
    return " ".join([f"{name}:", node.kind, f"{node.mode:o}", f"{node.uid}:{node.gid}", *more])


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("name", list(CASES))
def test_tree(
    name: str, compression: Compression, make_pallet: Callable[..., PalletCLI], registry: RegistryServer
) -> None:
    odd = CASES[name]
    made = image([tar(layer, format=odd.format) for layer in odd.layers], compression=compression)
    repository = f"odd/{list(CASES).index(name)}-{compression}"
    push(made, registry.url, repository)
    pallet = make_pallet()
    pallet.ok("pull", f"{registry.host}/{repository}")
    tree = pallet_tree(pallet, f"{registry.host}/{repository}")
    contents = {_sha256(data): data for layer in odd.layers for _, data in layer}
    lines = sorted(line(path, node, contents) for path, node in tree.items() if path != ".")
    assert lines == sorted(each.strip() for each in odd.tree.strip().splitlines())
    if not odd.umoci and compression == "gzip":
        assert difference(tree, umoci_tree(made), ignore=("./.", "mtime")) == []


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
