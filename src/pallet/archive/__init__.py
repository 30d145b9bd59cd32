"""Images in files: docker's archive (`docker save`, `docker load`) and the OCI image layout, as sources and sinks.

Sources: moby, image/spec (docker's archive, v1.2) and the archives docker 20.10 and 28 write; OCI image spec 1.1,
image-layout.md; containerd's annotation `io.containerd.image.name`.
"""
