"""A build of which nothing has changed since it was last made: known by a look at its files, not by carrying it out.

What a finished build depends on is remembered if nothing of it had to be made: the words of the command line and the
Dockerfile (`Question`), the images that its names stood for, and what stat(2) said of all that it looked at in the
context. Builds that ask somebody outside (ADD of a URL, --pull, other caches) are not remembered. Whoever prunes the
build cache makes pallet forget all. The module is on the way of such a build: it imports next to nothing.
"""

from __future__ import annotations

import os
import sys

from pallet.build.seen import state_of
from pallet.digest import sha256_hex
from pallet.host.inroot import open_in_root
from pallet.ops.whole import is_whole
from pallet.store.last_builds import LastBuild
from pallet.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pallet.build.events import Listener
    from pallet.build.options import BuildResult
    from pallet.build.shared import Shared, Work
    from pallet.engine import Engine

_LARGEST = 16 << 20  # bytes


class Question:
    """What a build is asked for, but for the files that it copies.

    Args:
        directory: the context.
        dockerfile: the Dockerfile's path in the context; an absolute one if it is outside; "" for `Dockerfile`.
        words: everything else that the result depends on, in a fixed order.

    Raises:
        OSError: the context cannot be opened.
    """

    def __init__(self, directory: str, dockerfile: str, words: Iterable[str]) -> None:
        self.directory = os.path.realpath(directory)
        self.place = f"{self.directory}\0{dockerfile}"
        texts = [__version__, sys.version, self.place, *words]
        root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in [dockerfile] if dockerfile else ["Dockerfile", "dockerfile"]:
                texts += [_text(root, name), _text(root, f"{name}.dockerignore")]
            texts.append(_text(root, ".dockerignore"))
        finally:
            os.close(root)
        whole = "".join(f"{len(text)}:{text}\n" for text in texts)
        self.digest = sha256_hex(whole.encode("utf-8", "surrogateescape"))


def find_unchanged(engine: Engine, question: Question) -> LastBuild | None:
    """The last build of this place, if carrying it out once more would find every step, and so make the same image.

    Raises:
        HostError: the database cannot be read.
    """
    store = engine.store
    build = store.last_builds.get(question.place)
    if build is None or build.question != question.digest or not store.last_builds.stands(build):
        return None
    if not is_whole(engine, build.image, build.manifest) or state_of(question.directory, build.paths) != build.state:
        return None
    return build


def build_again(engine: Engine, question: Question, build: LastBuild) -> None:
    """Do what a build that found every step does besides: its names are given, what it is made of is wanted.

    Raises:
        NoSuchImage: somebody has just removed the image.
        HostError: the store cannot be written.
    """
    from pallet.ops.tag_image import name_image
    from pallet.reference import parse

    with engine.store.db.transaction(lasting=False):
        engine.store.last_builds.again(question.place, build)
        for name in build.names:
            name_image(engine, parse(name), build.image, build.manifest)


def remember(shared: Shared, work: Work, result: BuildResult, question: Question) -> None:
    """Remember a build that is done, if nothing of it had to be made and it asked nobody outside.

    Raises:
        HostError: the database cannot be written.
    """
    journal, book = shared.journal, shared.book
    if book.made or work.fetched or result.root != result.manifest.descriptor or journal.told is None:
        return
    bases = shared.bases.meanings()
    state = shared.context.seen.state(shared.started)
    if not state or bases is None:
        return
    from msgspec import json

    shared.engine.store.last_builds.keep(
        question.place,
        LastBuild(
            question.digest,
            result.image,
            result.root.digest,
            bases,
            [str(tag.with_default_tag()) for tag in shared.options.tags],
            [str(key) for key in book.used],
            shared.context.seen.paths,
            state,
            json.encode([event.timeless() for event in journal.told]),
        ),
    )


def replay(build: LastBuild, listener: Listener) -> None:
    """Report what that build reported."""
    from msgspec import json

    from pallet.build.events import BuildEvent

    for event in json.decode(build.steps, type=list[BuildEvent]):
        listener(event)


def _text(root: int, name: str) -> str:
    """A file's words; a file that is not there has others than an empty one."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        fd = os.open(name, flags) if name.startswith("/") else open_in_root(root, name, flags)
        with open(fd, "rb", buffering=0) as file:
            return "there: " + (file.read(_LARGEST) or b"").decode("utf-8", "surrogateescape")
    except OSError:
        return "missing"
