"""Which commands of a user without privileges need the user's namespace, and entering it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

# They read records, documents and logs, which are the user's own files, or change records only.
_OUTSIDE = frozenset(
    f"{group}.{name}"
    for group, names in (
        ("image", "history inspect ls tag"),
        ("container", "inspect logs ls port rename wait"),
        ("network", "inspect ls"),
        ("volume", "inspect ls"),
        ("system", "events generate_systemd info"),
        ("completion", "bash fish zsh"),
    )
    for name in names.split()
) | {"complete", "help_topic", "inspect", "login", "logout", "version"}


def enter(ctx: Context, module: str, opts: Options) -> None:
    """Move this process into the user's namespace if the command needs it.

    Args:
        ctx: the call.
        module: the command's module.
        opts: its flags.

    Raises:
        HostError: the machine does not allow it, and what to do.
    """
    if module in _OUTSIDE:
        return
    from pallet.host.userns import enter_user_namespace

    note = enter_user_namespace(getattr(opts, "run_dir", "") or ctx.settings.run_dir)
    if note:
        ctx.warn(f"WARNING: {note}")
