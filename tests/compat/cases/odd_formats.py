"""Templates on what is not there; `system df` in all its shapes; what `start` refuses; links with one alias."""

from __future__ import annotations

from tests.compat.compare import cases, setup

_BLOBS = "grep -v -e Blobs"
_RAW = "docker system df --format raw | sed '/Blobs/,$d'"


def _inspect(*templates: str) -> list[str]:
    return [f"docker inspect -f '{template}' aa" for template in templates]


CASES = cases(
    setup("docker pull -q busybox; docker create --name aa -l x=1 -e A=b busybox true"),
    *_inspect(
        "{{.Nope}}",
        "{{.Config.Nope}}",
        "{{.Config.Labels.nope}}|{{json .Config.Labels.nope}}|{{.Config.Labels.x}}",
        '{{index .Config.Labels "x"}}|{{index .Config.Labels "nope"}}|',
        "{{.NetworkSettings.Networks.nope}}",
        "{{.NetworkSettings.Networks.nope.IPAddress}}",
        "{{.NetworkSettings.Networks.bridge.Nope}}",
        "{{.State.Health}} {{json .State.Health}}",
        "{{.State.Health.Status}}",
        "{{with .State.Health}}{{.Status}}{{else}}none{{end}}",
        "{{.Node}}",
        "{{.SizeRw}} {{.SizeRootFs}}",
        "{{.ExecIDs}}|{{json .ExecIDs}}",
        "{{.Config.Healthcheck.Test}}",
        "{{.GraphDriver.Data.Nope}}",
        "{{(index .Mounts 0).Name}}",
        "{{index .Config.Env 7}}",
        '{{index .Config.Env "x"}}',
        "{{index .Config.Nope 0}}",
        "{{.Config.Env.x}}",
        "{{.Id.x}}",
        "{{.config}}",
        "{{json .Nope}}",
        "{{println .Name .Nope}}",
        "{{if .Nope}}x{{else}}y{{end}}",
        "{{.HostConfig.LogConfig.Config.nope}}",
        '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}',
        "{{.Config.ExposedPorts}} {{.NetworkSettings.Ports}} {{.HostConfig.PortBindings}} {{.HostConfig.Binds}}",
    ),
    "docker network inspect bridge -f '{{.Nope}}'",
    "docker network inspect bridge -f '{{.Options.nope}}|{{index .Options \"nope\"}}|{{.Labels.x}}|{{.Containers}}'",
    setup("docker volume create --label a=b vv"),
    "docker volume inspect -f '{{.Options.x}}|{{index .Labels \"a\"}}|{{.Labels.x}}|{{.Status}}|{{.UsageData}}' vv",
    "docker volume inspect -f '{{.UsageData.Size}}' vv",
    'docker volume inspect -f \'{{json .}}\' vv | sed \'s/"Mountpoint":"[^"]*"//\'',
    "docker image inspect -f '{{.Config.Labels.x}}|{{index .Config.Labels \"x\"}}|{{.RootFS.Nope}}' busybox",
    "docker ps -a --format '{{.Label \"nope\"}}|{{.Labels.x}}'",
    "docker ps -a --format '{{.Names.x}}'",
    setup("docker pull -q httpd; docker run -d --name web -l a=b -p 18095:80 busybox sh -c 'echo hi > /f; sleep 999'"),
    setup("docker volume create v1; docker create --name xx -v v2:/v httpd; sleep 0.5"),
    "for port in 18095 80 18090-18099/tcp 18095/udp; do docker ps -q -f publish=$port | wc -l; done",
    "for port in 18095 80 70-90 80/udp; do docker ps -q -f expose=$port | wc -l; done",
    f"docker system df --format '{{{{json .}}}}' | {_BLOBS}",
    f"{_RAW} | sed '/Build Cache/,$d' | grep -v -e size -e reclaimable",
    "docker system df --format '{{.Nope}}'",
    "docker system df --format '{{'",
    'docker system df -v --format \'{{json .Images}}\' | sed \'s/"LastUsed":"[^"]*",//g\'',
    "docker system df -v --format '{{json .Containers}}'",
    "docker system df -v --format '{{range .Volumes}}{{println .Name (.Label \"a\") .Links .Size}}{{end}}' | sort",
    "docker system df -v --format '{{json .BuildCache}}'",
    "docker system df -v --format '{{range .Containers}}{{.Names}} {{.Label \"a\"}} {{.Ports}} {{.Size}};{{end}}'",
    "docker system df -v --format '{{.Nope}}'",
    # Labels are a map of Go's, in an order of its own each time.
    "docker system df -v --format raw | sed '/type: Volume/,$d;/^labels:/s/[a-z]*=[a-z]*/LABEL/g'",
    "docker system df -v --format raw | sed -n '/type: Volume/,$p' | sort",
    "docker system df -v | sed -n '/^Containers/,/^Local/p'",
    "docker system df x",
    "docker start --checkpoint cp web",
    "docker start --checkpoint-dir /tmp web nosuch",
    "docker start --checkpoint cp --checkpoint-dir /tmp xx",
    "docker start --checkpoint '' xx",
    "docker start --help",
    "docker create --name linked --link web:b --link aa:b busybox > /dev/null",
    "docker inspect -f '{{json .HostConfig.Links}}' linked",
    "docker start -a linked; docker rm linked",
    "docker run --rm --hostname hh --link web:b --link aa:b busybox grep -c ' ' /etc/hosts",
    "docker rm -f web xx aa",
)
