"""`inspect`: several objects as one JSON array, or each through a template.

Source: docker/cli, cli/command/inspect/inspector.go: the template runs on the typed object first and, if that fails, on
the object's JSON; what is missing is reported behind what was found.
"""

from __future__ import annotations

from pallet.cli.failure import Failure
from pallet.errors import PalletError, TemplateError
from pallet.oci.quickjson import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pallet.cli.context import Context
    from pallet.cli.failure import Fail

    Found = tuple[Callable[[], object], dict[str, Any]]
    """An object as docker's JSON object, and before that what gives it as a typed Go value, for templates."""


def inspect_each(
    ctx: Context,
    names: list[str],
    find: Callable[[str], Found],
    *,
    template: str,
    fail: Fail,
    typed_only: bool = False,
) -> int:
    """Print the objects with these names.

    Args:
        ctx: where to.
        names: what the user asked for.
        find: the object with a name; raises PalletError if there is none.
        template: `--format`, empty or `json` for JSON.
        fail: how errors are worded.
        typed_only: whether the template never runs on the JSON.

    Returns:
        The exit code.
    """
    found: list[Found] = []
    failures: list[tuple[str, int]] = []
    for name in names:
        try:
            found.append(find(name))
        except PalletError as error:
            failures.append(fail(error))
    if template and template != "json":
        ctx.stdout.write(_through_template(template, found, failures, typed_only) or "\n")
    else:
        ctx.print(write([plain for _, plain in found], indent=None if template else 4))
    for text, _ in failures:
        ctx.warn(text)
    return failures[-1][1] if failures else 0


def _through_template(source: str, found: list[Found], failures: list[tuple[str, int]], typed_only: bool) -> str:
    from pallet.gotemplate import parse

    try:
        template = parse(source)
    except TemplateError as error:
        raise Failure(f"template parsing error: {error.message}", exit_code=64) from None
    out = ""
    for typed, plain in found:
        try:
            out += template.execute(typed()) + "\n"
        except TemplateError as first:
            try:
                if typed_only:
                    raise first
                out += template.execute(_numbers(plain), missing_key="error") + "\n"
            except TemplateError as error:
                failures.insert(0, (f"template parsing error: {error.message}", 1))
                break
    return out


def _numbers(value: Any) -> Any:
    """JSON data as docker's fallback sees it: numbers keep their text."""
    from pallet.gotemplate import GoJsonNumber

    if isinstance(value, dict):
        return {key: _numbers(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_numbers(each) for each in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return GoJsonNumber(str(value))
    return value
