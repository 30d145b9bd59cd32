"""The way from words to an exit code, against what docker 20.10 prints."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pallet.cli.command import Command, Flag, Options
from pallet.cli.context import Context
from pallet.cli.failure import Failure, daemon, from_object, running
from pallet.cli.main import main
from pallet.cli.output_file import OutputFile
from pallet.errors import Conflict, InvalidInput, InvalidReference, NoSuchImage, PalletError, RuntimeFailed
from pallet.version import __version__

Install = Callable[[Command], None]
GOLDEN = Path(__file__).parents[2] / "golden" / "help"
IMAGE_PAGE = (GOLDEN / "pallet-image.txt").read_text()
CAPTURE = pytest.CaptureFixture[str]


def ok(ctx: Context, opts: Options, args: list[str]) -> int:
    ctx.print(f"{opts.all} {args}")
    return 7


@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        (["foo"], 1, "", "pallet: 'foo' is not a pallet command.\nSee 'pallet --help'\n"),
        ([""], 1, "", "pallet: '' is not a pallet command.\nSee 'pallet --help'\n"),
        (["image"], 0, "", "\n" + IMAGE_PAGE),
        (["image", "foo"], 1, "", "\n" + IMAGE_PAGE),
        (["image", "--help"], 0, "\n" + IMAGE_PAGE, ""),
        (["image", "foo", "--help"], 0, "\n" + IMAGE_PAGE, ""),
        (["help", "image"], 0, "\n" + IMAGE_PAGE, ""),
        (["help", "image", "foo", "bar"], 1, "", "unknown help topic: foo bar\n"),
        (["image", "-x"], 125, "", f"unknown shorthand flag: 'x' in -x\nSee 'pallet image --help'.\n\n{IMAGE_PAGE}\n"),
        (["image", "foo", "--bar"], 125, "", f"unknown flag: --bar\nSee 'pallet image --help'.\n\n{IMAGE_PAGE}\n"),
        (["image", "-D"], 125, "", f"unknown shorthand flag: 'D' in -D\nSee 'pallet image --help'.\n\n{IMAGE_PAGE}\n"),
        (["version", "--foo"], 125, "", "unknown flag: --foo\nSee 'pallet version --help'.\n"),
        (["version", "-f"], 125, "", "flag needs an argument: 'f' in -f\nSee 'pallet version --help'.\n"),
        (
            ["version", "extra"],
            1,
            "",
            '"pallet version" accepts no arguments.\nSee \'pallet version --help\'.\n\n'
            "Usage:  pallet version [OPTIONS]\n\nShow the pallet version information\n",
        ),
        (["--version"], 0, f"pallet version {__version__}\n", ""),
        (["-v"], 0, f"pallet version {__version__}\n", ""),
        (["-D", "version", "-f", "{{.Client.Version}}"], 0, f"{__version__}\n", ""),
        (["--", "version", "-f", "{{.Client.Version}}"], 0, f"{__version__}\n", ""),
    ],
)  # fmt: skip
def test_command_lines(words: list[str], code: int, out: str, err: str, capsys: CAPTURE) -> None:
    assert main(words) == code
    assert capsys.readouterr() == (out, err)


def test_no_words_give_the_help_page_on_stderr(capsys: CAPTURE) -> None:
    assert main([]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("\nUsage:  pallet [OPTIONS] COMMAND\n")
    assert main(["foo", "--help"]) == 0
    assert capsys.readouterr().out == err


def test_a_bad_global_flag_shows_the_page(capsys: CAPTURE) -> None:
    assert main(["--debug=x", "image", "ls"]) == 125
    err = capsys.readouterr().err
    assert err.startswith(
        'invalid argument "x" for "-D, --debug" flag: strconv.ParseBool: parsing "x": invalid syntax\n'
        "See 'pallet --help'.\n\nUsage:  pallet [OPTIONS] COMMAND\n"
    )


def test_the_old_letter_of_help(capsys: CAPTURE) -> None:
    assert main(["version", "-h"]) == 0
    out = capsys.readouterr().out
    page = (GOLDEN / "pallet-version.txt").read_text()
    assert out == f"Flag shorthand -h has been deprecated, please use --help\n\n{page}"


def test_a_command_gets_its_words_and_gives_the_exit_code(as_login: Install, capsys: CAPTURE) -> None:
    as_login(Command("login [OPTIONS]", "Log in", ok, flags=(Flag("all", "a"),), args=(1, 2)))
    assert main(["login", "x", "-a"]) == 7
    assert capsys.readouterr().out == "True ['x']\n"
    assert main(["login", "--help", "x"]) == 0
    assert capsys.readouterr().out.startswith("\nUsage:  pallet login [OPTIONS]\n")
    assert main(["--help", "login"]) == 0
    assert capsys.readouterr().out.startswith("\nUsage:  pallet login [OPTIONS]\n")


@pytest.mark.parametrize(
    ("args", "count", "problem"),
    [
        ((0, 0), 1, "accepts no arguments"),
        ((0, 1), 2, "requires at most 1 argument"),
        ((2, 2), 1, "requires exactly 2 arguments"),
        ((1, 1), 0, "requires exactly 1 argument"),
        ((1, None), 0, "requires at least 1 argument"),
        ((1, 2), 3, "requires at least 1 and at most 2 arguments"),
    ],
)
def test_wrong_numbers_of_arguments(
    args: tuple[int, int | None], count: int, problem: str, as_login: Install, capsys: CAPTURE
) -> None:
    as_login(Command("login [OPTIONS]", "Log in", ok, args=args, fail=running("run")))
    assert main(["login", *"x" * count]) == 1
    assert capsys.readouterr().err == (
        f"\"pallet login\" {problem}.\nSee 'pallet login --help'.\n\nUsage:  pallet login [OPTIONS]\n\nLog in\n"
    )


@pytest.mark.parametrize(
    ("fail", "error", "code", "text"),
    [
        (daemon(), NoSuchImage("x"), 1, "Error response from daemon: No such image: x"),
        (daemon(), Failure("as it is", exit_code=3), 3, "as it is"),
        (from_object, NoSuchImage("x"), 1, "Error: No such image: x"),
        (from_object, Conflict("in use"), 1, "Error response from daemon: in use"),
        (daemon(plain=(InvalidReference,)), InvalidReference("bad"), 1, "bad"),
        (daemon(plain=(InvalidReference,)), InvalidInput("bad"), 1, "Error response from daemon: bad"),
        (
            running("run"),
            Conflict("in use"),
            125,
            "pallet: Error response from daemon: in use.\nSee 'pallet run --help'.",
        ),
        (
            running("run"),
            Failure("Invalid containerPort: abc."),
            125,
            "pallet: Invalid containerPort: abc.\nSee 'pallet run --help'.",
        ),
        (running("run"), RuntimeFailed("no", exit_code=127), 127, "pallet: Error response from daemon: no."),
    ],
)
def test_errors_become_docker_s_texts_and_codes(
    fail: object, error: PalletError, code: int, text: str, as_login: Install, capsys: CAPTURE
) -> None:
    def run(ctx: Context, opts: Options, args: list[str]) -> int:
        ctx.print("before")
        raise error

    as_login(Command("login", "Log in", run, fail=fail))  # type: ignore[arg-type]
    assert main(["login"]) == code
    assert capsys.readouterr() == ("before\n", text + "\n")


def test_a_hint_has_a_line_of_its_own(as_login: Install, capsys: CAPTURE) -> None:
    def run(ctx: Context, opts: Options, args: list[str]) -> int:
        raise Conflict("in use", hint="stop it first")

    as_login(Command("login", "Log in", run))
    assert main(["login"]) == 1
    assert capsys.readouterr().err == "Error response from daemon: in use\nhint: stop it first\n"


def test_a_mistake_of_pallet_s_own_is_one_line_and_a_traceback_with_debug(as_login: Install, capsys: CAPTURE) -> None:
    def run(ctx: Context, opts: Options, args: list[str]) -> int:
        raise ZeroDivisionError("oops")

    as_login(Command("login", "Log in", run))
    assert main(["login"]) == 1
    assert capsys.readouterr().err == (
        "pallet: internal error: ZeroDivisionError: oops\nhint: run pallet --debug to see where it happened\n"
    )
    assert main(["--debug", "login"]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_the_machine_s_errors_name_the_file(as_login: Install, capsys: CAPTURE, tmp_path: Path) -> None:
    def run(ctx: Context, opts: Options, args: list[str]) -> int:
        (tmp_path / "none").read_text()
        return 0

    as_login(Command("login", "Log in", run))
    assert main(["login"]) == 1
    assert capsys.readouterr().err == (f"Error response from daemon: {tmp_path / 'none'}: No such file or directory\n")


def test_an_interrupt_is_silent(as_login: Install, capsys: CAPTURE) -> None:
    def run(ctx: Context, opts: Options, args: list[str]) -> int:
        raise KeyboardInterrupt

    as_login(Command("login", "Log in", run))
    assert main(["login"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_reader_that_went_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "pallet", "--help"], stdout=writing, stderr=subprocess.PIPE, check=False, timeout=30
    )
    os.close(writing)
    assert done.returncode == 141
    assert done.stderr == b""


def test_names_that_are_not_utf8_pass_through() -> None:
    done = subprocess.run([sys.executable, "-m", "pallet", b"\xff"], capture_output=True, check=False, timeout=30)
    assert done.stderr == b"pallet: '\xff' is not a pallet command.\nSee 'pallet --help'\n"


def test_closed_standard_streams() -> None:
    script = '"$0" -m pallet --help <&- >&- 2>&-; echo $?; "$0" -m pallet --nonsense 2>&-; echo $?'
    done = subprocess.run(["sh", "-c", script, sys.executable], capture_output=True, text=True, check=True, timeout=30)
    assert (done.stdout, done.stderr) == ("0\n125\n", "")


def test_an_interrupt_while_a_file_is_opened_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def interrupted(*words: object) -> int:
        os.close(opened(*words))  # type: ignore[arg-type]  # whatever open takes
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "open", interrupted)
    with pytest.raises(KeyboardInterrupt), OutputFile(str(tmp_path / "out.tar"), "save image"):
        pass
    assert list(tmp_path.iterdir()) == []
