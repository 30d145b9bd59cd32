"""`pallet system boot`: start what has to run after a boot. The unit of generate-systemd calls it."""

from __future__ import annotations

from pallet.cli.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.errors import PalletError
    from pallet.store.container_record import ContainerRecord


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.boot import start_at_boot

    failures = []

    def failed(record: ContainerRecord, error: PalletError) -> None:
        failures.append(record.name)
        ctx.warn(f"{record.name}: {error.message}")

    for name in start_at_boot(ctx.engine, failed):
        ctx.print(name)
    return 1 if failures else 0


COMMAND = Command(
    "boot",
    "Start the containers whose restart policy wants it",
    _run,
    args=(0, 0),
)
