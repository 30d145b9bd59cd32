"""Commands that report progress and fail in the middle of it.

docker's client prints an error that reaches it within the stream as it is, one that comes before as the daemon's.
"""

from __future__ import annotations

from pallet.cli.failure import Failure
from pallet.errors import PalletError
from pallet.progress import Event, silent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from pallet.cli.context import Context
    from pallet.cli.progress import ProgressPrinter


class Reporting:
    """Draws progress on standard output. Use it as a context; call it with events.

    Args:
        ctx: where to.
        quiet: draw nothing.
        bare_errors: print any error as it is, not only those that come after the first event.
    """

    def __init__(self, ctx: Context, *, quiet: bool = False, bare_errors: bool = False) -> None:
        self._started = bare_errors
        self._printer: ProgressPrinter | None = None
        if not quiet:
            from pallet.cli.progress import ProgressPrinter

            self._printer = ProgressPrinter(ctx.stdout, ctx.is_terminal(), ctx.columns())
        self._draw = self._printer or silent

    def __call__(self, event: Event) -> None:
        self._started = True
        self._draw(event)

    def __enter__(self) -> Reporting:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._printer is not None:
            self._printer.close()
        if self._started and isinstance(error, PalletError) and not isinstance(error, Failure):
            raise Failure(error.message, exit_code=1, hint=error.hint) from error
