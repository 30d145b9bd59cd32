"""The instructions of a Dockerfile, as values.

What may hold variables holds them still; `expansion.expand_instruction` gives the instruction with their values.
Source: Dockerfile reference.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from pallet.dockerfile.heredoc import Heredoc, heredoc_of
from pallet.dockerfile.mounts import Mount
from pallet.dockerfile.source import Lines
from pallet.dockerfile.words import Pair
from pallet.oci.config import Healthcheck as Check


class _Instruction(msgspec.Struct, frozen=True, kw_only=True, tag_field="instruction", tag=str.upper):
    """What all instructions have.

    Attributes:
        keyword: as it was written, in any case.
        text: the instruction as it was written, continuations joined, heredocs' contents left out.
        lines: where it stands.
        comments: the comment lines right above it.
    """

    keyword: str
    text: str
    lines: Lines
    comments: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The keyword in capital letters."""
        return self.keyword.upper()


class From(_Instruction, frozen=True, kw_only=True):
    """`FROM [--platform=p] base [AS alias]`: a new stage. The alias is in small letters, "" if there is none."""

    base: str
    alias: str = ""
    platform: str = ""
    words: tuple[str, ...] = ()


class Definition(msgspec.Struct, frozen=True):
    """One `name` or `name=default` of ARG; the value is None where there is no default."""

    name: str
    value: str | None = None


class Arg(_Instruction, frozen=True, kw_only=True):
    """`ARG name[=default] ...`"""

    definitions: tuple[Definition, ...]


class Env(_Instruction, frozen=True, kw_only=True):
    """`ENV name=value ...`"""

    pairs: tuple[Pair, ...]


class Label(_Instruction, frozen=True, kw_only=True):
    """`LABEL name=value ...`"""

    pairs: tuple[Pair, ...]


class Run(_Instruction, frozen=True, kw_only=True):
    """`RUN`, in shell form or exec form.

    Attributes:
        command: the words of the exec form, or the one text of the shell form (none for a bare RUN).
        shell_form: whether the stage's shell runs the command.
        heredocs: those of the command.
        mount_flags: the `--mount` options as written, variables in them.
        mounts: the same, understood; there once the instruction is expanded.
        network: `default`, `none` or `host`.
        security: `sandbox` or `insecure`.
        devices: the `--device` options as written.
    """

    command: tuple[str, ...]
    shell_form: bool
    heredocs: tuple[Heredoc, ...] = ()
    mount_flags: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    network: str = "default"
    security: str = "sandbox"
    devices: tuple[str, ...] = ()

    @property
    def script(self) -> Heredoc | None:
        """The heredoc that is the whole command and brings its own interpreter (`#!`), if there is one."""
        lone = self._lone_heredoc()
        return lone if lone is not None and lone.text.startswith("#!") else None

    @property
    def shell_text(self) -> str:
        """What the stage's shell is given: a lone heredoc's contents, or the command with its heredocs behind it."""
        lone = self._lone_heredoc()
        if lone is not None:
            return lone.text
        parts = [" ".join(self.command)]
        for heredoc in self.heredocs:
            parts.append(heredoc.content + heredoc.name)
        return "\n".join(parts)

    def _lone_heredoc(self) -> Heredoc | None:
        if not self.shell_form or not self.heredocs or heredoc_of(self.command[0]) is None:
            return None
        return self.heredocs[0]


class InlineFile(msgspec.Struct, frozen=True):
    """A file that COPY or ADD makes from a heredoc; `expand` says whether variables in its contents are."""

    name: str
    content: str
    expand: bool = True


class Copy(_Instruction, frozen=True, kw_only=True):
    """`COPY [flags] source ... destination`; `source_stage` is what --from names: a stage, a context or an image."""

    sources: tuple[str, ...]
    destination: str
    files: tuple[InlineFile, ...] = ()
    source_stage: str = ""
    chown: str = ""
    chmod: str = ""
    link: bool = False
    parents: bool = False
    exclude: tuple[str, ...] = ()


class Add(_Instruction, frozen=True, kw_only=True):
    """`ADD [flags] source ... destination`; `keep_git_dir` and `unpack` are None where not said."""

    sources: tuple[str, ...]
    destination: str
    files: tuple[InlineFile, ...] = ()
    chown: str = ""
    chmod: str = ""
    link: bool = False
    exclude: tuple[str, ...] = ()
    checksum: str = ""
    keep_git_dir: bool | None = None
    unpack: bool | None = None


class Expose(_Instruction, frozen=True, kw_only=True):
    """`EXPOSE port ...`, sorted as docker does; `80/tcp` each once the instruction is expanded."""

    ports: tuple[str, ...]


class Volume(_Instruction, frozen=True, kw_only=True):
    """`VOLUME path ...`"""

    paths: tuple[str, ...]


class User(_Instruction, frozen=True, kw_only=True):
    """`USER user[:group]`"""

    user: str


class Workdir(_Instruction, frozen=True, kw_only=True):
    """`WORKDIR path`"""

    path: str


class Shell(_Instruction, frozen=True, kw_only=True):
    """`SHELL ["executable", ...]`"""

    command: tuple[str, ...]


class Cmd(_Instruction, frozen=True, kw_only=True):
    """`CMD`: the words of the exec form, or the one text of the shell form (none for a bare CMD)."""

    command: tuple[str, ...]
    shell_form: bool


class Entrypoint(_Instruction, frozen=True, kw_only=True):
    """`ENTRYPOINT`: as CMD."""

    command: tuple[str, ...]
    shell_form: bool


class Healthcheck(_Instruction, frozen=True, kw_only=True):
    """`HEALTHCHECK`, as it goes into the config."""

    check: Check


class Stopsignal(_Instruction, frozen=True, kw_only=True):
    """`STOPSIGNAL signal`"""

    signal: str


class Onbuild(_Instruction, frozen=True, kw_only=True):
    """`ONBUILD instruction`: the text that goes into the config, heredocs with it."""

    trigger: str


class Maintainer(_Instruction, frozen=True, kw_only=True):
    """`MAINTAINER name`"""

    maintainer: str


Instruction: TypeAlias = (
    From
    | Arg
    | Env
    | Label
    | Run
    | Copy
    | Add
    | Expose
    | Volume
    | User
    | Workdir
    | Shell
    | Cmd
    | Entrypoint
    | Healthcheck
    | Stopsignal
    | Onbuild
    | Maintainer
)
