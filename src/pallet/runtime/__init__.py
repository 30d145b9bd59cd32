"""Running containers: the OCI runtime's configuration, conmon, crun or runc, attaching, logs."""
