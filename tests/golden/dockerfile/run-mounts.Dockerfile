FROM debian AS base
FROM debian
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=bind,from=base,source=/etc,target=/e ls
RUN --mount=type=secret,id=token,target=/t,required,mode=0400 --mount=type=ssh cat /t
RUN --mount=type=tmpfs,target=/tmp,size=64m --mount="type=cache,target=/a,\"id=b,c\"" true
