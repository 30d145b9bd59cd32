"""Odd .dockerignore files: what docker's client sends of a context, and what pallet finds in it.

The client thinks that it talks to a daemon; nothing is built. Exceptions with wildcards are not compared: this client
does not look for them in directories that are left out, while BuildKit does, and pallet.
"""

from __future__ import annotations

import io
import os
import socketserver
import stat
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests.support import need

from pallet.build.context import Context, ignore_rules
from pallet.errors import InvalidInput

_FILES = (
    *(
        "f",
        "x",
        "#x",
        "a.go",
        "ab",
        "aXb",
        "README.md",
        "README-secret.md",
        "b.md",
        "d/x",
        "d/x.go",
        "d/sub/y",
        "y",
        "-z",
    ),
    *("d/sub/z/y", "d/sub/k.md", "e/sub/y", "e/q", "x y", ".git/c", ".gitignore", "\u00e4f", "f#x", "foo", "d\\x"),
)
_OWN = ("Dockerfile", ".dockerignore")  # the client sends them in any case
_LINES = (
    *("*", "*\n!d", "**", "**\n!d/sub", "**/x", "d/**", "d\n!d/sub/y", "*/sub", "d/", "/d", "./d", "d/../f"),
    *("# f\nf", " f ", "\\#x", "[a-e]*", "?", "d/*\n!d/x", "**/*.go", "a**b", "", ".", "**/"),
    *("*.md\n!README*.md\nREADME-secret.md", "\ufefff", "f\r\nd/x\r\n", "d/sub/\n!d/sub/y/", "**/sub/**"),
    *("!**/y\n*", "d/s*b", "d/s**", "**/s*/y", "d/**/y", "/**/y", "//d", "d//x", "..", "../f", "/", "d/."),
    *("x y", "\\ f", "[!f]", "[^f]", "f*\n!f", "!f\nf", "d\n!d", "d\n!d/\nd/x", "a.go/", "*/*\n!*/*.go"),
    *("\tf\t", "f#x", "{f,d}", "d**/x", "*.\n.*", ".git*", "lk", "lk/x", "ä*", "**/**/y", "d\\/x", "d-*", "["),
    *("!", "d/["),
)


class _Server(socketserver.ThreadingUnixStreamServer):
    context = b""


class _Daemon(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        return

    def address_string(self) -> str:
        return ""

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(b"{}")

    def do_POST(self) -> None:
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        self.server.context = b"".join(pieces)
        self._answer(b"{}")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Api-Version", "1.41")
        self.send_header("Ostype", "linux")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[_Server]:
    with _Server(str(tmp_path / "docker.sock"), _Daemon) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def sent(server: _Server, context: Path) -> list[str] | None:
    """The files that docker's client sends; None if it refuses."""
    server.context = b""
    env = {**os.environ, "DOCKER_BUILDKIT": "0", "DOCKER_HOST": f"unix://{server.server_address!s}"}
    done = subprocess.run([need("docker"), "build", "-q", str(context)], env=env, capture_output=True, check=False)
    if not server.context:
        assert done.returncode
        return None
    with tarfile.open(fileobj=io.BytesIO(server.context)) as archive:
        return sorted(member.name for member in archive if not member.isdir() and member.name not in _OWN)


def found(context: Path) -> list[str] | None:
    with Context(str(context)) as opened:
        try:
            opened.ignoring(ignore_rules(opened, "Dockerfile"))
        except InvalidInput:
            return None
        entries = [entry for entry in opened.tree().below("") if not stat.S_ISDIR(entry.status.st_mode)]
        return sorted(entry.path for entry in entries if entry.path not in _OWN)


def test_the_same_files_are_left_out(daemon: _Server, tmp_path: Path) -> None:
    context = tmp_path / "context"
    for name in _FILES:
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text(name)
    (context / "lk").symlink_to("d")
    (context / "Dockerfile").write_text("FROM scratch\n")
    differing = {}
    for text in _LINES:
        (context / ".dockerignore").write_bytes(text.encode())
        theirs, ours = sent(daemon, context), found(context)
        if theirs != ours:
            differing[text] = (
                theirs and sorted({*theirs} - {*(ours or ())}),
                ours and sorted({*ours} - {*(theirs or ())}),
            )
    assert differing == {}
