"""A registry's upload sessions in memory, as the OCI distribution spec 1.1 has them: chunks in order, status, resuming.

Debian's docker-registry cannot be asked for the state of a session whose last request broke off; newer ones can.
"""

from __future__ import annotations

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from tests.support.served import HttpServer, QuietHandler

_UPLOAD = re.compile(r"^/v2/s/blobs/uploads/(\d*)$")
_RANGE = re.compile(r"^(\d+)-(\d+)$")


class UploadServer(HttpServer):
    """One repository, `s`, on a free loopback port, as a context manager.

    Attributes:
        blobs: what was committed, by digest.
        sessions_opened: how many uploads were begun.
    """

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.sessions_opened = 0
        self._sessions: dict[str, bytearray] = {}
        self._lock = threading.Lock()
        outer = self

        class Handler(QuietHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                outer._reply(self, 200 if self.path.rpartition("/")[2] in outer.blobs else 404)

            def do_GET(self) -> None:
                outer._status(self)

            def do_POST(self) -> None:
                outer._open(self)

            def do_PATCH(self) -> None:
                outer._take(self)

            def do_PUT(self) -> None:
                outer._take(self)

        super().__init__(Handler)

    def _open(self, http: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self.sessions_opened += 1
            name = str(self.sessions_opened)
            self._sessions[name] = bytearray()
        self._reply(http, 202, name)

    def _status(self, http: BaseHTTPRequestHandler) -> None:
        if http.path == "/v2/":
            self._reply(http, 200)
            return
        found = _UPLOAD.match(http.path)
        known = found is not None and found[1] in self._sessions
        self._reply(http, 204 if known else 404, found[1] if found and known else "")

    def _take(self, http: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(http.path)
        found = _UPLOAD.match(parts.path)
        session = self._sessions.get(found[1]) if found else None
        if session is None or found is None:
            self._reply(http, 404)
            return
        given = http.headers.get("Content-Range")
        length = int(http.headers["Content-Length"])
        if given is not None:
            part = _RANGE.match(given)
            if part is None or int(part[1]) != len(session) or int(part[2]) - int(part[1]) + 1 != length:
                http.close_connection = True
                self._reply(http, 416, found[1])
                return
        while length:
            data = http.rfile.read1(min(length, 65536))
            if not data:
                return
            session += data
            length -= len(data)
        if http.command == "PATCH":
            self._reply(http, 202, found[1])
            return
        digest = "sha256:" + hashlib.sha256(session).hexdigest()
        if parse_qs(parts.query).get("digest") != [digest]:
            self._reply(http, 400)
            return
        self.blobs[digest] = bytes(session)
        self._reply(http, 201)

    def _reply(self, http: BaseHTTPRequestHandler, status: int, session: str = "") -> None:
        http.send_response(status)
        http.send_header("Content-Length", "0")
        if session:
            http.send_header("Location", f"/v2/s/blobs/uploads/{session}")
            if self._sessions[session]:
                http.send_header("Range", f"0-{len(self._sessions[session]) - 1}")
        http.end_headers()
