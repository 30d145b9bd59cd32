"""Which stages a target needs, and which variables are known where."""

from __future__ import annotations

import msgspec
import pytest

from pallet.dockerfile.graph import Plan, Source, plan
from pallet.dockerfile.instructions import Add, Copy, Expose, Instruction, Run
from pallet.dockerfile.mounts import Mount
from pallet.dockerfile.scope import Scope, global_variables, platform_arguments, proxy_variables
from pallet.dockerfile.stages import parse_dockerfile, parse_trigger
from pallet.errors import DockerfileError, InvalidInput
from pallet.platform import Platform

BUILD = Platform("amd64", "linux")
TARGET = Platform("arm", "linux", "v7")


def planned(text: str, target: str = "", contexts: tuple[str, ...] = (), **build_args: str) -> Plan:
    dockerfile = parse_dockerfile(text)
    predefined = platform_arguments(TARGET, BUILD, overrides=build_args)
    return plan(dockerfile, global_variables(dockerfile, predefined, build_args), target=target, contexts=contexts)


def instructions(text: str) -> tuple[Instruction, ...]:
    return parse_dockerfile(f"FROM scratch\n{text}\n").stages[0].instructions


def stepped(text: str, **variables: str) -> Instruction:
    (instruction,) = instructions(text)
    return Scope({}, {}, variables).apply(instruction).instruction


STAGES = """
FROM debian AS base
FROM base AS tools
RUN true
FROM scratch AS data
COPY --from=TOOLS /a /a
FROM alpine AS unused
RUN exit 1
FROM Base AS final
RUN --mount=type=bind,from=data,target=/d --mount=from=busybox,target=/b true
COPY --from=1 /x /x
COPY --from=registry.example:5000/img:1 /y /y
"""


def test_only_what_the_target_needs() -> None:
    found = planned(STAGES)
    assert found.target == 4
    assert found.needed == (0, 1, 2, 4)
    assert [stage.needs for stage in found.stages] == [(), (0,), (1,), (), (0, 2, 1)]
    assert planned(STAGES, "unused").needed == (3,)
    assert planned(STAGES, "Tools").needed == (0, 1)


def test_what_names_stand_for() -> None:
    found = planned(STAGES)
    assert found.stages[0].base == Source("image", "debian")
    assert found.stages[2].base == Source("scratch", "scratch")
    assert found.stages[4].base == Source("stage", "Base", 0)
    assert found.source("1") == Source("stage", "1", 1)
    assert found.source("DATA") == Source("stage", "DATA", 2)
    assert found.source("busybox:1") == Source("image", "busybox:1")
    assert found.source("1", numbers=False) == Source("image", "1")


def test_contexts_stand_in_for_stages_and_images() -> None:
    contexts = ("tools", "docker.io/library/alpine:latest", "busybox")
    found = planned(STAGES, contexts=contexts)
    assert found.stages[1].base == Source("context", "tools")
    assert found.stages[1].needs == ()
    assert found.stages[3].base == Source("context", "alpine")
    assert found.source("busybox:latest") == Source("context", "busybox")
    assert found.source("busybox:1") == Source("image", "busybox:1")
    assert found.needed == (0, 1, 2, 4)


def test_an_image_may_have_the_name_its_stage_takes() -> None:
    found = planned("FROM alpine AS alpine\nFROM alpine\n")
    assert found.stages[0].base == Source("image", "alpine")
    assert found.stages[1].base == Source("stage", "alpine", 0)


def test_the_last_stage_of_a_name_is_meant_by_copy_and_the_one_before_by_from() -> None:
    found = planned("FROM a AS x\nFROM x AS x\nFROM b\nCOPY --from=x / /\n")
    assert [stage.needs for stage in found.stages] == [(), (0,), (1,)]


def test_what_an_unneeded_stage_does_wrong_does_not_matter() -> None:
    text = "FROM a AS bad\nRUN --mount=type=nonsense true\nCOPY --from=good / /\nFROM a AS good\n"
    assert planned(text).needed == (1,)
    with pytest.raises(DockerfileError):
        planned(text, "bad")


def test_no_such_target() -> None:
    with pytest.raises(InvalidInput) as caught:
        planned(STAGES, "tool")
    assert caught.value.message == 'target stage "tool" could not be found (did you mean tools?)'


def test_variables_in_from() -> None:
    text = 'ARG V=12\nARG IMAGE="debian:${V}" P\nFROM --platform=${P:-$BUILDPLATFORM} $IMAGE AS x\n'
    found = planned(text).stages[0]
    assert (found.base.name, found.platform, found.undefined) == ("debian:12", "linux/amd64", ("P",))
    found = planned(text, V="11", P="linux/s390x").stages[0]
    assert (found.base.name, found.platform, found.undefined) == ("debian:11", "linux/s390x", ())
    assert planned("FROM --platform=$TARGETPLATFORM a\n").stages[0].platform == "linux/arm/v7"
    assert planned("FROM a:$TARGETARCH-$TARGETVARIANT-$BUILDOS\n").stages[0].base.name == "a:arm-v7-linux"
    assert planned("FROM a:$TARGETARCH\n", TARGETARCH="x").stages[0].base.name == "a:x"


def test_arguments_of_a_stage() -> None:
    scope = Scope({"G": "global", "TARGETARCH": "arm"}, {"B": "given"}, {"PATH": "/bin"})
    for instruction in instructions("ARG G TARGETARCH N\nARG B=default D=$G:$B:$PATH\nENV E=$D\nARG E\nENV D=2"):
        scope.apply(instruction)
    assert scope.arguments == {
        "G": "global",
        "TARGETARCH": "arm",
        "N": "",
        "B": "given",
        "D": "2",
        "E": "global:given:/bin",
    }
    assert scope.environment == {"PATH": "/bin", "E": "global:given:/bin", "D": "2"}
    child = scope.child()
    (instruction,) = instructions("USER $B$NO")
    assert child.apply(instruction).undefined == {"NO"}
    child.variables["B"] = "changed"
    assert scope.variables["B"] == "given"


