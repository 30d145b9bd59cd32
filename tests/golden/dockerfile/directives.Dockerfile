# Syntax = docker/dockerfile:1.7-labs
#check=skip=JSONArgsRecommended;error=true trailing words
# escape = `
# unknown=makes the rest comments
# escape=\
FROM debian
RUN a `
  b
