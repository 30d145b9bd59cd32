"""Large things go through in pieces; what is interrupted leaves nothing."""

from __future__ import annotations

import http.server
import io
import os
import signal
import tarfile
import threading
import tracemalloc
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.support import wait_until

import pallet
from pallet.errors import Unavailable

MIB = 1 << 20
LARGE = 48 * MIB


def large_tar() -> Iterator[bytes]:
    """The tar of one file that does not compress, in pieces."""
    info = tarfile.TarInfo("large")
    info.size = LARGE
    yield info.tobuf()
    for _ in range(LARGE // MIB):
        yield os.urandom(MIB)
    yield bytes(1024)


def test_images_and_exports_of_any_size_need_little_memory(engine: pallet.Engine) -> None:
    tracemalloc.start()
    try:
        image = engine.images.import_(large_tar(), "large", changes="CMD nothing")
        assert sum(len(chunk) for chunk in image.save()) > LARGE
        assert sum(len(chunk) for chunk in engine.containers.create("large").export()) > LARGE
        assert engine.images.load(image.save()) == [image]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < LARGE / 2


def test_a_tar_is_imported_from_a_url(engine: pallet.Engine, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "root.tar.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("empty"), io.BytesIO())
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/root.tar.gz"
            image = engine.images.import_(url, "fetched")
            with pytest.raises(Unavailable, match="404"):
                engine.images.import_(url + "x")
        finally:
            server.shutdown()
            thread.join()
    assert image.history()[0]["Comment"] == f"Imported from {url}"


def test_ctrl_c_takes_a_container_that_is_to_be_removed_with_it(engine: pallet.Engine, busybox_tar: Path) -> None:
    engine.images.import_(busybox_tar, "box")

    def interrupt() -> None:
        wait_until(lambda: bool(engine.containers.list()), "it runs")
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        engine.containers.run("box", "sleep 60", remove=True, network="none")
    thread.join()
    assert engine.containers.list(all=True) == []
