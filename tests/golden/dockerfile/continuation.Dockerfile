# a comment

FROM debian
  # an indented comment
RUN one \
  # inside
  two \   
# at the margin \
    three
  RUN four \

    five \
ENV X=1
RUN ends with two \\
RUN \
  leading
RUN last \
