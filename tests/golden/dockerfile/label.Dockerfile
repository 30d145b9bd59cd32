FROM scratch
LABEL org.opencontainers.image.title="A title" "quoted key"=v
LABEL old style label
LABEL multi="one\
 two"
