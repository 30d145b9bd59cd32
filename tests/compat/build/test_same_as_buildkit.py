"""Dockerfiles built by the BuildKit in Debian's dockerd and by pallet: the same trees, configs and histories.

The docker client of Debian cannot ask for BuildKit without buildx; the daemon's API can. A context sent so is not
filtered by .dockerignore, which is the client's work; and this BuildKit knows no heredocs.
"""

from __future__ import annotations

import gzip
import http.client
import io
import json
import socket
import tarfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.dockerd import Dockerd
from tests.support.images import directory, entry, symlink, tar
from tests.support.pallet import PalletCLI

_KEYS = (
    *("Env", "Cmd", "Entrypoint", "Labels", "WorkingDir", "User", "ExposedPorts", "Volumes", "OnBuild", "Healthcheck"),
    *("Shell", "StopSignal", "ArgsEscaped"),
)
# What docker puts into every container, and what it mounts over.
_DOCKERS_OWN = (".dockerenv", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab", "dev", "proc", "sys")

Tree = dict[str, tuple[object, ...]]

CASES = {
    "copy files": "COPY f g/\nCOPY f /etc\nCOPY f /new\nCOPY d/x f /both/\nCOPY f ./rel\nWORKDIR /q\nCOPY f .\n"
    "COPY d ./d2/",
    "copy directories": "COPY d /dst\nCOPY d /tmp\nCOPY d/ /a/b/c\nCOPY d/sub /all",
    "copy over": "COPY d /over\nRUN chmod 700 /over/sub\nCOPY d /over\nCOPY f /over/x",
    "wildcards": "COPY d/* /w/\nCOPY r*.sh /x/y\nCOPY f* d/su? /z/\nCOPY none* /n/",
    "links in the context": "COPY lf /1\nCOPY ld /2\nCOPY d/l /3/\nCOPY ld/x /4",
    "links in the image": "RUN ln -s /tmp /lt; ln -s /nonex /ln; ln -s /tmp/t /lf\nCOPY f /lt/\nCOPY f /lt/sub/f2\n"
    "COPY f /lf\nCOPY f /ln/x",
    "a moved var": "RUN mkdir -p /usr/var; rm -rf /var && ln -s /usr/var /var\nCOPY f /var/lib/x/\nCOPY d /var/\n"
    "RUN rm /var/x; mv /var/sub /usr/e2",
    "chown": "RUN mkdir /pre\nCOPY --chown=1:2 d /dst\nCOPY --chown=nobody f /n/o/f\nCOPY --chown=7 f /s\n"
    "COPY --chown=nobody:root d /pre",
    "chmod": "COPY --chmod=600 f run.sh /m/\nCOPY --chmod=700 d /md",
    "dots": "COPY ../f /x\nCOPY d/../f /y\nCOPY /f /z\nCOPY ./d/./x /./q/../p",
    "JSON form": 'COPY ["f", "/a b"]\nADD ["d", "/c d/"]\nVOLUME ["/v w"]\nCMD ["x", "y z"]',
    "archives": "ADD a.tar /t\nADD --chown=4:5 a.tar /u\nADD a.tar /etc/\nADD f /pf\nADD d /dd",
    "from stages": "FROM bbx AS a\nRUN mkdir -p /o/p && echo 1 >/o/p/1 && chown 3:4 /o/p/1 && ln -s 1 /o/p/2 &&"
    " ln /o/p/1 /o/p/3 && chmod 711 /o/p\nFROM scratch AS b\nCOPY --from=a /o /o\nFROM bbx\nCOPY --from=b /o/p /r\n"
    "COPY --from=a /o/p/2 /two\nCOPY --from=0 /o /tmp\nCOPY --from=bbx /bin/busybox /bbb",
    "stage on stage": "FROM bbx AS one\nENV E=1\nRUN echo $E > /v\nCMD x\nFROM one AS two\nRUN echo 2$E > /v2\n"
    "FROM two\n"
    'ENTRYPOINT ["c"]',
    "metadata": 'ENV A=b C="d e" F=$A\nENV G h i\nLABEL a=$A b="x y" "c d"=e\nEXPOSE 80 443/udp 90-92\nVOLUME /a /b\n'
    'USER nobody:root\nSTOPSIGNAL 9\nSHELL ["/bin/sh", "-x", "-c"]\nRUN true\nCMD a b\nENTRYPOINT ["x", "y \\"z"]\n'
    "HEALTHCHECK --interval=5m --retries=3 --timeout=1s CMD x y\nONBUILD RUN x\nMAINTAINER me",
    "no health check": 'HEALTHCHECK NONE\nENTRYPOINT a $B\nCMD ["q"]',
    "entry point resets": 'FROM bbx\nCMD x\nENTRYPOINT y\nFROM bbx AS b\nENTRYPOINT ["a"]\nCMD ["b"]\n'
    'FROM b\nENTRYPOINT ["c"]',
    "arguments": "ARG A\nARG B=1\nARG C=$B\nRUN echo $A-$B-$C > /abc\nENV B=2\nRUN echo $B >> /abc",
    "global arguments": "ARG V=bbx\nFROM ${V}\nRUN echo v=$V > /v",
    "onbuild": "FROM bbx AS base\nONBUILD RUN echo 1 > /ob\nONBUILD ENV Z=1\nFROM base\nRUN echo $Z >/z",
    "run forms": 'RUN   echo   a  \\\n   # comment\n  && echo b > /x\nRUN [ "sh", "-c", "echo $0 > /y", "z z" ]\n'
    "RUN echo 'a \"b' > /z",
    "removals": "RUN rm -rf /www /tmp && mkdir /tmp && touch /tmp/x\nRUN rm /tmp/x; mv /etc /etc2; cp -a /etc2 /etc",
    "many files": "RUN i=0; while [ $i -lt 300 ]; do mkdir -p /t/$i; echo $i > /t/$i/f; i=$((i+1)); done\n"
    "RUN rm -rf /t/1* && mkdir /t/1 && echo x > /t/1/n\nRUN mv /t /t2",
    "special files": "RUN echo 1 > /a && ln /a /b && ln -s a /c && chmod 4755 /a && touch /w && rm /w && mkfifo /ff\n"
    "RUN echo 2 >> /b; rm /c; mknod /dv c 5 7",
    "users": "USER nobody\nWORKDIR /h/i\nRUN id -u > x; env | sort > e; pwd >> e; umask >> e; hostname >> e\nCOPY f .\n"
    "USER 1000\nWORKDIR /j\nWORKDIR rel\nUSER 1000:5\nWORKDIR $A/k\nRUN id -u >x",
    "root's mode": "RUN chmod 777 /\nRUN ls -ld / | cut -c1-10 > /mode",
    "work directories": "WORKDIR /etc\nWORKDIR a/b\nWORKDIR ..\nWORKDIR /w x\nRUN pwd > p\nWORKDIR /",
    "quotes": 'ENV A=\'b c\' B="x\\"y" C=a\\ b\nRUN echo "$A" \'$B\' $C > "/a b"\nLABEL x=\'a"b\'\nARG Q="z z"\n'
    "RUN echo $Q > /q",
    "escape": "# escape=`\nFROM bbx\nRUN echo a `\n && echo b > /x\nENV P=c:\\d",
    "expansion": "ENV A=1 E=\nENV B=${A:-x} C=${N:-y} D=${A:+z} F=${N:+w} G=${E:-v} H=\\$A\nWORKDIR /$B$C\n"
    "COPY f ${D}f",
    "from scratch": 'FROM scratch\nCOPY d /e/\nENV A=b\nCMD ["q"]',
    "mounts": "RUN --mount=type=bind,target=/mnt cat /mnt/f > /o; touch /mnt/x || echo ro >> /o\n"
    "RUN --mount=type=tmpfs,target=/mnt touch /mnt/x; mount | grep -c /mnt > /o2\n"
    "RUN --mount=type=cache,target=/mnt echo >> /mnt/n; ls -ld /mnt | cut -c1-10 > /o3",
    "comments": "# a comment\n\nRUN echo 1 \\\n\n# in between\n > /x\nRUN echo '#no comment' > /y",
    "case": "copy f /x\nrun echo 1 > /one\nenv a=b\nworkdir /w",
    "platform arguments": "FROM --platform=$BUILDPLATFORM bbx\nARG TARGETARCH\nARG TARGETOS=z\n"
    "RUN echo $TARGETARCH $TARGETOS > /t",
    "labels only": "LABEL a=b\nENV c=d",
    "proxy arguments": "RUN echo ${HTTP_PROXY:-none} > /p",
    "exposed": "EXPOSE 80/tcp 80/udp 22\nEXPOSE 80\nVOLUME /x\nVOLUME /x /y",
    "empty run": "RUN true\nRUN touch /x && rm /x\nRUN mkdir /d",
    "links at both ends": "FROM bbx AS a\nRUN mkdir -p /r/s && echo 1 > /r/s/f && ln -s /r/s /ls && ln -s s/f /r/lf &&"
    " ln -s /r /lr\nFROM bbx\nRUN ln -s /nonex /n1; ln -s /none2 /n2; ln -s /tmp /lt\nCOPY d /n1\nCOPY f /n2/\n"
    "COPY d /lt\n"
    "COPY --from=a /ls/f /1\nCOPY --from=a /ls /2\nCOPY --from=a /lr/* /3/\nCOPY --from=a /lr/s/.. /4\n"
    "COPY --from=a /r/./lf /5/",
    "a whole root": "FROM bbx AS a\nRUN echo 1 > /one\nFROM scratch\nCOPY --from=a / /all\n"
    "COPY --from=a /etc/../bin/sh /x",
    "onbuild upon onbuild": "FROM bbx AS b1\nONBUILD RUN echo 1 >> /ob\nONBUILD COPY f /ob-f\nONBUILD ENV Z=1\n"
    "FROM b1 AS b2\n"
    "ONBUILD RUN echo 2-$Z >> /ob\nONBUILD WORKDIR /obw\nFROM b2\nRUN pwd >> /ob",
    "archives over what is there": "RUN mkdir -p /t /o /q/sub/f; ln -s /o /t/sub; echo > /q/sub/l\nADD a.tar /t/\n"
    "ADD a.tar /q/\n"
    "ADD tar.txt /r/\nADD plain.gz /p\nADD a.tar f d /many/",
    "shell and health": 'SHELL ["/bin/sh", "-e", "-c"]\nRUN echo $0 > /x\nCMD a b\nENTRYPOINT c\n'
    "HEALTHCHECK --start-period=3s --timeout=500ms CMD a && b || exit 1",
    "odd values": "ENV a b c\nENV d=\"x y\" e='z$a' f=\\$a g=$a:x h=~ i=  j=\u00e4\nLABEL k=b \\\n # comment\n"
    '  l="d e" \\\n\n  m=n\n'
    'LABEL "k e y"="v a l" o=\'{"b": "c d"}\'\nLABEL q w e\nRUN echo \\$a \'$a\' "$a" \\\\$a > /\u00e4',
    "argument or variable": "ENV A=env\nARG A=arg\nRUN echo $A > /1\nARG B=arg C=$A\nENV B=env\nRUN echo $B $C > /2\n"
    'ARG D="x y"\nARG E=\'$D\'\nRUN echo "$D-$E" > /3',
    "line ends": "# Escape=`\r\nFROM bbx\r\nRUN echo a `\r\n && echo b > /x\r\nENV A=b\r\nRUN echo 1 > /1 `",
    "owners of cache mounts": "RUN --mount=type=cache,id=q,target=/mnt,uid=5,gid=6,mode=0700 stat -c '%a %u %g' /mnt"
    " > /o; touch /mnt/z\n"
    "RUN --mount=type=cache,id=q,target=/mnt ls /mnt > /p\nWORKDIR /mnt\n"
    "RUN --mount=type=bind,source=f,target=rel cat rel > /r",
    "long chain": "\n".join(f"RUN echo {n} >> /log" for n in range(12)),
}
BAD = {
    "missing source": "COPY nosuch /",
    "file for a directory": "COPY f /etc/passwd/",
    "directory onto a file": "COPY d /etc/passwd",
    "failing command": "RUN exit 3",
    "missing program": 'RUN ["/nosuch"]',
    "unknown user": "USER nosuch\nRUN id",
    "work directory on a file": "WORKDIR /etc/passwd/x",
    "unknown instruction": "FOO bar",
    "unknown flag": "COPY --foo f /",
    "no argument": "COPY f",
    "file over a directory": "COPY dir-as-file /",
    "links in a circle": "RUN ln -s /l1 /l2; ln -s /l2 /l1\nCOPY f /l1/x",
    "directory onto a made file": "RUN echo > /x\nCOPY d/ /x",
    "archive onto a file": "RUN echo > /x\nADD a.tar /x",
    "onbuild onbuild": "ONBUILD ONBUILD RUN x",
    "a stage of itself": "FROM bbx AS a\nCOPY --from=a /etc /2",
    "mounted on the root": "RUN --mount=target=/ true",
    "unknown signal": "STOPSIGNAL nosuch",
    "unknown protocol": "EXPOSE 80/foo",
}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("context")
    for name, text, mode in (
        ("f", "file\n", 0o644),
        ("d/x", "x", 0o640),
        ("d/sub/y", "y", 0o755),
        ("run.sh", "#!/bin/sh\n", 0o755),
        ("dir-as-file/etc", "", 0o644),
    ):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
        (place / name).chmod(mode)
    (place / "d/l").symlink_to("x")
    (place / "lf").symlink_to("f")
    (place / "ld").symlink_to("d")
    members = [
        directory("sub/", mode=0o711),
        entry("sub/f", b"packed\n", uid=5, gid=6),
        symlink("sub/l", "f"),
    ]
    for name in ("a.tar", "tar.txt"):
        (place / name).write_bytes(tar(members, format=tarfile.GNU_FORMAT))
    (place / "plain.gz").write_bytes(gzip.compress(b"no tar", mtime=0))
    return place


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=120)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


