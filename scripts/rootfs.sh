#!/bin/sh
# Makes the root file systems that the demo and the tests build images from, each once, as a tar in .cache/.
#
#   scripts/rootfs.sh debian     debootstrap's minbase of this system's own release, from this system's own mirror
#   scripts/rootfs.sh python     the same with Python and what containers run on: what the project's own image is made from
#   scripts/rootfs.sh busybox    busybox-static with its applets, and a page for its web server
#
# Prints the tar's path. What goes wrong is told on stderr, with exit code 1.
set -eu
umask 022
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
cache=$PWD/.cache/rootfs
mkdir -p "$cache"

work=
clean() {
    [ -z "$work" ] || rm -rf --one-file-system "$work"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# pack TREE TAR: the name appears only when the tar is whole.
pack() {
    tar -C "$1" --numeric-owner --xattrs --xattrs-include='*' --sort=name -cf "$work/new.tar" .
    mv "$work/new.tar" "$2"
}

# The mirror from which apt takes this release's own packages (not the security or updates archive).
mirror() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN) $(COMPONENT)' 'Created-By: Packages' |
        while read -r uri release origin component; do
            case $origin in Debian | Ubuntu) ;; *) continue ;; esac
            if [ "$release" = "$1" ] && [ "$component" = main ]; then
                echo "$uri"
                break
            fi
        done
}

make_debian() {
    debootstrapped ""
}

make_python() {
    debootstrapped -python --include=python3-venv,crun,conmon,netavark,aardvark-dns,iptables --components=main,universe
}

# debootstrapped SUFFIX [OPTION...]: the tar's name ends in SUFFIX; the options are debootstrap's.
debootstrapped() {
    suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    tar=$cache/$suite$1.tar
    shift
    if [ ! -f "$tar" ]; then
        [ -n "$suite" ] || { echo "rootfs: /etc/os-release names no release" >&2; exit 1; }
        uri=$(mirror "$suite")
        if [ -z "$uri" ]; then
            apt-get update -qq >/dev/null 2>&1 || :
            uri=$(mirror "$suite")
        fi
        [ -n "$uri" ] || { echo "rootfs: apt knows no mirror of $suite" >&2; exit 1; }
        proxy=
        eval "$(apt-config shell proxy Acquire::http::Proxy)"
        if [ -n "$proxy" ] && [ "$proxy" != DIRECT ]; then
            export http_proxy="$proxy"
        fi
        work=$(mktemp -d "$cache/work.XXXXXX")
        echo "rootfs: debootstrap $suite (once; about a minute)" >&2
        if ! debootstrap --variant=minbase "$@" "$suite" "$work/tree" "$uri" >"$work/log" 2>&1; then
            tail -n 5 "$work/log" | sed 's,[a-z]*://[^ ]*,(mirror),g' >&2
            echo "rootfs: debootstrap failed" >&2
            exit 1
        fi
        # The sources list names this machine's mirror, which is no business of an image's.
        rm -rf "$work/tree/var/cache/apt/archives/"*.deb "$work/tree/var/lib/apt/lists/"*
        : >"$work/tree/etc/apt/sources.list"
        pack "$work/tree" "$tar"
    fi
    echo "$tar"
}

make_busybox() {
    tar=$cache/busybox-2.tar
    if [ ! -f "$tar" ]; then
        work=$(mktemp -d "$cache/work.XXXXXX")
        tree=$work/tree
        mkdir -p "$tree/bin" "$tree/etc" "$tree/root" "$tree/tmp" "$tree/usr" "$tree/var" "$tree/www" "$tree/home/web"
        for dir in dev proc sys run; do mkdir "$tree/$dir"; done
        chmod 1777 "$tree/tmp"
        chmod 700 "$tree/root"
        cp "$(command -v busybox)" "$tree/bin/busybox"
        chmod 755 "$tree/bin/busybox"
        "$tree/bin/busybox" --list | while read -r applet; do
            [ "$applet" = busybox ] || ln -s busybox "$tree/bin/$applet"
        done
        printf 'root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000:web:/home/web:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n' \
            >"$tree/etc/passwd"
        printf 'root:x:0:\nstaff:x:50:web\nweb:x:1000:\nnogroup:x:65534:\n' >"$tree/etc/group"
        chown 1000:1000 "$tree/home/web"
        printf '<html><body><h1>It works!</h1></body></html>\n' >"$tree/www/index.html"
        pack "$tree" "$tar"
    fi
    echo "$tar"
}

case ${1:-} in
    debian | python | busybox) "make_$1" ;;
    *) echo "usage: $0 debian|python|busybox" >&2; exit 2 ;;
esac
