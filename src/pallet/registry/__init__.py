"""Registries: where images are pulled from and pushed to.

Source: OCI distribution spec 1.1; docker's token and oauth2 specs (distribution, docs/spec/auth). The parts, lowest
first: `configuration` (mirrors, TLS), `credentials` (docker's config.json), `endpoint` (a name's addresses), `failure`
(errors in docker's words), `stop` (an end to requests under way), `answer`, `pools` and `transport` (HTTP with retries
and redirects), `challenge` and `auth` (tokens), `client` (all of it put together), and on it one file per verb:
`source` with `download`, `tags`, `sink` with `upload`, `login`. Apart from all that, `head` asks a registry on loopback
one question.
"""
