"""The linter's rules about the instructions of a stage, which depend on what came before."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Protocol

from pallet.dockerfile.expand import expansion
from pallet.dockerfile.graph import PlannedStage
from pallet.dockerfile.ignore import IgnoreRules
from pallet.dockerfile.instructions import (
    Add,
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    Healthcheck,
    Instruction,
    Label,
    Shell,
    Workdir,
)
from pallet.dockerfile.ports import exposed_port
from pallet.dockerfile.scope import Scope
from pallet.dockerfile.source import Lines, quoted
from pallet.dockerfile.stages import Dockerfile
from pallet.dockerfile.suggest import suggestion
from pallet.errors import InvalidInput

_EDGE = r"(?:_|^)(?:{})(?:_|$)"
_SECRET = re.compile(
    _EDGE.format("apikey|auth|credential|credentials|key|password|pword|passwd|secret|token"),
    re.IGNORECASE,
)
_NO_SECRET = re.compile(_EDGE.format("public|file|version"), re.IGNORECASE)
_ALL_OF_CONTEXT = ("*", "**", "**/*")
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Report(Protocol):
    """Takes a finding."""

    def __call__(self, rule: str, detail: str, lines: Lines, comments: tuple[str, ...] = ()) -> None: ...


class _State:
    """What a stage hands on to those that are FROM it."""

    def __init__(self, scope: Scope, *, all_known: bool, shell: bool = False, workdir: bool = False) -> None:
        self.scope = scope
        self.all_known = all_known
        self.shell = shell
        self.workdir = workdir

    def child(self) -> _State:
        return _State(self.scope.child(), all_known=self.all_known, shell=self.shell, workdir=self.workdir)


class StageChecker:
    """Goes through stages in the order of the file."""

    def __init__(
        self,
        report: Report,
        global_variables: Mapping[str, str],
        build_args: Mapping[str, str],
        dockerfile: Dockerfile,
        environments: Mapping[str, Mapping[str, str]],
        ignore: IgnoreRules | None,
    ) -> None:
        self._report = report
        self._globals = global_variables
        self._build_args = build_args
        self._dockerfile = dockerfile
        self._escape = dockerfile.escape
        self._environments = environments
        self._ignore = ignore
        self._states: dict[int, _State] = {}

    def stage(self, planned: PlannedStage) -> None:
        """Check one stage.

        Raises:
            DockerfileError: an instruction that does not expand.
        """
        if planned.base.kind == "context" and planned.base.name == planned.stage.name:
            return
        state = self._begun(planned)
        self._states[planned.stage.index] = state
        only_last: dict[str, Instruction] = {}
        for instruction in planned.stage.instructions:
            self._used_once(instruction, only_last)
            try:
                if isinstance(instruction, Expose):
                    self._expose(instruction, state.scope)
                expanded = state.scope.apply(instruction)
            except InvalidInput as error:
                raise self._dockerfile.fault(error, instruction.lines) from None
            if state.all_known:
                self._undefined(instruction, expanded.undefined, state.scope)
            self._instruction(expanded.instruction, state)

    def _begun(self, planned: PlannedStage) -> _State:
        base = planned.base
        if base.kind == "stage" and base.stage in self._states:
            return self._states[base.stage].child()
        known = base.kind == "scratch" or base.name in self._environments
        environment = {"PATH": _DEFAULT_PATH, **self._environments.get(base.name, {})}
        return _State(Scope(self._globals, self._build_args, environment, self._escape), all_known=known)

    def _used_once(self, instruction: Instruction, seen: dict[str, Instruction]) -> None:
        if not isinstance(instruction, Cmd | Entrypoint | Healthcheck):
            return
        before = seen.get(instruction.name)
        if before is not None:
            detail = (
                f"Multiple {instruction.keyword} instructions should not be used in the same stage "
                "because only the last one will be used"
            )
            self._report("MultipleInstructionsDisallowed", detail, before.lines, instruction.comments)
        seen[instruction.name] = instruction

    def _undefined(self, instruction: Instruction, names: frozenset[str], scope: Scope) -> None:
        for name in sorted(names):
            guess = suggestion(name, scope.variables)
            detail = f"Usage of undefined variable '${name}'" + (f" (did you mean ${guess}?)" if guess else "")
            self._report("UndefinedVar", detail, instruction.lines, instruction.comments)

    def _instruction(self, found: Instruction, state: _State) -> None:
        lines, comments = found.lines, found.comments
        match found:
            case Env() | Label():
                for pair in found.pairs:
                    if pair.legacy:
                        written = found.keyword
                        detail = f'"{written} key=value" should be used instead of legacy "{written} key value" format'
                        self._report("LegacyKeyValueFormat", detail, lines, comments)
                if isinstance(found, Env):
                    self._secrets(found, [pair.name for pair in found.pairs])
            case Arg():
                self._secrets(found, [definition.name for definition in found.definitions])
            case Cmd() | Entrypoint():
                if found.shell_form and not state.shell:
                    detail = (
                        f"JSON arguments recommended for {found.keyword} "
                        "to prevent unintended behavior related to OS signals"
                    )
                    self._report("JSONArgsRecommended", detail, lines, comments)
            case Shell():
                state.shell = True
            case Workdir():
                if not state.workdir and not found.path.startswith("/"):
                    detail = (
                        f"Relative workdir {quoted(found.path)} can have unexpected results if the base image changes"
                    )
                    self._report("WorkdirRelativePath", detail, lines, comments)
                state.workdir = True
            case Copy() | Add():
                self._ignored(found)
            case _:
                pass

    def _secrets(self, found: Env | Arg, names: list[str]) -> None:
        for name in names:
            if _SECRET.search(name) and not _NO_SECRET.search(name):
                detail = f"Do not use ARG or ENV instructions for sensitive data ({found.name} {quoted(name)})"
                self._report("SecretsUsedInArgOrEnv", detail, found.lines, found.comments)

    def _expose(self, found: Expose, scope: Scope) -> None:
        for text in found.ports:
            for word in expansion(text, scope.variables, escape=self._escape).words:
                port = exposed_port(word)
                if port.protocol != port.protocol.lower():
                    detail = f"Defined protocol '{word}' in EXPOSE instruction should be lowercase"
                    self._report("ExposeProtoCasing", detail, found.lines, found.comments)
                if port.mapped:
                    detail = f"EXPOSE instruction should not define an IP address or host-port mapping, found '{word}'"
                    self._report("ExposeInvalidFormat", detail, found.lines, found.comments)

    def _ignored(self, found: Copy | Add) -> None:
        rules = self._ignore
        # With exceptions, a directory may be ignored and something in it not.
        if rules is None or rules.has_exceptions or (isinstance(found, Copy) and found.source_stage):
            return
        verb = "Copy" if isinstance(found, Copy) else "Add"
        for source in found.sources:
            path = posixpath.normpath(source)
            if path in (".", "/", "//"):
                ignored = any(rule.pattern in _ALL_OF_CONTEXT for rule in rules.rules)
            else:
                ignored = rules.matches(path)
            if ignored:
                detail = f"Attempting to {verb} file {quoted(path)} that is excluded by .dockerignore"
                self._report("CopyIgnoredFile", detail, found.lines, found.comments)
