"""`build --call`: what a Dockerfile offers and how good it is, as text or as JSON, instead of a build.

Source: `docker buildx build --call`; BuildKit's frontend subrequests for the JSON.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence

import msgspec

from pallet.cli.context import Context
from pallet.cli.failure import Failure
from pallet.cli.table import render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.build.context import Context as BuildContext
    from pallet.build.options import BuildOptions
    from pallet.dockerfile.check import CheckResult
    from pallet.dockerfile.outline import Needed, Outline, Target
    from pallet.dockerfile.source import Lines
    from pallet.dockerfile.stages import Dockerfile

_CHECKS = ("check", "lint")
_CALLS = ("build", *_CHECKS, "outline", "targets")
_TRUE, _FALSE = ("1", "t", "true"), ("0", "f", "false")


class Call(msgspec.Struct, frozen=True):
    """What is asked for; with `lenient`, findings of the linter are no failure."""

    name: str
    json: bool = False
    lenient: bool = False


class _Position(msgspec.Struct, frozen=True):
    line: int


class _Range(msgspec.Struct, frozen=True):
    start: _Position
    end: _Position


class _Location(msgspec.Struct, frozen=True, omit_defaults=True):
    ranges: tuple[_Range, ...] = ()


class _Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A target, an argument, a secret or an agent."""

    name: str = ""
    default: bool = False
    description: str = ""
    value: str = ""
    base: str = ""
    platform: str = ""
    required: bool = False
    location: _Location = _Location()


class _Targets(msgspec.Struct, frozen=True):
    targets: tuple[_Entry, ...]
    sources: tuple[bytes, ...]


class _Outline(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str = ""
    description: str = ""
    args: tuple[_Entry, ...] = ()
    secrets: tuple[_Entry, ...] = ()
    ssh: tuple[_Entry, ...] = ()
    sources: tuple[bytes, ...] = ()


class _Warning(msgspec.Struct, frozen=True, rename="camel"):
    rule_name: str
    url: str
    detail: str
    location: _Location


class _Source(msgspec.Struct, frozen=True):
    filename: str
    data: bytes
    language: str = "Dockerfile"


class _Error(msgspec.Struct, frozen=True):
    message: str
    location: _Location


class _Lint(msgspec.Struct, frozen=True, rename="camel"):
    warnings: tuple[_Warning, ...]
    sources: tuple[_Source, ...]
    build_error: _Error | msgspec.UnsetType = msgspec.UNSET


def parse_call(text: str) -> Call:
    """Read `NAME[,format=json][,ignorestatus=true]`; the name is `build` where there is none.

    Raises:
        Failure: an unknown name or field, with buildx's text where it has one.
    """
    name, as_json, lenient = "", False, False
    for field in next(csv.reader([text]), []):
        key, equals, value = field.partition("=")
        if not equals:
            if name:
                raise Failure(f"invalid print value: {text}", exit_code=1)
            name = field
        elif key == "format":
            as_json = value == "json"
        elif key == "ignorestatus":
            if value.lower() not in (*_TRUE, *_FALSE):
                raise Failure(f"invalid ignorestatus print value: {value}", exit_code=1)
            lenient = value.lower() in _TRUE
        else:
            raise Failure(f"invalid print field: {field}", exit_code=1)
    name = name or "build"
    if name not in _CALLS:
        raise Failure(f"--call {name} is not supported: use build, check, outline or targets", exit_code=1)
    return Call(name, as_json, lenient)


def answer(ctx: Context, call: Call, options: BuildOptions, context: BuildContext) -> int:
    """Print what is asked for; gives the exit code.

    Raises:
        DockerfileError, InvalidInput: as the build would.
    """
    from pallet.build.calls import lint, list_arguments, list_targets

    if call.name in _CHECKS:
        dockerfile, result = lint(ctx.engine, context, options)
        said = _json(_lint(dockerfile, result)) if call.json else _lint_text(dockerfile, result)
        ctx.stdout.write(said)
        failed = bool(result.findings) or result.error is not None
        return int(failed and (not call.lenient or result.error is not None))
    if call.name == "targets":
        dockerfile, targets = list_targets(context, options)
        ctx.stdout.write(_json(_targets(dockerfile, targets)) if call.json else _targets_text(targets))
    else:
        dockerfile, outline = list_arguments(ctx.engine, context, options)
        ctx.stdout.write(_json(_outline(dockerfile, outline)) if call.json else _outline_text(outline))
    return 0


def _lint_text(dockerfile: Dockerfile, result: CheckResult) -> str:
    count = len(result.findings)
    if not count and result.error is None:
        return "Check complete, no warnings found.\n"
    many = f"{count} warnings have" if count != 1 else "1 warning has"
    return (f"Check complete, {many} been found!\n" if count else "") + result.render(dockerfile)


def _lint(dockerfile: Dockerfile, result: CheckResult) -> _Lint:
    warnings = tuple(_Warning(each.rule, each.address, each.detail, _location(each.lines)) for each in result.findings)
    error: _Error | msgspec.UnsetType = msgspec.UNSET
    if result.error is not None:
        error = _Error(result.error.message, _location(result.error.lines) if result.error.lines else _Location())
    return _Lint(warnings, (_Source(dockerfile.name, _raw(dockerfile)),), error)


def _targets_text(targets: Sequence[Target]) -> str:
    rows = []
    for each in targets:
        default = "(default)" if each.default else ""
        rows.append((f"{each.name} {default}".strip(), each.description))
    return _table(("TARGET", "DESCRIPTION"), rows, gap=1)


def _targets(dockerfile: Dockerfile, targets: Sequence[Target]) -> _Targets:
    entries = (
        _Entry(
            each.name,
            each.default,
            each.description,
            base=each.base,
            platform=each.platform,
            location=_location(each.lines),
        )
        for each in targets
    )
    return _Targets(tuple(entries), (_raw(dockerfile),))


def _outline_text(outline: Outline) -> str:
    parts = []
    if outline.name or outline.description:
        about = [("DESCRIPTION:", outline.description)] if outline.description else []
        parts.append(_table(("TARGET:", outline.name or "(default)"), about, gap=1))
    if outline.arguments:
        rows = [(each.name, each.value, each.description) for each in outline.arguments]
        parts.append(_table(("BUILD ARG", "VALUE", "DESCRIPTION"), rows))
    for title, needed in (("SECRET", outline.secrets), ("SSH", outline.agents)):
        if needed:
            words = [(each.name, "true" if each.required else "") for each in needed]
            parts.append(_table((title, "REQUIRED"), words))
    return "".join(f"{part}\n" for part in parts)


def _outline(dockerfile: Dockerfile, outline: Outline) -> _Outline:
    arguments = (
        _Entry(each.name, description=each.description, value=each.value, location=_location(each.lines))
        for each in outline.arguments
    )
    return _Outline(
        outline.name,
        outline.description,
        tuple(arguments),
        _needed(outline.secrets),
        _needed(outline.agents),
        (_raw(dockerfile),),
    )


def _needed(found: Sequence[Needed]) -> tuple[_Entry, ...]:
    return tuple(_Entry(each.name, required=each.required, location=_location(each.lines)) for each in found)


def _location(lines: Lines) -> _Location:
    return _Location((_Range(_Position(lines[0]), _Position(lines[1])),))


def _raw(dockerfile: Dockerfile) -> bytes:
    return dockerfile.source.encode("utf-8", "surrogateescape")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], *, gap: int = 3) -> str:
    return render(header, rows, narrowest=0, gap=gap)


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"
