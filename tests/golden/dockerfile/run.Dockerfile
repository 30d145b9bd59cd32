FROM debian
RUN echo  "hello   world" && true
RUN ["/bin/echo", "a b", "\u0041"]
RUN ['not json']
RUN ["unfinished
RUN --network=none --security=insecure make
RUN --network=host -- --not-a-flag
RUN
