"""What a Dockerfile offers: targets; arguments, secrets and agents of a target with all the stages that it needs."""

from __future__ import annotations

from pallet.dockerfile.graph import plan
from pallet.dockerfile.outline import Outline, outline, targets
from pallet.dockerfile.scope import global_variables, platform_arguments
from pallet.dockerfile.stages import parse_dockerfile
from pallet.platform import Platform

HERE = Platform("amd64", "linux")


def outlined(text: str, target: str = "", **build_args: str) -> Outline:
    dockerfile = parse_dockerfile(text)
    predefined = platform_arguments(HERE, HERE, overrides=build_args, stage=target)
    planned = plan(dockerfile, global_variables(dockerfile, predefined, build_args), target=target)
    return outline(
        dockerfile, planned, predefined=predefined, build_args=build_args, environments={"known": {"E": "1"}}
    )


def arguments(found: Outline) -> list[tuple[str, str, int]]:
    return [(each.name, each.value, each.lines[0]) for each in found.arguments]


def test_targets_with_what_their_comments_say() -> None:
    text = (
        "# build makes it\nFROM --platform=$BUILDPLATFORM a:$v AS Build\n\n"
        "# nothing about other\nFROM b AS other\n# x y\nFROM build\n"
    )
    found = targets(parse_dockerfile(text))
    assert [(each.name, each.description, each.default) for each in found] == [
        ("build", "makes it", False),
        ("other", "", False),
        ("", "", True),
    ]
    assert (found[0].base, found[0].platform, found[0].lines) == ("a:$v", "$BUILDPLATFORM", (2, 2))


def test_arguments_that_are_used_and_what_they_are_made_from() -> None:
    text = (
        "ARG base=box\nARG other=x\n# suffix is joined\nARG suffix=my${base}\nFROM a${suffix} AS first\n"
        "ARG N=1\nFROM b${other} AS unneeded\nARG M\nFROM scratch AS third\nARG N=2\nARG TARGETARCH\n"
        "# last is it\n# check=skip=all\nARG last\nFROM third AS target\nCOPY --from=first /x /\nARG base\n"
    )
    found = outlined(text, "target", last="given")
    assert arguments(found) == [("base", "box", 1), ("suffix", "mybox", 4), ("N", "2", 10), ("last", "given", 14)]
    assert [each.description for each in found.arguments] == ["", "is joined", "", "is it"]
    assert arguments(outlined(text, "unneeded")) == [("other", "x", 2), ("M", "", 8)]


def test_arguments_that_are_defined_again_from_themselves() -> None:
    text = (
        "ARG FOO=1\nARG ABC=a\nARG DEF=d\nARG FOO=${FOO}${ABC}\nARG BAR=${FOO}4\nARG FOO=${FOO}5${BAR}\n"
        "FROM scratch\nARG FOO\nARG IN=1\nARG IN=${IN}2\n"
    )
    assert arguments(outlined(text)) == [("ABC", "a", 2), ("BAR", "1a4", 5), ("FOO", "1a51a4", 6), ("IN", "12", 10)]


def test_variables_of_known_bases_count_in_defaults() -> None:
    assert arguments(outlined("FROM known\nARG a=${E}b\n")) == [("a", "1b", 2)]


def test_secrets_and_agents_each_once() -> None:
    text = (
        "FROM a AS first\nRUN --mount=type=secret,target=/etc/pass,required --mount=type=ssh true\n"
        "FROM b AS unneeded\nRUN --mount=type=secret,id=no true\n"
        "FROM first\nARG X=y\nRUN --mount=type=secret,id=s$X,env=V --mount=type=ssh,id=s,required=true \\\n"
        "  --mount=type=secret,source=pass true\n"
    )
    found = outlined(text)
    assert [(each.name, each.required, each.lines) for each in found.secrets] == [
        ("sy", False, (7, 8)),
        ("pass", False, (7, 8)),
    ]
    assert [(each.name, each.required) for each in found.agents] == [("default", False), ("s", True)]
