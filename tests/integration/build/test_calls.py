"""`build --call`: the text that buildx prints, and its JSON; nothing is built."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.pallet import Output, PalletCLI

_TEXT = """\
# V is the version
ARG V=1
FROM scratch AS base
# app is what runs
FROM base AS app
ARG V
ARG long_name
RUN --mount=type=secret,id=key,required true
FROM app
RUN --mount=type=ssh true
"""


@pytest.fixture
def call(pallet: PalletCLI, tmp_path: Path) -> Callable[..., Output]:
    (tmp_path / "context").mkdir()
    (tmp_path / "context/Dockerfile").write_text(_TEXT)
    return lambda text, *args: pallet("build", "--call", text, *args, str(tmp_path / "context"))


def test_outline(call: Callable[..., Output]) -> None:
    done = call("outline", "--target", "app", "--build-arg", "long_name=x")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout == (
        "TARGET:      app\nDESCRIPTION: is what runs\n\n"
        "BUILD ARG   VALUE   DESCRIPTION\nV           1       is the version\nlong_name   x       \n\n"
        "SECRET   REQUIRED\nkey      true\n\n"
    )
    assert call("outline").stdout.endswith("SECRET   REQUIRED\nkey      true\n\nSSH       REQUIRED\ndefault   \n\n")
    told = json.loads(call("outline,format=json").stdout)
    line = {"line": 10}
    assert told["ssh"] == [{"name": "default", "location": {"ranges": [{"start": line, "end": line}]}}]
    assert told["secrets"][0]["required"] is True and "name" not in told
    assert base64.b64decode(told["sources"][0]).decode() == _TEXT


def test_targets(call: Callable[..., Output]) -> None:
    assert call("targets").stdout == "TARGET    DESCRIPTION\nbase      \napp       is what runs\n(default) \n"
    line = {"line": 5}
    assert json.loads(call("targets,format=json").stdout)["targets"][1] == {
        "name": "app",
        "description": "is what runs",
        "base": "base",
        "location": {"ranges": [{"start": line, "end": line}]},
    }


def test_check_as_json_and_what_is_refused(call: Callable[..., Output], tmp_path: Path) -> None:
    (tmp_path / "context/Dockerfile").write_text("FROM scratch\nMAINTAINER me\n")
    done = call("check,format=json")
    (warning,) = json.loads(done.stdout)["warnings"]
    assert done.code == 1 and warning["ruleName"] == "MaintainerDeprecated"
    assert warning["location"]["ranges"][0]["start"] == {"line": 2}
    assert call("lint,ignorestatus=true").code == 0
    assert "--call other is not supported" in call("other").stderr
    assert "invalid print field: a=b" in call("outline,a=b").stderr
    missing = call("outline", "--target", "none")
    assert missing.code == 1 and 'target stage "none" could not be found' in missing.stderr
