FROM scratch
ADD archive.tar.gz /
ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://example.com/x.tar /x/
ADD --keep-git-dir=true https://github.com/moby/buildkit.git#v0.10.1 /src
ADD --unpack=false --chown=$USER --chmod=u=rwX,go=rX --link --exclude=a ["a", "b", "/c/"]
