"""`pallet info`: what this pallet and this machine are."""

from __future__ import annotations

from pallet.cli.command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.ops.info import Info


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.info import system_info
    from pallet.units import bytes_size

    info = system_info(ctx.engine)
    if opts.format:
        from pallet.cli.format import print_value

        print_value(ctx, opts.format, _value(info))
        return 0
    lines = (
        ("Client", None),
        (" Debug Mode", ctx.debug),
        ("", None),
        ("Server", None),
        (" Containers", info.containers),
        ("  Running", info.containers_running),
        ("  Paused", info.containers_paused),
        ("  Stopped", info.containers_stopped),
        (" Images", info.images),
        (" Server Version", info.server_version),
        (" Storage Driver", info.driver),
        *((f"  {name}", value) for name, value in info.driver_status),
        (" Logging Driver", info.logging_driver),
        (" Cgroup Driver", info.cgroup_driver),
        (" Cgroup Version", info.cgroup_version),
        (" Plugins", None),
        ("  Volume", " ".join(info.plugins.volume)),
        ("  Network", " ".join(info.plugins.network)),
        ("  Log", " ".join(info.plugins.log)),
        (" Swarm", info.swarm.local_node_state),
        (" Runtimes", " ".join(info.runtimes)),
        (" Default Runtime", info.default_runtime or "<none>"),
        (" Init Binary", info.init_binary or "<none>"),
        (" Security Options", None),
        *_security(info.security_options),
        (" Kernel Version", info.kernel_version),
        (" Operating System", info.operating_system),
        (" OSType", info.os_type),
        (" Architecture", info.architecture),
        (" CPUs", info.ncpu),
        (" Total Memory", bytes_size(info.mem_total)),
        (" Name", info.name),
        (" Docker Root Dir", info.docker_root_dir),
        (" Registry", info.index_server_address),
        (" Registries File", info.registries_file or "<none>"),
        (" Experimental", info.experimental_build),
        (" Live Restore Enabled", info.live_restore_enabled),
    )
    for title, value in lines:
        shown = str(value).lower() if isinstance(value, bool) else value
        if value is None:
            ctx.print(title if title.startswith("  ") else title + ":" * bool(title))
        else:
            ctx.print(f"{title}: {shown}")
    for warning in info.warnings:
        ctx.warn(warning)
    return 0


def _security(options: Iterable[str]) -> Iterable[tuple[str, str | None]]:
    """`name=seccomp,profile=default` as docker shows it: the name, and below it the rest."""
    for option in options:
        name, *rest = (word.partition("=")[2] if word.startswith("name=") else word for word in option.split(","))
        yield f"  {name}", None
        for word in rest:
            key, _, value = word.partition("=")
            yield f"   {key.capitalize()}", value


# Go's names of the fields whose JSON has others.
_GO_NAMES = {
    "CpuCfsPeriod": "CPUCfsPeriod",
    "CpuCfsQuota": "CPUCfsQuota",
    "BridgeNfIp6tables": "BridgeNfIP6tables",
    "HttpProxy": "HTTPProxy",
    "HttpsProxy": "HTTPSProxy",
}


def _value(info: Info) -> object:
    """docker's types.Info for templates."""
    import msgspec

    from pallet.gotemplate import GoNil, GoStruct

    plain = msgspec.to_builtins(info)
    fields = {_GO_NAMES.get(name, name): value for name, value in plain.items()}
    plugins = {**plain["Plugins"], "Authorization": GoNil("[]string", "slice")}
    fields["Plugins"] = GoStruct("types.PluginsInfo", plugins)
    fields["Swarm"] = GoStruct("swarm.Info", plain["Swarm"])
    return GoStruct("system.info", fields, tags={new: old for old, new in _GO_NAMES.items()})


COMMAND = Command(
    "info [OPTIONS]",
    "Display system-wide information",
    _run,
    example="pallet info --format '{{.DefaultRuntime}}'",
    flags=(Flag("format", "f", "string", help="Format the output using the given Go template"),),
    args=(0, 0),
)
