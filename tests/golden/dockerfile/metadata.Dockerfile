FROM scratch
MAINTAINER Some One <some@example.com>
EXPOSE 80 443/tcp 8000-8002/udp $PORT
VOLUME /data /more
VOLUME ["/a b", " /c "]
USER 1000:1000
WORKDIR /srv/my app
STOPSIGNAL SIGQUIT
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
