"""`pallet version`: what pallet is and what it runs containers with."""

from __future__ import annotations

from pallet.cli.command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

API_VERSION = "1.41"
"""The version of the Docker Engine API whose shapes and texts pallet's output has."""

_RUNTIMES = ("crun", "runc")


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    facts = _facts(ctx)
    if opts.format:
        from pallet.cli.format import print_value
        from pallet.gotemplate import GoStruct

        runtime = facts["Runtime"]
        if isinstance(runtime, dict):
            facts["Runtime"] = GoStruct("system.runtimeVersion", runtime)
        client = GoStruct("system.clientVersion", facts)
        print_value(ctx, opts.format, GoStruct("system.versionInfo", {"Client": client}), name="version")
        return 0
    ctx.print("Client: pallet")
    for title, value in (
        ("Version", facts["Version"]),
        ("API version", facts["ApiVersion"]),
        ("Python version", facts["PythonVersion"]),
        ("OS/Arch", f"{facts['Os']}/{facts['Arch']}"),
    ):
        ctx.print(f" {title + ':':<18} {value}")
    runtime = facts["Runtime"]
    if isinstance(runtime, dict):
        ctx.print(f"\nRuntime: {runtime['Name']}")
        ctx.print(f" {'Version:':<18} {runtime['Version']}")
        ctx.print(f" {'Path:':<18} {runtime['Path']}")
    return 0


def _facts(ctx: Context) -> dict[str, object]:
    import os
    import sys

    from pallet.version import __version__

    machine = os.uname().machine
    return {
        "Version": __version__,
        "ApiVersion": API_VERSION,
        "DefaultAPIVersion": API_VERSION,
        "PythonVersion": ".".join(map(str, sys.version_info[:3])),
        "Os": sys.platform,
        "Arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine),
        "Runtime": _runtime(ctx),
    }


def _runtime(ctx: Context) -> dict[str, str] | None:
    """The OCI runtime there is and what it says of itself, or None without one."""
    import shutil
    import subprocess

    chosen = ctx.settings.runtime
    for name in (chosen,) if chosen else _RUNTIMES:
        path = shutil.which(name)
        if path is None:
            continue
        try:
            answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)
        except (OSError, subprocess.SubprocessError):
            continue
        first = answer.stdout.partition("\n")[0]
        return {"Name": name, "Version": first.rpartition(" ")[2], "Path": path}
    return None


COMMAND = Command(
    "version [OPTIONS]",
    "Show the pallet version information",
    _run,
    example="pallet version\npallet version --format '{{.Client.Version}}'",
    flags=(Flag("format", "f", "string", help="Format the output using the given Go template"),),
    args=(0, 0),
)
