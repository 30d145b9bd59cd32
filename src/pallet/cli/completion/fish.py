"""`pallet completion fish`."""

from __future__ import annotations

from pallet.cli.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

SCRIPT = r"""# fish completion for pallet

function __pallet_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (command $words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :file
                __fish_complete_path "$current"
            case :dir
                __fish_complete_directories "$current"
            case '*'
                echo $line
        end
    end
end

complete -c pallet -f -a '(__pallet_complete)'
"""


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    ctx.stdout.write(SCRIPT)
    return 0


COMMAND = Command(
    "fish",
    "Generate the autocompletion script for fish",
    _run,
    long="Generate the autocompletion script for the fish shell.",
    example=(
        "pallet completion fish | source                                      # in this shell\n"
        "pallet completion fish > ~/.config/fish/completions/pallet.fish      # in every new one"
    ),
    args=(0, 0),
)
