"""Every case that docker 20.10.24 was asked: `docker image inspect --format CASE IMAGE`, its output or its error.

docker_20_10_cases.json holds the image's inspection and what docker printed for each format. The image was imported
with labels, environment, command and user; its storage path is replaced by another of the same length.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gotemplate.inspected import inspect

_DATA: dict[str, Any] = json.loads(Path(__file__).with_name("docker_20_10_cases.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("text", "kind", "expected"), _DATA["cases"], ids=lambda value: ascii(value)[:40])
def test_same_as_docker(text: str, kind: str, expected: str) -> None:
    got_kind, got = inspect(text, _DATA["image"])
    # docker's bytes that are no UTF-8 are kept as U+FFFD in the file.
    readable = got.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    assert (got_kind, readable) == (kind, expected)


def test_nested_pointers_print_as_addresses() -> None:
    """docker prints 0xc000... for .Config inside {{.}}: any address will do, but nothing else."""
    kind, out = inspect("{{.}}", _DATA["image"])
    assert kind == "out"
    assert len(re.findall(r" 0x[0-9a-f]{8,} ", out)) == 2
    assert out.startswith("{sha256:") and out.endswith(" +0000 UTC}}")
