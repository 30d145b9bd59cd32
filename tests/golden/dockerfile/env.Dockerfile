FROM scratch
ENV A=1
ENV B="x y" C='it''s' D=a\ b E= F=$A
ENV LEGACY   all of   the rest "quotes too"
ENV G="a \
    b" \
    H=2
