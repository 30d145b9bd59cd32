"""One script through docker and through pallet: cases, what is masked, and the run of a script in both engines.

A topic is a list of command lines in `tests/compat/cases/`, run in order by sh, so that pipes and redirections work.
Each engine has a registry with the same images, a directory with the same files, and starts each topic empty.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from tests.support import need, scratch
from tests.support.dockerd import Dockerd
from tests.support.pallet import PalletCLI


class Output(msgspec.Struct, frozen=True):
    """What a line printed, masked, and its exit code."""

    stdout: str
    stderr: str
    code: int


class Case(msgspec.Struct, frozen=True):
    """One command line.

    Attributes:
        line: for sh, with `docker` for either engine, `{registry}` for its registry, `{busybox_id}` and the like.
        why: for what reason pallet's output is another one; empty if it is the same.
        stdout, stderr, code: what pallet gives instead where it differs, masked; None where it is docker's.
        setup: the line has to succeed in both engines and its output is not compared.
    """

    line: str
    why: str = ""
    stdout: str | None = None
    stderr: str | None = None
    code: int | None = None
    setup: bool = False

    def expected(self, docker: Output, names: Mapping[str, str]) -> Output:
        """What pallet has to give, where docker gave this."""
        return Output(
            docker.stdout if self.stdout is None else fill_in(self.stdout, names),
            docker.stderr if self.stderr is None else fill_in(self.stderr, names),
            docker.code if self.code is None else self.code,
        )


def setup(line: str) -> Case:
    """A line that prepares others."""
    return Case(line, setup=True)


def differs(
    line: str, *, why: str, stdout: str | None = None, stderr: str | None = None, code: int | None = None
) -> Case:
    """A line whose output differs from docker's on purpose."""
    return Case(line, why, stdout, stderr, code)


def cases(*lines: str | Case) -> list[Case]:
    """The cases of a topic; a plain string is a line whose output is docker's."""
    return [Case(each) if isinstance(each, str) else each for each in lines]


def until(test: str) -> str:
    """Shell words that wait until a command succeeds, for half a minute at the most; they fail if it never does."""
    return f"for n in $(seq 100); do {test} && break; sleep 0.3; done"


def fill_in(text: str, names: Mapping[str, str]) -> str:
    """The text with what `{name}` stands for; braces around other words stay."""
    return re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], found[0]), text)


class Sides:
    """Both engines, ready for scripts.

    Args:
        dockerd: the daemon, whose mirror is its registry.
        registries: addresses (host:port) of docker's and pallet's registry.
        names: what `{name}` stands for in lines.
        known: digests (hexadecimal) that are the same in both engines.
        fill: writes the files that lines may use into a directory.
    """

    def __init__(
        self,
        dockerd: Dockerd,
        registries: tuple[str, str],
        names: Mapping[str, str],
        known: frozenset[str],
        fill: Callable[[Path], None],
    ) -> None:
        self._dockerd = dockerd
        self._registries = registries
        self.names = names
        self._known = known
        self._fill = fill

    def run(self, script: Iterable[Case]) -> list[tuple[Output, Output]]:
        """docker's and pallet's output of each line, masked.

        Raises:
            AssertionError: a line that prepares others failed.
        """
        lines = list(script)
        with ThreadPoolExecutor(2) as pool:
            docker, pallet = pool.submit(self._docker, lines), pool.submit(self._pallet, lines)
            return list(zip(docker.result(), pallet.result(), strict=True))

    def _docker(self, script: list[Case]) -> list[Output]:
        place = scratch("docker")
        self._fill(place)
        try:
            outputs = []
            for case in script:
                done = self._dockerd.run(self._shell(case, need("docker"), self._registries[0], place), timeout=60)
                outputs.append(self._masked(case, Output(done.stdout, done.stderr, done.code), 0, place, "docker"))
            return outputs
        finally:
            self._dockerd.run(["sh", "-c", "docker ps -aq | xargs -r docker rm -fv; docker system prune -af --volumes"])
            shutil.rmtree(place)

    def _pallet(self, script: list[Case]) -> list[Output]:
        place = scratch("pallet")
        self._fill(place)
        pallet = PalletCLI(place / ".pallet")
        pallet.mirror(f"http://{self._registries[1]}")
        program = f"{sys.executable} -m pallet"
        try:
            outputs = []
            for case in script:
                done = subprocess.run(
                    self._shell(case, program, self._registries[1], place),
                    check=False,
                    capture_output=True,
                    env=pallet.env,
                    stdin=subprocess.DEVNULL,
                    timeout=60,
                )
                out = Output(
                    done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"), done.returncode
                )
                outputs.append(self._masked(case, out, 1, place, "pallet"))
            return outputs
        finally:
            pallet.close()
            shutil.rmtree(place)

    def _shell(self, case: Case, program: str, registry: str, place: Path) -> list[str]:
        prelude = f'cd {place} && export TZ=UTC LC_ALL=C.UTF-8; docker() {{ {program} "$@"; }}\n'
        return ["sh", "-c", prelude + fill_in(case.line, {**self.names, "registry": registry})]

    def _masked(self, case: Case, output: Output, side: int, place: Path, word: str) -> Output:
        assert not case.setup or output.code == 0, f"{word}: {case.line}: exit {output.code}\n{output.stderr}"
        texts = {str(place): "<dir>", self._registries[side]: "127.0.0.1:<reg>"}
        return Output(mask(output.stdout, texts, self._known), mask(output.stderr, texts, self._known), output.code)


