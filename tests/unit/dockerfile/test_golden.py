"""Dockerfiles beside what they are read as.

After a change on purpose: `python -m tests.unit.dockerfile.test_golden` writes the expected files anew; read the diff.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from pallet.dockerfile.stages import parse_dockerfile

FOLDER = Path(__file__).resolve().parents[2] / "golden/dockerfile"
DOCKERFILES = sorted(FOLDER.glob("*.Dockerfile"))


def read_as(path: Path) -> dict[str, Any]:
    document = msgspec.to_builtins(parse_dockerfile(path.read_bytes().decode(), path.name))
    del document["source"]
    # By way of JSON, tuples become lists.
    found = msgspec.json.decode(msgspec.json.encode(document))
    assert isinstance(found, dict)
    return found


def expected_path(path: Path) -> Path:
    return path.with_suffix(".json")


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    assert read_as(path) == msgspec.json.decode(expected_path(path).read_bytes())


def test_there_is_a_dockerfile_for_every_instruction() -> None:
    seen = {
        found["instruction"]
        for path in DOCKERFILES
        for stage in read_as(path)["stages"]
        for found in (stage["start"], *stage["instructions"])
    }
    assert len(seen) == 18


def write() -> None:
    for path in DOCKERFILES:
        document = msgspec.json.encode(read_as(path))
        expected_path(path).write_bytes(msgspec.json.format(document, indent=1) + b"\n")


if __name__ == "__main__":
    write()
