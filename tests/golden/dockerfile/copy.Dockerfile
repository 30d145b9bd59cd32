FROM debian AS build
FROM scratch
COPY a b /dir/
COPY ["with space", "/d"]
COPY --from=build --chown=1000:staff --chmod=755 --link /bin/x /bin/x
COPY --link=false --parents --exclude=*.md --exclude=docs/** src/**/*.c /src/
COPY --from=0 / /
