"""The linter: each rule where it is broken, where it is kept, and where it is turned off."""

from __future__ import annotations

import pytest

from pallet.dockerfile.check import CheckResult, check
from pallet.dockerfile.ignore import IgnoreRules
from pallet.dockerfile.rules import parse_options
from pallet.dockerfile.scope import platform_arguments
from pallet.dockerfile.stages import parse_dockerfile
from pallet.errors import InvalidInput
from pallet.platform import Platform

HERE = Platform("amd64", "linux")


def checked(text: str, ignore: str = "", target: str = "", **build_args: str) -> CheckResult:
    return check(
        parse_dockerfile(text),
        predefined=platform_arguments(HERE, HERE),
        build_args=build_args,
        environments={"known": {"HOME": "/root"}},
        ignore=IgnoreRules.parse(ignore),
        target=target,
    )


def found(text: str, ignore: str = "", **build_args: str) -> list[tuple[str, int, str]]:
    result = checked(text, ignore, **build_args)
    assert result.error is None
    return [(finding.rule, finding.lines[0], finding.detail) for finding in result.findings]


RULES: list[tuple[str, list[tuple[str, int, str]]]] = [
    ("FROM scratch AS One\n", [("StageNameCasing", 1, "Stage name 'One' should be lowercase")]),
    ("FROM scratch as one\n", [("FromAsCasing", 1, "'as' and 'FROM' keywords' casing do not match")]),
    ("from scratch AS one\n", [("FromAsCasing", 1, "'AS' and 'from' keywords' casing do not match")]),
    ("FROM scratch\nRUN a \\\n\n b\n", [("NoEmptyContinuation", 4, "Empty continuation line")]),
    (
        "FROM scratch\nrun a\nRUN b\n",
        [
            (
                "ConsistentInstructionCasing",
                2,
                "Command 'run' should match the case of the command majority (uppercase)",
            )
        ],
    ),
    (
        "From scratch\nrun a\nrun b\n",
        [
            (
                "ConsistentInstructionCasing",
                1,
                "Command 'From' should match the case of the command majority (lowercase)",
            )
        ],
    ),
    (
        "FROM scratch AS a\nFROM scratch AS a\n",
        [("DuplicateStageName", 2, 'Duplicate stage name "a", stage names should be unique')],
    ),
    (
        "FROM known AS context\n",
        [("ReservedStageName", 1, 'Stage name should not use the same name as reserved stage "context"')],
    ),
    (
        'FROM scratch\nCMD a b\nENTRYPOINT ["x"]\n',
        [
            (
                "JSONArgsRecommended",
                2,
                "JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
            )
        ],
    ),
    (
        "FROM scratch\nMAINTAINER me\n",
        [("MaintainerDeprecated", 2, "Maintainer instruction is deprecated in favor of using label")],
    ),
    (
        "ARG tag=1\nFROM known:${tga}x\n",
        [("UndefinedArgInFrom", 2, "FROM argument 'tga' is not declared (did you mean tag?)")],
    ),
    ("FROM known:1$zzz\n", [("UndefinedArgInFrom", 1, "FROM argument 'zzz' is not declared")]),
    (
        "FROM scratch\nWORKDIR app\nWORKDIR more\n",
        [("WorkdirRelativePath", 2, 'Relative workdir "app" can have unexpected results if the base image changes')],
    ),
    (
        "FROM known\nENV P=$HOEM:$PATH\n",
        [("UndefinedVar", 2, "Usage of undefined variable '$HOEM' (did you mean $HOME?)")],
    ),
    ("FROM scratch\nCOPY $nowhere /x\n", [("UndefinedVar", 2, "Usage of undefined variable '$nowhere'")]),
    (
        'FROM scratch\nCMD ["a"]\nCMD ["b"]\n',
        [
            (
                "MultipleInstructionsDisallowed",
                2,
                "Multiple CMD instructions should not be used in the same stage because only the last one will be used",
            )
        ],
    ),
    (
        "FROM scratch\nENV a b\nLABEL c d\n",
        [
            (
                "LegacyKeyValueFormat",
                2,
                '"ENV key=value" should be used instead of legacy "ENV key value" format',
            ),
            (
                "LegacyKeyValueFormat",
                3,
                '"LABEL key=value" should be used instead of legacy "LABEL key value" format',
            ),
        ],
    ),
    (
        "FROM scratch\nENV API_TOKEN=1 PUBLIC_KEY=2\nARG password passwd_file\n",
        [
            (
                "SecretsUsedInArgOrEnv",
                2,
                'Do not use ARG or ENV instructions for sensitive data (ENV "API_TOKEN")',
            ),
            (
                "SecretsUsedInArgOrEnv",
                3,
                'Do not use ARG or ENV instructions for sensitive data (ARG "password")',
            ),
        ],
    ),
    (
        "FROM --platform=$TARGETPLATFORM known\n",
        [
            (
                "RedundantTargetPlatform",
                1,
                "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
            )
        ],
    ),
    (
        "FROM --platform=linux/arm64 known\n",
        [
            (
                "FromPlatformFlagConstDisallowed",
                1,
                'FROM --platform flag should not use constant value "linux/arm64"',
            )
        ],
    ),
    (
        "FROM scratch\nEXPOSE 80/TCP\n",
        [("ExposeProtoCasing", 2, "Defined protocol '80/TCP' in EXPOSE instruction should be lowercase")],
    ),
    (
        "FROM scratch\nEXPOSE 8080:80\n",
        [
            (
                "ExposeInvalidFormat",
                2,
                "EXPOSE instruction should not define an IP address or host-port mapping, found '8080:80'",
            )
        ],
    ),
    (
        "# check=experimental=all\n# what it is\nARG V=1\n# one is right\nFROM scratch AS one\n# x y\nARG a b\n",
        [
            (
                "InvalidDefinitionDescription",
                3,
                "Comment for ARG should follow the format: `# V <description>`",
            ),
            (
                "InvalidDefinitionDescription",
                7,
                "Comment for ARG should follow the format: `# <arg_key> <description>`",
            ),
        ],
    ),
]

