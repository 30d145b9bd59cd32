"""`--change`: what docker makes of the same instructions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pallet.dockerfile.changes import apply_changes
from pallet.dockerfile.expand import expand
from pallet.errors import InvalidInput, PalletError
from pallet.oci.config import ContainerConfig, Healthcheck

BASE = ContainerConfig(cmd=("old",), env=("PATH=/bin", "A=1"), working_dir="/srv", labels={"x": "y"})


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ('CMD ["a", "b c"]', "cmd", ("a", "b c")),
        ("CMD echo  hi there", "cmd", ("/bin/sh", "-c", "echo  hi there")),
        ("cmd []", "cmd", ()),
        ('ENTRYPOINT ["/init"]', "entrypoint", ("/init",)),
        ("ENTRYPOINT top -b", "entrypoint", ("/bin/sh", "-c", "top -b")),
        ("ENV B=2", "env", ("PATH=/bin", "A=1", "B=2")),
        ("ENV A=3 B='x y'", "env", ("PATH=/bin", "A=3", "B=x y")),
        ("ENV B two words", "env", ("PATH=/bin", "A=1", "B=two words")),
        ("ENV B=$A C=${A}x D=$$ E=\\$A", "env", ("PATH=/bin", "A=1", "B=1", "C=1x", "D=", "E=$A")),
        ("ENV PATH=$PATH:/x", "env", ("PATH=/bin:/x", "A=1")),
        ('LABEL a=b "c d"="e f"', "labels", {"x": "y", "a": "b", "c d": "e f"}),
        ("EXPOSE 80", "exposed_ports", {"80/tcp": {}}),
        ("EXPOSE 80/udp 8000-8002", "exposed_ports", {"80/udp": {}, "8000/tcp": {}, "8001/tcp": {}, "8002/tcp": {}}),
        ("USER me:us", "user", "me:us"),
        ("WORKDIR /a/../b", "working_dir", "/b"),
        ("WORKDIR deeper", "working_dir", "/srv/deeper"),
        ('VOLUME ["/data", "/more"]', "volumes", {"/data": {}, "/more": {}}),
        ("VOLUME /data /more", "volumes", {"/data": {}, "/more": {}}),
        ("STOPSIGNAL SIGQUIT", "stop_signal", "SIGQUIT"),
        ("ONBUILD RUN make all", "on_build", ("RUN make all",)),
        ("HEALTHCHECK NONE", "healthcheck", Healthcheck(("NONE",))),
        (
            "HEALTHCHECK --interval=1m30s --retries=3 CMD curl -f /",
            "healthcheck",
            Healthcheck(("CMD-SHELL", "curl -f /"), interval=90 * 10**9, retries=3),
        ),
        ('HEALTHCHECK CMD ["a", "b"]', "healthcheck", Healthcheck(("CMD", "a", "b"))),
    ],
)
def test_change(change: str, field: str, value: object) -> None:
    assert getattr(apply_changes(BASE, [change]), field) == value


def test_an_entrypoint_drops_the_old_command_but_not_a_new_one() -> None:
    assert apply_changes(BASE, ['ENTRYPOINT ["a"]']).cmd is None
    assert apply_changes(BASE, ['CMD ["b"]', 'ENTRYPOINT ["a"]']).cmd == ("b",)
    assert apply_changes(BASE, ['ENTRYPOINT ["a"]', 'CMD ["b"]']).cmd == ("b",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("FOO a", "foo is not a valid change command"),
        ("RUN make", "run is not a valid change command"),
        ("COPY a b", "copy is not a valid change command"),
        ("ENV", "ENV requires at least one argument"),
        ("ENV A", "ENV must have two arguments"),
        ("ENV A=1 B", 'Syntax error - can\'t find = in "B". Must be of the form: name=value'),
        ("ENV =1", "ENV names can not be blank"),
        ("EXPOSE no", "Invalid containerPort: no"),
        ("EXPOSE 70000", "Invalid containerPort: 70000"),
        ("EXPOSE 80/icmp", "Invalid proto: icmp"),
        ("ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"),
        ("ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"),
        ("HEALTHCHECK maybe", 'Unknown type "MAYBE" in HEALTHCHECK (try CMD)'),
        ("HEALTHCHECK --x=1 CMD a", "Unknown flag: x"),
        ("STOPSIGNAL a b", "STOPSIGNAL requires exactly one argument"),
    ],
)
def test_refused(change: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        apply_changes(BASE, [change])
    assert caught.value.message == message


@given(st.text(max_size=60))
def test_any_change_is_applied_or_refused(change: str) -> None:
    try:
        apply_changes(BASE, [change])
    except PalletError as error:
        assert error.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$a", "1"),
        ("${a}b", "1b"),
        ("$ab", ""),
        ("${n:-d}", "d"),
        ("${e:-d}", "d"),
        ("${e-d}", ""),
        ("${a:+x}", "x"),
        ("${e:+x}", ""),
        ("${e+x}", "x"),
        ("${n:-${a}}", "1"),
        ("'$a'", "$a"),
        ('"$a b"', "1 b"),
        ('"\\$a"', "$a"),
        ("\\$a", "$a"),
        ("$", "$"),
        ("$1x", "x"),
    ],
)
def test_expand(text: str, value: str) -> None:
    assert expand(text, {"a": "1", "e": ""}) == value


@pytest.mark.parametrize("text", ["${a", "'a", '"a', "${}", "${a:}", "${a:x}", "${n:?must be set}"])
def test_expand_refuses(text: str) -> None:
    with pytest.raises(InvalidInput):
        expand(text, {"a": "1"})
