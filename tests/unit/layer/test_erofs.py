"""EROFS images of layers, mounted by the kernel, against the trees that the unpack workers make of the same tars."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.tree import difference, list_tree
from tests.unit.layer.support import Snapshot, Tar, snapshot
from tests.unit.layer.test_hostile import _REFUSED, _escapes

from pallet.digest import Digest
from pallet.errors import Integrity, PalletError, UnsafeArchive, Unsupported
from pallet.host.erofs import IMAGE_NAME, mount_by_loop, mount_image, mounted_images
from pallet.host.mounts import mount_overlay, run_in_mount_namespace
from pallet.layer.erofs.check import damage, metadata_digest
from pallet.layer.erofs.probe import why_no_images
from pallet.layer.merged import write_layers
from pallet.layer.unpack import Unpacker
from pallet.layer.unpacked import Unpacked, UnpackMode

pytestmark = pytest.mark.root

TIME = 1_600_000_000


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unpacker]:
    if reason := why_no_images(str(tmp_path_factory.mktemp("probe"))):
        pytest.skip(reason)
    with Unpacker(1) as workers:
        yield workers


def run(pool: Unpacker, data: bytes, target: Path, mode: UnpackMode, *, image: bool) -> Unpacked:
    if not image:
        target.mkdir()
    with pool.start(str(target), mode=mode, image=image) as job:
        job.write(data)
        return job.finish()


def seen_in(image: Path, mount: Callable[[str, str], None] = mount_image) -> Snapshot:
    """All that a mounted image shows, its root included."""
    point = image.with_suffix(".mounted")
    point.mkdir()

    def look() -> Snapshot:
        mount(str(image), str(point))
        return whole(point)

    try:
        return run_in_mount_namespace(look)
    finally:
        point.rmdir()


def whole(root: Path) -> Snapshot:
    """The tree and its root; whiteouts have no time that would mean anything."""
    found = snapshot(root)
    for name, fields in found.items():
        if fields[0] == stat.S_IFCHR and fields[7] == 0:
            found[name] = (*fields[:4], 0, *fields[5:])
    status = root.stat()
    xattrs = {name: os.getxattr(root, name) for name in os.listxattr(root)}
    found["."] = (status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, xattrs)
    return found


def check(pool: Unpacker, data: bytes, directory: Path, mode: UnpackMode = "diff") -> Snapshot:
    """Make a tree and an image of `data`; they look the same, and so do the results. Gives what they look like."""
    tree, image = directory / "tree", directory / "image"
    expected = run(pool, data, tree, mode, image=False)
    result = run(pool, data, image, mode, image=True)
    assert result.diff_id == Digest.of(data)
    assert len(result.inode_offsets) == len(result.implicit_parents)
    assert msgspec.structs.replace(result, inode_offsets=()) == expected
    seen, wanted = seen_in(image), whole(tree)
    if b"." in result.implicit_parents:  # a tree's is the time of the unpacking
        seen["."], wanted["."] = (*seen["."][:3],), (*wanted["."][:3],)
    assert seen == wanted
    assert_reads_as_mounted(image)
    assert damage(str(image), len(data), result_digest(result), metadata_digest(str(image), len(data))) == []
    return seen


def assert_reads_as_mounted(image: Path) -> None:
    """What is read from the image itself is what the kernel shows of it."""
    layer, empty, point = (image.with_suffix(suffix) for suffix in (".layer", ".empty", ".point"))
    for directory in (layer, empty, point):
        directory.mkdir()
    (layer / "fs").mkdir()
    (layer / IMAGE_NAME).hardlink_to(image)
    read, mounted = io.BytesIO(), io.BytesIO()
    write_layers([str(layer / "fs")], read)

    def look() -> None:
        with mounted_images([str(layer / "fs")]):
            mount_overlay([str(layer / "fs"), str(empty)], None, None, str(point), readonly=True)
        write_layers([str(point)], mounted)

    run_in_mount_namespace(look)
    assert read.getvalue() == mounted.getvalue()


def result_digest(result: Unpacked) -> Digest:
    return Digest.parse(result.diff_id)


def odd() -> bytes:
    """One of everything that an image can hold."""
    capability = bytes.fromhex("0100000200200000000000000000000000000000").decode("latin-1")
    long = "l" * 255
    tar = Tar()
    tar.directory("./", mode=0o711, uid=3, mtime=TIME - 1)
    tar.directory("d", mode=0o7755, uid=70_000, gid=1 << 31, mtime=TIME)
    tar.file("d/empty", b"", mtime=TIME)
    tar.file("d/one", b"1", mode=0o4711, mtime=TIME + 0.125)
    tar.file("d/block", b"b" * 512, mtime=0).file("d/page", b"p" * 4096).file("d/more", b"m" * 5_000_001, mtime=-5.5)
    tar.file("d/zeros", bytes(3 << 20))
    tar.link("d/again", "d/one").link("another", "d/again")
    tar.symlink("s", "d/one").symlink("dangling", "/no/where").symlink("long", "t" * 400).symlink("longer", "t" * 4000)
    tar.link("hard-symlink", "s")
    tar.add("c", tarfile.CHRTYPE, devmajor=5, devminor=1).add("b", tarfile.BLKTYPE, devmajor=259, devminor=70_000)
    tar.add("f", tarfile.FIFOTYPE, mode=0o600)
    tar.file(f"{long}/{long}/{long}", b"deep").directory("empty").directory("!before-the-dots")
    tar.file("x", b"x", pax_headers={"SCHILY.xattr.user.a": "b", "SCHILY.xattr.trusted.t": "v" * 3000})
    tar.file("cap", b"c", pax_headers={"SCHILY.xattr.security.capability": capability})
    tar.directory("dx", pax_headers={"SCHILY.xattr.user.dir": "yes"})
    tar.add("sx", tarfile.SYMTYPE, linkname="x", pax_headers={"SCHILY.xattr.trusted.sym": "link"})
    tar.add("refused", tarfile.SYMTYPE, linkname="x", pax_headers={"SCHILY.xattr.user.a": "b"})
    tar.file("överall/\N{SNOWMAN}", "ü".encode()).file("implicit/below/file")
    for number in range(700):
        tar.file(f"many/{number:03}-{'n' * (number % 90)}", b"%d" % number)
    return tar.bytes()


@pytest.mark.parametrize("mode", ["base", "diff"])
def test_one_of_everything(pool: Unpacker, tmp_path: Path, mode: UnpackMode) -> None:
    seen = check(pool, odd(), tmp_path, mode)
    assert seen["d/more"][4] == -5_500_000_000
    assert seen["d/again"][5] == 3
    assert len(seen) > 730


def test_by_a_loop_device(pool: Unpacker, tmp_path: Path) -> None:
    """As on kernels that do not mount files."""
    run(pool, odd(), tmp_path / "image", "base", image=True)
    assert seen_in(tmp_path / "image", mount_by_loop) == seen_in(tmp_path / "image")
    devices = Path("/sys/block").glob("loop*/loop/backing_file")
    assert not any(str(tmp_path) in device.read_text() for device in devices)


def test_the_same_tar_makes_the_same_image(pool: Unpacker, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run(pool, odd(), tmp_path / name, "base", image=True)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize(
    "tar",
    [
        Tar().file("a", b"1").file("a", b"22"),
        Tar().file("a", b"1").link("b", "a").file("a", b"22"),
        Tar().file("a", b"1").directory("a").file("a/b"),
        Tar().directory("a").file("a/b").directory("a/c").file("a", b"file now"),
        Tar().directory("a").file("a/b").directory("a", mode=0o700, pax_headers={"SCHILY.xattr.user.n": "v"}),
        Tar().file("a/b/c").directory("a/b", mode=0o700).file("a/b/d"),
        Tar().file("a/b/c").file("a", b"1").file("x/y").directory("x/y").file("x/y/z"),
        Tar().symlink("a", "b").directory("a").file("a/b"),
        Tar().file("d/.wh.gone").file("d/.wh.gone").file(".wh.top"),
        Tar().file(".wh.back").file("back", b"1").file(".wh.d").directory("d").file("d/f"),
        Tar().file(".wh.d").file("d/f/g").file("e/f").file(".wh.e"),
        Tar().directory("d").file("d/.wh..wh..opq").file("d/f").file("new/.wh..wh..opq"),
        Tar().file(".wh..wh..opq").file("f"),
        Tar().file(".wh..wh.plnk/x").file(".wh..wh.aufs").file("f"),
        Tar().file("/absolute").file("a/../../up").file("./dot/./x").file("a//b"),
        Tar().link("a", "nowhere").file("b").link("c/d", "b/e").file("a", b"here"),
        Tar().file("t").link("a", "t").link("a", "t").link("t", "t"),
        Tar().file("t").file("a", b"old").link("a", "t"),
        Tar().directory("d").directory("d/e").add("d/e", tarfile.FIFOTYPE),
        Tar().add("w", tarfile.CHRTYPE).file("w/below", b"in place of a whiteout"),
        Tar().add("a/d/c", tarfile.FIFOTYPE).directory("c").link("b/d", "a/d/c"),
        Tar().file("a/d/c", mtime=5).file("a/d/c", b"again", mtime=7).directory("a/d", mtime=TIME),
        Tar().directory("a/d", mtime=TIME).symlink("a/d/c", "x").file("a/d/c").directory("a/d/c", mtime=9),
        Tar().file("f", pax_headers={"SCHILY.xattr.trusted.overlay.opaque": "y", "SCHILY.xattr.user.overlay.x": "y"}),
        Tar(),
        Tar(tarfile.GNU_FORMAT).file("n/" * 200 + "file").symlink("s", "t/" * 150).file("big", uid=1 << 30),
        Tar(tarfile.USTAR_FORMAT).file("p" * 90 + "/" + "n" * 90),
    ],
)
def test_like_a_tree(pool: Unpacker, tmp_path: Path, tar: Tar) -> None:
    check(pool, tar.bytes(), tmp_path)


@pytest.mark.parametrize(
    "tar",
    [
        Tar().symlink("s", "d").directory("d").file("s/f"),
        Tar().symlink("s", "d").file("d/f").link("h", "s/f"),
        Tar().file("a").file("a/b"),
        Tar().directory("d").link("h", "d"),
        Tar().file("f", pax_headers={"SCHILY.xattr.security.capability": "bad"}),
        Tar().file("f", pax_headers={"SCHILY.xattr.security.selinux": "label"}),
        Tar().file("f", pax_headers={"SCHILY.xattr.system.posix_acl_access": "acl"}),
        Tar().file("n" * 256),
        Tar().symlink("s", ""),
        Tar().add("c", tarfile.CHRTYPE, devmajor=5000),
        Tar().file("f", pax_headers={"mtime": "-9999999999999999999"}),
        Tar().file("f", pax_headers={"mtime": "99999999999"}),
    ],
)
def test_what_has_to_be_unpacked(pool: Unpacker, tmp_path: Path, tar: Tar) -> None:
    with pytest.raises(Unsupported):
        run(pool, tar.bytes(), tmp_path / "image", "diff", image=True)


def sparse_tar(directory: Path, tar_format: str) -> bytes:
    """Sparse files as GNU tar stores them; one with data at odd places, one with nothing but a hole."""
    source = directory / f"sparse-{tar_format}"
    source.mkdir()
    with (source / "f").open("wb") as file:
        for offset in (0, 70_000, 70_700, 1 << 20, (9 << 20) + 123):
            file.seek(offset)
            file.write(b"data at %d" % offset)
        file.truncate((300 << 20) + 77)
    (source / "hole").touch()
    os.truncate(source / "hole", 5 << 20)
    with (source / "tail").open("wb") as file:
        file.seek(1 << 20)
        file.write(b"x" * 5000)
    command = ["tar", "--sparse", "-C", str(source), "-cf", "-", "f", "hole", "tail"]
    formats = {"gnu": ["--format=gnu"]}
    for version in ("0.0", "0.1", "1.0"):
        formats[version] = ["--format=posix", f"--sparse-version={version}"]
    return subprocess.run([*command, *formats[tar_format]], check=True, capture_output=True).stdout


@pytest.mark.parametrize("tar_format", ["gnu", "0.0", "0.1", "1.0"])
def test_sparse_files(pool: Unpacker, tmp_path: Path, tar_format: str) -> None:
    data = sparse_tar(tmp_path, tar_format)
    assert len(data) < 1 << 20
    check(pool, data, tmp_path)
    assert (tmp_path / "image").stat().st_size < 2 << 20
    point = tmp_path / "point"
    point.mkdir()

    def holes() -> tuple[int, int]:
        mount_image(str(tmp_path / "image"), str(point))
        with (point / "f").open("rb") as file:
            return os.lseek(file.fileno(), 2 << 20, os.SEEK_DATA), os.lseek(file.fileno(), 0, os.SEEK_HOLE)

    assert run_in_mount_namespace(holes) == (9 << 20, 8192)


def test_sparse_files_without_end_are_left_to_unpacking(pool: Unpacker, tmp_path: Path) -> None:
    size = 1 << 39
    places = [f"{offset},1" for offset in range(0, size, size // 1000)]
    headers = {"GNU.sparse.map": ",".join(places), "GNU.sparse.size": str(size)}
    tar = Tar().file("f", b"1" * len(places), pax_headers=headers)
    with pytest.raises(Unsupported, match="sparse"):
        run(pool, tar.bytes(), tmp_path / "image", "base", image=True)
    huge = Tar().file("f", b"", pax_headers={"GNU.sparse.map": "", "GNU.sparse.size": str(1 << 50)})
    with pytest.raises(Unsupported, match="sparse"):
        run(pool, huge.bytes(), tmp_path / "image2", "base", image=True)


@pytest.mark.parametrize("case", [*_REFUSED, *_escapes(Path("/x"))])
@pytest.mark.parametrize("mode", ["base", "diff"])
def test_hostile_tars(pool: Unpacker, tmp_path: Path, case: str, mode: UnpackMode) -> None:
    """Refused as unpacking refuses them, left to unpacking, or harmless in the same way; only the image is written."""
    out = tmp_path / "outside"
    out.mkdir()
    (out / "secret").write_text("untouched")
    data = _REFUSED[case][2] if case in _REFUSED else _escapes(out)[case]
    before = snapshot(tmp_path)
    try:
        run(pool, data, tmp_path / "image", mode, image=True)
    except Unsupported:
        return
    except (Integrity, UnsafeArchive) as error:
        with pytest.raises(type(error)) as caught:
            run(pool, data, tmp_path / "refused", mode, image=False)
        assert caught.value.message == error.message
        return
    finally:
        (tmp_path / "image").unlink()
        with contextlib.suppress(FileNotFoundError):
            (tmp_path / "refused").rename(tmp_path.parent / f"{tmp_path.name}-refused")
        assert snapshot(tmp_path) == before
    check(pool, data, tmp_path, mode)


FOLDERS = st.sampled_from(["a", "b", "a/d", "./", "b/d"])
LEAVES = st.sampled_from(["c", "a/c", "b/c", "a/d/c", "b/e", ".wh.a", "a/.wh.c", "a/.wh.d", "b/.wh..wh..opq"])
KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])


@st.composite
def tars(draw: st.DrawFn) -> bytes:
    """Mostly directories where directories are and leaves where leaves are, for the rest has to be unpacked."""
    tar = Tar()
    for _ in range(draw(st.integers(0, 12))):
        folder, swapped = draw(st.booleans()), draw(st.integers(0, 19)) == 0
        kind = tarfile.DIRTYPE if folder else draw(KINDS)
        name = draw(FOLDERS if folder != swapped else LEAVES)
        fields = {"mode": draw(st.integers(0, 0o7777)), "uid": draw(st.sampled_from([0, 7, 1 << 20]))}
        fields["mtime"] = draw(st.integers(-1000, TIME))
        data = draw(st.binary(max_size=2000)) if kind == tarfile.REGTYPE else b""
        linkname = draw(LEAVES) if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
        tar.add(name, kind, data, linkname=linkname, **fields)
    return tar.bytes()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=tars(), mode=st.sampled_from(["base", "diff"]))
def test_any_tree(pool: Unpacker, tmp_path_factory: pytest.TempPathFactory, data: bytes, mode: UnpackMode) -> None:
    directory = tmp_path_factory.mktemp("any")
    with contextlib.suppress(Unsupported):
        image = run(pool, data, directory / "first", mode, image=True)
        assert image.diff_id
        check(pool, data, directory, mode)


def test_many_files_in_little_memory(pool: Unpacker, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for number in range(100_000):
            info = tarfile.TarInfo(f"directory-{number // 1000}/some-file-name-{number}.txt")
            info.mtime = number
            tar.addfile(info)
    script = (
        "import resource, sys\n"
        "from pallet.layer.unpack import Unpacker\n"
        "with Unpacker(1) as pool, pool.start(sys.argv[1], mode='base', image=True) as job:\n"
        "    while data := sys.stdin.buffer.read(1 << 20): job.write(data)\n"
        "    print(job.finish().files)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "image")]
    done = subprocess.run(command, input=buffer.getvalue(), capture_output=True, check=True)
    files, peak = map(int, done.stdout.split())
    assert files == 100_000
    assert peak < 150 << 10
    seen = seen_in(tmp_path / "image")
    assert sum(fields[0] == stat.S_IFREG for name, fields in seen.items() if name != ".") == 100_000


@pytest.mark.parametrize(
    "name",
    ["d{number}/" * 400 + "f", "x" * 200 + "{number}/y", "{number}"],
    ids=["deep", "long", "many"],
)
def test_a_tar_without_end_takes_no_more_memory(pool: Unpacker, tmp_path: Path, name: str) -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # a writer that would go on for ever
        with contextlib.suppress(BaseException), open(write, "wb") as file:
            os.close(read)
            for number in range(10_000_000):
                info = tarfile.TarInfo(name.format(number=number))
                file.write(info.tobuf(tarfile.GNU_FORMAT))
        os._exit(0)
    os.close(write)
    with (
        open(read, "rb") as file,
        pool.start(str(tmp_path / "image"), mode="base", image=True) as job,
        pytest.raises(Unsupported, match="too many files"),
    ):
        while data := file.read(1 << 20):
            job.write(data)
    os.waitpid(child, 0)


def test_a_damaged_image_is_found(pool: Unpacker, tmp_path: Path) -> None:
    data = Tar().file("f", b"x" * 3000).bytes()
    image = str(tmp_path / "image")
    run(pool, data, tmp_path / "image", "base", image=True)
    digest = metadata_digest(image, len(data))
    for place, what in ((5000, "the tar"), (1030, "the metadata"), (os.path.getsize(image) - 1, "the metadata")):
        with open(image, "r+b") as file:
            old = os.pread(file.fileno(), 1, place)
            os.pwrite(file.fileno(), b"\xff", place)
            wrong = damage(image, len(data), Digest.of(data), digest)
            assert wrong == [f"{what} {'in ' if what == 'the tar' else 'of '}its image is damaged"]
            os.pwrite(file.fileno(), old, place)
    assert damage(image, len(data), Digest.of(data), digest) == []
    assert damage(image + "x", len(data), Digest.of(data), digest) != []


def test_a_real_system(pool: Unpacker, tmp_path: Path, debian_tar: Path) -> None:
    for image in (False, True):
        target = tmp_path / ("image" if image else "tree")
        if not image:
            target.mkdir()
        with pool.start(str(target), mode="base", image=image) as job, debian_tar.open("rb") as file:
            while piece := file.read(1 << 20):
                job.write(piece)
            job.finish()
    point = tmp_path / "point"
    point.mkdir()

    def compare() -> list[str]:
        mount_image(str(tmp_path / "image"), str(point))
        return difference(list_tree(tmp_path / "tree"), list_tree(point))

    assert run_in_mount_namespace(compare) == []


def test_errors_of_the_machine_are_told(pool: Unpacker, tmp_path: Path) -> None:
    with pytest.raises(PalletError, match="cannot unpack into"):
        run(pool, b"", tmp_path / "missing" / "image", "base", image=True)
