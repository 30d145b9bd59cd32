"""`pallet version`: what pallet is and what it runs containers with."""

from __future__ import annotations

from pallet.cli.command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    client, server = _facts(ctx)
    if opts.format:
        from pallet.cli.format import print_value
        from pallet.gotemplate import GoStruct

        components = [GoStruct("types.ComponentVersion", each) for each in _components(server)]
        tags = {"APIVersion": "ApiVersion"}
        both = {
            "Client": GoStruct("system.clientVersion", client, tags=tags),
            "Server": GoStruct(
                "types.Version", {"Components": components, **server["Engine"]}, tags=tags, pointer=True
            ),
        }
        print_value(ctx, opts.format, GoStruct("system.versionInfo", both), name="version")
        return 0
    ctx.print("Client: pallet")
    for title, value in (
        ("Version", client["Version"]),
        ("API version", client["APIVersion"]),
        ("Python version", client["PythonVersion"]),
        ("OS/Arch", f"{client['Os']}/{client['Arch']}"),
    ):
        ctx.print(f" {title + ':':<18} {value}")
    ctx.print("\nServer: none, this is all in the client")
    for name, facts in server.items():
        ctx.print(f" {name}:")
        for title, value in facts.items():
            if title in _SHOWN:
                ctx.print(f"  {_SHOWN[title] + ':':<17} {value}")
    return 0


_SHOWN = {"Version": "Version", "APIVersion": "API version", "Path": "Path"}


def _components(server: dict[str, dict[str, str]]) -> list[dict[str, object]]:
    """The parts, in the form of docker's API."""
    out: list[dict[str, object]] = []
    for name, facts in server.items():
        details = {
            "ApiVersion" if key == "APIVersion" else key: facts[key] for key in sorted(facts) if key != "Version"
        }
        out.append({"Name": name, "Version": facts["Version"], "Details": details})
    return out


def _facts(ctx: Context) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """What the client says of itself, and what the parts of the engine do: pallet, and the programs it runs."""
    import os
    import sys

    from pallet.ops.version import API_VERSION, programs
    from pallet.version import __version__

    system = os.uname()
    both = {
        "Version": __version__,
        "APIVersion": API_VERSION,
        "Os": sys.platform,
        "Arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(system.machine, system.machine),
    }
    python = ".".join(map(str, sys.version_info[:3]))
    client = {**both, "DefaultAPIVersion": API_VERSION, "PythonVersion": python}
    engine = {**both, "MinAPIVersion": API_VERSION, "KernelVersion": system.release, "Experimental": "false"}
    parts = {part.name: {"Version": part.version, "Path": part.path} for part in programs(ctx.settings)}
    return client, {"Engine": engine, **parts}


COMMAND = Command(
    "version [OPTIONS]",
    "Show the pallet version information",
    _run,
    example="pallet version\npallet version --format '{{.Client.Version}}'",
    flags=(Flag("format", "f", "string", help="Format the output using the given Go template"),),
    args=(0, 0),
)
