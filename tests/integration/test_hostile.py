"""Hostile tars, archives and registries through the command line: the host stays as it was, the error is one line.

Whatever is given to pallet, it ends with exit code 0 and a confined result, or with 1, one line that says why, and
nothing half-visible; its memory stays small.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import os
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import images
from tests.support.archives import docker_files, files_tar
from tests.support.faulty import Fault, FaultyRegistry
from tests.support.images import Blob, Image, directory, entry, hardlink, symlink
from tests.support.memory import measured
from tests.support.pallet import Output, PalletCLI
from tests.support.storefiles import unexplained
from tests.support.tree import difference, list_tree

pytestmark = pytest.mark.root

_MEMORY = 150.0  # megabytes
_Entry = tuple[tarfile.TarInfo, bytes]


@pytest.fixture
def canary(pallet: PalletCLI) -> Iterator[Path]:
    """A directory that no tar may change, and the directories around the store."""
    place = pallet.root.parent / "canary"
    place.mkdir(mode=0o751)
    (place / "secret").write_text("secret")
    (place / "secret").chmod(0o640)
    (place / "folder").mkdir()
    (place / "folder/file").write_text("file")
    before = list_tree(place)
    around = set(os.listdir(pallet.root.parent))
    yield place
    assert difference(before, list_tree(place)) == []
    assert set(os.listdir(pallet.root.parent)) - around <= {"store", "run"}


def _refused(pallet: PalletCLI, done: Output) -> None:
    """One line says why, and nothing is left: no image, no damage, no file."""
    assert done.code == 1, done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr and "internal error" not in done.stderr, done.stderr
    assert all(character.isprintable() for character in done.stderr.rstrip("\n")), repr(done.stderr)
    assert len(done.stderr) < 1000
    assert pallet.ok("images", "-aq") == ""
    _clean(pallet)


def _clean(pallet: PalletCLI) -> None:
    assert pallet.ok("system", "check") == ""
    pallet.ok("system", "prune", "-f")
    if (pallet.root / "db.sqlite").exists():
        assert unexplained(pallet) == []


_UP = "../" * 24

# What each does with the canary: {0} is its absolute path, without the leading slash.
_ESCAPES: dict[str, Callable[[str], list[_Entry]]] = {
    "dot dot": lambda c: [entry(f"{_UP}{c}/new", b"x"), entry(f"a/{_UP}{c}/new", b"x")],
    "absolute": lambda c: [entry(f"/{c}/new", b"x"), entry(f"/{c}/secret", b"overwritten")],
    "directory's mode": lambda c: [directory(f"{_UP}{c}", 0o777, uid=5)],
    "through a symlink": lambda c: [symlink("out", f"/{c}"), entry("out/new", b"x"), entry("out/secret", b"y")],
    "through a relative symlink": lambda c: [symlink("a/out", f"{_UP}{c}"), entry("a/out/secret", b"y")],
    "through two symlinks": lambda c: [symlink("a", f"/{c}"), symlink("b", "a/folder"), entry("b/file", b"y")],
    "over a symlink": lambda c: [symlink("f", f"/{c}/secret"), entry("f", b"overwritten", mode=0o666)],
    "directory over a symlink": lambda c: [symlink("d", f"/{c}"), directory("d", 0o777), entry("d/new", b"x")],
    "symlink's owner": lambda c: [symlink("f", f"/{c}/secret", uid=5), entry("g"), symlink("g", f"/{c}", uid=5)],
    "hard link": lambda c: [hardlink("h", f"/{c}/secret"), entry("h", b"overwritten")],
    "hard link with dots": lambda c: [hardlink("h", f"{_UP}{c}/secret"), entry("h", b"overwritten")],
    "hard link by a symlink": lambda c: [symlink("out", f"/{c}"), hardlink("h", "out/secret"), entry("h", b"x")],
    "hard link to a symlink": lambda c: [symlink("s", f"/{c}/secret"), hardlink("h", "s"), entry("h", b"x")],
    "whiteout": lambda c: [symlink("out", f"/{c}"), entry("out/.wh.secret"), entry(f"{_UP}{c}/.wh.secret")],
    "whiteout of dots": lambda c: [entry("a/.wh..."), entry("a/.wh..")],
    "opaque": lambda c: [symlink("out", f"/{c}"), entry("out/.wh..wh..opq"), entry(f"{_UP}{c}/.wh..wh..opq")],
    "xattr": lambda c: [symlink("s", f"/{c}/secret"), entry("s/x", xattrs={"user.x": b"1"})],
    "store": lambda c: [entry(f"{_UP}{c}/../store/blobs/sha256/{'0' * 64}", b"x"), entry("../../layer", b"{}")],
    "proc": lambda c: [symlink("p", "/proc/self/root"), entry(f"p/{c}/new", b"x"), entry(f"proc/1/root/{c}/new", b"x")],
    "overlay's own xattrs": lambda c: [
        entry("x", xattrs={"trusted.overlay.redirect": f"/{c}".encode(), "trusted.overlay.metacopy": b""})
    ],
}


# A layer goes the same way from a registry and from an archive.
@pytest.mark.parametrize(
    ("escape", "way"),
    [(escape, way) for number, escape in enumerate(_ESCAPES) for way in ("import", "load" if number % 4 else "pull")],
)
def test_no_tar_leaves_its_place(pallet: PalletCLI, canary: Path, escape: str, way: str) -> None:
    attack = images.tar(_ESCAPES[escape](str(canary).removeprefix("/")))
    base = images.tar([directory("a"), entry("x", b"x")])
    if way == "import":
        done = pallet("import", "-", "evil", stdin=attack)
    else:
        made = images.image([base, attack], compression="plain")
        if way == "pull":
            with FaultyRegistry() as registry:
                registry.add("evil", made)
                done = pallet("pull", f"{registry.host}/evil")
        else:
            archive = files_tar(docker_files(made, ["evil:latest"], [("1/layer.tar", base), ("2/layer.tar", attack)]))
            done = pallet("load", stdin=archive)
    if done.code == 0:
        assert done.stderr == ""
        _clean(pallet)
    else:
        _refused(pallet, done)


def _patched(tar: bytes, offset: int, value: bytes) -> bytes:
    """The tar with its first header's field changed and its checksum right."""
    header = bytearray(tar[:512])
    header[offset : offset + len(value)] = value
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + tar[512:]


