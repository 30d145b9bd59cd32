"""Any text is a Dockerfile or refused as one; nothing else happens, and soon."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pallet.dockerfile.check import check
from pallet.dockerfile.expand import expand
from pallet.dockerfile.graph import plan
from pallet.dockerfile.ignore import IgnoreRules
from pallet.dockerfile.scope import Scope, global_variables, platform_arguments
from pallet.dockerfile.stages import parse_dockerfile
from pallet.errors import DockerfileError, InvalidInput
from pallet.platform import Platform

HERE = Platform("amd64", "linux")
PREDEFINED = platform_arguments(HERE, HERE)

KEYWORDS = (
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
    *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR", "FROM", "from", "Run", "NOPE"),
)
PIECES = (
    *(
        "a",
        "b=c",
        "=",
        '"',
        "'",
        "\\",
        "`",
        "$",
        "${",
        "}",
        "${a",
        ":-",
        ":?",
        "#",
        "%",
        "/",
        "*",
        "?",
        "[",
        "]",
        '["a"]',
    ),
    *(
        "[1]",
        "<<EOF",
        "<<-'E'",
        "EOF",
        "E",
        "--",
        "--from=",
        "--mount=",
        "type=cache,",
        "--chmod=",
        "--interval=",
        "1s",
    ),
    *(
        "AS",
        "scratch",
        "NONE",
        "CMD",
        "80",
        "8-9/udp",
        "\t",
        " ",
        "  ",
        "\r",
        "# ",
        "escape=`",
        "check=skip=all",
        "é",
        "\x00",
    ),
    *("{", "@sha256:", ":", "0", "../x", "\u2028", "!", "**"),
)
WORDS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
LINES = st.tuples(st.sampled_from([*KEYWORDS, "#", "", " "]), st.lists(WORDS, max_size=4).map(" ".join))
DOCKERFILES = st.lists(LINES.map(" ".join), max_size=8).map("\n".join)


def exercise(text: str) -> None:
    """Do with a text all that a build does before it begins."""
    dockerfile = parse_dockerfile(text)
    for first in dockerfile.stages:
        assert first.start.lines[0] >= 1
    variables = global_variables(dockerfile, PREDEFINED, {"a": "x"})
    for planned in plan(dockerfile, variables).stages:
        scope = Scope(variables, {"a": "x"}, {"PATH": "/bin"}, dockerfile.escape)
        for instruction in planned.stage.instructions:
            scope.apply(instruction)


@settings(max_examples=300)
@given(DOCKERFILES)
def test_dockerfiles_are_read_or_refused(lines: str) -> None:
    try:
        exercise(f"FROM scratch\n{lines}")
    except InvalidInput as error:
        assert error.message


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_dockerfile(text)
    except DockerfileError as error:
        assert error.message
        assert error.lines <= (text.count("\n") + 1, text.count("\n") + 1)


@given(DOCKERFILES)
def test_any_dockerfile_can_be_checked(lines: str) -> None:
    try:
        dockerfile = parse_dockerfile(f"FROM scratch\n{lines}")
        result = check(dockerfile, predefined=PREDEFINED)
    except InvalidInput as error:
        assert error.message
    else:
        assert all(f"{finding.rule}" in result.render(dockerfile) for finding in result.findings)


@given(WORDS)
def test_words_expand_or_are_refused(word: str) -> None:
    try:
        assert isinstance(expand(word, {"a": "*/b"}), str)
    except InvalidInput as error:
        assert error.message.startswith("failed to process")


@given(
    st.lists(WORDS, max_size=5).map("\n".join),
    st.lists(st.sampled_from(("a", "b", ".x", "ab")), min_size=1, max_size=4),
)
def test_what_is_pruned_is_ignored_with_all_that_is_in_it(patterns: str, parts: list[str]) -> None:
    try:
        rules = IgnoreRules.parse(patterns)
    except InvalidInput as error:
        assert error.message
        return
    for length in range(1, len(parts)):
        if rules.prunes("/".join(parts[:length])):
            assert all(rules.matches("/".join(parts[:deeper])) for deeper in range(length, len(parts) + 1))


def test_hostile_texts_do_not_hang() -> None:
    deep = "${a:-" * 10_000
    many = "*a" * 200
    hostile = [
        f"FROM {deep}",
        f"FROM a\nENV A={deep}",
        "FROM a\nRUN " + "[" * 100_000,
        "FROM a\nRUN " + "<<A " * 3_000,
        "FROM a\n" + "ONBUILD " * 10_000,
        "FROM a\nENV A=" + "${B#" + many + "b}",
        "FROM a\nEXPOSE 1-65535",
        "FROM a\nUSER " + '"' * 100_001,
        "FROM a\n" + "A" * 100_000,
        "FROM a\nRUN x\\\n" + "\\\n" * 20_000,
        "FROM a AS s0\n" + "".join(f"FROM s{index} AS s{index + 1}\n" for index in range(1_500)),
    ]
    for text in hostile:
        try:
            exercise(text)
        except InvalidInput as error:
            assert error.message
    assert expand("${a#" + many + "b}", {"a": "a" * 5_000}) == "a" * 5_000
    for pattern in ("**/a/" * 50 + "b", "**/a*a" * 50 + "b", "a**" * 50 + "b", "*a" * 50 + "b", "**/*a" * 50 + "b"):
        assert not IgnoreRules.parse(pattern).matches("/".join("a" * 200))
        assert not IgnoreRules.parse(pattern).matches("a" * 250)
