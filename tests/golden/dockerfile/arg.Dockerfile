ARG GLOBAL
ARG A=1 B="two words" C='$A' D= E
FROM scratch
ARG GLOBAL
ARG F=$A:${B:-none} G=\"quoted\"
