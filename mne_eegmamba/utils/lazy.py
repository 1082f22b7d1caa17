"""Names of a package that are imported when they are first used."""

import sys
from importlib import import_module


def attach(package, submodules=(), submod_attrs=None):
    """Return what a package's ``__init__`` needs to load its names late.

    The network shall import where torch is all there is, so this is no other package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    submodules : sequence of str, default=()
        Submodules that are names of the package.
    submod_attrs : dict of {str: list of str} | None, default=None
        Public names in a submodule.

    Returns
    -------
    __getattr__, __dir__ : callable
        For the package (PEP 562).
    __all__ : list of str
        Its names, sorted.
    """
    homes = {
        name: part for part, names in (submod_attrs or {}).items() for name in names
    }
    names = sorted({*submodules, *homes})

    def __getattr__(name):
        if name in submodules:
            return import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)  # from now on without this function
        return value

    return __getattr__, lambda: list(names), list(names)
