"""`pallet container update`: other limits for containers that exist."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.container.create_flags import RESTART_POLICIES
from pallet.cli.failure import Failure, from_daemon

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

_FIELDS = {
    "blkio-weight": "blkio_weight",
    "cpu-period": "cpu_period",
    "cpu-quota": "cpu_quota",
    "cpu-rt-period": "cpu_rt_period",
    "cpu-rt-runtime": "cpu_rt_runtime",
    "cpu-shares": "cpu_shares",
    "cpus": "nano_cpus",
    "cpuset-cpus": "cpuset_cpus",
    "cpuset-mems": "cpuset_mems",
    "kernel-memory": "kernel_memory",
    "memory": "memory",
    "memory-reservation": "memory_reservation",
    "memory-swap": "memory_swap",
    "pids-limit": "pids_limit",
}


def _swap(text: str) -> object:
    from pallet.cli.container.create_values import swap

    return swap(text)


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.container.create_words import restart_policy
    from pallet.cli.each import name_each
    from pallet.ops.container_update import update_container
    from pallet.store.host_config import Resources

    given = {field: getattr(opts, flag.replace("-", "_")) for flag, field in _FIELDS.items() if opts.changed(flag)}
    if not given and not opts.changed("restart"):
        raise Failure("you must provide one or more flags when using this command", exit_code=1)
    try:
        restart = restart_policy(opts.restart) if opts.changed("restart") else None
    except Failure as error:
        raise Failure(error.message, exit_code=1) from None
    resources = Resources(**given)
    warnings: list[str] = []

    def update(name: str) -> None:
        update_container(ctx.engine, name, resources, restart, warn=warnings.append)

    code = name_each(ctx, args, update, from_daemon)
    if warnings:
        ctx.print("\n".join(warnings))
    return code


COMMAND = Command(
    "update [OPTIONS] CONTAINER [CONTAINER...]",
    "Update configuration of one or more containers",
    _run,
    example="pallet update --cpus 0.5 --memory 512m --memory-swap 1g apache",
    flags=(
        Flag(
            "blkio-weight",
            kind="uint16",
            help="Block IO (relative weight), between 10 and 1000, or 0 to disable",
            shown="0",
        ),
        Flag("cpu-period", kind="int", help="Limit CPU CFS (Completely Fair Scheduler) period"),
        Flag("cpu-quota", kind="int", help="Limit CPU CFS (Completely Fair Scheduler) quota"),
        Flag("cpu-rt-period", kind="int", help="Limit the CPU real-time period in microseconds"),
        Flag("cpu-rt-runtime", kind="int", help="Limit the CPU real-time runtime in microseconds"),
        Flag("cpu-shares", "c", "int", help="CPU shares (relative weight)"),
        Flag("cpus", kind="decimal", help="Number of CPUs"),
        Flag("cpuset-cpus", kind="string", help="CPUs in which to allow execution (0-3, 0,1)"),
        Flag("cpuset-mems", kind="string", help="MEMs in which to allow execution (0-3, 0,1)"),
        Flag("kernel-memory", kind="bytes", help="Kernel memory limit"),
        Flag("memory", "m", "bytes", help="Memory limit"),
        Flag("memory-reservation", kind="bytes", help="Memory soft limit"),
        Flag(
            "memory-swap",
            kind="bytes",
            help="Swap limit equal to memory plus swap: '-1' to enable unlimited swap",
            read=_swap,
        ),
        Flag("pids-limit", kind="int", help="Tune container pids limit (set -1 for unlimited)"),
        Flag(
            "restart", kind="string", help="Restart policy to apply when a container exits", complete=RESTART_POLICIES
        ),
    ),
    args=(1, None),
    complete=("container",),
)
