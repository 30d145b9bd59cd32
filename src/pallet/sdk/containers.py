"""`engine.containers`, as docker-py knows it."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from pallet.errors import Conflict, ContainerError, NoSuchContainer, NoSuchImage
from pallet.progress import Progress
from pallet.sdk.arguments import Filters, filter_pairs
from pallet.sdk.container import Container
from pallet.sdk.container_words import CreateWords, RunWords, Words
from pallet.sdk.create_words import create_options
from pallet.sdk.image import Image, image_id
from pallet.sdk.model import Collection

if TYPE_CHECKING:
    from pallet.ops.create_options import CreateOptions
    from pallet.store.container_record import ContainerRecord

_OUTPUTS = frozenset({"stdout", "stderr"})


class Containers(Collection):
    """The containers of an engine's store."""

    def get(self, container_id: str) -> Container:
        """The container with an id, a name, or the beginning of an id.

        Raises:
            NoSuchContainer: there is none.
            Conflict: several ids begin so.

        Example:
            >>> engine.containers.get("apache").status
            'running'
        """
        return self._container(self._engine.store.containers.find(container_id))

    def list(
        self,
        all: bool = False,
        before: str | None = None,
        filters: Filters | None = None,
        limit: int = -1,
        since: str | None = None,
        sparse: bool = False,
        ignore_removed: bool = False,
    ) -> builtins.list[Container]:
        """The containers, newest first.

        Args:
            all: also those that do not run.
            before: those made before this one, running or not.
            filters: `ancestor`, `before`, `exited`, `expose`, `id`, `label`, `name`, `network`, `publish`, `since`,
                `status`, `volume`; a value, or a list of them.
            limit: only so many, running or not; no limit if not positive.
            since: those made after this one, running or not.
            sparse, ignore_removed: change nothing: `attrs` are read when first asked for.

        Raises:
            InvalidInput: a bad filter.
            NoSuchContainer: `before` or `since` names no container.

        Example:
            >>> engine.containers.list(filters={"ancestor": "httpd", "status": "exited"})
            [<Container: 4f66a2b2ae2f>]
        """
        from pallet.ops.container_list import list_containers

        pairs = filter_pairs(filters)
        pairs += [(key, value) for key, value in (("before", before), ("since", since)) if value]
        found = list_containers(self._engine, all=all or bool(before or since), last=max(limit, 0), filters=pairs)
        return [Container(self._engine, each.brief.id, each.brief.name) for each in found]

    def create(self, image: str | Image, command: Words | None = None, **words: Unpack[CreateWords]) -> Container:
        """Make a container and do not start it.

        Args:
            image: an image, or the name or id of one that is here.
            command: replaces the image's command: one text, split as a shell would, or its words.
            **words: see `CreateWords`.

        Raises:
            NoSuchImage: it is not here.
            InvalidInput: a word that makes no sense.
            Conflict: the name is taken.
            TypeError: an argument that docker-py does not have either.
            Unsupported: one that it has, and pallet has not.

        Example:
            >>> container = engine.containers.create("httpd", name="apache", ports={"80/tcp": 8080})
            >>> container.start()
        """
        from pallet.ops.container_create import create_container

        options = create_options(image_id(image), command, words, _OUTPUTS)
        return self._container(create_container(self._engine, options))

    @overload
    def run(
        self,
        image: str | Image,
        command: Words | None = None,
        *,
        detach: Literal[False] = False,
        stream: Literal[False] = False,
        **words: Unpack[RunWords],
    ) -> bytes: ...

    @overload
    def run(
        self,
        image: str | Image,
        command: Words | None = None,
        *,
        detach: Literal[False] = False,
        stream: Literal[True],
        **words: Unpack[RunWords],
    ) -> Iterator[bytes]: ...

    @overload
    def run(
        self,
        image: str | Image,
        command: Words | None = None,
        *,
        detach: Literal[True],
        stream: bool = False,
        **words: Unpack[RunWords],
    ) -> Container: ...

    def run(
        self,
        image: str | Image,
        command: Words | None = None,
        stdout: bool = True,
        stderr: bool = False,
        remove: bool = False,
        *,
        detach: bool = False,
        stream: bool = False,
        platform: str | None = None,
        progress: Progress | None = None,
        **words: Unpack[CreateWords],
    ) -> bytes | Iterator[bytes] | Container:
        """Make a container, start it, and wait for its end.

        Args:
            image: an image, or the name or id of one; it is pulled if it is not here.
            command: replaces the image's command: one text, split as a shell would, or its words.
            stdout: return what it writes to standard output.
            stderr: return what it writes to standard error.
            remove: remove the container at its end, whatever happens.
            detach: do not wait.
            stream: return an iterator over pieces, each a line or a part of a long one; with docker-py's, too, it is
                only there when the container has ended.
            platform: `os[/arch[/variant]]` that the image has to be for.
            progress: is called with a `pallet.Event` for each step of the pull.
            **words: see `CreateWords`.

        Returns:
            What it wrote, nothing if its log driver keeps nothing; with `detach` the running container.

        Raises:
            ContainerError: it ended with an exit code that is not 0.
            RuntimeFailed: its command cannot be started.
            NotFound, Unauthorized, Unavailable: from the pull.
            InvalidInput: a word that makes no sense.
            Conflict: the name is taken.
            TypeError: an argument that docker-py does not have either.
            Unsupported: one that it has, and pallet has not.

        Example:
            >>> engine.containers.run("ubuntu", "echo hello", remove=True)
            b'hello\\n'
            >>> engine.containers.run("httpd", detach=True, ports={"80/tcp": 8080}, name="apache")
            <Container: 4f66a2b2ae2f>
        """
        from pallet.ops.container_run import run_detached

        remove = remove or words.get("auto_remove", False)
        # Who waits also reads the output, which the container must not take with it.
        words["auto_remove"] = remove and detach
        options = create_options(image_id(image), command, words, frozenset() if detach else _OUTPUTS)
        record = self._create_or_pull(options, platform, progress)
        container = self._container(record)
        if detach:
            run_detached(self._engine, record)
            return container
        try:
            container.start()
            code = container.wait()["StatusCode"]
            if code == 0:
                output = _written(container, stdout, stderr)
                return iter(output) if stream else b"".join(output)
            said = b"".join(_written(container, False, True))
        finally:
            if remove:
                _remove_if_there(container)
        what = " ".join((record.path, *record.args)) if command is None else command
        raise ContainerError(container, code, what, record.image_name, said)

    def prune(self, filters: Filters | None = None, *, dry_run: bool = False) -> dict[str, Any]:
        """Remove the containers that do not run.

        Args:
            filters: `until`, `label`, `label!`.
            dry_run: only tell what would go.

        Returns:
            `ContainersDeleted`, a list of ids, and `SpaceReclaimed`, bytes.

        Raises:
            InvalidInput: a bad filter.
        """
        from pallet.ops.container_prune import prune_containers

        pruned = prune_containers(self._engine, filters=filter_pairs(filters), dry_run=dry_run)
        return {"ContainersDeleted": [*pruned.removed], "SpaceReclaimed": pruned.reclaimed}

    def _create_or_pull(
        self, options: CreateOptions, platform: str | None, progress: Progress | None
    ) -> ContainerRecord:
        import msgspec

        from pallet.ops.container_create import create_container

        options = msgspec.structs.replace(options, platform=platform or "")
        try:
            return create_container(self._engine, options)
        except NoSuchImage:
            if options.image.startswith("sha256:"):  # an id, which no registry knows
                raise
        self._engine.images.pull(options.image, platform=platform, progress=progress)
        return create_container(self._engine, options)

    def _container(self, record: ContainerRecord) -> Container:
        return Container(self._engine, record.id, record.name)


def _written(container: Container, stdout: bool, stderr: bool) -> builtins.list[bytes]:
    """What a container that has ended wrote, in pieces; nothing if that was kept nowhere."""
    if not (stdout or stderr):
        return []
    try:
        return [*container.logs(stream=True, follow=False, stdout=stdout, stderr=stderr)]
    except Conflict:  # it has the log driver `none`
        return []


def _remove_if_there(container: Container) -> None:
    """Remove a container with its anonymous volumes, however it is; one that is gone is fine."""
    try:
        container.remove(v=True, force=True)
    except NoSuchContainer:
        return