EVERYWHERE = {
    # Each image knows when it was last used; docker does not.
    r',\n +"LastUsedTime": "[^"]*"': "",
    r'"LastUsed":"[^"]*",': "",
    # pallet's help pages have examples, docker's point to its web site.
    r"Examples:\n(?:  .*\n)+\n": "",
    r"\n\nExamples:\n(?:  .*\n)+": "\n",
    # docker's client, when a container does not start, logs a race of its own now and then.
    r'time="[^"]*" level=error msg="error waiting for container: context canceled"\n': "",
    # Debian's docker has Debian's version.
    r"20\.10\.24\+dfsg1": "20.10.24",
    # docker tells of a layer's last step alone where several came quickly after one another.
    r"(?m)^[0-9a-f]{12}: (?:Waiting|Verifying Checksum|Download complete)\n": "",
}
"""What differs all over the table: patterns of what one of the engines has, and what is put in its place."""

_AGO = re.compile(r"(?:Less than a second|About a minute|\d+ (?:second|minute)s?)( ago)?")
_MASKS = (
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| \+0000 UTC)"), "<time>"),
    (re.compile(r'("(?:LowerDir|MergedDir|UpperDir|WorkDir)": )"[^"]*"'), r'\1"<dir>"'),
)
_HEX = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b")
_LAYER = re.compile(r"([0-9a-f]{12}): ")
_NAME = re.compile(r"\bdocker(?!\.io|\.com|-archive)\b")
_OLD = re.compile(r"\b(?:19|200|201|202[0-3])")


def mask(text: str, texts: Mapping[str, str], known: frozenset[str]) -> str:
    """The text without what differs from run to run.

    Args:
        text: what an engine printed.
        texts: what is replaced by what, before all else.
        known: digests that stay as they are.
    """
    for old, new in texts.items():
        text = text.replace(old, new)
    text = _NAME.sub("pallet", text)
    for each, new in EVERYWHERE.items():
        text = re.sub(each, new, text)
    for pattern, new in _MASKS:
        text = pattern.sub(lambda found, new=new: found[0] if _OLD.match(found[0]) else found.expand(new), text)
    if _AGO.search(text):
        # The column is as wide as its widest time, which changes from one second to the next.
        text = re.sub("   +", "   ", _AGO.sub(r"<duration>\1", text))
    return _numbered(_by_layer(text), known)


def _numbered(text: str, known: frozenset[str]) -> str:
    """Ids that are not known become numbers in their order, a short id the number of the long one it begins."""
    shorts = {each[:12] for each in known}
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        id = found[0]
        if id in known or id in shorts:
            return id
        count = numbers.setdefault(id[:12], len(numbers) + 1)
        return f"<{'long' if len(id) == 64 else 'short'} id {count}>"

    return _HEX.sub(number, text)


def _by_layer(text: str) -> str:
    """Layers move side by side: the lines of each layer are put together, in their own order, where its first is."""
    lines = text.splitlines(keepends=True)
    start = 0
    while start < len(lines):
        end = start
        while end < len(lines) and _LAYER.match(lines[end]):
            end += 1
        layers = list(dict.fromkeys(line[:12] for line in lines[start:end]))
        lines[start:end] = sorted(lines[start:end], key=lambda line: layers.index(line[:12]))
        start = end + 1
    return "".join(lines)
