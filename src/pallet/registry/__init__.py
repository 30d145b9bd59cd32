"""Registries: where images are pulled from and pushed to.

Source: OCI distribution spec 1.1; docker's token and oauth2 specs (distribution, docs/spec/auth). The parts, lowest
first: `configuration` (mirrors, TLS), `credentials` (docker's config.json), `endpoint` (a name's addresses),
`transport` (HTTP with retries and redirects), `failure` (answers to errors), `auth` (tokens), `client` (the three
put together), and on it one file per verb: `source`, `tags`, `sink` with `upload`, `login`.
"""
