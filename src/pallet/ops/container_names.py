"""Containers' names: made up, or checked.

Source: docker's rule for names; its own made-up names come from a list of its own, pallet's from a short one here.
"""

from __future__ import annotations

import os

from pallet.engine import Engine
from pallet.errors import InvalidInput

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_MORE = _LETTERS | frozenset("_.-")
_ADJECTIVES = """
amber agile ample brave bright brisk calm candid clever cosy crisp daring deft eager early fair fleet fond frank fresh
gentle glad golden grand handy happy hardy honest humble ideal jolly keen kind lively loyal lucid lucky mellow merry
mighty modest neat nimble noble patient plucky polite proud quick quiet ready robust serene sharp silver simple sleek
smart snug solid spry steady stout sunny swift tidy trusty upbeat vivid warm wise witty zesty
"""
_NOUNS = """
abel agnesi alhazen ampere avicenna banach bell bernoulli boole borlaug cantor cauchy celsius chern clarke coulomb
daguerre davy dirichlet doppler dufay emeagwali erdos fisher foucault galvani gibbs goldbach haber hamilton hertz
hubble huygens jacobi joule kepler kirchhoff lagrange laplace leibniz linnaeus lorentz mach markov maury mobius napier
ohm oresme pascal peano planck poisson rayleigh riemann savart steiner tesla torricelli venn volta weber wiener zeno
"""


def check_name(name: str) -> str:
    """Check a name; returns it without docker's leading slash.

    Raises:
        InvalidInput: docker's text.
    """
    plain = name.removeprefix("/")
    if len(plain) < 2 or plain[0] not in _LETTERS or not _MORE.issuperset(plain):
        raise InvalidInput(f"Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
    return plain


def made_up_name(engine: Engine) -> str:
    """A name that no container has yet."""
    taken = {name for (name,) in engine.store.db.rows("SELECT name FROM containers")}
    adjectives, nouns = _ADJECTIVES.split(), _NOUNS.split()
    while True:
        name = f"{adjectives[_random() % len(adjectives)]}_{nouns[_random() % len(nouns)]}"
        if name not in taken:
            return name
        name += str(_random() % 10_000)
        if name not in taken:
            return name


def _random() -> int:
    return int.from_bytes(os.urandom(4), "little")
