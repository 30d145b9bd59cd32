"""Every error pallet raises on purpose.

One root, few kinds. A kind says what sort of thing went wrong; the CLI maps kinds to exit codes in one place, and each
has docker's HTTP status. The message is docker's own text wherever docker has one: docker's clients match on it.

    PalletError
    ├── APIError                  refused or failed; the name is docker-py's
    │   ├── InvalidInput          the caller's words are wrong              (400)
    │   │   ├── InvalidReference  not a valid image reference
    │   │   ├── InvalidDigest     not a valid digest
    │   │   ├── DockerfileError   a Dockerfile is wrong, at known lines
    │   │   │   └── BuildError    the same, with what the build printed; for callers of the library
    │   │   └── TemplateError     a --format template does not parse or run
    │   ├── Unauthorized          credentials are missing or refused        (401)
    │   ├── Forbidden             known, and not allowed                    (403)
    │   ├── NotFound              no such object                            (404)
    │   │   ├── NoSuchImage
    │   │   │   └── NotForPlatform
    │   │   └── NoSuchContainer
    │   ├── Conflict              the object's state forbids it             (409)
    │   ├── Unsupported           pallet or this machine cannot do it       (501)
    │   ├── Unavailable           a registry or network does not answer     (503)
    │   ├── Integrity             bytes are not what their digest says      (500)
    │   │   └── UnsafeArchive     a tar that tries what no tar may
    │   └── HostError             the machine failed us (disk, mount, ...)  (500)
    │       └── RuntimeFailed     the OCI runtime could not start a process
    └── ContainerError            a container's command failed; for callers of the library
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


class PalletError(Exception):
    """The root of all errors raised on purpose.

    Args:
        message: one sentence, docker's own where docker has one.
        hint: what the user can do next, if anything; shown on a line of its own.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class APIError(PalletError):
    """The engine refused an operation, or failed at it. The name is docker-py's.

    Attributes:
        status_code: the HTTP status that docker's daemon has for this kind of error.
    """

    status_code = 500

    @property
    def explanation(self) -> str:
        """The message, by docker-py's name."""
        return self.message


class InvalidInput(APIError):
    """The caller's words are wrong."""

    status_code = 400


class InvalidReference(InvalidInput):
    """Not a valid image reference."""


class InvalidDigest(InvalidInput):
    """Not a valid digest."""


class DockerfileError(InvalidInput):
    """A Dockerfile is wrong in one place.

    Args:
        message: what is wrong, as BuildKit says it.
        file: the name of the Dockerfile.
        lines: the first and the last line at fault, counted from 1; (0, 0) for the file as a whole.
        excerpt: those lines with their neighbours, as docker prints them; may be empty.
    """

    def __init__(self, message: str, *, file: str, lines: tuple[int, int] = (0, 0), excerpt: str = "") -> None:
        super().__init__(message)
        self.file = file
        self.lines = lines
        self.excerpt = excerpt


class BuildError(DockerfileError):
    """A build failed. The library's `images.build` raises it.

    Args:
        cause: what is wrong, and where.
        build_log: what the build printed until then, as docker's JSON objects: `{"stream": text}`.
    """

    def __init__(self, cause: DockerfileError, build_log: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(cause.message, file=cause.file, lines=cause.lines, excerpt=cause.excerpt)
        self.hint = cause.hint
        self.build_log = build_log

    @property
    def msg(self) -> str:
        """The message, by docker-py's name."""
        return self.message


class TemplateError(InvalidInput):
    """A Go template does not parse, or fails while it runs."""


class Unauthorized(APIError):
    """Credentials are missing or were refused."""

    status_code = 401


class Forbidden(APIError):
    """The other side knows who asks, and refuses."""

    status_code = 403


class NotFound(APIError):
    """No such object."""

    status_code = 404


class NoSuchImage(NotFound):
    """No image has this name or id.

    Args:
        name: what the user typed.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"No such image: {name}")


class NotForPlatform(NoSuchImage):
    """The image is here, but for another platform.

    Args:
        name: what the user typed.
        wanted: the platform asked for.
        actual: the image's.
    """

    def __init__(self, name: str, wanted: str, actual: str) -> None:
        what = f"image with reference {name} was found but does not match the specified platform"
        NotFound.__init__(self, f"{what}: wanted {wanted}, actual: {actual}")


class NoSuchContainer(NotFound):
    """No container has this name or id.

    Args:
        name: what the user typed.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"No such container: {name}")


class Conflict(APIError):
    """The object's state forbids the operation."""

    status_code = 409


class Unsupported(APIError):
    """pallet, or this machine, cannot do it."""

    status_code = 501


class Unavailable(APIError):
    """A registry or a network does not answer, or answers nonsense."""

    status_code = 503


class ContainerError(PalletError):
    """A container's command ended with an exit code that is not 0. The library's `run` raises it; the command line
    passes the code on. Text and attributes are docker-py's.

    Args:
        container: the `pallet.Container`; it may be removed by now.
        exit_status: the exit code.
        command: what the caller said is to run, or what the image says.
        image: what the caller called the image.
        stderr: what it wrote to standard error.
    """

    def __init__(
        self, container: Any, exit_status: int, command: str | Sequence[str], image: str, stderr: bytes
    ) -> None:
        said = stderr.decode(errors="replace").strip()
        text = f"Command '{command}' in image '{image}' returned non-zero exit status {exit_status}"
        super().__init__(f"{text}: {said}" if said else text)
        self.container = container
        self.exit_status = exit_status
        self.command = command
        self.image = image
        self.stderr = stderr


class Integrity(APIError):
    """Bytes are not what their digest, size or format promises."""


class UnsafeArchive(Integrity):
    """A tar tries to do what no layer may do."""


class HostError(APIError):
    """The machine failed us: disk, mount, permission, a missing program."""


class RuntimeFailed(HostError):
    """The OCI runtime could not create or start the process.

    Args:
        message: what the runtime said.
        exit_code: docker's exit code for it: 125, 126 (cannot be invoked) or 127 (not found).
    """

    def __init__(self, message: str, *, exit_code: int = 125, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code
        self.status_code = 400 if exit_code in (126, 127) else 500


# docker-py's names of errors that have other names here.
DockerException = PalletError
ImageNotFound = NoSuchImage
InvalidArgument = InvalidInput
