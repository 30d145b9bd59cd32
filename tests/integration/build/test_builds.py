"""Builds on a real busybox: steps, cache, outputs, errors, and nothing left behind."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support import wait_until
from tests.support.leaks import control_groups
from tests.support.pallet import Output, PalletCLI

Build = Callable[..., Output]


@pytest.fixture
def box(pallet: PalletCLI, busybox_tar: Path) -> PalletCLI:
    """pallet with the image `box`."""
    pallet.ok("import", str(busybox_tar), "box")
    return pallet


@pytest.fixture
def build(box: PalletCLI, tmp_path: Path) -> Build:
    """Builds a Dockerfile in a context of these files; gives what the command said."""

    def run(dockerfile: str, *args: str, files: dict[str, str] | None = None) -> Output:
        context = tmp_path / "context"
        for name, text in (files or {}).items():
            (context / name).parent.mkdir(parents=True, exist_ok=True)
            (context / name).write_text(text)
        context.mkdir(exist_ok=True)
        (context / "Dockerfile").write_text(dockerfile)
        return box("build", "-t", "made", *args, str(context))

    return run


def cat(box: PalletCLI, *paths: str, image: str = "made") -> str:
    return box.ok("run", "--rm", "--network", "none", image, "cat", *paths)


def test_layers_config_and_history(box: PalletCLI, build: Build) -> None:
    done = build(
        "FROM box\nENV A=b\nWORKDIR /w\nCOPY f g/\nRUN echo $A > made && cat g/f >> made\nUSER nobody\nCMD cat made\n",
        files={"f": "copied\n"},
    )
    assert done.code == 0, done.stderr
    assert box.ok("run", "--rm", "made") == "b\ncopied"
    config = json.loads(box.ok("image", "inspect", "made"))[0]
    assert config["Config"]["WorkingDir"] == "/w"
    assert config["Config"]["User"] == "nobody"
    assert len(config["RootFS"]["Layers"]) == 4
    history = box.ok("history", "--no-trunc", "--format", "{{.CreatedBy}}", "made").splitlines()
    assert history[:3] == [
        'CMD ["/bin/sh" "-c" "cat made"]',
        "USER nobody",
        "RUN /bin/sh -c echo $A > made && cat g/f >> made # buildkit",
    ]


def test_a_second_build_is_found_and_gives_the_same_image(box: PalletCLI, build: Build) -> None:
    text = "FROM box\nCOPY f /\nRUN date +%N > /now\nLABEL a=b\n"
    build(text, "--iidfile", str(box.home / "one"), files={"f": "1"})
    again = build(text, "--iidfile", str(box.home / "two"), files={"f": "1"})
    assert again.stderr.count(" CACHED\n") == 2
    assert (box.home / "one").read_text() == (box.home / "two").read_text()
    changed = build(text, files={"f": "2"})
    assert " CACHED\n" not in changed.stderr
    assert " CACHED\n" not in build(text, "--no-cache").stderr


def test_metadata_does_not_spoil_the_cache(build: Build) -> None:
    build("FROM box\nLABEL v=1\nRUN echo 1 > /one\n")
    assert " CACHED\n" in build("FROM box\nLABEL v=2\nEXPOSE 80\nRUN echo 1 > /one\n").stderr
    assert " CACHED\n" not in build("FROM box\nENV V=2\nRUN echo 1 > /one\n").stderr


def test_only_what_the_target_needs_is_built(box: PalletCLI, build: Build) -> None:
    text = (
        "FROM box AS one\nRUN echo 1 > /one\nFROM box AS broken\nRUN exit 1\n"
        "FROM box AS last\nCOPY --from=one /one /got\n"
    )
    assert build(text).code == 0
    assert cat(box, "/got") == "1"
    assert build(text, "--target", "broken").code == 1


def test_stages_run_side_by_side(build: Build) -> None:
    """Each waits for the others: one after the other, the first would wait in vain."""
    wait = (
        "touch /k/{n}; timeout 20 sh -c 'until [ -e /k/0 -a -e /k/1 -a -e /k/2 ]; do sleep 0.05; done'; echo {n} > /n"
    )
    run = "RUN --mount=type=cache,target=/k set -e; " + wait
    text = "".join(f"FROM box AS s{n}\n{run.format(n=n)}\n" for n in range(3))
    text += "FROM scratch\n" + "".join(f"COPY --from=s{n} /n /n{n}\n" for n in range(3))
    done = build(text)
    assert done.code == 0, done.stderr


def test_mounts(box: PalletCLI, build: Build) -> None:
    text = """FROM box AS other
