"""Which variables are known where: predefined ones, ARGs before the first FROM, and a stage's ARG and ENV.

Source: Dockerfile reference, "Understand how ARG and FROM interact", "Scope", "Predefined ARGs" and "Automatic platform
ARGs in the global scope"; behaviour checked against BuildKit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from pallet.dockerfile.expand import expansion
from pallet.dockerfile.expansion import Expanded, expand_instruction
from pallet.dockerfile.instructions import Arg, Definition, Env, Instruction
from pallet.dockerfile.stages import Dockerfile
from pallet.errors import InvalidInput
from pallet.platform import Platform

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
_NOT_IN_ENVIRONMENT = ("BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE")


def platform_arguments(
    target: Platform,
    build: Platform,
    *,
    overrides: Mapping[str, str] | None = None,
    stage: str = "",
) -> dict[str, str]:
    """The ARGs that are there without being declared before FROM, and in a stage once it declares them.

    Args:
        target: what is built for.
        build: what is built on.
        overrides: the build's arguments, which win.
        stage: the name of the target stage.
    """
    found = {
        "BUILDPLATFORM": str(build),
        "BUILDOS": build.os,
        "BUILDOSVERSION": build.os_version,
        "BUILDARCH": build.architecture,
        "BUILDVARIANT": build.variant,
        "TARGETPLATFORM": str(target),
        "TARGETOS": target.os,
        "TARGETOSVERSION": target.os_version,
        "TARGETARCH": target.architecture,
        "TARGETVARIANT": target.variant,
        "TARGETSTAGE": stage or "default",
    }
    given = overrides or {}
    return {name: given.get(name, value) for name, value in found.items()}


def proxy_variables(build_args: Mapping[str, str]) -> dict[str, str]:
    """What RUN gets of the build's arguments without any ARG, in both cases, kept out of history and cache keys."""
    found: dict[str, str] = {}
    for name, value in sorted(build_args.items()):
        if name.upper() in _PROXIES:
            found[name.upper()] = value
            found[name.lower()] = value
    return found


def global_variables(
    dockerfile: Dockerfile,
    predefined: Mapping[str, str],
    build_args: Mapping[str, str],
) -> dict[str, str]:
    """The variables that FROM may use: the predefined ones, and the ARGs before the first FROM.

    Raises:
        DockerfileError: a default that does not expand.
    """
    definitions = (each for _, each, _ in global_definitions(dockerfile, predefined, build_args))
    return {**predefined, **{each.name: each.value for each in definitions if each.value is not None}}


def global_definitions(
    dockerfile: Dockerfile,
    predefined: Mapping[str, str],
    build_args: Mapping[str, str],
) -> Iterator[tuple[Arg, Definition, frozenset[str]]]:
    """The ARGs before the first FROM, in order: each with its value, and the variables that its default uses.

    Raises:
        DockerfileError: a default that does not expand.
    """
    found = dict(predefined)
    for instruction in dockerfile.meta_args:
        for definition in instruction.definitions:
            value, used = definition.value, frozenset[str]()
            if definition.name in build_args:
                value = build_args[definition.name]
            elif value is not None:
                try:
                    result = expansion(value, found, escape=dockerfile.escape)
                except InvalidInput as error:
                    raise dockerfile.fault(error, instruction.lines) from None
                value, used = result.text, result.used
            if value is not None:
                found[definition.name] = value
            yield instruction, Definition(definition.name, value), used


class Scope:
    """The variables of a stage, while its instructions are gone through in order.

    Attributes:
        environment: what ENV set and the base image brought: what goes into the config.
        variables: the same and the values of ARGs: what expansion and RUN see.

    Args:
        global_variables: what `global_variables` gave.
        build_args: the build's arguments.
        environment: the base image's variables.
        escape: the Dockerfile's escape character.
    """

    def __init__(
        self,
        global_variables: Mapping[str, str],
        build_args: Mapping[str, str],
        environment: Mapping[str, str],
        escape: str = "\\",
    ) -> None:
        self._globals = global_variables
        self._build_args = build_args
        self._escape = escape
        self._arguments: dict[str, str] = {}
        self.environment = dict(environment)
        self.variables = dict(environment)

    def child(self) -> Scope:
        """The scope of a stage that is FROM this one, as it is now: ARGs are inherited, too."""
        scope = Scope(self._globals, self._build_args, self.environment, self._escape)
        scope.variables = dict(self.variables)
        scope._arguments = dict(self._arguments)
        return scope

    @property
    def arguments(self) -> dict[str, str]:
        """The ARGs declared so far, in order, with what their names mean by now: what `|1 a=b` in history lists."""
        return {name: self.variables.get(name, value) for name, value in self._arguments.items()}

    def apply(self, instruction: Instruction) -> Expanded:
        """Expand an instruction, and know what it defines from then on.

        Raises:
            InvalidInput: as `expand_instruction`.
        """
        if isinstance(instruction, Arg):
            return self._argument(instruction)
        expanded = expand_instruction(instruction, self.variables, self._escape)
        undefined = expanded.undefined.difference(self._arguments, _NOT_IN_ENVIRONMENT)
        if isinstance(expanded.instruction, Env):
            values = {pair.name: pair.value for pair in expanded.instruction.pairs}
            self.environment |= values
            self.variables |= values
        return Expanded(expanded.instruction, frozenset(undefined))

    def _argument(self, instruction: Arg) -> Expanded:
        definitions: list[Definition] = []
        undefined: set[str] = set()
        for definition in instruction.definitions:
            name, value = definition.name, definition.value
            if name in self._build_args:
                value = self._build_args[name]
            elif value is not None:
                result = expansion(value, self.variables, escape=self._escape)
                undefined |= result.undefined.difference(self._arguments)
                value = result.text
            else:
                value = self._globals.get(name)
            if value is not None and name not in _NOT_IN_ENVIRONMENT:
                self.variables[name] = value
            self._arguments[name] = value or ""
            definitions.append(Definition(name, value))
        return Expanded(msgspec.structs.replace(instruction, definitions=tuple(definitions)), frozenset(undefined))