def test_global_arguments_are_unknown_in_a_stage_until_it_declares_them() -> None:
    scope = Scope({"G": "global"}, {"G": "given"}, {})
    use, declare, again = instructions("USER a$G\nARG G=default\nUSER a$G")
    assert scope.apply(use).undefined == {"G"}
    scope.apply(declare)
    assert msgspec.to_builtins(scope.apply(again).instruction)["user"] == "agiven"


def test_one_env_does_not_see_itself_but_one_arg_does() -> None:
    scope = Scope({}, {}, {"a": "old"})
    for instruction in instructions("ENV a=new b=$a\nARG x=1 y=$x"):
        scope.apply(instruction)
    assert (scope.variables["b"], scope.variables["y"]) == ("old", "1")


def test_proxies_need_no_arg() -> None:
    found = proxy_variables({"http_proxy": "http://p", "NO_PROXY": "x", "OTHER": "y"})
    assert found == {"http_proxy": "http://p", "HTTP_PROXY": "http://p", "NO_PROXY": "x", "no_proxy": "x"}


@pytest.mark.parametrize(
    ("options", "mount"),
    [
        ("target=/t", Mount("bind", target="/t", readonly=True)),
        ("type=bind,from=a,src=/s,dst=t,rw", Mount("bind", "a", "/s", "t")),
        ("type=BIND,destination=/t,readwrite=false", Mount("bind", target="/t", readonly=True)),
        ("type=cache,target=/c", Mount("cache", target="/c")),
        (
            "type=cache,id=i,target=/c,sharing=LOCKED,ro,uid=1,gid=2,mode=0750",
            Mount("cache", target="/c", id="i", sharing="locked", readonly=True, uid=1, gid=2, mode=0o750),
        ),
        ("type=tmpfs,target=/t,size=1.5g", Mount("tmpfs", target="/t", size=3 << 29)),
        ("type=secret,id=s", Mount("secret", id="s", readonly=True)),
        ("type=secret,src=s,env=S,required=true", Mount("secret", source="s", env="S", required=True, readonly=True)),
        ("type=ssh,required", Mount("ssh", required=True, readonly=True)),
        ("type=$kind,target=$dir/x", Mount("cache", target="/d/x")),
    ],
)
def test_mounts(options: str, mount: Mount) -> None:
    found = stepped(f"RUN --mount={options} true", kind="cache", dir="/d")
    assert isinstance(found, Run)
    assert found.mounts == (mount,)


def test_what_run_is_given() -> None:
    plain, lone, script, piped, words = instructions(
        'RUN a b\nRUN <<E\nx\ny\nE\nRUN <<-E\n\t#!/bin/x\n\tz\nE\nRUN cat <<A - <<-B\n1\nA\n\t2\nB\nRUN ["a"]'
    )
    assert isinstance(plain, Run) and plain.shell_text == "a b" and plain.script is None
    assert isinstance(lone, Run) and lone.shell_text == "x\ny\n" and lone.script is None
    assert isinstance(script, Run) and script.script is not None
    assert script.script.text == "#!/bin/x\nz\n"
    assert isinstance(piped, Run) and piped.shell_text == "cat <<A - <<-B\n1\nA\n\t2\nB"
    assert isinstance(words, Run) and words.command == ("a",) and not words.shell_form


def test_expanded_copies() -> None:
    found = stepped(
        "COPY --chown=$u --chmod=$m $s/* '$s' <<A <<'B' $d\n\"$s\"\nA\n$s\nB", u="1:2", m="755", s="x", d="/d"
    )
    assert isinstance(found, Copy)
    assert (found.sources, found.destination, found.chown, found.chmod) == (("x/*", "$s"), "/d", "1:2", "755")
    assert [file.content for file in found.files] == ['"x"\n', "$s\n"]
    add = stepped("ADD --checksum=$c --exclude=$c https://a/b /d", c="sha256:0")
    assert isinstance(add, Add)
    assert (add.checksum, add.exclude) == ("sha256:0", ("$c",))


@pytest.mark.parametrize("mode", ["0", "755", "07777", "u=rwX,go=rX", "a+x", "-w", "g=u", "+t"])
def test_modes(mode: str) -> None:
    found = stepped(f"COPY --chmod={mode} a b")
    assert isinstance(found, Copy)
    assert found.chmod == mode


def test_exposed_ports() -> None:
    found = stepped("EXPOSE 80 $p 8000-8002/UDP 127.0.0.1:1:2 [::1]:3:4 5/", p="90/sctp 91")
    assert isinstance(found, Expose)
    ports = ["2/tcp", "5/tcp", "80/tcp", "8000/udp", "8001/udp", "8002/udp", "4/tcp"]
    assert sorted(found.ports) == sorted([*ports, "90/sctp", "91/tcp"])


def test_triggers() -> None:
    found = parse_trigger("COPY --from=x a b", (3, 4))
    assert isinstance(found, Copy)
    assert (found.source_stage, found.lines) == ("x", (3, 4))
    heredoc = parse_trigger("RUN <<E\nx\nE", (1, 1))
    assert isinstance(heredoc, Run)
    assert heredoc.shell_text == "x\n"
    for bad in ("RUN a\nRUN b", "FROM x", "NOPE", ""):
        with pytest.raises(DockerfileError):
            parse_trigger(bad, (1, 1))