RUN echo other > /o
FROM box
RUN --mount=type=secret,id=s cat /run/secrets/s > /secret; ls -ln /run/secrets/s | cut -c1-10 >> /secret
RUN --mount=type=secret,id=s,env=S echo $S > /from-env
RUN --mount=type=bind,target=/c cat /c/f > /bound; (echo x > /c/new) 2> /dev/null || echo read-only >> /bound
RUN --mount=type=bind,target=/c,rw echo new > /c/new && cat /c/new > /written
RUN --mount=type=bind,from=other,source=/o,target=/oo cat /oo > /staged
RUN --mount=type=tmpfs,target=/t,size=1m df /t | tail -1 | awk '{print $1, $2}' > /tmpfs
RUN --mount=type=cache,target=/k echo x >> /k/log; wc -l < /k/log > /count
RUN ls -d /c /oo /t /k /run/secrets > /left 2>/dev/null || true
"""
    (box.home / "s").write_text("hidden\n")
    args = ("--secret", f"id=s,src={box.home}/s")
    done = build(text, *args, files={"f": "file\n", "ignored": "x", ".dockerignore": "ignored\n"})
    assert done.code == 0, done.stderr
    assert cat(box, "/secret", "/from-env") == "hidden\n-r--------\nhidden"
    assert cat(box, "/bound", "/written", "/staged") == "file\nread-only\nnew\nother"
    assert cat(box, "/tmpfs", "/count", "/left") == "tmpfs 1024\n1"
    assert build(text, *args, "--no-cache").code == 0
    assert cat(box, "/count") == "2"


def test_networks(box: PalletCLI, build: Build) -> None:
    text = "FROM box\nRUN ip -o link | wc -l > /links; cat /etc/hosts > /hosts\n"
    text += "RUN --network=none ip -o link | wc -l > /n\n"
    assert build(text, "--add-host", "name:1.2.3.4").code == 0
    assert cat(box, "/links", "/n") == "2\n1"
    assert "1.2.3.4\tname" in cat(box, "/hosts")
    host = build("FROM box\nRUN --network=host true\n")
    assert "network.host is not allowed" in host.stderr


def test_the_same_inputs_give_the_same_digest(
    make_pallet: Callable[..., PalletCLI], busybox_tar: Path, tmp_path: Path
) -> None:
    """Two stores, two folders, two times, two umasks."""
    digests = []
    dockerfile = (
        "FROM scratch\nADD box.tar /\nCOPY f /d/\nWORKDIR /w\nRUN touch now; mkdir -p a/b; rm /www/index.html\n"
    )
    for number, umask in enumerate((0o022, 0o077)):
        each = make_pallet(f"store{number}")
        context = tmp_path / f"folder{number}"
        context.mkdir()
        (context / "box.tar").write_bytes(busybox_tar.read_bytes())
        for name, text in (("Dockerfile", dockerfile), ("f", "text")):
            (context / name).write_text(text)
            (context / name).chmod(0o644)
        before = os.umask(umask)
        try:
            words = ("--rewrite-timestamp", "--build-arg", "SOURCE_DATE_EPOCH=1700000000")
            each.ok("build", *words, "-t", "x", "--metadata-file", str(context / "meta"), str(context))
        finally:
            os.umask(before)
        digests.append(json.loads((context / "meta").read_text())["containerimage.digest"])
        time.sleep(1.1)
    assert digests[0] == digests[1]


def test_outputs(box: PalletCLI, build: Build, tmp_path: Path) -> None:
    text = "FROM scratch\nCOPY f /d/f\n"
    for kind, dest in (("local", "tree"), ("tar", "tree.tar"), ("docker", "docker.tar"), ("oci", "oci.tar")):
        done = build(text, "-o", f"type={kind},dest={tmp_path / dest}", files={"f": "text"})
        assert done.code == 0, done.stderr
    assert (tmp_path / "tree/d/f").read_text() == "text"
    with tarfile.open(tmp_path / "tree.tar") as archive:
        assert archive.getnames() == ["d", "d/f"]
    assert box("image", "inspect", "made").code == 1
    for name in ("docker.tar", "oci.tar"):
        assert "made:latest" in box.ok("load", "-i", str(tmp_path / name))
        box.ok("rmi", "made")


def test_squash(box: PalletCLI, build: Build) -> None:
    assert build("FROM box\nRUN echo 1 > /a; rm -r /www\nRUN rm /a; echo 2 > /b\n", "--squash").code == 0
    config = json.loads(box.ok("image", "inspect", "made"))[0]
    assert len(config["RootFS"]["Layers"]) == 2
    assert box.ok("run", "--rm", "made", "sh", "-c", "cat /b; ls -d /a /www 2>/dev/null || true") == "2"


def test_contexts_from_standard_input(box: PalletCLI, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("text")
    (tmp_path / "Dockerfile").write_text("FROM box\nCOPY f /\n")
    packed = subprocess.run(["tar", "-C", str(tmp_path), "-cz", "f", "Dockerfile"], check=True, capture_output=True)
    assert box("build", "-q", "-t", "made", "-", stdin=packed.stdout).code == 0
    assert cat(box, "/f") == "text"
    assert box("build", "-q", "-t", "made", "-", stdin=b"FROM box\nRUN echo 1 > /one\n").code == 0
    assert box("build", "-q", "-t", "made", "-f", "-", str(tmp_path), stdin=b"FROM box\nCOPY f /g\n").code == 0
    assert cat(box, "/g") == "text"


def test_a_failed_step_says_where_and_what(build: Build) -> None:
    done = build("FROM box\nRUN true\nRUN echo before; \\\n  exit 3\n")
    assert done.code == 1
    assert "before" in done.stderr
    assert "Dockerfile:3" in done.stderr
    assert "   3 | >>> RUN echo before; \\\n   4 | >>>   exit 3\n" in done.stderr
    why = 'process "/bin/sh -c echo before;   exit 3" did not complete successfully: exit code: 3'
    assert done.stderr.endswith(f"ERROR: failed to solve: {why}\n")


@pytest.mark.parametrize(
    ("dockerfile", "said"),
    [
        ("FROM box\nCOPY missing /\n", '"/missing": not found'),
        ("FROM box\nCOPY ../../../etc/passwd /\n", '"/etc/passwd": not found'),
        ("FROM box\nCOPY escape /\n", '"/escape": not found'),
        ("FROM box\nCOPY f /etc/passwd/\n", "not a directory"),
        ("FROM box\nCOPY --chown=nobody-such f /\n", "unable to find user"),
        ("FROM box\nUSER nobody-such\nRUN id\n", "unable to find user"),
        ('FROM box\nRUN ["/missing"]\n', "no such file or directory"),
        ("FROM box\nRUN --mount=type=secret,id=x,required=true true\n", "secret x: not found"),
        ("FROM box\nRUN --security=insecure true\n", "security.insecure is not allowed"),
        ("FROM box\nADD f.txt.tar /x\n", '"/f.txt.tar": not found'),
        ("FROM box\nSTOPSIGNAL NONSENSE\n", "Invalid signal: NONSENSE"),
        ("FROM box\nWORKDIR /etc/passwd\n", "not a directory"),
        ("FROM box AS a\nCOPY --from=b x /\nFROM box AS b\nFROM a\n", "needs to be defined before"),
        ("FROM box\nRUN sh -c 'kill -9 $$'; exit $?\n", "exit code: 137"),
        ("RUN x\n", "no build stage in current context"),
        ("", "the Dockerfile cannot be empty"),
    ],
)
def test_bad_dockerfiles(box: PalletCLI, build: Build, tmp_path: Path, dockerfile: str, said: str) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context/escape").symlink_to("../secret")
    (tmp_path / "secret").write_text("outside")
    done = build(dockerfile, files={"f": "text"})
    assert done.code == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert box.ok("images", "-q", "made") == ""
    assert not (box.root / "staging").exists() or not any((box.root / "staging").iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_build_leaves_no_process(box: PalletCLI, tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "Dockerfile").write_text("FROM box\nRUN echo begun; sleep 1234\n")
    running = box.start("build", "--progress", "plain", str(tmp_path))
    assert running.stderr is not None
    said = b""
    while b"begun\n" not in said:
        piece = os.read(running.stderr.fileno(), 4096)
        assert piece, said.decode()  # it ended before
        said += piece
    wait_until(lambda: bool(_sleeping(box)), "the command runs")
    running.send_signal(number)
    running.communicate()
    assert running.returncode != 0
    wait_until(lambda: not _sleeping(box), "the command has gone")
    # What a killed build could not tidy up, the next one does: the runtime's notes, and with them control groups.
    (tmp_path / "Dockerfile").write_text("FROM box\nRUN true\n")
    box.ok("build", str(tmp_path))
    assert not any((box.run_dir / "runtime").iterdir())
    assert not control_groups(lambda name: name.startswith(f"build-{running.pid}-"))
    box.ok("system", "prune", "-f")
    assert not any((box.root / "staging").iterdir())


def _sleeping(box: PalletCLI) -> list[str]:
    """The processes of this store's sandboxes."""
    return [each for each in box.leaks() if each.startswith("process") and "--bundle" in each]