_FILE = images.tar([entry("file", b"content")], format=tarfile.GNU_FORMAT)

_NO_TARS: dict[str, bytes] = {
    "nothing of a tar": b"this is no tar at all " * 100,
    "half a header": _FILE[:300],
    "half a file": images.tar([entry("file", bytes(5000))])[:2000],
    "a wrong checksum": _FILE[:10] + b"X" + _FILE[11:],
    "a size beyond the end": _patched(_FILE, 124, b"77777777777\0"),
    "a size of 2**62": _patched(_FILE, 124, b"\x80" + (1 << 62).to_bytes(11, "big")),
    "a negative size": _patched(_FILE, 124, b"\xff" * 12),
    "a type that is not one": _patched(_FILE, 156, b"Z"),
    "a truncated gzip": gzip.compress(os.urandom(100_000))[:50_000],
    "a gzip with a flipped bit": (lambda raw: raw[:60] + bytes([raw[60] ^ 255]) + raw[61:])(gzip.compress(_FILE * 9)),
    "a hard link to nothing": images.tar([hardlink("h", "missing")]),
    "a hard link to a directory": images.tar([directory("d"), hardlink("h", "d")]),
    "a name with a NUL in PAX": images.tar([entry("x" * 200 + "\0" + "y")]),
    "a file in a file": images.tar([entry("a", b"x"), entry("a/b", b"y")]),
    "a name of 300 bytes": images.tar([entry("n" * 300, b"x")]),
    "the root as a file": images.tar([entry("./", b"x")]),
    "a device of no number": _patched(images.tar([entry("d", type=tarfile.CHRTYPE)]), 329, b"\xff" * 8),
}


@pytest.mark.parametrize("case", _NO_TARS)
def test_tars_that_are_none(pallet: PalletCLI, case: str) -> None:
    done = pallet("import", "-", "evil", stdin=_NO_TARS[case])
    if done.code == 0:
        _clean(pallet)
    else:
        _refused(pallet, done)


