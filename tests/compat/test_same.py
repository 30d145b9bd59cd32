"""Every case of tests/compat/cases: docker's output, masked, is pallet's."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from tests.compat.compare import Case
from tests.compat.conftest import Scripts

TOPICS = sorted(path.stem for path in (Path(__file__).parent / "cases").glob("*.py"))


def _table() -> list[object]:
    rows = []
    for topic in TOPICS:
        for number, case in enumerate(import_module(f"tests.compat.cases.{topic}").CASES):
            if not case.setup:
                rows.append(pytest.param(topic, number, case, id=f"{topic}-{number}-{ascii(case.line)[1:-1]}"))
    return rows


@pytest.mark.parametrize(("topic", "number", "case"), _table())
def test_same_as_docker(topic: str, number: int, case: Case, scripts: Scripts) -> None:
    docker, pallet = scripts(topic)[number]
    if case.why:
        assert docker != pallet, f"there is no difference any more: {case.why}"
    expected = case.expected(docker, scripts.names)
    assert pallet.stdout == expected.stdout
    assert pallet.stderr == expected.stderr
    assert pallet.code == expected.code