def test_pruning_the_cache(box: PalletCLI, build: Build) -> None:
    build("FROM box\nRUN echo 1 > /one\n")
    box.ok("rmi", "made")
    assert " CACHED\n" in build("FROM box\nRUN echo 1 > /one\n").stderr
    box.ok("rmi", "made")
    assert "Build Cache        1 " in box.ok("system", "df")
    box.ok("builder", "prune", "-f")
    assert "Build Cache        0 " in box.ok("system", "df")
    assert " CACHED\n" not in build("FROM box\nRUN echo 1 > /one\n").stderr
    box.ok("system", "check")


def test_onbuild_and_arguments(box: PalletCLI, build: Build) -> None:
    assert build("FROM box\nONBUILD ARG V=none\nONBUILD RUN echo $V > /v\n").code == 0
    box.ok("tag", "made", "trigger")
    assert build("FROM trigger\nRUN cat /v\n", "--build-arg", "V=some").code == 0
    assert cat(box, "/v") == "some"
    assert json.loads(box.ok("image", "inspect", "made"))[0]["Config"]["OnBuild"] is None


def test_check_builds_nothing(box: PalletCLI, build: Build) -> None:
    done = build("from box\nRUN exit 1\nMAINTAINER me\n", "--check")
    assert done.code == 1
    assert "MaintainerDeprecated" in done.stdout
    assert build("FROM box\nRUN exit 1\n", "--check").code == 0