def _pax_header(size: int) -> bytes:
    """A header that says that so many bytes of PAX records follow."""
    info = tarfile.TarInfo("PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, size
    return info.tobuf(tarfile.USTAR_FORMAT)


def _long_name_header(size: int) -> bytes:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, size
    return info.tobuf(tarfile.GNU_FORMAT)


def _file_header(size: int) -> bytes:
    info = tarfile.TarInfo("zeros")
    info.size = size
    return info.tobuf(tarfile.PAX_FORMAT)


def _gzip_of(head: bytes, size: int, tail: bytes = b"", byte: bytes = b"\0") -> bytes:
    """A gzip of `head`, that many times `byte`, and `tail`, made without holding it."""
    out = io.BytesIO()
    piece = byte * (1 << 20)
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as file:
        file.write(head)
        for _ in range(size >> 20):
            file.write(piece)
        file.write(tail)
    return out.getvalue()


def _zstd_with_window(log: int, blocks: int) -> bytes:
    """Zeros in blocks of 128 KiB, run-length coded, and a frame header that wants 2**log bytes of window (RFC 8878)."""
    head = struct.pack("<IBB", 0xFD2FB528, 0, (log - 10) << 3)
    middle = struct.pack("<I", (128 << 10 << 3) | 2)[:3] + b"\0"
    last = struct.pack("<I", (128 << 10 << 3) | 3)[:3] + b"\0"
    return head + middle * (blocks - 1) + last


def _xz_with_dictionary(tar: bytes, code: int) -> bytes:
    """An .xz whose block header asks for a dictionary of another size (the .xz file format, 3.1 and 5.3.1)."""
    raw = bytearray(lzma.compress(tar, check=lzma.CHECK_CRC32))
    size = (raw[12] + 1) * 4
    header = raw[12 : 12 + size - 4]
    header[header.index(0x21) + 2] = code
    raw[12 : 12 + size] = bytes(header) + struct.pack("<I", zlib.crc32(header))
    return bytes(raw)


_MEGABYTE = 1 << 20
_END = bytes(1024)

_BOMBS: dict[str, Callable[[], bytes]] = {
    "a file of zeros": lambda: _gzip_of(_file_header(600 * _MEGABYTE), 600 * _MEGABYTE, _END),
    "zeros behind the end": lambda: _gzip_of(images.tar([entry("x", b"x")]), 600 * _MEGABYTE),
    "PAX records": lambda: _gzip_of(_pax_header(400 * _MEGABYTE), 400 * _MEGABYTE, byte=b"1"),
    "a long name": lambda: _gzip_of(_long_name_header(400 * _MEGABYTE), 400 * _MEGABYTE, byte=b"n"),
    "no tar at all": lambda: _gzip_of(b"", 400 * _MEGABYTE, byte=b"x"),
    "a gzip in a gzip": lambda: gzip.compress(_gzip_of(_file_header(600 * _MEGABYTE), 600 * _MEGABYTE, _END)),
    "a zstd window of 2 GiB": lambda: _zstd_with_window(31, 3000),
    "a zstd window of 128 MiB": lambda: _zstd_with_window(27, 3000),
    "an xz dictionary of 4 GiB": lambda: _xz_with_dictionary(images.tar([entry("x", bytes(5000))]), 40),
}


@pytest.mark.parametrize("bomb", _BOMBS)
def test_bombs_take_no_memory(pallet: PalletCLI, tmp_path: Path, bomb: str) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(_BOMBS[bomb]())
    done, peak = measured(pallet.argv("import", str(path), "bomb"), pallet.env)
    print(f"{bomb}: exit {done.code}, {peak.together:.0f} MB together, at most {peak.at_most:.0f} MB; {done.stderr}")
    # `zstd --ultra -22` makes windows of 128 MiB, so that much has to be accepted, and is needed.
    assert peak.together < _MEMORY + (100 if "128 MiB" in bomb else 0)
    if done.code == 0:
        assert done.stderr == ""
        _clean(pallet)
    else:
        _refused(pallet, done)


def test_a_layer_that_is_a_bomb(pallet: PalletCLI) -> None:
    """The tar is what the config says, so the image is taken in, in little memory."""
    raw = _gzip_of(_file_header(600 * _MEGABYTE), 600 * _MEGABYTE, _END)
    hasher = hashlib.sha256(_file_header(600 * _MEGABYTE))
    for _ in range(600):
        hasher.update(bytes(_MEGABYTE))
    hasher.update(_END)
    made = images.image([b"", b""])
    layer = Blob(made.layers[0].media_type, raw)
    config = json.loads(made.config.data)
    config["rootfs"]["diff_ids"] = ["sha256:" + hasher.hexdigest()]
    config["history"] = []
    made = _with_documents(made, config, [layer])
    with FaultyRegistry() as registry:
        registry.add("bomb", made)
        done, peak = measured(pallet.argv("pull", f"{registry.host}/bomb"), pallet.env)
    assert done.code == 0, done.stderr
    assert peak.together < _MEMORY
    _clean(pallet)


def _with_documents(made: Image, config: object, layers: list[Blob], manifest: dict[str, Any] | None = None) -> Image:
    """The image with another config document and other layers."""
    config_blob = Blob(made.config.media_type, json.dumps(config).encode())
    document = json.loads(made.manifest.data)
    document["config"] = config_blob.descriptor()
    document["layers"] = [layer.descriptor() for layer in layers]
    document.update(manifest or {})
    return Image(
        Blob(made.manifest.media_type, json.dumps(document).encode()), config_blob, tuple(layers), (), made.platform
    )


@pytest.fixture(scope="module")
def plain() -> Image:
    """A harmless image."""
    return images.image([images.tar([entry("one", os.urandom(200_000))]), images.tar([entry("two", b"2")])])


_FAULTS: dict[str, list[tuple[str, Fault]]] = {
    "a manifest of 64 MB": [("manifests", Fault(pad=64_000_000))],
    "a manifest without end": [("manifests", Fault(endless=True))],
    "a config without end": [("CONFIG", Fault(endless=True))],
    "a layer without end": [("LAYER", Fault(endless=True))],
    "an error without end": [("manifests", Fault(status=404, endless=True))],
    "a wrong manifest": [("manifests", Fault(corrupt=True))],
    "a wrong config": [("CONFIG", Fault(corrupt=True))],
    "a wrong layer": [("LAYER", Fault(corrupt=True))],
    "a short layer": [("LAYER", Fault(body=b"short"))],
    "an empty layer": [("LAYER", Fault(body=b""))],
    "a layer that never ends its connection": [("LAYER", Fault(drop_after=1000))],
    "another digest's header": [("manifests", Fault(digest_header="sha256:" + "0" * 64))],
    "a manifest that is no JSON": [("manifests", Fault(body=b"<html>", media_type="text/html"))],
    "a manifest of brackets": [("manifests", Fault(body=b"[" * 1_000_000))],
    "a manifest of nested objects": [("manifests", Fault(body=b'{"layers":' * 200_000))],
    "a manifest that is null": [("manifests", Fault(body=b"null"))],
    "a manifest that is empty": [("manifests", Fault(body=b""))],
    "a manifest that is not UTF-8": [("manifests", Fault(body=b'{"mediaType":"\xff\xfe"}'))],
    "a redirect to itself": [("LAYER", Fault(redirect="SELF"))],
    "a redirect to a file": [("LAYER", Fault(redirect="file:///etc/passwd?"))],
    "a server that is broken": [("", Fault(status=500, retry_after="0"))],
    "a server that is busy for a day": [("", Fault(status=429, retry_after="86400"))],
}


@pytest.mark.parametrize("fault", _FAULTS)
def test_hostile_registries(pallet: PalletCLI, canary: Path, plain: Image, fault: str) -> None:
    with FaultyRegistry() as registry:
        registry.add("app", plain)
        patterns = {"CONFIG": plain.config.digest, "LAYER": plain.layers[0].digest}
        for pattern, each in _FAULTS[fault]:
            if each.redirect == "SELF":
                each = Fault(redirect=registry.url)
            registry.fault(patterns.get(pattern, pattern), each, times=None)
        done, peak = measured(pallet.argv("pull", f"{registry.host}/app"), pallet.env)
    print(f"{done.stderr.strip()} ({peak.together:.0f} MB)")
    assert peak.together < _MEMORY
    _refused(pallet, done)


def test_errors_of_registries_are_one_printable_line(pallet: PalletCLI, plain: Image) -> None:
    """What a registry says ends up on a terminal."""
    said = "first\nsecond\r\x1b[2J\x1b]0;title\x07" + "long " * 10_000
    body = json.dumps({"errors": [{"code": "DENIED", "message": said}]}).encode()
    with FaultyRegistry() as registry:
        registry.add_manifest("app", "latest", Blob(plain.manifest.media_type, body))
        registry.fault("manifests", Fault(status=403, body=body))
        _refused(pallet, pallet("pull", f"{registry.host}/app"))


def _lies(made: Image) -> dict[str, Image]:
    config = json.loads(made.config.data)
    layers = list(made.layers)
    descriptors = [layer.descriptor() for layer in layers]

    def with_config(**more: object) -> Image:
        return _with_documents(made, {**config, **more}, layers)

    def with_layers(*changed: dict[str, object]) -> Image:
        return _with_documents(made, config, layers, {"layers": list(changed)})

    fewer = {"type": "layers", "diff_ids": config["rootfs"]["diff_ids"][:1]}
    others = {"type": "layers", "diff_ids": ["sha256:" + "1" * 64] * 2}
    one, two = descriptors
    return {
        "fewer diff ids": with_config(rootfs=fewer),
        "other diff ids": with_config(rootfs=others),
        "diff ids that are none": with_config(rootfs={"type": "layers", "diff_ids": ["../../x", "sha256:zz"]}),
        "no diff ids": with_config(rootfs={"type": "layers", "diff_ids": None}),
        "a rootfs of another type": with_config(rootfs="layers"),
        "a config that is a list": _with_documents(made, [config], layers),
        "a larger size": with_layers({**one, "size": one["size"] + 1}, two),
        "a smaller size": with_layers({**one, "size": one["size"] - 1}, two),
        "a size of nothing": with_layers({**one, "size": 0}, two),
        "a negative size": with_layers({**one, "size": -1}, two),
        "a huge size": with_layers({**one, "size": 1 << 62}, two),
        "a size beyond 64 bits": with_layers({**one, "size": 1 << 80}, two),
        "a size in words": with_layers({**one, "size": "many"}, two),
        "a digest that is a path": with_layers({**one, "digest": "sha256:../../../../canary/secret"}, two),
        "a digest in capitals": with_layers({**one, "digest": str(one["digest"]).upper()}, two),
        "a digest of another algorithm": with_layers({**one, "digest": "md5:" + "0" * 32}, two),
        "another compression": with_layers(
            {**one, "mediaType": images.image([b""], compression="zstd").layers[0].media_type}, two
        ),
        "a layer of another kind": with_layers({**one, "mediaType": "application/x-executable"}, two),
        "a layer elsewhere": with_layers(
            {**one, "urls": ["file:///etc/passwd"], "size": 5, "digest": "sha256:" + "2" * 64}, two
        ),
        "a config of 100 MB": _with_documents(
            made, config, layers, {"config": {**made.config.descriptor(), "size": 100_000_000}}
        ),
        "a manifest that is an index": _with_documents(made, config, layers, {"manifests": [one]}),
    }


_LIES = tuple(_lies(images.image([b"", b""])))


@pytest.mark.parametrize("lie", _LIES)
def test_images_that_lie(pallet: PalletCLI, canary: Path, plain: Image, lie: str) -> None:
    made = _lies(plain)[lie]
    with FaultyRegistry() as registry:
        registry.add("app", made)
        done = pallet("pull", f"{registry.host}/app")
    if lie == "another compression":
        # What a layer is shows in its first bytes; the media type is a hint.
        assert done.code in (0, 1)
    if done.code == 0:
        assert lie == "another compression"
        _clean(pallet)
        return
    _refused(pallet, done)


@pytest.mark.parametrize("bearer", [False, True], ids=["basic", "bearer"])
@pytest.mark.parametrize("kind", ["manifests", "blobs"])
def test_no_other_host_gets_the_credentials(pallet: PalletCLI, plain: Image, kind: str, bearer: bool) -> None:
    with FaultyRegistry(basic=("me", "secret"), bearer=bearer) as registry, FaultyRegistry() as other:
        registry.add("app", plain)
        other.add("app", plain)
        done = pallet("login", "-u", "me", "--password-stdin", registry.host, stdin=b"secret")
        assert done.code == 0, done.stderr
        registry.fault(f"/v2/app/{kind}", Fault(redirect=other.url), times=None)
        pallet.ok("pull", f"{registry.host}/app")
        followed = other.asked(kind)
        assert followed
        assert [request.authorization for request in other.requests] == [None] * len(other.requests)
        for request in other.requests:
            assert "secret" not in str(request.headers) and "cookie" not in request.headers


def test_tags_that_are_no_tags(pallet: PalletCLI, canary: Path, plain: Image) -> None:
    with FaultyRegistry() as registry:
        registry.add("app", plain, "../../canary/secret", "a tag", "-rf")
        _refused(pallet, pallet("pull", "-a", f"{registry.host}/app"))


_ARCHIVES: dict[str, Callable[[Image, str], bytes]] = {
    "no archive": lambda made, c: b"no archive",
    "nothing": lambda made, c: b"",
    "a tar of something else": lambda made, c: files_tar({"README": b"hello"}),
    "a layer elsewhere": lambda made, c: _docker_archive(made, f"{_UP}{c}/secret"),
    "an absolute layer": lambda made, c: _docker_archive(made, f"/{c}/secret"),
    "a layer that is a symlink": lambda made, c: _symlinked(made, f"/{c}/secret"),
    "a manifest of brackets": lambda made, c: files_tar({"manifest.json": b"[" * 1_000_000}),
    "a manifest that is an object": lambda made, c: files_tar({"manifest.json": b"{}"}),
    "a manifest without layers": lambda made, c: files_tar({"manifest.json": b'[{"Config":"x.json","Layers":null}]'}),
    "a config with another name": lambda made, c: files_tar(
        {"manifest.json": b'[{"Config":"/etc/passwd","Layers":[],"RepoTags":["x:1"]}]'}
    ),
    "a name that is none": lambda made, c: _docker_archive(made, "1/layer.tar", tag="../..:/etc"),
    "OCI without blobs": lambda made, c: files_tar(
        {
            "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
            "index.json": json.dumps({"schemaVersion": 2, "manifests": [made.manifest.descriptor()]}).encode(),
        }
    ),
    "OCI with a wrong blob": lambda made, c: files_tar(
        {
            "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
            "index.json": json.dumps({"schemaVersion": 2, "manifests": [made.manifest.descriptor()]}).encode(),
            f"blobs/sha256/{made.manifest.digest[7:]}": made.manifest.data,
            f"blobs/sha256/{made.config.digest[7:]}": made.config.data,
            **{f"blobs/sha256/{layer.digest[7:]}": b"wrong" for layer in made.layers},
        }
    ),
}


def _docker_archive(made: Image, layer: str, tag: str = "evil:1") -> bytes:
    item = {"Config": "c.json", "RepoTags": [tag], "Layers": [layer] * len(made.layers)}
    return files_tar({"c.json": made.config.data, "1/layer.tar": b"", "manifest.json": json.dumps([item]).encode()})


def _symlinked(made: Image, target: str) -> bytes:
    item = [{"Config": "c.json", "RepoTags": ["evil:1"], "Layers": ["l.tar"] * len(made.layers)}]
    documents = [entry("c.json", made.config.data), entry("manifest.json", json.dumps(item).encode())]
    return images.tar([symlink("l.tar", target), *documents])


@pytest.mark.parametrize("archive", _ARCHIVES)
def test_hostile_archives(pallet: PalletCLI, canary: Path, plain: Image, tmp_path: Path, archive: str) -> None:
    raw = _ARCHIVES[archive](plain, str(canary).removeprefix("/"))
    _refused(pallet, pallet("load", stdin=raw))
    path = tmp_path / "archive.tar"
    path.write_bytes(raw)
    _refused(pallet, pallet("load", "-i", str(path)))
