"""`pallet info`: what this pallet and this machine are."""

from __future__ import annotations

from pallet.cli.command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.info import system_info
    from pallet.units import bytes_size

    info = system_info(ctx.engine)
    if opts.format:
        import msgspec

        from pallet.cli.format import print_value
        from pallet.gotemplate import GoStruct

        print_value(ctx, opts.format, GoStruct("system.Info", msgspec.to_builtins(info)))
        return 0
    lines = (
        ("Containers", info.containers),
        (" Running", info.containers_running),
        (" Paused", info.containers_paused),
        (" Stopped", info.containers_stopped),
        ("Images", info.images),
        ("Server Version", info.server_version),
        ("Storage Driver", info.driver),
        ("Logging Driver", info.logging_driver),
        ("Cgroup Version", info.cgroup_version),
        ("Plugins", ""),
        (" Volume", " ".join(info.plugins["volume"])),
        (" Network", " ".join(info.plugins["network"])),
        (" Log", " ".join(info.plugins["log"])),
        ("Runtimes", " ".join(info.runtimes)),
        ("Default Runtime", info.default_runtime or "<none>"),
        ("Security Options", " ".join(info.security_options)),
        ("Kernel Version", info.kernel_version),
        ("Operating System", info.operating_system),
        ("OSType", info.os_type),
        ("Architecture", info.architecture),
        ("CPUs", info.ncpu),
        ("Total Memory", bytes_size(info.mem_total)),
        ("Name", info.name),
        ("Pallet Root Dir", info.docker_root_dir),
        ("Registry Configuration", info.registry_config or "<none>"),
    )
    for title, value in lines:
        indent = len(title) - len(title.lstrip())
        ctx.print(f"{' ' * indent}{title.strip()}: {value}")
    for warning in info.warnings:
        ctx.warn(warning)
    return 0


COMMAND = Command(
    "info [OPTIONS]",
    "Display system-wide information",
    _run,
    example="pallet info --format '{{.DefaultRuntime}}'",
    flags=(Flag("format", "f", "string", help="Format the output using the given Go template"),),
    args=(0, 0),
)
