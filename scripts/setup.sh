# Set-up shared by ./demo and ./test, sourced from the repository's top. Plain POSIX sh.
#
#   setup demo     what pallet itself runs on, and what the demo shows it with
#   setup test     the same, and the tools that the tests compare pallet with
#   setup bench    the same, and hyperfine
#   setup unit     Python only: enough for the unit tests, needs no root
#
# Afterwards .venv/bin is first in PATH. What is there already is left as it is; a second run does nothing.

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

# One line a tool: what shows that it is there (a command, or a file), then the package that brings it.
setup_tools_demo='
crun                                       crun
runc                                       runc
conmon                                     conmon
/usr/lib/podman/netavark                   netavark
/usr/lib/podman/aardvark-dns               aardvark-dns
iptables                                   iptables
nft                                        nftables
ip                                         iproute2
nsenter                                    util-linux
mount                                      mount
docker-registry                            docker-registry
debootstrap                                debootstrap
/usr/share/doc/busybox-static              busybox-static
curl                                       curl
/etc/ssl/certs/ca-certificates.crt         ca-certificates
'
setup_tools_test='
dockerd                                    docker.io
/usr/bin/docker                            docker-cli
skopeo                                     skopeo
ssh-agent                                  openssh-client
umoci                                      umoci
podman                                     podman
zstd                                       zstd
xz                                         xz-utils
bzip2                                      bzip2
newuidmap                                  uidmap
slirp4netns                                slirp4netns
useradd                                    passwd
script                                     bsdutils
openssl                                    openssl
htpasswd                                   apache2-utils
zsh                                        zsh
fish                                       fish
'
setup_tools_bench='
hyperfine                                  hyperfine
'

setup_say() { echo "$*" >&2; }

