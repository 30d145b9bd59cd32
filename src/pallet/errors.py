"""Every error pallet raises on purpose.

One root, few kinds. A kind says what sort of thing went wrong; the CLI maps kinds to exit codes and the HTTP API maps
them to statuses, each in one place. The message is docker's own text wherever docker has one, because docker's clients
match on it.

    PalletError
    ├── InvalidInput          the caller's words are wrong              (400)
    │   ├── InvalidReference  not a valid image reference
    │   ├── InvalidDigest     not a valid digest
    │   ├── DockerfileError   a Dockerfile is wrong, at known lines
    │   └── TemplateError     a --format template does not parse or run
    ├── Unauthorized          credentials are missing or refused        (401)
    ├── Forbidden             known, and not allowed                    (403)
    ├── NotFound              no such object                            (404)
    │   ├── NoSuchImage
    │   └── NoSuchContainer
    ├── Conflict              the object's state forbids it             (409)
    ├── Unsupported           pallet or this machine cannot do it       (501)
    ├── Unavailable           a registry or network does not answer     (503)
    ├── ContainerError        a container's command failed, for callers of the library
    ├── Integrity             bytes are not what their digest says      (500)
    │   └── UnsafeArchive     a tar that tries what no tar may
    └── HostError             the machine failed us (disk, mount, ...)  (500)
        └── RuntimeFailed     the OCI runtime could not start a process
"""

from __future__ import annotations


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


class InvalidInput(PalletError):
    """The caller's words are wrong."""


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


class TemplateError(InvalidInput):
    """A Go template does not parse, or fails while it runs."""


class Unauthorized(PalletError):
    """Credentials are missing or were refused."""


class Forbidden(PalletError):
    """The other side knows who asks, and refuses."""


class NotFound(PalletError):
    """No such object."""


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


class Conflict(PalletError):
    """The object's state forbids the operation."""


class Unsupported(PalletError):
    """pallet, or this machine, cannot do it."""


class Unavailable(PalletError):
    """A registry or a network does not answer, or answers nonsense."""


class ContainerError(PalletError):
    """A container's command ended with an exit code that is not 0. The library's `run` raises it; the command line
    passes the code on.

    Args:
        command: what ran, for people.
        image: what the caller called the image.
        container: the container's full id; it may be removed by now.
        exit_status: the exit code.
        stderr: what it wrote to standard error.
    """

    def __init__(self, command: str, image: str, *, container: str, exit_status: int, stderr: bytes) -> None:
        said = stderr.decode(errors="replace").strip()
        super().__init__(f"{command} in {image} exited with {exit_status}" + (f": {said}" if said else ""))
        self.command = command
        self.image = image
        self.container = container
        self.exit_status = exit_status
        self.stderr = stderr


class Integrity(PalletError):
    """Bytes are not what their digest, size or format promises."""


class UnsafeArchive(Integrity):
    """A tar tries to do what no layer may do."""


class HostError(PalletError):
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
