"""The command line: docker's grammar, docker's output.

A command is one module with a `COMMAND` declaration, imported only when it is called. `tree` lists them, `flags` reads
their words, `help` describes them, `main` runs them and turns errors into text and exit codes.
"""