class BuildKit:
    """The daemon's API."""

    def __init__(self, daemon: Dockerd) -> None:
        self._socket = f"{daemon.directory}/docker.sock"

    def __call__(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        connection = _Connection(self._socket)
        connection.request(method, "/v1.41" + path, body, {"Content-Type": kind})
        answer = connection.getresponse().read()
        connection.close()
        return answer

    def build(self, context: bytes) -> str:
        """Builds `kit`; gives the error, or nothing."""
        query = urllib.parse.urlencode({"version": 2, "t": "kit", "networkmode": "host"})
        last = self("POST", f"/build?{query}", context, "application/x-tar").splitlines()[-1]
        return str(json.loads(last).get("error", ""))

    def tree(self) -> Tree:
        """The files of `kit`."""
        made = json.loads(self("POST", "/containers/create", b'{"Image": "kit", "Cmd": ["x"]}'))
        try:
            return read_tree(self("GET", f"/containers/{made['Id']}/export"))
        finally:
            self("DELETE", f"/containers/{made['Id']}?force=1")


@pytest.fixture(scope="module")
def kit(dockerd: Dockerd, busybox_tar: Path) -> BuildKit:
    assert dockerd.docker("import", str(busybox_tar), "bbx").code == 0
    return BuildKit(dockerd)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory, busybox_tar: Path) -> Iterator[PalletCLI]:
    cli = PalletCLI(tmp_path_factory.mktemp("ours"))
    cli.ok("import", str(busybox_tar), "bbx")
    yield cli
    cli.close()


