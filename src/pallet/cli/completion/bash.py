"""`pallet completion bash`."""

from __future__ import annotations

from pallet.cli.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

SCRIPT = r"""# bash completion for pallet

__pallet_complete() {
    local line current name rest kind="" typed=${COMP_LINE:0:COMP_POINT}
    local -a words=()
    COMPREPLY=()
    # Not COMP_WORDS: bash splits it at ":" and "=", which image names and flags have inside.
    read -ra words <<< "$typed"
    [[ $typed == *[[:space:]] ]] && words+=("")
    current=${words[${#words[@]}-1]}
    rest=${current##*[:=]}
    while IFS=$'\t' read -r name line; do
        case $name in
            :*) kind=${name#:} ;;
            *) COMPREPLY+=("${name:${#current}-${#rest}}") ;;
        esac
    done < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
    case $kind in
        file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$rest") ;;
        dir) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$rest") ;;
    esac
    [[ -z $kind && ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null # a value follows
}

complete -F __pallet_complete pallet
"""


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    ctx.stdout.write(SCRIPT)
    return 0


COMMAND = Command(
    "bash",
    "Generate the autocompletion script for bash",
    _run,
    long="Generate the autocompletion script for the bash shell. It needs nothing but bash.",
    example=(
        "source <(pallet completion bash)                                         # in this shell\n"
        "pallet completion bash > /usr/share/bash-completion/completions/pallet   # in every new one"
    ),
    args=(0, 0),
)