def test_events(box: PalletCLI, build: Build) -> None:
    """As docker's: each name that a build gives, again and again; and what builder prune frees."""
    since = f"{time.time():.6f}"
    for _ in range(2):
        build("FROM box\nLABEL a=b\n", "-t", "two:1")
    box.ok("builder", "prune", "-f")
    form = "{{.Type}} {{.Action}} {{json .Actor.Attributes}}"
    said = box.ok("events", "--since", since, "--until", f"{time.time():.6f}", "--format", form)
    tags = [f'image tag {{"a":"b","name":"{name}"}}' for name in ("made:latest", "two:1")]
    assert said.splitlines() == [*tags, *tags, 'builder prune {"reclaimed":"0"}']


def test_raw_progress(build: Build) -> None:
    done = build("FROM box\nRUN echo said\nRUN exit 3\n", "--progress", "rawjson", "--network", "none")
    assert done.code == 1
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    vertexes = [each for line in lines for each in line.get("vertexes", ())]
    names = {each["digest"]: each["name"] for each in vertexes}
    said = [each for line in lines for each in line.get("logs", ()) if base64.b64decode(each["data"]) == b"said\n"]
    assert [(names[each["vertex"]], each["stream"]) for each in said] == [("[2/3] RUN echo said", 1)]
    ends = {each["name"]: each for each in vertexes if "completed" in each}
    assert ends["[2/3] RUN echo said"].keys() == {"digest", "inputs", "name", "started", "completed"}
    assert [names[each] for each in ends["[2/3] RUN echo said"]["inputs"]] == [
        "[1/3] FROM docker.io/library/box:latest"
    ]
    assert ends["[3/3] RUN exit 3"]["error"].endswith("exit code: 3")
    again = build("FROM box\nRUN echo said\n", "--progress", "rawjson", "--network", "none")
    assert any(
        each.get("cached") for line in again.stderr.splitlines() for each in json.loads(line).get("vertexes", ())
    )


