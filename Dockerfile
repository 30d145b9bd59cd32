# pallet in an image of its own: pallet build -t pallet . (docker build does as well)
#
# BASE is any Debian or Ubuntu with Python 3.11 or later in its archive; what it has already is not installed again.
# Where Python's packages come from is the builder's business: wheels in a directory (--build-context wheels=DIR, then
# --build-arg PIP_NO_INDEX=1 for those only), or pip's configuration as a secret (--secret id=pip,src=/etc/pip.conf).
ARG BASE=debian:bookworm-slim

FROM scratch AS wheels

FROM ${BASE} AS build
RUN command -v python3 >/dev/null && python3 -c 'import ensurepip, venv' || \
    { apt-get update && apt-get install -y --no-install-recommends python3-venv; }
WORKDIR /src
COPY pyproject.toml README.md ./
COPY bin bin
COPY src src
ARG PIP_NO_INDEX
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=bind,from=wheels,target=/wheels \
    --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv /opt/pallet && \
    /opt/pallet/bin/pip install --disable-pip-version-check --find-links /wheels . && \
    /opt/pallet/bin/pip uninstall --yes --quiet pip

FROM ${BASE}
RUN command -v python3 >/dev/null && command -v crun >/dev/null || \
    { apt-get update && \
      apt-get install -y --no-install-recommends python3 crun conmon netavark aardvark-dns iptables && \
      rm -rf /var/lib/apt/lists/*; }
COPY --from=build /opt/pallet /opt/pallet
ENV PATH=/opt/pallet/bin:$PATH
VOLUME /var/lib/pallet
ENTRYPOINT ["pallet"]
CMD ["--help"]
