"""The Dockerfile language. Source: docker's Dockerfile reference, checked against docker 20.10."""
