"""`pallet completion zsh`."""

from __future__ import annotations

from pallet.cli.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

SCRIPT = r"""#compdef pallet
# zsh completion for pallet

_pallet() {
    local name text kind=""
    local -a found
    while IFS=$'\t' read -r name text; do
        case $name in
            :*) kind=${name#:} ;;
            *) found+=("${name//:/\\:}${text:+:$text}") ;;
        esac
    done < <("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
    case $kind in
        file) _files ;;
        dir) _files -/ ;;
        *)
            if [[ ${found[1]} == *= ]]; then # a value follows
                _describe -t pallet pallet found -S ""
            else
                _describe -t pallet pallet found
            fi
            ;;
    esac
}

if [ "${funcstack[1]}" = "_pallet" ]; then
    _pallet "$@"
else
    compdef _pallet pallet
fi
"""


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    ctx.stdout.write(SCRIPT)
    return 0


COMMAND = Command(
    "zsh",
    "Generate the autocompletion script for zsh",
    _run,
    long="Generate the autocompletion script for the zsh shell. Its completion system (compinit) must be on.",
    example=(
        "source <(pallet completion zsh)                   # in this shell\n"
        'pallet completion zsh > "${fpath[1]}/_pallet"     # in every new one'
    ),
    args=(0, 0),
)
