# license
#
# VERSION which version
ARG VERSION=1
# build the compiler
# check=skip=FromAsCasing
FROM debian as build
RUN true
