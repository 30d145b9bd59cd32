"""Registries' error answers in docker's words."""

from __future__ import annotations

import pytest

from pallet.errors import Forbidden, InvalidInput, NotFound, PalletError, Unauthorized, Unavailable
from pallet.reference import parse
from pallet.registry.failure import read_problem

ONE = b'{"errors":[{"code":"%s","message":"%s","detail":{"x":[1]}}]}'


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (404, ONE % (b"MANIFEST_UNKNOWN", b"manifest unknown"), NotFound, "manifest unknown: manifest unknown"),
        (404, ONE % (b"BLOB_UNKNOWN", b"blob unknown to registry"), NotFound, "blob unknown: blob unknown to registry"),
        (401, b"", Unauthorized, "unauthorized: authentication required"),
        (401, b'{"details":"incorrect password"}', Unauthorized, "unauthorized: incorrect password"),
        (401, b'{"errors":[]}', Unauthorized, "unauthorized: authentication required"),
        (403, b"<html>", Forbidden, "denied: requested access to the resource is denied"),
        (429, b"", Unavailable, "toomanyrequests: too many requests"),
        (429, ONE % (b"TOOMANYREQUESTS", b"slow down"), Unavailable, "toomanyrequests: slow down"),
        (400, ONE % (b"MANIFEST_INVALID", b""), InvalidInput, "manifest invalid: manifest invalid"),
        (500, b"\xff\xfe", Unavailable, "received unexpected HTTP status: 500 Internal Server Error"),
        (404, b"not json", NotFound, "received unexpected HTTP status: 404 Not Found"),
        (599, b"", Unavailable, "received unexpected HTTP status: 599"),
        (500, b'{"errors":"no list"}', Unavailable, "received unexpected HTTP status: 500 Internal Server Error"),
        (500, ONE % (b"ODD_ONE", b"a\\u001b[31mred\\n"), Unavailable, "odd one: a [31mred"),
        (500, b"[" * 60000, Unavailable, "received unexpected HTTP status: 500 Internal Server Error"),
    ],
)
def test_answers(status: int, body: bytes, kind: type[PalletError], text: str) -> None:
    error = read_problem(status, body).error()
    assert (type(error), error.message) == (kind, text)


@pytest.mark.parametrize(
    ("name", "code", "kind", "text"),
    [
        (
            "localhost:5000/foo:1",
            b"MANIFEST_UNKNOWN",
            NotFound,
            "manifest for localhost:5000/foo:1 not found: manifest unknown: why",
        ),
        ("foo", b"NAME_UNKNOWN", NotFound, "repository foo not found: name unknown: why"),
        (
            "foo:1",
            b"DENIED",
            Unauthorized,
            "pull access denied for foo, repository does not exist or may require 'docker login': denied: why",
        ),
        ("foo:1", b"UNAUTHORIZED", Unauthorized, "unauthorized: why"),
    ],
)
def test_pulls(name: str, code: bytes, kind: type[PalletError], text: str) -> None:
    error = read_problem(404, ONE % (code, b"why")).error_for_pull(parse(name))
    assert (type(error), error.message) == (kind, text)


def test_insufficient_scope_counts_more_than_the_body() -> None:
    problem = read_problem(401, ONE % (b"UNAUTHORIZED", b"x"), insufficient_scope=True)
    assert problem.text == "denied: requested access to the resource is denied"
