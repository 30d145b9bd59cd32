# escape=`
FROM debian
RUN dir C:\ `
  more
RUN <<EOF
a
EOF
ENV A=`"x
