"""Platforms: names, variants, and which manifest suits a machine."""

from __future__ import annotations

import pytest

from pallet.errors import InvalidInput
from pallet.platform import Platform, host, parse, rank


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("Linux/AARCH64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/v9", "linux/arm64/v9"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/s390x", "linux/s390x"),
        ("windows/amd64", "windows/amd64"),
    ],
)
def test_names_are_normalised(text: str, shown: str) -> None:
    assert str(parse(text)) == shown


def test_what_is_left_out_is_this_machines() -> None:
    here = host()
    assert parse("linux") == Platform(here.architecture, "linux", here.variant)
    assert parse("arm64") == Platform("arm64", here.os)


@pytest.mark.parametrize("text", ["", "/", "linux/", "/amd64", "linux/amd64/v1/x", "linux/am d64", "nonsense"])
def test_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse(text)


@pytest.mark.parametrize(
    ("candidate", "wanted", "fit"),
    [
        ("linux/amd64", "linux/amd64", 0),
        ("linux/amd64/v2", "linux/amd64/v3", 1),
        ("linux/amd64/v3", "linux/amd64", None),
        ("linux/arm64/v8", "linux/arm64", 0),
        ("linux/arm/v7", "linux/arm/v7", 0),
        ("linux/arm/v6", "linux/arm/v7", 1),
        ("linux/arm/v5", "linux/arm/v7", 2),
        ("linux/arm/v7", "linux/arm/v6", None),
        ("linux/arm64", "linux/amd64", None),
        ("windows/amd64", "linux/amd64", None),
    ],
)
def test_rank(candidate: str, wanted: str, fit: int | None) -> None:
    assert rank(parse(candidate), parse(wanted)) == fit
