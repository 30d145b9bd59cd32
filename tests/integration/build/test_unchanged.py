"""A build of which nothing has changed is not carried out again; one of which anything has is."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.pallet import PalletCLI

_DOCKERFILE = """\
FROM box AS made
ARG word=none
COPY --from=tools /bin/busybox /tool
COPY . /all
COPY d*/[i]nside /inside
RUN --mount=type=bind,target=/mnt cat /mnt/file > /copied; echo $word
"""


class Project:
    """A context and its builds, in a store that others build in, too."""

    def __init__(self, pallet: PalletCLI, directory: Path, name: str) -> None:
        self.pallet = pallet
        self.directory = directory
        self.name = name
        (directory / "directory").mkdir(parents=True)
        (directory / "ignored").mkdir()
        (directory / "Dockerfile").write_text(_DOCKERFILE)
        (directory / ".dockerignore").write_text("ignored\n")
        (directory / "file").write_text("one\n")
        (directory / "directory/inside").write_text("two\n")
        (directory / "directory/other").write_text("three\n")
        (directory / "link").symlink_to("file")
        for number in range(80):
            (directory / "directory" / f"one-of-many-{number}").write_text(str(number))

    def build(self, *flags: str, **environ: str) -> tuple[str, bool]:
        """Build it: the image, and whether the builder was needed."""
        before = dict(self.pallet.env)
        self.pallet.env |= {"PYTHONPROFILEIMPORTTIME": "1", "word": "given", **environ}
        done = self.pallet("build", "-q", "-t", self.name, "--build-arg", "word", *flags, str(self.directory))
        self.pallet.env = before
        assert done.code == 0, done.stderr
        loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        return done.stdout.strip(), "pallet.build.builder" in loaded

    def settled(self) -> str:
        """Build it until nothing is left to do."""
        for _ in range(3):  # most find at once what the first one made
            image, built = self.build()
            if not built:
                break
        assert not built
        return image


def _rewritten(project: Project) -> None:
    """Another content of the same length, with the times of before."""
    path = project.directory / "file"
    before = path.stat()
    path.write_text("ONE\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _swapped(project: Project) -> None:
    path = project.directory / "directory/inside"
    (project.directory / "directory/other").rename(path)


def _base_moved(project: Project) -> None:
    project.pallet.ok("tag", "other", "box")


def _tool_moved(project: Project) -> None:
    project.pallet.ok("tag", "other", "tools")


def _name_taken(project: Project) -> None:
    project.pallet.ok("tag", "box", project.name)


def _relinked(project: Project) -> None:
    (project.directory / "link").unlink()
    (project.directory / "link").symlink_to("directory/inside")


def _directory_moved(project: Project) -> None:
    (project.directory / "directory").rename(project.directory / "ignored/directory")
    (project.directory / "directory").symlink_to("ignored/directory")
    (project.directory / "dir").mkdir()
    (project.directory / "dir/inside").write_text("new\n")


_CHANGES: dict[str, Callable[[Project], object]] = {
    "a file": _rewritten,
    "a mode": lambda project: (project.directory / "file").chmod(0o600),
    "a new file": lambda project: (project.directory / "directory/new").touch(),
    "a file less": lambda project: (project.directory / "directory/one-of-many-7").unlink(),
    "a new directory for the pattern": lambda project: shutil.copytree(
        project.directory / "directory", project.directory / "dir2"
    ),
    "files swapped": _swapped,
    "a link": _relinked,
    "a directory": _directory_moved,
    "the Dockerfile": lambda project: (project.directory / "Dockerfile").write_text(_DOCKERFILE + "ENV A=b\n"),
    "the ignore file": lambda project: (project.directory / ".dockerignore").write_text("none\n"),
    "the Dockerfile's ignore file": lambda project: (project.directory / "Dockerfile.dockerignore").touch(),
    "the base": _base_moved,
    "the source's image": _tool_moved,
    "its name": _name_taken,
    "the name gone": lambda project: project.pallet.ok("rmi", project.name),
    "the cache pruned": lambda project: project.pallet.ok("builder", "prune", "-f"),
}


_SAME = ("the source's image", "its name", "the name gone", "the cache pruned")
"""After these the builder is needed, but comes to the same image."""


@pytest.fixture
def two_images(pallet: PalletCLI, busybox_tar: Path) -> PalletCLI:
    for name in ("box", "tools"):
        pallet.ok("import", str(busybox_tar), name)
    pallet.ok("import", "-c", "ENV other=yes", str(busybox_tar), "other")
    return pallet


def test_any_change_is_seen(two_images: PalletCLI, tmp_path: Path) -> None:
    projects = {
        what: Project(two_images, tmp_path / str(number), f"made{number}") for number, what in enumerate(_CHANGES)
    }
    time.sleep(1.1)  # what changed within the last second is looked at again
    images = {what: project.settled() for what, project in projects.items()}
    box, tools = (two_images.ok("inspect", "-f", "{{.Id}}", name).strip() for name in ("box", "tools"))
    missed = []
    for what, change in _CHANGES.items():
        change(projects[what])
        image, built = projects[what].build()
        if not built:
            missed.append(what)
        assert (image == images[what]) == (what in _SAME), what
        two_images.ok("tag", box, "box")
        two_images.ok("tag", tools, "tools")
    assert missed == []


def test_other_words_are_another_build(two_images: PalletCLI, tmp_path: Path) -> None:
    project = Project(two_images, tmp_path / "context", "made")
    time.sleep(1.1)
    image = project.settled()
    other = [
        project.build("--label", "a=b"),
        project.build("--no-cache"),
        project.build("--target", "made"),
        project.build("-t", "more"),
        project.build("--pull=false", "-f", str(project.directory / "Dockerfile")),
        project.build(word="other"),
        project.build(SOURCE_DATE_EPOCH="1000"),
    ]
    assert all(built for _, built in other)
    assert len({made for made, _ in other} | {image}) == 5  # a target, a name and a path change nothing
    project.settled()


def test_a_dockerfile_beside_the_context(two_images: PalletCLI, tmp_path: Path) -> None:
    project = Project(two_images, tmp_path / "context", "made")
    dockerfile = tmp_path / "beside"
    dockerfile.write_text(_DOCKERFILE)
    time.sleep(1.1)
    words = ("-f", str(dockerfile))
    assert [project.build(*words)[1] for _ in range(3)] == [True, True, False]
    (tmp_path / "beside.dockerignore").write_text("file\n")
    assert project.build("-f", str(dockerfile), "--target", "made")[1]
    (tmp_path / "beside.dockerignore").write_text("link\n")
    assert project.build(*words)[1]


def test_what_changed_a_moment_ago_may_change_unseen(two_images: PalletCLI, tmp_path: Path) -> None:
    project = Project(two_images, tmp_path / "context", "made")
    begun = time.monotonic()
    found = [project.build() for _ in range(3)]
    if time.monotonic() - begun < 1:  # else it may have settled meanwhile
        assert found[-1][1]


def test_it_is_told_and_recorded_as_if_it_had_been_built(two_images: PalletCLI, tmp_path: Path) -> None:
    pallet = two_images
    project = Project(pallet, tmp_path / "context", "made")
    (project.directory / "Dockerfile").write_text(_DOCKERFILE + "ENV old style\n")  # which the linter minds
    time.sleep(1.1)
    words = ("build", "--progress", "plain", "-t", "made", str(project.directory))
    _, found, again = (_without_times(pallet(*words).stderr) for _ in range(3))
    assert found == again
    assert "CACHED" in again
    assert "LegacyKeyValueFormat:" in again
    before = pallet.ok("image", "inspect", "-f", "{{.Metadata.LastTagTime}}", "made")
    pallet.ok(*words)
    assert pallet.ok("image", "inspect", "-f", "{{.Metadata.LastTagTime}}", "made") > before
    events = pallet.ok("events", "--since", "0", "--until", "0s", "--filter", "event=tag", "--format", "{{.Actor}}")
    assert events.splitlines()[-1] == events.splitlines()[-2]


def _without_times(text: str) -> list[str]:
    return [
        word for line in text.splitlines() for word in line.split() if not word.replace(".", "").rstrip("s").isdigit()
    ]
