"""docker-py's ways to say things, and what the operations get."""

from __future__ import annotations

import pytest

from pallet.errors import InvalidDigest, InvalidInput, InvalidReference
from pallet.sdk.arguments import Filters, filter_pairs, json_object, lines, optional_reference, reference

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("repository", "tag", "meant"),
    [
        ("ubuntu", None, "docker.io/library/ubuntu"),
        ("ubuntu", "", "docker.io/library/ubuntu"),
        ("ubuntu", "18.04", "docker.io/library/ubuntu:18.04"),
        ("ubuntu:18.04", None, "docker.io/library/ubuntu:18.04"),
        ("ubuntu:18.04", "20.04", "docker.io/library/ubuntu:20.04"),
        ("localhost:5000/a/b", "1", "localhost:5000/a/b:1"),
        (f"ubuntu@{DIGEST}", None, f"docker.io/library/ubuntu@{DIGEST}"),
        ("ubuntu", DIGEST, f"docker.io/library/ubuntu@{DIGEST}"),
    ],
)
def test_a_repository_and_a_tag_make_a_reference(repository: str, tag: str | None, meant: str) -> None:
    assert str(reference(repository, tag)) == meant


@pytest.mark.parametrize(
    ("repository", "tag", "error"),
    [
        ("Ubuntu", None, InvalidReference),
        ("ubuntu", "-", InvalidReference),
        ("ubuntu", "sha256:12", InvalidDigest),
        (f"ubuntu@{DIGEST}", "18.04", InvalidInput),
    ],
)
def test_bad_names_are_refused(repository: str, tag: str | None, error: type[Exception]) -> None:
    with pytest.raises(error):
        reference(repository, tag)


def test_a_new_name_is_a_tag_or_none() -> None:
    assert optional_reference(None, None, "import") is None
    assert str(optional_reference("a", "b", "import")) == "docker.io/library/a:b"
    with pytest.raises(InvalidInput, match="a tag needs a repository"):
        optional_reference(None, "b", "import")
    with pytest.raises(InvalidInput, match="cannot import digest reference"):
        optional_reference("a", DIGEST, "import")


def test_filters_are_values_or_lists_of_them() -> None:
    filters: Filters = {"dangling": True, "label": ["a=b", "c"], "exited": [0, 3], "reference": "x*"}
    assert filter_pairs(filters) == [
        ("dangling", "true"),
        ("label", "a=b"),
        ("label", "c"),
        ("exited", "0"),
        ("exited", "3"),
        ("reference", "x*"),
    ]
    assert filter_pairs({"dangling": False}) == [("dangling", "false")]
    assert filter_pairs(None) == []
    with pytest.raises(TypeError, match="filter label: list is no value"):
        filter_pairs({"label": [["a"]]})  # type: ignore[list-item]


def test_changes_are_one_text_or_several() -> None:
    assert lines(None) == []
    assert lines('CMD ["sh"]\n\nENV a=b\n') == ['CMD ["sh"]', "ENV a=b"]
    assert lines(iter(["CMD sh", "USER me"])) == ["CMD sh", "USER me"]


def test_json_objects_are_made_of_plain_values() -> None:
    assert json_object({"a": (1, "b"), "c": None}) == {"a": [1, "b"], "c": None}
