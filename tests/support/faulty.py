"""A small registry (the read-only part of the distribution API) that misbehaves on request.

Faults are given one after the other to the requests whose path matches; what was asked, with which headers, is kept.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler

import msgspec
from tests.support.images import Blob, Image, Index
from tests.support.served import HttpServer, QuietHandler

_ROUTE = re.compile(r"^/v2/(?P<name>.+)/(?P<kind>blobs|manifests|tags)/(?P<reference>[^/?]+)(\?.*)?$")
_RANGE = re.compile(r"^bytes=(\d+)-(\d*)$")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong with one answer. Several fields may be set together."""

    status: int | None = None  # answer this status with an error body instead
    retry_after: str | None = None  # and this Retry-After
    drop_after: int | None = None  # close the connection after so many bytes of the body
    reset: bool = False  # with drop_after: by a TCP reset rather than an orderly end
    stall: float = 0.0  # with drop_after: keep the connection open and silent for so many seconds first
    delay: float = 0.0  # seconds before the answer starts
    corrupt: bool = False  # the right length, but one byte in the middle changed
    body: bytes | None = None  # these bytes instead
    pad: int = 0  # so many spaces after the body
    digest_header: str | None = None  # this Docker-Content-Digest
    media_type: str | None = None  # this Content-Type
    no_range: bool = False  # a Range is answered with 200 and everything
    wrong_range: bool = False  # a Range is answered with 206 and the wrong part
    no_length: bool = False  # no Content-Length; the end of the connection ends the body
    endless: bool = False  # the same, and spaces without end follow the body
    redirect: str | None = None  # 307 to this base address plus the same path


class Request(msgspec.Struct, frozen=True):
    """A request as it came; header names are lower-case."""

    method: str
    path: str
    headers: dict[str, str]

    @property
    def authorization(self) -> str | None:
        return self.headers.get("authorization")


class _Rule:
    def __init__(self, pattern: str, fault: Fault, times: int | None) -> None:
        self.pattern, self.fault, self.left = re.compile(pattern), fault, times


