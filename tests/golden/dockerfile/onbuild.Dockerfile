FROM scratch
ONBUILD COPY . /src
onbuild   run --network=none make \
    all
ONBUILD RUN <<EOF
echo later
EOF
