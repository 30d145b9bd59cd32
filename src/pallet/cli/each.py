"""Commands that do the same to each of several objects: what fails is reported, the rest is still done."""

from __future__ import annotations

from pallet.errors import PalletError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pallet.cli.context import Context
    from pallet.cli.failure import Fail


def for_each(ctx: Context, names: Iterable[str], act: Callable[[str], None], fail: Fail) -> int:
    """Call `act` for each name; errors are printed behind everything else, as docker's client does.

    Returns:
        The exit code: 0, or that of the last failure.
    """
    code = 0
    texts: list[str] = []
    for name in names:
        try:
            act(name)
        except PalletError as error:
            text, code = fail(error)
            texts.append(text)
            if error.hint:
                texts.append(f"hint: {error.hint}")
    for text in texts:
        ctx.warn(text)
    return code


def name_each(ctx: Context, names: Iterable[str], act: Callable[[str], None], fail: Fail) -> int:
    """As `for_each`, and print each name as soon as it is done."""

    def act_and_print(name: str) -> None:
        act(name)
        ctx.print(name)
        ctx.stdout.flush()

    return for_each(ctx, names, act_and_print, fail)