def test_raw_progress_of_parts_and_warnings(build: Build) -> None:
    text = "FROM box AS one\nRUN touch /x\nFROM box\nCOPY --from=one /x /y\nCMD echo\n"
    done = build(text, "--progress", "rawjson", "--network", "none")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    vertexes = {each["name"]: each for line in lines for each in line.get("vertexes", ())}
    names = {each["digest"]: each["name"] for each in vertexes.values()}
    assert [names[each] for each in vertexes["[stage-1 2/2] COPY --from=one /x /y"]["inputs"]] == [
        "[stage-1 1/2] FROM docker.io/library/box:latest",
        "[one 2/2] RUN touch /x",
    ]
    parts = [each for line in lines for each in line.get("statuses", ())]
    assert {names[each["vertex"]] for each in parts} == {"exporting to image"}
    layers = [each for each in parts if each["id"] == "exporting layers"]
    assert layers[0]["started"] == layers[1]["started"] and "completed" in layers[1] and "completed" not in layers[0]
    (warning,) = (each for line in lines for each in line.get("warnings", ()))
    assert base64.b64decode(warning["short"]).startswith(b"JSONArgsRecommended: ")
    assert warning["range"] == [{"start": {"line": 5}, "end": {"line": 5}}] and warning["level"] == 1
    assert warning["url"].endswith("/json-args-recommended/")


def test_warnings_behind_a_build_and_as_errors(build: Build) -> None:
    done = build("FROM box\nCMD echo\n")
    assert done.code == 0
    assert done.stderr.endswith(
        "\n 1 warning found (use pallet build --check to expand):\n - JSONArgsRecommended: JSON arguments recommended "
        "for CMD to prevent unintended behavior related to OS signals (line 2)\n"
    )
    strict = build("# check=error=true\nFROM box\nCMD echo\n", "-q")
    assert strict.code == 1
    assert strict.stderr == "ERROR: failed to solve: lint violation found for rules: JSONArgsRecommended\n"
    skipped = build("# check=error=true\nFROM box\nCMD echo\n", "--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=all")
    assert skipped.code == 0 and "WARN" not in skipped.stderr


def test_onbuild_takes_from_stages_that_nothing_else_needs(box: PalletCLI, build: Build) -> None:
    base = "FROM box AS made\nONBUILD COPY --from=tools /t /got\n"
    base += "ONBUILD RUN --mount=from=tools,target=/m cat /m/t >> /got\n"
    assert build(base).code == 0
    box.ok("tag", "made", "triggers")
    done = build("FROM box AS tools\nRUN echo tool > /t\nFROM triggers\n", "--network", "none")
    assert done.code == 0, done.stderr
    assert cat(box, "/got") == "tool\ntool"
    late = build("FROM triggers AS one\nFROM box AS tools\nFROM one\n")
    assert late.code == 1
    assert 'cannot copy from stage "tools", it needs to be defined before current stage "one"' in late.stderr