CLEAN = [
    "ARG base=known\nFROM $base\nWORKDIR /a\nWORKDIR b\nENV P=$HOME:$PATH\nEXPOSE 80 90/udp\nUSER root\n",
    'from scratch as one\ncopy a b\nshell ["/x"]\ncmd a\n',
    "FROM scratch AS a\nARG foo=1\nWORKDIR /a\nFROM a\nCOPY $foo .\nWORKDIR b\n",
    "FROM scratch\nARG foo\nCOPY x$foo .\n",
    "FROM unknown\nENV P=$JAVA_HOME\n",
    "FROM --platform=$BUILDPLATFORM known\n",
    "FROM --platform=linux/arm64 known AS build-arm64\n",
    "FROM scratch\n# check=skip=LegacyKeyValueFormat,SecretsUsedInArgOrEnv # for now\nENV password b\n",
    "FROM scratch\n# check=skip=all\nMAINTAINER x\n",
    "# check=skip=all\nFROM scratch as One\nMAINTAINER x\nENV a b\n",
    "# a comment that says nothing\nARG V=1\nFROM scratch\n",
]


@pytest.mark.parametrize(("text", "findings"), RULES)
def test_broken(text: str, findings: list[tuple[str, int, str]]) -> None:
    assert found(text) == findings


@pytest.mark.parametrize("text", CLEAN)
def test_kept(text: str) -> None:
    assert found(text) == []


def test_a_base_that_needs_a_build_argument() -> None:
    assert found("ARG V\nFROM known:$V\n", V="1") == [
        (
            "InvalidDefaultArgInFrom",
            2,
            "Default value for ARG known:$V results in empty or invalid base image name",
        )
    ]


def test_files_that_are_ignored() -> None:
    text = "FROM scratch\nCOPY ./a.md b /x/\nADD a.md /y\nCOPY . /z\nCOPY --from=known a.md /\n"
    assert found(text, "*.md") == [
        ("CopyIgnoredFile", 2, 'Attempting to Copy file "a.md" that is excluded by .dockerignore'),
        ("CopyIgnoredFile", 3, 'Attempting to Add file "a.md" that is excluded by .dockerignore'),
    ]
    assert [lines for _, lines, _ in found("FROM scratch\nCOPY . /z\n", "*")] == [2]
    assert found(text, "*.md\n!b.md") == []


def test_only_the_stages_of_a_target() -> None:
    text = "FROM scratch AS a\nWORKDIR x\nFROM scratch AS b\nWORKDIR y\n"
    assert [finding.lines[0] for finding in checked(text).findings] == [2, 4]
    assert [finding.lines[0] for finding in checked(text, target="b").findings] == [4]


def test_findings_can_be_errors() -> None:
    result = checked("#check=skip=FromAsCasing;error=true\nFROM scratch as One\nMAINTAINER x\n")
    assert result.fails
    assert result.failure == "lint violation found for rules: MaintainerDeprecated, StageNameCasing"
    assert not checked("#check=error=true\nFROM scratch\n").fails
    assert not checked("#check=error=true\nFROM scratch as a\n", BUILDKIT_DOCKERFILE_CHECK="skip=all").fails
    assert checked("#check=skip=all\nFROM scratch as a\n", BUILDKIT_DOCKERFILE_CHECK="error=1").fails


def test_what_is_printed() -> None:
    dockerfile = parse_dockerfile("FROM scratch\nMAINTAINER x\nUSER ${\n", "app.Dockerfile")
    result = check(dockerfile, predefined=platform_arguments(HERE, HERE))
    assert result.render(dockerfile) == (
        "\n"
        "WARNING: MaintainerDeprecated - https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/\n"
        "Maintainer instruction is deprecated in favor of using label\n"
        "app.Dockerfile:2\n"
        "--------------------\n"
        "   1 |     FROM scratch\n"
        "   2 | >>> MAINTAINER x\n"
        "   3 |     USER ${\n"
        "   4 |     \n"
        "--------------------\n"
        "\n"
        "failed to process \"${\": syntax error: missing '}'\n"
        "app.Dockerfile:3\n"
        "--------------------\n"
        "   1 |     FROM scratch\n"
        "   2 |     MAINTAINER x\n"
        "   3 | >>> USER ${\n"
        "   4 |     \n"
        "--------------------\n"
    )


@pytest.mark.parametrize(
    ("rule", "slug"),
    [("JSONArgsRecommended", "json-args-recommended"), ("UndefinedArgInFrom", "undefined-arg-in-from")],
)
def test_addresses(rule: str, slug: str) -> None:
    from pallet.dockerfile.rules import Finding

    assert Finding(rule, "", (1, 1)).address.endswith(f"/{slug}/")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("skip", 'invalid check option "skip"'),
        ("other=1", 'invalid check option "other"'),
        (
            "error=maybe",
            'failed to parse check option "error=maybe": strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
    ],
)
def test_options(options: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_options(options)
    assert caught.value.message == f"failed to parse check options: {message}"
