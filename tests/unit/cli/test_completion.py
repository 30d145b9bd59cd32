"""What the shell is offered, and the bash script in a real bash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pallet.cli.command import Command, Flag
from pallet.cli.main import main

Install = Callable[[Command], None]


def offered(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["__complete", "--", *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return [line.partition("\t")[0] for line in out.splitlines()]


def login(**more: object) -> Command:
    flags = (
        Flag("all", "a", help="All of them"),
        Flag("output", "o", "string", complete="file"),
        Flag("pull", None, "string", complete="always missing never"),
        Flag("secret", hidden=True),
    )
    return Command("login [OPTIONS]", "Log in", lambda ctx, opts, args: 0, flags=flags, **more)  # type: ignore[arg-type]


def test_commands_and_their_descriptions(capsys: pytest.CaptureFixture[str]) -> None:
    assert offered(capsys, "im") == ["image", "images", "import"]
    assert set(offered(capsys, "system", "")) >= {"check", "df", "events", "info", "prune"}
    assert offered(capsys, "network", "") == ["connect", "create", "disconnect", "inspect", "ls", "prune", "rm"]
    assert offered(capsys, "completion", "z") == ["zsh"]
    assert offered(capsys, "nothing", "") == []
    assert "cleanup" not in offered(capsys, "container", "")
    assert main(["__complete", "--", "image", "tag"]) == 0
    assert capsys.readouterr().out == "tag\tCreate a tag TARGET_IMAGE that refers to SOURCE_IMAGE\n"


@pytest.mark.parametrize(
    ("words", "candidates"),
    [
        (["--"], ["--all", "--output", "--pull", "--help"]),
        (["--a"], ["--all"]),
        (["--output", ""], [":file"]),
        (["-o", ""], [":file"]),
        (["-ao", ""], [":file"]),
        (["-oa", ""], ["one", "only"]),
        (["--output=x", "o"], ["one", "only"]),
        (["--output="], [":file"]),
        (["--pull", "m"], ["missing"]),
        (["--pull="], ["--pull=always", "--pull=missing", "--pull=never"]),
        (["-a", ""], ["one", "only"]),
        (["x", ""], ["two"]),
        (["x", "y", ""], ["two"]),
        (["--", "--"], []),
    ],
)
def test_flags_values_and_arguments(
    words: list[str], candidates: list[str], as_login: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    as_login(login(complete=("one only", "two")))
    assert offered(capsys, "login", *words) == candidates
    assert offered(capsys, "--root", "/nowhere", "-D", "login", *words) == candidates


def test_behind_the_first_argument_of_run_there_are_no_more_of_pallet_s_words(
    as_login: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    as_login(login(complete=("one",), interspersed=False))
    assert offered(capsys, "login", "-a", "") == ["one"]
    assert offered(capsys, "login", "-a", "x", "") == []
    assert offered(capsys, "login", "-a", "x", "--") == []


def test_no_more_than_the_command_takes(as_login: Install, capsys: pytest.CaptureFixture[str]) -> None:
    as_login(login(complete=("one",), args=(1, 1)))
    assert offered(capsys, "login", "x", "") == []


def in_bash(tmp_path: Path, line: str) -> list[str]:
    """What bash would offer for a line, with pallet's script loaded."""
    program = tmp_path / "pallet"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pallet "$@"\n')
    program.chmod(0o755)
    script = (
        "source <(pallet completion bash); COMP_LINE=$1 COMP_POINT=${#1}; "
        '__pallet_complete; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", line],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_the_bash_script(tmp_path: Path) -> None:
    assert in_bash(tmp_path, "pallet im") == ["image", "images", "import"]
    assert in_bash(tmp_path, "pallet image t") == ["tag"]
    assert in_bash(tmp_path, "pallet --runtime=c") == ["crun"]
    assert in_bash(tmp_path, "pallet version --") == ["--format", "--help"]
    assert in_bash(tmp_path, "pallet nothing ") == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_scripts_are_accepted_by_their_shells(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    assert main(["completion", shell]) == 0
    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out)
    subprocess.run([shell, "-n", str(script)], check=True, timeout=30)
