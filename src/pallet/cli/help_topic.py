"""`pallet help [COMMAND]`: the same pages as `--help`."""

from __future__ import annotations

from pallet.cli import tree
from pallet.cli.command import Command
from pallet.cli.failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.help import command_page, group_page
    from pallet.cli.root import root_flags
    from pallet.environment import default_config_dir

    node, path = tree.ROOT, tree.ROOT.name
    flags = root_flags(default_config_dir(ctx.environ))
    for number, word in enumerate(args):
        child = node.child(word)
        if child is None:
            raise Failure("unknown help topic: " + " ".join(args[number:]))
        node, path, flags = child, f"{path} {child.name}", ()
    if node.children:
        page = group_page(path, node, flags, ctx.columns())
    else:
        page = command_page(path, node, tree.load(node), ctx.columns())
    ctx.stdout.write("\n" + page)
    return 0


COMMAND = Command("help [COMMAND]", "Help about the command", _run)
