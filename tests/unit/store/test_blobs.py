"""Blobs: whole or absent, resumable, one writer at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pallet.content import CHUNK_SIZE
from pallet.digest import Digest
from pallet.errors import Integrity, NotFound
from pallet.oci.descriptor import Descriptor, describe
from pallet.store.blobs import Blobs

DATA = bytes(range(256)) * 4096  # 1 MiB


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(str(tmp_path / "root"))


def descriptor(data: bytes = DATA) -> Descriptor:
    return describe(data, "application/octet-stream")


def run(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, stdin=subprocess.PIPE)


def test_an_empty_store_has_nothing_and_makes_nothing(blobs: Blobs, tmp_path: Path) -> None:
    digest = Digest.of(DATA)
    assert not blobs.has(digest)
    assert blobs.all() == []
    assert blobs.partials() == []
    assert blobs.remove(digest) == 0
    assert not (tmp_path / "root").exists()
    for ask in (blobs.size, blobs.open):
        with pytest.raises(NotFound) as caught:
            ask(digest)
        assert str(caught.value) == f"blob {digest} is missing"


def test_put_and_read(blobs: Blobs) -> None:
    digest = blobs.put(DATA)
    assert blobs.put(DATA) == digest == Digest.of(DATA)
    assert blobs.all() == [digest]
    assert blobs.size(digest) == len(DATA)
    assert blobs.read(descriptor()) == DATA
    with blobs.open(digest) as file:
        assert file.read() == DATA
    assert blobs.partials() == []
    assert blobs.remove(digest) == len(DATA)
    assert not blobs.has(digest)


@pytest.mark.parametrize("damage", [DATA[:-1], DATA + b"x", b"y" + DATA[1:]])
def test_read_verifies(blobs: Blobs, damage: bytes) -> None:
    digest = blobs.put(DATA)
    Path(blobs.path(digest)).write_bytes(damage)
    with pytest.raises(Integrity):
        blobs.read(descriptor())


def test_ingest_is_invisible_until_commit(blobs: Blobs) -> None:
    with blobs.ingest(descriptor()) as ingest:
        assert (ingest.done, ingest.offset) == (False, 0)
        ingest.write(DATA[:1000])
        ingest.write(memoryview(DATA)[1000:])
        assert not blobs.has(ingest.digest)
        ingest.commit()
        assert blobs.has(ingest.digest)
        ingest.commit()
    assert blobs.partials() == []
    with blobs.ingest(descriptor()) as again:
        assert (again.done, again.offset) == (True, len(DATA))
        assert b"".join(again.existing()) == DATA
        again.commit()
        again.discard()
    assert blobs.has(Digest.of(DATA))


def test_an_interrupted_ingest_goes_on(blobs: Blobs) -> None:
    half = CHUNK_SIZE + 123
    with blobs.ingest(descriptor()) as ingest:
        ingest.write(DATA[:half])
    [partial] = blobs.partials()
    assert (partial.digest, partial.size) == (Digest.of(DATA), half)
    with blobs.ingest(descriptor()) as ingest:
        assert ingest.offset == half
        assert b"".join(ingest.existing()) == DATA[:half]
        ingest.write(DATA[half:])
        assert b"".join(ingest.existing()) == DATA
        ingest.commit()
    assert blobs.read(descriptor()) == DATA


def test_a_complete_partial_needs_only_its_commit(blobs: Blobs) -> None:
    with blobs.ingest(descriptor()) as ingest:
        ingest.write(DATA)
    with blobs.ingest(descriptor()) as ingest:
        assert (ingest.done, ingest.offset) == (False, len(DATA))
        ingest.commit()
    assert blobs.has(Digest.of(DATA))


@pytest.mark.parametrize("left", [DATA + b"more", b"x" + DATA[1:]])
def test_a_partial_that_cannot_be_right_is_dropped(blobs: Blobs, left: bytes, tmp_path: Path) -> None:
    incoming = tmp_path / "root" / "ingest"
    incoming.mkdir(parents=True)
    (incoming / Digest.of(DATA).hex).write_bytes(left)
    with blobs.ingest(descriptor()) as ingest:
        assert ingest.offset == 0
        ingest.write(DATA)
        ingest.commit()
    assert blobs.read(descriptor()) == DATA


def test_wrong_bytes_are_refused_and_dropped(blobs: Blobs) -> None:
    with blobs.ingest(descriptor()) as ingest:
        ingest.write(b"x" + DATA[1:])
        with pytest.raises(Integrity, match="the content has the digest"):
            ingest.commit()
        assert ingest.offset == 0
        ingest.write(DATA)
        ingest.commit()
    assert blobs.read(descriptor()) == DATA


def test_too_many_bytes_are_refused_at_once(blobs: Blobs) -> None:
    with blobs.ingest(descriptor()) as ingest:
        ingest.write(DATA)
        with pytest.raises(Integrity, match="more than the promised"):
            ingest.write(b"x")
    assert blobs.partials() == []


def test_too_few_bytes_are_kept_but_not_committed(blobs: Blobs) -> None:
    with blobs.ingest(descriptor()) as ingest:
        ingest.write(DATA[:-1])
        with pytest.raises(Integrity, match="instead of"):
            ingest.commit()
    assert not blobs.has(Digest.of(DATA))
    assert [partial.size for partial in blobs.partials()] == [len(DATA) - 1]


def test_discard_drops(blobs: Blobs) -> None:
    ingest = blobs.ingest(descriptor())
    ingest.write(DATA[:10])
    ingest.discard()
    assert blobs.partials() == []


def test_new_blob(blobs: Blobs) -> None:
    with blobs.new() as blob:
        assert blob.write(DATA[:10]) == 10
        blob.write(DATA[10:])
        [partial] = blobs.partials()
        assert partial.digest is None
        assert not partial.remove(), "somebody is writing it"
        assert blob.commit() == (Digest.of(DATA), len(DATA))
        assert blob.commit() == (Digest.of(DATA), len(DATA))
    assert blobs.read(descriptor()) == DATA
    with blobs.new() as again:
        again.write(DATA)
        again.commit()
    with pytest.raises(RuntimeError), blobs.new() as dropped:
        dropped.write(b"x")
        raise RuntimeError
    assert blobs.partials() == []


def test_a_second_thread_waits_and_finds_it_done(blobs: Blobs) -> None:
    first = blobs.ingest(descriptor())
    found: list[bool] = []
    waited: list[None] = []

    def second() -> None:
        with blobs.ingest(descriptor(), waiting=lambda: waited.append(None)) as ingest:
            found.append(ingest.done)

    thread = threading.Thread(target=second)
    thread.start()
    first.write(DATA)
    while not waited:
        time.sleep(0.01)
    assert not found
    first.commit()
    thread.join(10)
    assert found == [True]


def test_a_waiter_takes_over_from_one_that_gives_up(blobs: Blobs) -> None:
    first = blobs.ingest(descriptor())
    first.write(DATA[:100])
    offsets: list[int] = []

    def second() -> None:
        with blobs.ingest(descriptor()) as ingest:
            offsets.append(ingest.offset)
            ingest.write(DATA[ingest.offset :])
            ingest.commit()

    thread = threading.Thread(target=second)
    thread.start()
    time.sleep(0.1)
    first.close()
    thread.join(10)
    assert offsets == [100]
    assert blobs.has(Digest.of(DATA))


def test_a_waiter_can_be_stopped(blobs: Blobs) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with blobs.ingest(descriptor()), pytest.raises(KeyboardInterrupt):
        blobs.ingest(descriptor(), waiting=stop)


WRITER = """
import sys
from pallet.oci.descriptor import describe
from pallet.store.blobs import Blobs
data = bytes(range(256)) * 4096
with Blobs(sys.argv[1]).ingest(describe(data, "x")) as ingest:
    wrote = not ingest.done
    sys.stdout.write("begun\\n"); sys.stdout.flush()
    if len(sys.argv) > 2:
        ingest.write(data[ingest.offset:700000])
        sys.stdout.write("half\\n"); sys.stdout.flush()
        sys.stdin.read()
    if wrote:
        ingest.write(data[ingest.offset:])
        ingest.commit()
