"""Log options that docker reads when a container starts: templates, regular expressions, and what --details shows."""

from __future__ import annotations

from tests.compat.compare import cases, setup


def _start(*words: str) -> list[str]:
    create = "docker create --name odd {} busybox true > /dev/null; docker start odd; docker rm odd"
    return [create.format(" ".join(f"--log-opt {word}" for word in each.split("  "))) for each in words]


_SHOWN = (
    "docker run --name odd {} busybox echo hi; docker logs --details odd; docker logs --details -n 1 odd; "
    "docker rm odd | wc -l"
)
_ALL = "{{.ImageName}} {{.DaemonName}} {{.ImageFullID}} {{.ImageID}} {{.Command}}"

CASES = cases(
    setup("docker pull -q busybox"),
    *_start(
        "tag='{{.Nope}}'",
        "tag='{{'",
        "tag='{{.Name'",
        "tag='{{nofunc .Name}}'",
        "tag='{{.ID}}/{{.Name}}'",
        "tag='{{.Labels.x}}'",
        "tag='{{if}}'",
        "env-regex='('",
        "env-regex='['",
        "env-regex='*'",
        "env-regex='a**'",
        "env-regex='a*??'",
        "env-regex='(?=x)'",
        "env-regex='(?P<x'",
        "env-regex='(?P<a>x)(?P<a>y)'",
        "env-regex='a{1001}'",
        "env-regex='a{2,1}'",
        "env-regex='a{,1}'",
        "env-regex='[z-a]'",
        "env-regex='\\'",
        "env-regex='\\y'",
        "env-regex='\\C'",
        "env-regex='\\1'",
        "env-regex='\\xz1'",
        "env-regex='\\x{110000}'",
        "env-regex='a)'",
        "env-regex='|*'",
        "env-regex='[[:nope:]]'",
        "env-regex='\\pX'",
        "labels-regex='('",
        "labels-regex='('  env-regex='['",
        "labels-regex='('  tag='{{'",
        "labels-regex='('  max-size=x",
        "max-file=0  tag='{{'",
    ),
    "docker run --rm --log-opt tag='{{' busybox true",
    "docker run --rm --log-opt env-regex='(' busybox true",
    "docker run --rm --log-driver none --log-opt env-regex='(' busybox true",
    "docker run --rm --log-driver local --log-opt tag='{{' busybox true",
    _SHOWN.format("--log-opt env-regex=^FO --log-opt env=BAR -e FOO=1 -e BAR=2 -e FOX='a b' -e XFO=4"),
    _SHOWN.format("--log-opt labels-regex='(?i)^L[ab]$' --log-opt labels=mm -l la=1 -l lb=2 -l lc=3 -l mm=4"),
    _SHOWN.format("--log-opt tag='{{.ID}}/{{.Name}}'"),
    _SHOWN.format(f"--log-opt tag='{_ALL}'"),
    _SHOWN.format("--log-opt tag='' --log-opt env=PATH,NOPE"),
    _SHOWN.format("--log-opt tag='{{json .ContainerArgs}}{{with .ContainerLabels}}{{.la}}{{end}}' -l la=1"),
)