class FaultyRegistry(HttpServer):
    """Serves images from memory on a free loopback port, as a context manager.

    Args:
        basic: ask for these credentials by a Basic challenge.
        bearer: ask for a token by a Bearer challenge; with `basic` the token server (here too, at /token) wants these
            credentials, without it tokens are for everybody.
    """

    token = "a-token-of-the-test-registry"

    def __init__(self, *, basic: tuple[str, str] | None = None, bearer: bool = False) -> None:
        self.basic = basic
        self.bearer = bearer
        self.requests: list[Request] = []
        self._blobs: dict[str, Blob] = {}
        self._manifests: dict[tuple[str, str], Blob] = {}
        self._tags: dict[str, list[str]] = {}
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        outer = self

        class Handler(QuietHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                outer._answer(self)

            def do_HEAD(self) -> None:
                outer._answer(self)

        super().__init__(Handler)

    def add(self, name: str, made: Image | Index, *tags: str) -> None:
        """Serves an image under a repository name, by its digests and tags ("latest" when none is given)."""
        for blob in made.blobs():
            self._blobs[blob.digest] = blob
        for manifest in made.manifests():
            self._manifests[name, manifest.digest] = manifest
        for tag in tags or ("latest",):
            self._manifests[name, tag] = made.root
            self._tags.setdefault(name, []).append(tag)

    def add_manifest(self, name: str, reference: str, manifest: Blob) -> None:
        """Serves any bytes as a manifest, under a tag or a digest that need not be theirs."""
        self._manifests[name, reference] = manifest

    def fault(self, pattern: str, fault: Fault, *, times: int | None = 1) -> None:
        """The next so many requests (None: all) whose path the regular expression is found in meet this fault."""
        with self._lock:
            self._rules.append(_Rule(pattern, fault, times))

    def asked(self, pattern: str = "", method: str | None = None) -> list[Request]:
        """The requests so far whose path the regular expression is found in."""
        with self._lock:
            return [each for each in self.requests if re.search(pattern, each.path) and method in (None, each.method)]

    def _next_fault(self, path: str) -> Fault:
        with self._lock:
            for rule in self._rules:
                if rule.left != 0 and rule.pattern.search(path):
                    if rule.left is not None:
                        rule.left -= 1
                    return rule.fault
        return Fault()

    def _answer(self, http: BaseHTTPRequestHandler) -> None:
        headers = {key.lower(): value for key, value in http.headers.items()}
        with self._lock:
            self.requests.append(Request(http.command, http.path, headers))
        fault = self._next_fault(http.path)
        if fault.delay:
            time.sleep(fault.delay)
        if fault.redirect is not None:
            _send(http, 307, b"", {"Location": fault.redirect + http.path}, fault)
        elif fault.status is not None:
            more = {"Retry-After": fault.retry_after} if fault.retry_after is not None else {}
            _refuse(http, fault.status, "UNKNOWN", "as the test wants it", more, fault)
        elif http.path.split("?")[0] == "/token":
            self._send_token(http, headers)
        elif not self._allowed(headers):
            _refuse(http, 401, "UNAUTHORIZED", "authentication required", self._challenge(http.path))
        elif http.path.rstrip("/") == "/v2":
            _send(http, 200, b"{}", {"Content-Type": "application/json"}, fault)
        else:
            self._serve(http, headers, fault)

    def _allowed(self, headers: dict[str, str]) -> bool:
        given = headers.get("authorization", "")
        if self.bearer:
            return given == f"Bearer {self.token}"
        return self.basic is None or given == self._basic_value()

    def _basic_value(self) -> str:
        return "Basic " + base64.b64encode(":".join(self.basic or ("", "")).encode()).decode()

    def _challenge(self, path: str) -> dict[str, str]:
        if not self.bearer:
            return {"WWW-Authenticate": 'Basic realm="faulty"'}
        found = _ROUTE.match(path)
        scope = f',scope="repository:{found["name"]}:pull"' if found else ""
        return {"WWW-Authenticate": f'Bearer realm="{self.url}/token",service="faulty"{scope}'}

    def _send_token(self, http: BaseHTTPRequestHandler, headers: dict[str, str]) -> None:
        if self.basic is not None and headers.get("authorization") != self._basic_value():
            _refuse(http, 401, "UNAUTHORIZED", "incorrect username or password", {})
        else:
            body = json.dumps({"token": self.token, "expires_in": 300}).encode()
            _send(http, 200, body, {"Content-Type": "application/json"}, Fault())

    def _serve(self, http: BaseHTTPRequestHandler, headers: dict[str, str], fault: Fault) -> None:
        found = _ROUTE.match(http.path)
        if found is None:
            _refuse(http, 404, "UNSUPPORTED", "no such route", {})
            return
        name, kind, reference = found["name"], found["kind"], found["reference"]
        if kind == "tags":
            body = json.dumps({"name": name, "tags": sorted(self._tags.get(name, []))}).encode()
            _send(http, 200, body, {"Content-Type": "application/json"}, fault)
            return
        blob = self._blobs.get(reference) if kind == "blobs" else self._manifests.get((name, reference))
        if blob is None:
            code = "BLOB_UNKNOWN" if kind == "blobs" else "MANIFEST_UNKNOWN"
            _refuse(http, 404, code, f"{kind[:-1]} unknown", {})
            return
        body = blob.data if fault.body is None else fault.body
        if fault.corrupt:
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 0xFF]) + body[middle + 1 :]
        body += b" " * fault.pad
        answer = {"Docker-Content-Digest": fault.digest_header or blob.digest}
        answer["Content-Type"] = fault.media_type or (
            blob.media_type if kind == "manifests" else "application/octet-stream"
        )
        status, total = 200, len(body)
        part = _RANGE.match(headers.get("range", ""))
        if part is not None and kind == "blobs" and not fault.no_range:
            start, end = int(part[1]), min(int(part[2] or total), total - 1)
            if start >= total:
                _send(http, 416, b"", {"Content-Range": f"bytes */{total}"}, fault)
                return
            if fault.wrong_range:
                start = 0
            status, body = 206, body[start : end + 1]
            answer["Content-Range"] = f"bytes {start}-{start + len(body) - 1}/{total}"
        elif kind == "blobs" and not fault.no_range:
            answer["Accept-Ranges"] = "bytes"
        _send(http, status, body, answer, fault)


def _refuse(
    http: BaseHTTPRequestHandler, status: int, code: str, message: str, more: dict[str, str], fault: Fault | None = None
) -> None:
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    _send(http, status, body, {"Content-Type": "application/json", **more}, fault or Fault())


def _send(http: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str], fault: Fault) -> None:
    http.send_response(status)
    if fault.no_length or fault.endless:
        http.close_connection = True
        http.send_header("Connection", "close")
    else:
        http.send_header("Content-Length", str(len(body)))
    for key, value in headers.items():
        http.send_header(key, value)
    http.end_headers()
    if http.command == "HEAD":
        return
    if fault.drop_after is None:
        http.wfile.write(body)
        while fault.endless:  # until the client hangs up, which raises
            http.wfile.write(b" " * 65536)
        return
    http.close_connection = True
    http.wfile.write(body[: fault.drop_after])
    http.wfile.flush()
    if fault.stall:
        time.sleep(fault.stall)
    if fault.reset:
        # SO_LINGER with zero seconds: closing sends RST.
        http.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    else:
        http.connection.shutdown(socket.SHUT_RDWR)
