"""`run` and what a container is like from inside. Texts and exit codes are docker 20.10's."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from tests.integration.containers.moments import root_of
from tests.support import wait_until
from tests.support.pallet import PalletCLI

_MORE = "until test -e /stop; do echo more; sleep 0.05; done"
_QUIET = ("run", "--rm", "--network", "none")
_FAILED = "pallet: Error response from daemon: failed to create shim task: OCI runtime create failed: "


def test_output_and_exit_code(box: PalletCLI) -> None:
    done = box(*_QUIET, "box", "sh", "-c", "echo out; echo err >&2; exit 5")
    assert (done.stdout, done.stderr, done.code) == ("out\n", "err\n", 5)
    assert box(*_QUIET, "box", "sh", "-c", "sleep 9 & kill -9 $!; wait $!").code == 137
    assert box.ok("ps", "-aq") == ""
    assert not list((box.root / "containers").iterdir())


@pytest.mark.parametrize(
    ("program", "code", "reason"),
    [
        ("nosuch", 127, 'exec: "nosuch": executable file not found in $PATH: unknown.\n'),
        ("/nosuch", 127, 'exec: "/nosuch": stat /nosuch: no such file or directory: unknown.\n'),
        ("/etc", 126, 'exec: "/etc": permission denied: unknown.\n'),
        ("/etc/passwd", 126, 'exec: "/etc/passwd": permission denied: unknown.\n'),
    ],
)
@pytest.mark.parametrize("runtime", ["crun", "runc"])
def test_what_cannot_be_run(box: PalletCLI, runtime: str, program: str, code: int, reason: str) -> None:
    done = box("--runtime", runtime, *_QUIET, "box", program)
    assert done.code == code
    assert done.stderr.startswith(_FAILED) and done.stderr.endswith(reason)
    assert box.ok("ps", "-aq") == ""


def test_stdin_goes_in_and_its_end_too(box: PalletCLI) -> None:
    data = bytes(range(256)) * 40_000  # 10 MB both ways, so both pipes fill
    done = box(*_QUIET, "-i", "box", "cat", stdin=data)
    assert done.code == 0
    assert done.raw == data
    assert box(*_QUIET, "box", "cat", stdin=b"not attached").stdout == ""


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        ((), 1, b"write /dev/stdout: broken pipe\n"),
        (("-t",), 1, b"write /dev/stdout: broken pipe\n"),
        (("--sig-proxy=false",), 141, b""),
    ],
)
def test_a_reader_that_goes_away_ends_the_client_and_not_the_container(
    box: PalletCLI, flags: tuple[str, ...], code: int, said: bytes
) -> None:
    command = ["sh", "-c", "yes | head -c 300000; while [ ! -e /stop ]; do sleep 0.05; echo more; done; exit 7"]
    process = box.start("run", *flags, "--name", "nn", "--network", "none", "box", *command)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert (process.wait(30), process.stderr.read()) == (code, said)
    process.stderr.close()
    assert box.ok("inspect", "-f", "{{.State.Status}}", "nn") == "running"
    box.ok("exec", "nn", "touch", "/stop")
    assert box.ok("wait", "nn") == "7"


@pytest.mark.parametrize("flags", [("start", "-a"), ("run", "--rm", "--name", "mm", "--network", "none", "box")])
def test_what_the_reader_left_is_cleaned_up_at_its_end(box: PalletCLI, flags: tuple[str, ...]) -> None:
    box.ok("create", "--rm", "--name", "nn", "--network", "none", "box", "sh", "-c", _MORE)
    process = box.start(*flags, *(("nn",) if flags[0] == "start" else ("sh", "-c", _MORE)))
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(1)
    process.stdout.close()
    assert (process.wait(30), process.stderr.read()) == (1, b"write /dev/stdout: broken pipe\n")
    process.stderr.close()
    name = "nn" if flags[0] == "start" else "mm"
    (root_of(box, name) / "stop").touch()
    wait_until(lambda: name not in box.ok("ps", "-a", "--format", "{{.Names}}").split(), "the container is removed")


def test_inside(box: PalletCLI) -> None:
    script = (
        "id -u; id -G; umask; pwd; hostname; cat /etc/hostname; grep CapEff /proc/self/status; grep Secc /proc/1/status"
    )
    lines = box(*_QUIET, "-h", "hh", "-w", "/new/dir", "box", "sh", "-c", script).lines
    assert lines[:6] == ["0", "0", "0022", "/new/dir", "hh", "hh"]
    assert lines[6].split() == ["CapEff:", "00000000a80425fb"]
    assert lines[7].split() == ["Seccomp:", "2"]


def test_environment(box: PalletCLI, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("# comment\nFROM_FILE=1\nA=file\nHOME_OF_CALLER\n")
    box.env["PASSED"] = "on"
    done = box(*_QUIET, "--env-file", str(file), "-e", "A=flag", "-e", "PASSED", "-e", "UNSET", "-h", "h", "box", "env")
    assert sorted(done.lines) == [
        "A=flag",
        "FROM_FILE=1",
        "HOME=/root",
        "HOSTNAME=h",
        "PASSED=on",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]


def test_dangerous_calls_and_devices_are_refused(box: PalletCLI) -> None:
    script = (
        "mount -t tmpfs x /tmp; echo $?; unshare -m true; echo $?; mknod /d b 8 0 && cat /d; echo $?; "
        "echo > /proc/sys/vm/swappiness; echo $?"
    )
    done = box(*_QUIET, "box", "sh", "-c", script)
    assert done.lines == ["1", "1", "1", "1"]


def test_a_filter_is_compiled_once_and_holds_every_time(box: PalletCLI) -> None:
    look = "unshare -U true 2>/dev/null && echo let in; grep Seccomp: /proc/self/status"
    run = ("run", "--rm", "--network", "none")
    for _ in range(2):
        assert box.ok(*run, "box", "sh", "-c", look).split() == ["Seccomp:", "2"]
    (kept,) = box.run_dir.glob("seccomp-*")
    # With what is no program the next one cannot start: so it is this file that is used.
    compiled = kept.read_bytes()
    kept.write_bytes(bytes(len(compiled)))
    assert box(*run, "box", "true").code != 0
    kept.write_bytes(compiled)
    box.ok(*run, "--cap-add", "SYS_ADMIN", "box", "true")
    assert len(list(box.run_dir.glob("seccomp-*"))) == 2, "another filter is another file"
    box.ok("system", "prune", "-f")
    assert not list(box.run_dir.glob("seccomp-*"))


def test_mounts(box: PalletCLI, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("from the host\n")
    bind = ("-v", f"{tmp_path}:/data:ro")
    done = box(*_QUIET, *bind, "box", "sh", "-c", "cat /data/file; echo x > /data/new")
    assert done.stdout == "from the host\n"
    assert done.code == 1
    assert not (tmp_path / "new").exists()
    box.ok(*_QUIET, "-v", f"{tmp_path}/made:/data", "box", "touch", "/data/new")
    assert (tmp_path / "made/new").exists()


def test_volumes(box: PalletCLI) -> None:
    # A new volume gets what the image has there, and outlives its container; an anonymous one does not.
    assert box.ok(*_QUIET, "-v", "vol:/www", "box", "sh", "-c", "ls /www; echo kept > /www/kept") == "index.html"
    assert box.ok(*_QUIET, "-v", "vol:/x", "-v", "/anonymous", "box", "cat", "/x/kept") == "kept"
    assert [path.name for path in (box.root / "volumes").iterdir()] == ["vol"]


def test_entrypoint_and_command(box: PalletCLI, busybox_tar: Path) -> None:
    box.ok("import", "-c", 'ENTRYPOINT ["echo", "entry"]', "-c", 'CMD ["cmd"]', str(busybox_tar), "echo")
    assert box.ok(*_QUIET, "echo") == "entry cmd"
    assert box.ok(*_QUIET, "echo", "other") == "entry other"
    assert box.ok(*_QUIET, "--entrypoint", "id", "echo", "-u") == "0"
    refused = box(*_QUIET, "box")
    assert refused.code == 125
    assert refused.stderr == "pallet: Error response from daemon: No command specified.\nSee 'pallet run --help'.\n"


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (
            ("--name", "a b"),
            "Error response from daemon: Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed.",
        ),
        (
            ("-w", "rel"),
            "Error response from daemon: the working directory 'rel' is invalid, it needs to be an absolute path.",
        ),
        (("-p", "foo"), "Invalid containerPort: foo."),
        (("--stop-signal", "FOO"), "Error response from daemon: Invalid signal: FOO."),
        (("--env-file", "/nosuch"), "open /nosuch: no such file or directory."),
    ],
)
def test_refused_words(box: PalletCLI, flags: tuple[str, ...], text: str) -> None:
    done = box("run", *flags, "box", "true")
    assert (done.stderr, done.code) == (f"pallet: {text}\nSee 'pallet run --help'.\n", 125)
    assert box.ok("ps", "-aq") == ""


def test_users(box: PalletCLI) -> None:
    assert box.ok(*_QUIET, "-u", "12345:54321", "box", "id") == "uid=12345 gid=54321 groups=54321"
    done = box("run", "--network", "none", "-u", "nosuch", "box", "true")
    assert done.code == 125
    assert done.stderr == (
        "pallet: Error response from daemon: unable to find user nosuch: no matching entries in passwd file.\n"
    )


def test_nothing_of_the_callers_is_held_open(box: PalletCLI) -> None:
    # A shell's `$(pallet run -d ...)` returns only when nobody holds the pipe any more.
    begin = time.monotonic()
    command = box.argv("run", "-d", "--rm", "--name", "nn", "--network", "none", "box", "sleep", "30")
    subprocess.run(command, env=box.env, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=25)
    assert time.monotonic() - begin < 20
    box.ok("kill", "nn")