print("wrote" if wrote else "found")
"""


def test_of_many_processes_one_writes(blobs: Blobs, tmp_path: Path) -> None:
    writers = [run(WRITER, str(tmp_path / "root")) for _ in range(4)]
    outputs = sorted(writer.communicate(timeout=60)[0].split()[-1] for writer in writers)
    assert outputs == [b"found", b"found", b"found", b"wrote"]
    assert blobs.read(descriptor()) == DATA
    assert blobs.partials() == []


def test_a_killed_process_leaves_a_partial_that_the_next_one_goes_on_with(blobs: Blobs, tmp_path: Path) -> None:
    victim = run(WRITER, str(tmp_path / "root"), "slowly")
    assert victim.stdout is not None
    assert [victim.stdout.readline() for _ in range(2)] == [b"begun\n", b"half\n"]
    [partial] = blobs.partials()
    assert not partial.remove(), "the other process holds it"
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    with blobs.ingest(descriptor()) as ingest:
        assert ingest.offset == 700000
        ingest.write(DATA[700000:])
        ingest.commit()
    assert blobs.read(descriptor()) == DATA


def test_partials_can_be_removed(blobs: Blobs) -> None:
    with blobs.ingest(descriptor()) as ingest:
        ingest.write(b"x")
    [partial] = blobs.partials()
    assert partial.remove()
    assert blobs.partials() == []
    assert partial.remove(), "gone already"
    assert os.listdir(os.path.dirname(partial.path)) == []
