"""What the shell is offered, and the bash script in a real bash."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest
from tests.support import need

from pallet.cli import tree
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


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What a shell needs to find `pallet`, and a home without the user's own settings."""
    program = tmp_path / "pallet"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pallet "$@"\n')
    program.chmod(0o755)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path), "LANG": "C.UTF-8", "TERM": "xterm"}


def in_bash(environment: dict[str, str], line: str) -> list[str]:
    """What bash would offer for a line, with pallet's script loaded."""
    script = (
        "source <(pallet completion bash); COMP_LINE=$1 COMP_POINT=${#1}; "
        '__pallet_complete; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return output(environment, need("bash"), "--norc", "-c", script, "bash", line).split()


def in_fish(environment: dict[str, str], line: str) -> list[str]:
    """What fish would offer for a line."""
    script = "pallet completion fish | source; complete -C $argv[1]"
    lines = output(environment, need("fish"), "--no-config", "-c", script, line).splitlines()
    return [each.partition("\t")[0] for each in lines]


def output(environment: dict[str, str], *command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=environment).stdout


def test_in_bash(environment: dict[str, str]) -> None:
    assert in_bash(environment, "pallet im") == ["image", "images", "import"]
    assert in_bash(environment, "pallet image t") == ["tag"]
    assert in_bash(environment, "pallet --runtime=c") == ["crun"]
    assert in_bash(environment, "pallet version --") == ["--format", "--help"]
    assert in_bash(environment, "pallet nothing ") == []


def test_in_fish(environment: dict[str, str]) -> None:
    assert in_fish(environment, "pallet im") == ["image", "images", "import"]
    assert in_fish(environment, "pallet image t") == ["tag"]
    assert in_fish(environment, "pallet --runtime=c") == ["--runtime=crun"]
    assert in_fish(environment, "pallet --runtime c") == ["crun"]
    assert in_fish(environment, "pallet version --") == ["--format", "--help"]
    assert in_fish(environment, "pallet nothing ") == []


def test_in_zsh(environment: dict[str, str]) -> None:
    """At a prompt: a word that is the only one is written out, of several the list is shown with their descriptions."""
    shell = pexpect.spawn(
        need("zsh"), ["-f", "-i"], env=environment, encoding="utf-8", timeout=30, dimensions=(40, 200)
    )
    try:
        shell.sendline("PS1= zle_highlight=(none); autoload -Uz compinit; compinit -D -u")
        shell.sendline("source <(pallet completion zsh); echo rea''dy")
        shell.expect("ready")
        shell.send("pallet image ta\t")
        shell.expect("pallet image tag")
        shell.send("\x15pallet --runtime=c\t")
        shell.expect("pallet --runtime=crun")
        shell.send("\x15pallet im\t\t")
        shell.expect("image +-- Manage images")
        shell.expect("import +-- ")
    finally:
        shell.close(force=True)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("kill --signal T", {"TERM", "TRAP", "TSTP", "TTIN", "TTOU"}),
        ("run --stop-signal US", {"USR1", "USR2"}),
        ("run --cap-add NET_A", {"NET_ADMIN"}),
        ("create --cap-drop A", {"ALL", "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE"}),
        ("run -a std", {"stdin", "stdout", "stderr"}),
        ("update --restart ", {"no", "always", "on-failure", "unless-stopped"}),
        ("save --format o", {"oci-archive", "oci-dir"}),
        ("build --progress p", {"plain"}),
        ("build --network h", {"host"}),
        ("volume ls --filter d", {"dangling=", "driver="}),
        ("image prune --filter u", {"until=", "unused-for="}),
        ("builder prune --filter un", {"until=", "unused-for="}),
        ("events -f t", {"type="}),
    ],
)
def test_values_of_docker_s_flags(line: str, expected: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert set(offered(capsys, *line.split(" "))) == expected


def test_every_filter_flag_offers_keys(capsys: pytest.CaptureFixture[str]) -> None:
    for group in tree.ROOT.children:
        for node in group.children or (group,):
            command = tree.load(node)
            if any(flag.kind == "filter" for flag in command.flags):
                words = (group.name, node.name) if group.children else (node.name,)
                keys = offered(capsys, *words, "--filter", "")
                assert keys and all(key.endswith("=") for key in keys), words
