"""The flags before the command: `pallet --root DIR image ls`."""

from __future__ import annotations

from pallet.cli.command import Flag


def root_flags(config_dir: str) -> tuple[Flag, ...]:
    """The global flags.

    Args:
        config_dir: where the client configuration is if the user says nothing; the help page shows it.
    """
    return (
        Flag("config", None, "string", default=config_dir, help="Location of client config files", complete="dir"),
        Flag("debug", "D", help="Enable debug mode"),
        Flag("root", None, "string", help="Directory of images and containers", complete="dir"),
        Flag("runtime", None, "string", help="OCI runtime that runs containers", complete="crun runc"),
        Flag(
            "snapshotter",
            None,
            "string",
            help="How layers are kept (auto, overlay, erofs)",
            complete="auto overlay erofs",
        ),
        Flag("version", "v", help="Print version information and quit"),
    )
