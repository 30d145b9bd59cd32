"""Dockerfiles that do not parse, or cannot be planned: one error each, with the lines at fault."""

from __future__ import annotations

import pytest

from pallet.dockerfile.graph import plan
from pallet.dockerfile.scope import Scope, global_variables, platform_arguments
from pallet.dockerfile.stages import parse_dockerfile
from pallet.errors import DockerfileError, InvalidInput
from pallet.platform import Platform

HERE = Platform("amd64", "linux")
PREFIX = "dockerfile parse error on line {}: "

# The text, what is wrong with it, the lines at fault.
NO_PARSE: list[tuple[str, str, tuple[int, int]]] = [
    ("FROM a\nFOO x\n", "unknown instruction: FOO (did you mean FROM?)", (2, 2)),
    ("FROM a\nRUM x\n", "unknown instruction: RUM (did you mean RUN?)", (2, 2)),
    ("FROM a\ncpoy x y\n", "unknown instruction: cpoy (did you mean copy?)", (2, 2)),
    ("FROM a\nABSOLUTELY x\n", "unknown instruction: ABSOLUTELY", (2, 2)),
    ("FROM a\n{}\n", "unknown instruction: {}", (2, 2)),
    ("FROM a\n\\\n", "unknown instruction: ", (2, 2)),
    ("FROM\n", "FROM requires either one or three arguments", (1, 1)),
    ("FROM a b\n", "FROM requires either one or three arguments", (1, 1)),
    ("FROM a for b\n", "FROM requires either one or three arguments", (1, 1)),
    ("FROM a AS b c\n", "FROM requires either one or three arguments", (1, 1)),
    (
        "FROM a AS 1b\n",
        'invalid name for build stage: "1b", name can\'t start with a number or contain symbols',
        (1, 1),
    ),
    (
        "FROM a AS b/c\n",
        'invalid name for build stage: "b/c", name can\'t start with a number or contain symbols',
        (1, 1),
    ),
    ("FROM --platfrom=x a\n", "unknown flag: --platfrom (did you mean platform?)", (1, 1)),
    ("FROM --platform a\n", "missing a value on flag: --platform", (1, 1)),
    ("RUN true\n", "no build stage in current context", (1, 1)),
    ("ARG A\n\nENV A=1\nFROM a\n", "no build stage in current context", (3, 3)),
    ("# escape=x\nFROM a\n", "invalid escape token 'x' does not match ` or \\", (1, 1)),
    ("# escape=\\\n# escape=`\nFROM a\n", "only one escape parser directive can be used", (2, 2)),
    ("# syntax=a\n#SYNTAX=b\nFROM a\n", "only one syntax parser directive can be used", (2, 2)),
    ("FROM a\nRUN <<EOF\nx\n", "unterminated heredoc", (2, 3)),
    ("FROM a\nCOPY <<A <<B /d\nA\n", "unterminated heredoc", (2, 3)),
    ("FROM a\nONBUILD RUN <<EOF\n", "unterminated heredoc", (2, 2)),
    ("FROM a\nARG\n", "ARG requires at least one argument", (2, 2)),
    ("FROM a\nARG =x\n", "ARG names can not be blank", (2, 2)),
    ("FROM a\nENV\n", "ENV requires at least one argument", (2, 2)),
    ("FROM a\nENV A\n", "ENV must have two arguments", (2, 2)),
    ("FROM a\nENV =x\n", "ENV names can not be blank", (2, 2)),
    (
        "FROM a\nENV A=b \\\n  c\n",
        'Syntax error - can\'t find = in "c". Must be of the form: name=value',
        (2, 3),
    ),
    ("FROM a\nENV --x A=b\n", "unknown flag: --x", (2, 2)),
    ("FROM a\nLABEL\n", "LABEL requires at least one argument", (2, 2)),
    ("FROM a\nLABEL x\n", "LABEL must have two arguments", (2, 2)),
    ("FROM a\nLABEL a=b =c\n", "LABEL names can not be blank", (2, 2)),
    (
        "FROM a\nRUN [1]\n",
        "when using JSON array syntax, arrays must be comprised of strings only",
        (2, 2),
    ),
    (
        'FROM a\nCMD ["a", ["b"]]\n',
        "when using JSON array syntax, arrays must be comprised of strings only",
        (2, 2),
    ),
    ("FROM a\nRUN --nope x\n", "unknown flag: --nope", (2, 2)),
    ("FROM a\nRUN --network=off x\n", 'invalid network mode "off"', (2, 2)),
    ("FROM a\nRUN --network=none --network=host x\n", "duplicate flag specified: --network", (2, 2)),
    ("FROM a\nRUN --security=none x\n", 'security "none" is not valid', (2, 2)),
    ("FROM a\nRUN --mount x\n", "missing a value on flag: --mount", (2, 2)),
    (
        "FROM a\nRUN --mount=from=$X,target=/t x\n",
        "'from' doesn't support variable expansion, define alias stage instead",
        (2, 2),
    ),
    (
        'FROM a\nRUN --mount=target=a\\"b x\n',
        'failed to parse csv mounts: parse error on line 1, column 9: bare " in non-quoted-field',
        (2, 2),
    ),
    (
        "FROM a\nCOPY x\n",
        "COPY requires at least two arguments, but only one was provided. Destination could not be determined",
        (2, 2),
    ),
    (
        'FROM a\nADD ["x"]\n',
        "ADD requires at least two arguments, but only one was provided. Destination could not be determined",
        (2, 2),
    ),
    ("FROM a\nCOPY a <<E\nE\n", "COPY cannot accept a heredoc as a destination", (2, 3)),
    ("FROM a\nCOPY --form=b x y\n", "unknown flag: --form (did you mean from?)", (2, 2)),
    ("FROM a\nCOPY --link=maybe x y\n", "expecting boolean value for flag --link, not: maybe", (2, 2)),
    ("FROM a\nCOPY --link= x y\n", "missing a value on flag: --link", (2, 2)),
    ("FROM a\nCOPY --from=a --from=b x y\n", "duplicate flag specified: --from", (2, 2)),
    ("FROM a\nADD --from=a x y\n", "unknown flag: --from", (2, 2)),
    ("FROM a\nCOPY --checksum=sha256:0 x y\n", "unknown flag: --checksum", (2, 2)),
    ("FROM a\nEXPOSE\n", "EXPOSE requires at least one argument", (2, 2)),
    ("FROM a\nVOLUME\n", "VOLUME requires at least one argument", (2, 2)),
    ("FROM a\nVOLUME []\n", "VOLUME requires at least one argument", (2, 2)),
    ('FROM a\nVOLUME [" "]\n', "VOLUME specified can not be an empty string", (2, 2)),
    ("FROM a\nUSER\n", "USER requires exactly one argument", (2, 2)),
    ("FROM a\nWORKDIR\n", "WORKDIR requires exactly one argument", (2, 2)),
    ("FROM a\nWORKDIR --x /y\n", "unknown flag: --x", (2, 2)),
    ("FROM a\nSTOPSIGNAL\n", "STOPSIGNAL requires exactly one argument", (2, 2)),
    ("FROM a\nMAINTAINER\n", "MAINTAINER requires exactly one argument", (2, 2)),
    ("FROM a\nSHELL\n", "SHELL requires at least one argument", (2, 2)),
    ("FROM a\nSHELL []\n", "SHELL requires at least one argument", (2, 2)),
    ("FROM a\nSHELL /bin/sh -c\n", "SHELL requires the arguments to be in JSON form", (2, 2)),
    ("FROM a\nHEALTHCHECK\n", "HEALTHCHECK requires at least one argument", (2, 2)),
    ("FROM a\nHEALTHCHECK NONE x\n", "HEALTHCHECK NONE takes no arguments", (2, 2)),
    ("FROM a\nHEALTHCHECK maybe\n", 'Unknown type "MAYBE" in HEALTHCHECK (try CMD)', (2, 2)),
    ("FROM a\nHEALTHCHECK CMD\n", "Missing command after HEALTHCHECK CMD", (2, 2)),
    ("FROM a\nHEALTHCHECK --interval=1 CMD x\n", 'time: invalid duration "1"', (2, 2)),
    ("FROM a\nHEALTHCHECK --timeout=1us CMD x\n", 'Interval "timeout" cannot be less than 1ms', (2, 2)),
    ("FROM a\nHEALTHCHECK --timeout=-1s CMD x\n", 'Interval "timeout" cannot be less than 1ms', (2, 2)),
    ("FROM a\nHEALTHCHECK --retries=-1 CMD x\n", "--retries cannot be negative (-1)", (2, 2)),
    ("FROM a\nHEALTHCHECK --retries=x CMD x\n", 'strconv.ParseInt: parsing "x": invalid syntax', (2, 2)),
    (
        f"FROM a\nHEALTHCHECK --retries={'9' * 40} CMD x\n",
        f'strconv.ParseInt: parsing "{"9" * 40}": value out of range',
        (2, 2),
    ),
    ("FROM a\nHEALTHCHECK --intervall=1s CMD x\n", "unknown flag: --intervall (did you mean interval?)", (2, 2)),
    ("FROM a\nONBUILD\n", "ONBUILD requires at least one argument", (2, 2)),
    ("FROM a\nONBUILD ONBUILD RUN x\n", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", (2, 2)),
    ("FROM a\nonbuild from x\n", "FROM isn't allowed as an ONBUILD trigger", (2, 2)),
    ("FROM a\nONBUILD MAINTAINER x\n", "MAINTAINER isn't allowed as an ONBUILD trigger", (2, 2)),
]

WHOLE_FILE = [
    ("", "the Dockerfile cannot be empty"),
    ("\n\n", "file with no instructions"),
    ("# only\n# comments\n", "file with no instructions"),
    ("ARG A=1\n", "dockerfile contains no stages to build"),
]

NO_PLAN: list[tuple[str, str, tuple[int, int]]] = [
    ('ARG A="${B:?say what}"\nFROM a\n', 'failed to process "\\"${B:?say what}\\"": B: say what', (1, 1)),
    ("FROM $X\n", "base name ($X) should not be blank", (1, 1)),
    ("FROM a:${X\n", "failed to process \"a:${X\": syntax error: missing '}'", (1, 1)),
    ("FROM Upper\n", 'failed to parse stage name "Upper": ', (1, 1)),
    ("FROM a:b:c\n", 'failed to parse stage name "a:b:c": invalid reference format', (1, 1)),
    ("FROM --platform=$X a\n", "empty platform value from expression $X", (1, 1)),
    (
        "FROM --platform=$BULIDPLATFORM a\n",
        "empty platform value from expression $BULIDPLATFORM (did you mean BUILDPLATFORM?)",
        (1, 1),
    ),
    ("FROM --platform=a/b/c/d a\n", "failed to parse platform a/b/c/d: ", (1, 1)),
    ("FROM a\nCOPY --from=7 x y\n", "invalid stage index 7", (2, 2)),
    ("FROM a\nCOPY --from=-1 x y\n", "invalid stage index -1", (2, 2)),
    ("FROM a\nCOPY --from=$X x y\n", "variable expansion is not supported for --from, ", (2, 2)),
    ("FROM a\nCOPY --from=No x y\n", 'failed to parse stage name "No": ', (2, 2)),
    ("FROM a AS one\nCOPY --from=one x y\n", "circular dependency detected on stage: one", (1, 1)),
    ("FROM a\nCOPY --from=0 x y\n", "circular dependency detected on stage: stage-0", (1, 1)),
    (
        "FROM a AS one\nCOPY --from=two x y\nFROM one AS two\n",
        "circular dependency detected on stage: one",
        (1, 1),
    ),
    (
        "FROM a AS one\nRUN --mount=from=two,target=/t x\nFROM one AS two\n",
        "circular dependency detected on stage: one",
        (1, 1),
    ),
    (
        "FROM a AS one\nCOPY \\\n --from=two x y\nFROM a AS two\nFROM one\n",
        'cannot copy from stage "two", it needs to be defined before current stage "one"',
        (2, 3),
    ),
    (
        "FROM a AS one\nRUN --mount=from=two,target=/t x\nFROM a AS two\nFROM one\n",
        'cannot mount from stage "two", stage needs to be defined before current command',
        (2, 2),
    ),
    ("FROM a\nRUN --mount=type=bnd x\n", 'unsupported mount type "bnd" (did you mean bind?)', (2, 2)),
    ("FROM a\nRUN --mount=target x\n", "invalid field 'target' must be a key=value pair", (2, 2)),
    ("FROM a\nRUN --mount=taget=/x x\n", "unexpected key 'taget' in 'taget=/x' (did you mean target?)", (2, 2)),
    ("FROM a\nRUN --mount=type=bind,required x\n", "unexpected key 'required' for mount type 'bind'", (2, 2)),
    ("FROM a\nRUN --mount=size=1m x\n", "unexpected key 'size' for mount type 'bind'", (2, 2)),
    ("FROM a\nRUN --mount=type=tmpfs,size=big x\n", "invalid value for size: big", (2, 2)),
    ("FROM a\nRUN --mount=type=cache,ro=perhaps x\n", "invalid value for ro: perhaps", (2, 2)),
    ("FROM a\nRUN --mount=type=cache,mode=9 x\n", "invalid value 9 for mode", (2, 2)),
    ("FROM a\nRUN --mount=type=cache,uid=me x\n", "invalid value me for uid", (2, 2)),
    ("FROM a\nRUN --mount=type=cache,sharing=both x\n", 'unsupported sharing value "both"', (2, 2)),
    ("FROM a\nRUN --mount=type=bind,uid=1 x\n", 'uid not allowed for "bind" type mounts', (2, 2)),
    ("FROM a\nRUN --mount=type=tmpfs,sharing=shared x\n", "invalid cache sharing set for tmpfs mount", (2, 2)),
    ("FROM a\nRUN --mount=type=secret x\n", "invalid secret mount. one of source, target required", (2, 2)),
    ("FROM a\nRUN --mount=type=secret,id=a,from=a x\n", "secret mount should not have a from", (2, 2)),
    ("FROM a\nRUN --mount=type=secret,id=a,src=b x\n", "both source and id can't be set", (2, 2)),
]

NO_STEP: list[tuple[str, str]] = [
    ("ENV A=${B?}", 'failed to process "${B?}": B: is not allowed to be unset'),
    ("ENV A='x", 'failed to process "\'x": unexpected end of statement while looking for matching single-quote'),
    ('WORKDIR "x', 'failed to process "\\"x": unexpected end of statement while looking for matching double-quote'),
    ("USER ${A:=1}", 'failed to process "${A:=1}": unsupported modifier (:=) in substitution'),
    ("USER ${}", 'failed to process "${}": syntax error: bad substitution'),
    ("USER ${A/x}", "failed to process \"${A/x}\": syntax error: missing '/' in ${}"),
    ("USER ${A#\\x}", "failed to process \"${A#\\\\x}\": invalid pattern (\\x) in substitution: invalid escape '\\x'"),
    ("COPY --chmod=888 a b", "invalid chmod parameter: '888'. it should be octal string and between 0 and 07777"),
    ("COPY --chmod=77777 a b", "invalid chmod parameter: '77777'. it should be octal string and between 0 and 07777"),
    ("ADD --chmod=a!x a b", "invalid chmod parameter: 'a!x'. it should be octal string and between 0 and 07777"),
    ("ADD --checksum=x https://a/b https://a/c /d", "checksum can't be specified for multiple sources"),
    ("ADD --checksum=x local /d", "checksum requires HTTP(S) or Git sources"),
    ("EXPOSE no", "Invalid containerPort: no"),
    ("EXPOSE 99999", "Invalid containerPort: 99999"),
    ("EXPOSE 9-8", "Invalid containerPort: 9-8"),
    ("EXPOSE 80/icmp", "Invalid proto: icmp"),
    ("EXPOSE x:80", "Invalid hostPort: x"),
    ("EXPOSE 1.2.3:80:80", "Invalid ip address: 1.2.3"),
    ("EXPOSE 1-3:80-81", "Invalid ranges specified for container and host Ports: 80-81 and 1-3"),
    ("EXPOSE /tcp", "No port specified: /tcp<empty>"),
    ("VOLUME $NOTHING", "VOLUME specified can not be an empty string"),
    ("RUN --mount=type=$NOTHING,target=/x y", 'unsupported mount type ""'),
]


@pytest.mark.parametrize(("text", "message", "lines"), NO_PARSE)
def test_does_not_parse(text: str, message: str, lines: tuple[int, int]) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse_dockerfile(text, "app/Dockerfile")
    assert caught.value.message == PREFIX.format(lines[0]) + message
    assert caught.value.lines == lines
    assert caught.value.file == "app/Dockerfile"
    assert caught.value.excerpt.startswith(f"app/Dockerfile:{lines[0]}\n")
    assert caught.value.excerpt.count(">>>") == lines[1] - lines[0] + 1


@pytest.mark.parametrize(("text", "message"), WHOLE_FILE)
def test_no_dockerfile(text: str, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse_dockerfile(text)
    assert caught.value.message == message
    assert caught.value.file == "Dockerfile"
    assert caught.value.lines == (0, 0)


@pytest.mark.parametrize(("text", "message", "lines"), NO_PLAN)
def test_cannot_be_planned(text: str, message: str, lines: tuple[int, int]) -> None:
    dockerfile = parse_dockerfile(text)
    predefined = platform_arguments(HERE, HERE)
    with pytest.raises(DockerfileError) as caught:
        plan(dockerfile, global_variables(dockerfile, predefined, {}))
    assert caught.value.message.startswith(message)
    assert caught.value.lines == lines
    assert f"Dockerfile:{lines[0]}\n" in caught.value.excerpt


@pytest.mark.parametrize(("text", "message"), NO_STEP)
def test_cannot_be_expanded(text: str, message: str) -> None:
    (instruction,) = parse_dockerfile(f"FROM a\n{text}\n").stages[0].instructions
    with pytest.raises(InvalidInput) as caught:
        Scope({}, {}, {}).apply(instruction)
    assert caught.value.message == message
