"""The flag grammar, against what docker 20.10 does with the same words."""

from __future__ import annotations

import pytest

from pallet.cli.command import Flag, with_help
from pallet.cli.flags import parse
from pallet.errors import InvalidInput

FLAGS = with_help(
    (
        Flag("all", "a"),
        Flag("quiet", "q"),
        Flag("no-trunc"),
        Flag("sig-proxy", default=True),
        Flag("format", None, "string"),
        Flag("filter", "f", "filter"),
        Flag("publish", "p", "list"),
        Flag("last", "n", "int", default=-1),
        Flag("weight", None, "uint16"),
        Flag("memory", "m", "bytes"),
        Flag("cpus", None, "decimal"),
        Flag("health-interval", None, "duration"),
    )
)


@pytest.mark.parametrize(
    ("words", "name", "value", "args"),
    [
        (["-a"], "all", True, []),
        (["-aq", "x"], "quiet", True, ["x"]),
        (["x", "--all", "y"], "all", True, ["x", "y"]),
        (["--all=false"], "all", False, []),
        (["-a=false", "-q"], "all", False, []),
        (["-qa=false"], "all", False, []),
        (["--all", "true"], "all", True, ["true"]),
        (["--all=T"], "all", True, []),
        (["--no-trunc"], "no_trunc", True, []),
        (["--sig-proxy=0"], "sig_proxy", False, []),
        ([], "sig_proxy", True, []),
        ([], "last", -1, []),
        (["--format", "--all"], "format", "--all", []),
        (["--format="], "format", "", []),
        (["--format=a=b"], "format", "a=b", []),
        (["-p80:80"], "publish", ("80:80",), []),
        (["-p=80:80", "-p", "81:81", "--publish=82"], "publish", ("80:80", "81:81", "82"), []),
        (["-qp80"], "publish", ("80",), []),
        (["-p="], "publish", ("=",), []),
        (["-f=", "x"], "filter", (("", ""),), ["x"]),
        (["--filter="], "filter", (), []),
        (["-f", "Dangling = true "], "filter", (("dangling", "true"),), []),
        (["-n", "-5"], "last", -5, []),
        (["-n0x10"], "last", 16, []),
        (["--last=010"], "last", 8, []),
        (["--last=1_0"], "last", 10, []),
        (["--last=+1"], "last", 1, []),
        (["--weight=65535"], "weight", 65535, []),
        (["-m", "512m"], "memory", 512 * 2**20, []),
        (["-m", "1.5 GiB"], "memory", 3 * 2**29, []),
        (["--cpus", "1.5"], "cpus", 1_500_000_000, []),
        (["--health-interval", "1h1m1.5s"], "health_interval", 3_661_500_000_000, []),
        (["--health-interval=-2us"], "health_interval", -2000, []),
        (["--", "-a"], "all", False, ["-a"]),
        (["x", "--", "-a", "--"], "all", False, ["x", "-a", "--"]),
        (["-", ""], "all", False, ["-", ""]),
    ],
)
def test_words_are_read_as_docker_reads_them(words: list[str], name: str, value: object, args: list[str]) -> None:
    parsed = parse(FLAGS, words)
    assert getattr(parsed.opts, name) == value
    assert parsed.args == args


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--foo"], "unknown flag: --foo"),
        (["--foo=x"], "unknown flag: --foo"),
        (["--al"], "unknown flag: --al"),
        (["-x"], "unknown shorthand flag: 'x' in -x"),
        (["-aqx"], "unknown shorthand flag: 'x' in -x"),
        (["-axq"], "unknown shorthand flag: 'x' in -xq"),
        (["-é"], "unknown shorthand flag: 'Ã' in -é"),
        (["-q="], "unknown shorthand flag: '=' in -="),
        (["--=x"], "bad flag syntax: --=x"),
        (["---all"], "bad flag syntax: ---all"),
        (["--format"], "flag needs an argument: --format"),
        (["-f"], "flag needs an argument: 'f' in -f"),
        (["-qf"], "flag needs an argument: 'f' in -f"),
        (
            ["--all=x"],
            'invalid argument "x" for "-a, --all" flag: strconv.ParseBool: parsing "x": invalid syntax',
        ),
        (
            ["--all="],
            'invalid argument "" for "-a, --all" flag: strconv.ParseBool: parsing "": invalid syntax',
        ),
        (
            ['--all=a"b\nc\x01'],
            r'invalid argument "a\"b\nc\x01" for "-a, --all" flag: '
            r'strconv.ParseBool: parsing "a\"b\nc\x01": invalid syntax',
        ),
        (
            ["--no-trunc=tRue"],
            'invalid argument "tRue" for "--no-trunc" flag: strconv.ParseBool: parsing "tRue": invalid syntax',
        ),
        (["--help=x"], 'invalid argument "x" for "--help" flag: strconv.ParseBool: parsing "x": invalid syntax'),
        (
            ["-n", "abc"],
            'invalid argument "abc" for "-n, --last" flag: strconv.ParseInt: parsing "abc": invalid syntax',
        ),
        (
            ["--last", "99999999999999999999999"],
            'invalid argument "99999999999999999999999" for "-n, --last" flag: '
            'strconv.ParseInt: parsing "99999999999999999999999": value out of range',
        ),
        (
            ["--weight", "-1"],
            'invalid argument "-1" for "--weight" flag: strconv.ParseUint: parsing "-1": invalid syntax',
        ),
        (
            ["--weight=70000"],
            'invalid argument "70000" for "--weight" flag: strconv.ParseUint: parsing "70000": value out of range',
        ),
        (
            ["--filter", "foo"],
            'invalid argument "foo" for "-f, --filter" flag: bad format of filter (expected name=value)',
        ),
        (["-m", "5x"], 'invalid argument "5x" for "-m, --memory" flag: invalid size: \'5x\''),
        (["-m", ""], 'invalid argument "" for "-m, --memory" flag: invalid size: \'\''),
        (["--cpus", "1.5x"], 'invalid argument "1.5x" for "--cpus" flag: failed to parse 1.5x as a rational number'),
        (
            ["--health-interval", "5"],
            'invalid argument "5" for "--health-interval" flag: time: missing unit in duration "5"',
        ),
        (
            ["--health-interval", "5y"],
            'invalid argument "5y" for "--health-interval" flag: time: unknown unit "y" in duration "5y"',
        ),
        (
            ["--health-interval", "abc"],
            'invalid argument "abc" for "--health-interval" flag: time: invalid duration "abc"',
        ),
    ],
)
def test_bad_words_are_refused_in_docker_s_words(words: list[str], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(FLAGS, words)
    assert caught.value.message == message


def test_without_interspersed_flags_the_first_argument_ends_them() -> None:
    parsed = parse(FLAGS, ["-a", "debian", "-q", "--", "--foo"], interspersed=False)
    assert parsed.opts.all
    assert not parsed.opts.quiet
    assert parsed.args == ["debian", "-q", "--", "--foo"]


def test_changed_tells_what_the_user_gave_even_if_it_is_the_default() -> None:
    opts = parse(FLAGS, ["--last=-1", "--no-trunc=false"]).opts
    assert opts.changed("last")
    assert opts.changed("no-trunc")
    assert not opts.changed("all")


def test_the_letter_of_help_is_noted_as_deprecated_unless_another_flag_has_it() -> None:
    parsed = parse(FLAGS, ["-qh"])
    assert parsed.opts.help
    assert parsed.notes == ("Flag shorthand -h has been deprecated, please use --help",)
    run = with_help((Flag("hostname", "h", "string"),))
    parsed = parse(run, ["-h", "box", "--help"])
    assert parsed.opts.hostname == "box"
    assert parsed.opts.help
    assert parsed.notes == ()


def test_a_flag_s_own_reader_makes_the_value_and_the_error() -> None:
    def port(text: str) -> object:
        if not text.isdigit():
            raise InvalidInput(f"Invalid containerPort: {text}")
        return int(text)

    flags = (Flag("publish", "p", "list", read=port),)
    assert parse(flags, ["-p80", "-p", "81"]).opts.publish == (80, 81)
    with pytest.raises(InvalidInput, match='invalid argument "x" for "-p, --publish" flag: Invalid containerPort: x'):
        parse(flags, ["-px"])


def test_declarations_and_options_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        FLAGS[0].name = "other"
    with pytest.raises(AttributeError):
        parse(FLAGS, []).opts.all = True
