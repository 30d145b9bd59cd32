"""`docker build --check`: what is allowed in a Dockerfile, but should not be there.

Source: Docker's documentation, "Build checks"; behaviour checked against BuildKit's linter.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from pallet.dockerfile.checkstage import StageChecker
from pallet.dockerfile.expand import expand, expansion
from pallet.dockerfile.graph import Plan, PlannedStage, plan
from pallet.dockerfile.ignore import IgnoreRules
from pallet.dockerfile.instructions import Arg, From, Instruction, Maintainer
from pallet.dockerfile.rules import Finding, Options, parse_options
from pallet.dockerfile.scope import global_variables
from pallet.dockerfile.source import Lines, quoted
from pallet.dockerfile.stages import Dockerfile
from pallet.dockerfile.suggest import suggestion
from pallet.errors import DockerfileError, InvalidInput
from pallet.platform import parse as parse_platform
from pallet.reference import parse as parse_reference

_RESERVED = ("context", "scratch")


class CheckResult(msgspec.Struct, frozen=True):
    """What the linter found.

    Attributes:
        findings: by line.
        fails: whether the Dockerfile says that findings are errors, and there are any.
        error: what would fail a build before it begins, or None; findings behind it are missing.
    """

    findings: tuple[Finding, ...]
    fails: bool
    error: DockerfileError | None = None

    @property
    def failure(self) -> str:
        """The error of a build that findings fail."""
        rules = ", ".join(sorted({finding.rule for finding in self.findings}))
        return f"lint violation found for rules: {rules}"

    def render(self, dockerfile: Dockerfile) -> str:
        """What `docker build --check` prints: the findings, then the error, each with the lines."""
        found = "".join(finding.render(dockerfile.source, dockerfile.name) for finding in self.findings)
        return found + (f"\n{self.error.message}\n{self.error.excerpt}" if self.error else "")


def check(
    dockerfile: Dockerfile,
    *,
    predefined: Mapping[str, str],
    build_args: Mapping[str, str] | None = None,
    environments: Mapping[str, Mapping[str, str]] | None = None,
    ignore: IgnoreRules | None = None,
    target: str = "",
    contexts: Collection[str] = (),
    options: Options | None = None,
    needed: bool = False,
) -> CheckResult:
    """Check all stages of a Dockerfile, or those that a target needs.

    Args:
        predefined: what `scope.platform_arguments` gave.
        build_args: the build's arguments; BUILDKIT_DOCKERFILE_CHECK in them replaces the file's options.
        environments: the variables of base images, by their names in FROM. Where a base image is not known, nothing is
            said of undefined variables in the stage.
        ignore: the context's .dockerignore.
        target: the name of the target stage; all stages if it is empty.
        needed: with an empty one, too, only the stages that the last one needs.
        contexts: the names of additional contexts.
        options: instead of those of the file.

    Raises:
        InvalidInput: the options are wrong, or there is no such target.
    """
    given = build_args or {}
    chosen = options or parse_options(given.get("BUILDKIT_DOCKERFILE_CHECK", dockerfile.directives.check))
    checker = _Checker(dockerfile, chosen, predefined, given)
    checker.whole_file()
    error = None
    try:
        planned = plan(dockerfile, checker.globals(), target=target, contexts=contexts)
        checker.froms(planned)
        stages = StageChecker(checker.report, checker.globals(), given, dockerfile, environments or {}, ignore)
        for stage in planned.stages:
            if not (target or needed) or stage.stage.index in planned.needed:
                stages.stage(stage)
    except DockerfileError as why:
        error = why
    findings = tuple(sorted(checker.findings, key=lambda finding: finding.lines[0]))
    return CheckResult(findings, chosen.error and bool(findings), error)


class _Checker:
    """The rules about the file as a whole, and about FROM."""

    def __init__(
        self,
        dockerfile: Dockerfile,
        options: Options,
        predefined: Mapping[str, str],
        build_args: Mapping[str, str],
    ) -> None:
        self._dockerfile = dockerfile
        self._options = options
        self._predefined = predefined
        self._build_args = build_args
        self.findings: list[Finding] = []

    def globals(self) -> dict[str, str]:
        """The variables that FROM may use.

        Raises:
            DockerfileError: a default that does not expand.
        """
        return global_variables(self._dockerfile, self._predefined, self._build_args)

    def report(self, rule: str, detail: str, lines: Lines, comments: tuple[str, ...] = ()) -> None:
        """Note a finding, if the rule is on at this place."""
        if self._options.and_comments(comments).wants(rule):
            self.findings.append(Finding(rule, detail, lines))

    def whole_file(self) -> None:
        for warning in self._dockerfile.warnings:
            self.report("NoEmptyContinuation", warning.message, warning.lines)
        for instruction in self._all():
            self._spelling(instruction)
        self._stage_names()
        self._casing()
        self._default_bases()

    def _all(self) -> list[Instruction]:
        found: list[Instruction] = [*self._dockerfile.meta_args]
        for stage in self._dockerfile.stages:
            found += [stage.start, *stage.instructions]
        return found

    def _spelling(self, instruction: Instruction) -> None:
        lines, comments = instruction.lines, instruction.comments
        match instruction:
            case Maintainer():
                detail = "Maintainer instruction is deprecated in favor of using label"
                self.report("MaintainerDeprecated", detail, lines, comments)
            case From(words=(_, keyword, name)):
                if name != name.lower():
                    self.report("StageNameCasing", f"Stage name '{name}' should be lowercase", lines, comments)
                written = instruction.keyword
                if _lower_or_upper(written) and keyword != (keyword.lower() if written.islower() else keyword.upper()):
                    detail = f"'{keyword}' and '{written}' keywords' casing do not match"
                    self.report("FromAsCasing", detail, lines, comments)
                self._description(instruction, [instruction.alias])
            case Arg():
                self._description(instruction, [definition.name for definition in instruction.definitions])
            case _:
                pass

    def _description(self, instruction: Instruction, names: list[str]) -> None:
        if not instruction.comments or instruction.comments[-1].split(" ")[0] in names:
            return
        example = names[0] if len(names) == 1 else "<arg_key>"
        detail = f"Comment for {instruction.name} should follow the format: `# {example} <description>`"
        self.report("InvalidDefinitionDescription", detail, instruction.lines, instruction.comments)

    def _stage_names(self) -> None:
        seen: set[str] = set()
        for stage in self._dockerfile.stages:
            name, lines = stage.name, stage.start.lines
            if name in _RESERVED:
                detail = f"Stage name should not use the same name as reserved stage {quoted(name)}"
                self.report("ReservedStageName", detail, lines)
            if name in seen:
                detail = f"Duplicate stage name {quoted(name)}, stage names should be unique"
                self.report("DuplicateStageName", detail, lines)
            if name:
                seen.add(name)

    def _casing(self) -> None:
        counted = self._all()[len(self._dockerfile.meta_args) :]
        consistent = [found.keyword for found in counted if _lower_or_upper(found.keyword)]
        lower = sum(keyword == keyword.lower() for keyword in consistent)
        mostly_lower = lower > len(consistent) - lower
        for instruction in counted:
            keyword = instruction.keyword
            if keyword != (keyword.lower() if mostly_lower else keyword.upper()):
                casing = "lowercase" if mostly_lower else "uppercase"
                detail = f"Command '{keyword}' should match the case of the command majority ({casing})"
                self.report("ConsistentInstructionCasing", detail, instruction.lines)

    def _default_bases(self) -> None:
        """A FROM that makes no sense without the build's arguments."""
        try:
            defaults = global_variables(self._dockerfile, self._predefined, {})
            bases = [
                (stage.start, expand(stage.start.base, defaults, self._dockerfile.escape))
                for stage in self._dockerfile.stages
            ]
        except InvalidInput:
            return
        for start, base in bases:
            try:
                parse_reference(base)
            except InvalidInput:
                detail = f"Default value for ARG {start.base} results in empty or invalid base image name"
                self.report("InvalidDefaultArgInFrom", detail, start.lines)

    def froms(self, planned: Plan) -> None:
        declared = {definition.name for arg in self._dockerfile.meta_args for definition in arg.definitions}
        known = sorted(declared | self.globals().keys())
        for stage in planned.stages:
            start = stage.stage.start
            for name in stage.undefined:
                if name not in known:
                    guess = suggestion(name, known)
                    detail = f"FROM argument '{name}' is not declared" + (f" (did you mean {guess}?)" if guess else "")
                    self.report("UndefinedArgInFrom", detail, start.lines, start.comments)
            if start.platform:
                self._platform(stage, start)

    def _platform(self, planned: PlannedStage, start: From) -> None:
        found = expansion(start.platform, self.globals(), escape=self._dockerfile.escape)
        if found.used == {"TARGETPLATFORM"} and not found.undefined:
            if found.text == self.globals()["TARGETPLATFORM"]:
                why = "in FROM is redundant as this is the default behavior"
                detail = f"Setting platform to predefined {start.platform} {why}"
                self.report("RedundantTargetPlatform", detail, start.lines, start.comments)
        elif not found.used and not found.undefined:
            platform = parse_platform(found.text)
            if platform.os not in start.alias and platform.architecture not in start.alias:
                detail = f"FROM --platform flag should not use constant value {quoted(found.text)}"
                self.report("FromPlatformFlagConstDisallowed", detail, start.lines, start.comments)


def _lower_or_upper(word: str) -> bool:
    return word in (word.lower(), word.upper())
