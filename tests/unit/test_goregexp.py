"""Go's regular expressions in Python: what they match. Go's refusals are compared with docker (tests/compat)."""

from __future__ import annotations

import pytest

from pallet.errors import InvalidInput
from pallet.goregexp import compile_go


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("^FO", ["FO", "FOX"], ["XFO", "fo"]),
        ("O$", ["FO"], ["FO\n"]),
        ("^*\\b+$", ["a"], [""]),
        ("(?i)fo|bar", ["FO", "BaR"], ["ba"]),
        ("(?i:A)b", ["ab", "Ab"], ["aB"]),
        ("x(?i)a|b", ["xA", "B"], ["a"]),
        ("(?m)^b$", ["a\nb"], ["ab"]),
        ("^a.b$", ["axb"], ["a\nb"]),
        ("(?s)^a.b$", ["a\nb"], ["ab"]),
        ("^[]a]+$", ["]a"], ["b"]),
        ("^[^a-c\\d]$", ["d", "-"], ["b", "5"]),
        ("^[a-]$", ["a", "-"], ["b"]),
        ("^[[:^digit:][:xdigit:]]$", ["x", "7"], []),
        ("^\\s$", ["\t", " "], ["\v", "\xa0"]),
        ("^\\S$", ["\v", "ü"], [" "]),
        ("^\\w$", ["_", "a"], ["ü"]),
        ("^\\pLu\\p{Lu}$", ["ÄuÖ", "äuÖ"], ["äuö", "5uÖ"]),
        ("^\\P{L}$", ["5"], ["ü"]),
        ("^a{,2}$", ["a{,2}"], ["aa"]),
        ("^a{2}$", ["aa"], ["a{2}"]),
        ("\\x41\\x{42}\\103", ["ABC"], []),
        ("^\\Qa.b\\E+$", ["a.bb"], ["axb"]),
        ("^(?P<one>a)(?P<one>b)$", ["ab"], []),
    ],
)
def test_what_matches(pattern: str, matching: list[str], others: list[str]) -> None:
    compiled = compile_go(pattern)
    assert [text for text in matching if not compiled.search(text)] == []
    assert [text for text in others if compiled.search(text)] == []


def test_a_lazy_repetition_is_the_rule_with_u() -> None:
    found = [compile_go(pattern).search("aaa") for pattern in ("a+", "a+?", "(?U)a+", "(?U)a+?")]
    assert [match and match[0] for match in found] == ["aaa", "a", "a", "aaa"]


def test_a_refusal() -> None:
    with pytest.raises(InvalidInput) as caught:
        compile_go("a(b")
    assert caught.value.message == "error parsing regexp: missing closing ): `a(b`"