def packed(context: Path, dockerfile: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(context, ".")
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(dockerfile.encode())
        archive.addfile(info, io.BytesIO(dockerfile.encode()))
    return out.getvalue()


def read_tree(archive: bytes) -> Tree:
    """Type, mode, owner, link target and content of each file."""
    found: Tree = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for member in opened:
            name = member.name.removeprefix("./").rstrip("/")
            if name in _DOCKERS_OWN or name.partition("/")[0] in ("dev", "proc", "sys") or not name:
                continue
            file = opened.extractfile(member) if member.isreg() else None
            content = file.read() if file is not None else member.linkname
            found[name] = (member.type, oct(member.mode & 0o7777), member.uid, member.gid, content)
    return found


def _as_then(step: str, history: list[str]) -> str:
    """Of an ARG that only repeats a global one, this BuildKit's history has the name; later ones' has the value too."""
    bare = step.partition("=")[0]
    return bare if step.startswith("ARG ") and bare in history else step


def whole(text: str) -> str:
    return text + "\n" if "FROM " in text else f"FROM bbx\n{text}\n"


@pytest.mark.parametrize("name", CASES)
def test_same_image(kit: BuildKit, ours: PalletCLI, context: Path, tmp_path: Path, name: str) -> None:
    dockerfile = whole(CASES[name])
    assert kit.build(packed(context, dockerfile)) == ""
    (tmp_path / "D").write_bytes(dockerfile.encode())
    words = ("-t", "made", "-f", str(tmp_path / "D"))
    ours.ok("build", *words, str(context))
    ours.ok("build", "-q", *words, "-o", f"type=tar,dest={tmp_path / 'tree.tar'}", str(context))

    theirs: dict[str, Any] = json.loads(kit("GET", "/images/kit/json"))
    made: dict[str, Any] = json.loads(ours.ok("image", "inspect", "made"))[0]
    for key in _KEYS:
        assert (made["Config"].get(key) or None) == (theirs["Config"].get(key) or None), key
    assert made["Author"] == theirs["Author"]
    assert len(made["RootFS"]["Layers"]) == len(theirs["RootFS"]["Layers"])
    history = [step["CreatedBy"] for step in json.loads(kit("GET", "/images/kit/history"))]
    lines = ours.ok("history", "--no-trunc", "--format", "{{json .CreatedBy}}", "made").splitlines()
    assert [_as_then(json.loads(line), history) for line in lines] == history

    tree = read_tree((tmp_path / "tree.tar").read_bytes())
    expected = kit.tree()
    differing = {path for path in tree.keys() | expected.keys() if tree.get(path) != expected.get(path)}
    # docker's container has directories for its own mounts; this BuildKit leaves the mounts' targets behind.
    differing -= {path for path in ("etc", "mnt") if path not in tree}
    assert {path: (expected.get(path), tree.get(path)) for path in differing} == {}


@pytest.mark.parametrize("name", BAD)
def test_both_refuse(kit: BuildKit, ours: PalletCLI, context: Path, tmp_path: Path, name: str) -> None:
    dockerfile = whole(BAD[name])
    assert kit.build(packed(context, dockerfile)) != ""
    (tmp_path / "D").write_text(dockerfile)
    done = ours("build", "-t", "bad", "-f", str(tmp_path / "D"), str(context))
    assert done.code == 1
    assert "D:" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("ERROR: failed to solve: ")