# A command in PATH, or a file.
setup_has() {
    case $1 in
        /*) [ -e "$1" ] ;;
        *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

# Prints the packages that the given table lacks, on one line.
setup_missing() {
    echo "$1" | while read -r setup_mark setup_package; do
        [ -n "$setup_mark" ] || continue
        setup_has "$setup_mark" || printf '%s ' "$setup_package"
    done
}

# Packages that this system's archive has; docker-cli is a package of its own only in newer releases.
setup_available() {
    for setup_package in "$@"; do
        if apt-cache policy "$setup_package" 2>/dev/null | grep -q 'Candidate: [^(]'; then
            printf '%s ' "$setup_package"
        fi
    done
}

# Services of the packages installed here stay off: pallet needs no daemon, and the tests start their own.
setup_install() {
    setup_policy=/usr/sbin/policy-rc.d
    setup_own_policy=
    if [ ! -e $setup_policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$setup_policy
        chmod 755 $setup_policy
        setup_own_policy=yes
    fi
    setup_status=0
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >"$setup_log" 2>&1 </dev/null || setup_status=$?
    if [ -n "$setup_own_policy" ]; then
        rm -f $setup_policy
    fi
    if [ $setup_status -ne 0 ]; then
        tail -n 30 "$setup_log" >&2
        setup_say "setup: apt-get could not install: $*"
        return 1
    fi
    if [ -d /run/systemd/system ]; then
        for setup_package in "$@"; do
            case $setup_package in
                docker-registry) systemctl -q disable docker-registry.service || : ;;
                docker.io) systemctl -q disable docker.service docker.socket || : ;;
            esac
        done
    fi
}

setup_packages() {
    setup_needed=$(setup_missing "$setup_tools_demo")
    setup_wanted=
    case $1 in
        test) setup_wanted=$(setup_missing "$setup_tools_test") ;;
        bench) setup_wanted=$(setup_missing "$setup_tools_test$setup_tools_bench") ;;
    esac
    case $1 in unit) setup_needed= ;; esac
    if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
        setup_needed="python3-venv $setup_needed"
    fi
    [ -n "$setup_needed$setup_wanted" ] || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        setup_say "setup: no apt-get here; install these by hand and run again: $setup_needed$setup_wanted"
        return 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        setup_say "setup: missing here, and only root can install: $setup_needed$setup_wanted"
        return 1
    fi
    setup_say "setup: installing $setup_needed$setup_wanted"
    setup_log=$(mktemp)
    if ! apt-get update -qq -o DPkg::Lock::Timeout=300 >"$setup_log" 2>&1 </dev/null; then
        tail -n 10 "$setup_log" >&2
        setup_say "setup: apt-get update failed; going on with the lists that are here"
    fi
    # Unquoted on purpose: one word a package.
    # shellcheck disable=SC2086
    setup_wanted=$(setup_available $setup_wanted)
    # shellcheck disable=SC2086
    setup_install $setup_needed $setup_wanted || { rm -f "$setup_log"; return 1; }
    rm -f "$setup_log"
    setup_left=$(setup_missing "$setup_tools_demo")
    case $1 in unit) setup_left= ;; esac
    if [ -n "$setup_left" ]; then
        setup_say "setup: installed, but still not found: $setup_left"
        return 1
    fi
    case $1 in
        test | bench)
            setup_left=$(setup_missing "$setup_tools_test")
            [ -z "$setup_left" ] || setup_say "setup: this system's archive lacks: $setup_left(their tests are skipped)"
            ;;
    esac
}

setup_pip() {
    .venv/bin/python -m pip install -qq --disable-pip-version-check --root-user-action=ignore "$@"
}

# mypy has a directory of its own: what it brings along, msgspec loads wherever it finds it, and a user has it not.
setup_mypy() {
    setup_pip --upgrade --target .venv/mypy 'mypy>=1.11' || return 1
    rm -f .venv/bin/mypy
    cat >.venv/bin/mypy <<EOF
#!/bin/sh
PYTHONPATH=$PWD/.venv/mypy exec $PWD/.venv/bin/python -m mypy "\$@"
EOF
    chmod 755 .venv/bin/mypy
}

# The virtual environment. A stamp in it holds what it was made from; the tests' holds for the demo too.
setup_python() {
    setup_version=$(python3 -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
    setup_sum=$(sha256sum <pyproject.toml | cut -d ' ' -f 1)
    setup_stamp="$setup_version $setup_sum $PWD"
    setup_kind=dev
    case $1 in demo) setup_kind=run ;; esac
    for setup_try in dev $setup_kind; do
        if [ -x .venv/bin/python ] && [ -f ".venv/.setup-$setup_try" ] &&
            [ "$(cat ".venv/.setup-$setup_try")" = "$setup_stamp" ]; then
            return 0
        fi
    done
    setup_say "setup: making .venv"
    setup_have=$(.venv/bin/python -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || :)
    if [ "$setup_have" != "$setup_version" ] || [ ! -x .venv/bin/pip ]; then
        python3 -m venv --clear .venv || { setup_say "setup: python3 -m venv failed"; return 1; }
    fi
    case $setup_kind in
        run) setup_what=. ;;
        dev) setup_what='.[test]' ;;
    esac
    if ! setup_pip -e "$setup_what" || { [ $setup_kind = dev ] && ! setup_mypy; }; then
        setup_say "setup: pip could not install pallet into .venv"
        return 1
    fi
    echo "$setup_stamp" >".venv/.setup-$setup_kind"
}

setup() {
    if ! command -v python3 >/dev/null 2>&1; then
        setup_say "setup: python3 (3.11 or newer) is needed; install it and run again"
        return 1
    fi
    if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        setup_say "setup: pallet needs Python 3.11 or newer; this python3 is $(python3 -V 2>&1 | cut -d ' ' -f 2)"
        return 1
    fi
    setup_packages "$1" || return 1
    setup_python "$1" || return 1
    PATH=$PWD/.venv/bin:$PATH
    export PATH
}
