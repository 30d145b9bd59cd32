FROM scratch
CMD ["a", "b"]
CMD a "b c"
CMD []
CMD
ENTRYPOINT ["/init"]
ENTRYPOINT exec top -b
ENTRYPOINT []
HEALTHCHECK NONE
HEALTHCHECK --interval=30s --timeout=1m30s --start-period=500ms --start-interval=5s --retries=3 CMD curl -f http://localhost/
HEALTHCHECK CMD ["/check", "now"]
