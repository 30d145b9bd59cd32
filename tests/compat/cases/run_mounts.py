"""Mounts of `docker run`: -v, --mount, --tmpfs, --volumes-from."""

from __future__ import annotations

from tests.compat.compare import cases, setup

_BOX = "docker run --rm --network none"
_LOOK = 'busybox sh -c \'grep " /m " /proc/mounts | cut -d" " -f4 | cut -d, -f1; ls /m\''
_TMPFS = "busybox grep ' /m ' /proc/mounts"

CASES = cases(
    setup("docker pull -q busybox"),
    f"{_BOX} --mount type=bind,source=$PWD/mounted,target=/m {_LOOK}",
    f"{_BOX} --mount type=bind,src=$PWD/mounted,dst=/m,ro {_LOOK}",
    f"{_BOX} --mount type=bind,src=$PWD/mounted,destination=/m,readonly=true {_LOOK}",
    f"{_BOX} --mount type=bind,src=$PWD/mounted,destination=/m,readonly=x {_LOOK}",
    f"{_BOX} --mount 'type=bind,\"src=/etc\",dst=/m' busybox ls -d /m",
    f"{_BOX} --mount 'type=bind,\"src=/etc,dst=/m' busybox true",
    f"{_BOX} --mount type=bind,src=$PWD/nosuch,dst=/m {_LOOK}",
    f"{_BOX} --mount type=bind,src=relative,dst=/m {_LOOK}",
    f"{_BOX} --mount type=bind,dst=/m {_LOOK}",
    f"{_BOX} --mount type=bind,src=$PWD/mounted {_LOOK}",
    f"{_BOX} --mount type=bind,src=$PWD/mounted,dst=m {_LOOK}",
    f"{_BOX} --mount type=bind,src=$PWD/mounted,dst=/ {_LOOK}",
    f"{_BOX} --mount type=bind,src=$PWD/mounted,dst=/m,bind-propagation=rslave {_LOOK} 2>&1 | sed "
    "'s/mounted on [^ ]*/mounted/'",
    f"{_BOX} --mount type=bind,src=$PWD/mounted,dst=/m,bind-propagation=x {_LOOK}",
    f"{_BOX} --mount type=bind,src=$PWD/mounted,dst=/m,bind-nonrecursive,consistency=cached {_LOOK}",
    f"{_BOX} --mount type=bind,src=$PWD/mounted,dst=/m,volume-nocopy {_LOOK}",
    f"{_BOX} --mount type=bind,src=$PWD/mounted,dst=/m,tmpfs-size=1m {_LOOK}",
    f"{_BOX} --mount type=volume,src=vol,dst=/www busybox ls /www",
    f"{_BOX} --mount type=volume,src=vol,dst=/m {_LOOK}",
    f"{_BOX} --mount type=volume,src=empty,dst=/www,volume-nocopy busybox ls /www",
    f"{_BOX} --mount type=volume,src=vol,dst=/m,volume-nocopy=x {_LOOK}",
    f"{_BOX} --mount type=volume,src=vol,dst=/m,volume-label=a=b,volume-driver=local {_LOOK}",
    f"{_BOX} --mount type=volume,src=vol,dst=/m,bind-propagation=rslave {_LOOK}",
    f"{_BOX} --mount type=volume,src=labelled,dst=/www,volume-label=a=b busybox ls /www; "
    "docker volume inspect -f '{{.Labels}} {{.Options}}' labelled",
    f"{_BOX} --mount type=volume,src=other,dst=/m,volume-opt=foo=bar busybox true",
    f"{_BOX} --mount type=volume,dst=/www,ro busybox ls /www",
    f"{_BOX} --mount dst=/www busybox ls /www",
    f"{_BOX} --mount src=vol,dst=/m {_LOOK}",
    f"{_BOX} --mount type=volume,src=/vol,dst=/m {_LOOK}",
    f"{_BOX} --mount type=volume,src=b,dst=/m {_LOOK}",
    f"{_BOX} --mount type=tmpfs,dst=/m {_TMPFS}",
    f"{_BOX} --mount type=tmpfs,dst=/m,tmpfs-size=1m,tmpfs-mode=700 {_TMPFS}",
    f"{_BOX} --mount type=tmpfs,dst=/m,tmpfs-mode=x {_TMPFS}",
    f"{_BOX} --mount type=tmpfs,dst=/m,tmpfs-size=x {_TMPFS}",
    f"{_BOX} --mount type=tmpfs,src=x,dst=/m {_TMPFS}",
    f"{_BOX} --mount type=tmpfs,dst=/m,ro {_TMPFS}",
    f"{_BOX} --mount type=tmpfs busybox true",
    f"{_BOX} --mount type=x,dst=/m busybox true",
    f"{_BOX} --mount type=bind,foo=bar busybox true",
    f"{_BOX} --mount type=bind,foo busybox true",
    f"{_BOX} --mount '' busybox true",
    f"{_BOX} --mount type=bind,src=$PWD/mounted,dst=/m -v $PWD/mounted:/m busybox true",
    f"{_BOX} --tmpfs /m busybox sh -c 'grep \" /m \" /proc/mounts; stat -c %A /m'",
    f"{_BOX} --tmpfs /m:size=1m,mode=700,exec {_TMPFS}",
    f"{_BOX} --tmpfs /m:foo=1 {_TMPFS}",
    f"{_BOX} --tmpfs m {_TMPFS}",
    f"{_BOX} --tmpfs /www busybox ls /www",
    f"{_BOX} --tmpfs /m -v $PWD/mounted:/m busybox true",
    f"{_BOX} --read-only --tmpfs /m busybox touch /m/x",
    f"{_BOX} -v empty:/www:nocopy busybox ls /www",
    f"{_BOX} -v vol:/m:z,ro {_LOOK}",
    f"{_BOX} -v $PWD/mounted:/m:cached {_LOOK}",
    f"{_BOX} -v $PWD/mounted:/m:nocopy busybox true",
    f"{_BOX} -v $PWD/mounted:/m:ro,rw busybox true",
    f"{_BOX} -v $PWD/mounted:/m:shared busybox true 2>&1 | sed 's/mounted on [^ ]*/mounted/'",
    f"{_BOX} -v vol:/m:shared busybox true",
    f"{_BOX} -v a:b:c:d busybox true",
    f"{_BOX} -v $PWD/mounted:/m: busybox ls /m",
    f"{_BOX} -v $PWD/mounted:/m/../n busybox ls /n",
    f"{_BOX} --volume-driver local -v vol:/m {_LOOK}",
    setup("docker run --name donor -v vol:/m:ro -v $PWD/mounted:/b -v /www busybox true"),
    f"{_BOX} --volumes-from donor busybox sh -c 'ls -d /m /b /www; touch /m/x'",
    f"{_BOX} --volumes-from donor:ro busybox touch /b/x",
    f"{_BOX} --volumes-from donor:x busybox true",
    f"{_BOX} --volumes-from donor -v $PWD/mounted:/m busybox ls /m",
    f"{_BOX} --volumes-from nosuch busybox true",
    f"{_BOX} --volumes-from '' busybox true",
    setup(
        "docker create --name all --mount type=bind,src=$PWD/mounted,dst=/m,ro --tmpfs /t:size=1m --volumes-from donor "
        "--mount type=tmpfs,dst=/tt,tmpfs-size=1m,tmpfs-mode=0700 --mount src=vol,dst=/vv,volume-label=a=b busybox true"
    ),
    "docker inspect -f '{{json .HostConfig.Binds}} {{json .HostConfig.Mounts}} {{json .HostConfig.Tmpfs}}' all",
    "docker inspect -f '{{json .HostConfig.VolumesFrom}} {{json .Config.Volumes}} {{len .Mounts}}' all",
    "docker inspect -f '{{range .Mounts}}{{.Destination}} {{.Type}} {{.Mode}} {{.RW}} "
    "{{.Propagation}}\n{{end}}' all | sort",
    "docker rm -v donor all",
)
