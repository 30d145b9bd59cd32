"""cp: both ways, names and renames, symlinks, tar streams, errors; on a running and on a stopped container."""

from __future__ import annotations

from tests.compat.compare import Case, cases, setup

_MAKE = (
    "mkdir -p /d/e; echo x >/d/x; ln -s /d /ld; ln -s d/x /lx; ln -s nosuch /dang; chmod 750 /d; chown 3:4 /d/x; "
    "mkfifo /d/fifo; ln -s /etc/passwd /d/abs"
)
_TAR = "tar tvf - --numeric-owner | sed 's/ 20[-0-9]* [0-9:]* / T /'"


def _lines(name: str) -> list[str | Case]:
    """The lines for one container."""
    at = f"docker cp {name}:"

    def out(path: str, *, flags: str = "") -> str:
        return f"docker cp {flags} {name}:{path} got && (cd got 2>/dev/null && find . | sort || cat got); rm -rf got"

    return [
        out("/d/x"),
        out("/d"),
        out("/d/"),
        out("/d/."),
        out("/ld/"),
        out("/lx", flags="-L"),
        out("/ld", flags="-L"),
        out("/d/e"),
        f"{at}/lx got; readlink got; rm got",
        f"{at}/ld got; readlink got; rm got",
        f"{at}/dang got; readlink got; rm got",
        f"mkdir into; {at}/d into; {at}/d/. into/more; {at}/d/x into; {at}/ld/ into; find into | sort; rm -r into",
        f"mkdir into; {at}/d into/; {at}/d into/e/; find into | sort; rm -r into",
        f"mkdir -p in/d; touch in/d/e; {at}/d in; rm -r in",
        f"mkdir -p in/x; {at}/d/x in; find in; rm -r in",
        f"mkdir in; ln -s in to; {at}/d/x to; find in; rm -r in to",
        f"{at}/d/x got; stat -c '%a %u %g' got; {at}/d got2; stat -c '%a %u %g' got2; rm -r got got2",
        f"{at}/nosuch got",
        f"{at}/d text",
        f"{at}/d/x nodir/y",
        f"{at}/d/x nodir/",
        f"{at}/d - | {_TAR} | grep -v fifo",
        f"{at}/d/. - | {_TAR} | grep -v fifo",
        f"{at}/ld - | {_TAR}",
        f"{at}/ld/ - | {_TAR} | grep -v fifo",
        f"docker cp -L {name}:/ld - | {_TAR} | grep -v fifo",
        f"{at}/d/x - | {_TAR}",
        f"{at}/vol - | tar tf -",
        f"{at}/nosuch -",
        f"docker cp text {name}:/new; {at}/new - | tar xOf - | cmp - text",
        f"docker cp text {name}:/d; {at}/d/text - | tar tf -",
        f"docker cp mounted {name}:/d; docker cp mounted {name}:/m2; {at}/m2 - | tar tf -",
        f"docker cp mounted/. {name}:/m2; {at}/m2 - | tar tf -",
        f"docker cp mounted {name}:/m2; {at}/m2 - | tar tf -",
        f"ln -s mounted link; docker cp link {name}:/l1; docker cp -L link {name}:/l2; {at}/l2 - | tar tf -; rm link",
        f"{at}/l1 - | {_TAR} | sed 's/T/ T/; s/  */ /g' | cut -d' ' -f1,6-",
        f"docker cp text {name}:/ld; docker cp text {name}:/ld/",
        f"docker cp text {name}:/lx; {at}/d/x - | tar xOf - | wc -c",
        f"docker cp text {name}:/dang; {at}/nosuch - | tar tf -",
        f"docker cp text {name}:rel; docker cp {name}:rel rel; cmp text rel; rm rel",
        f"docker cp text {name}:/new2/",
        f"docker cp text {name}:/no/such",
        f"docker cp mounted {name}:/d/x",
        f"docker cp mounted {name}:/d/x/",
        f"docker cp nosuch {name}:/",
        f"docker cp text {name}:",
        f"docker cp text {name}:/vol/z",
        f"mkdir s; touch s/d; docker cp s/. {name}:/; docker cp s/d {name}:/; rm -r s",
        f"tar c mounted | docker cp - {name}:/d/e; {at}/d/e - | tar tf -",
        f"tar c mounted | docker cp - {name}:/d/x",
        f"tar c mounted | docker cp - {name}:/nosuch",
        f"tar c mounted | docker cp - {name}:/vol",
        f"docker cp - {name}:/d <text",
        f"docker cp - {name}:/d <empty.tar",
    ]


CASES = cases(
    setup("docker pull -q busybox"),
    setup(
        "docker run -d --name up --network none -v $PWD/mounted:/vol:ro busybox"
        f" sh -c '{_MAKE}; touch /ready; sleep 1000'; while ! docker exec up cat /ready; do sleep 0.1; done"
    ),
    *_lines("up"),
    setup(f"docker run --name down --network none -v $PWD/mounted:/vol:ro busybox sh -c '{_MAKE}'"),
    *_lines("down"),
    "docker cp nosuch:/x got",
    "docker cp text nosuch:/x",
    "docker cp up:/x down:/y",
    "docker cp text got",
    "docker cp '' up:/",
    "docker cp up:/ ''",
    "docker cp - -",
    "docker cp up:/d",
    "docker cp --nosuch up:/d .",
    "docker rm -f up down",
)
