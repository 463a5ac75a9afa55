"""Packages whose names are looked up when they are first asked for, so that importing one is quick.

What a package offers stands in its ``__init__.pyi`` as imports and ``__all__``: there type checkers
and editors find it, and `attach` reads it there too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path


def attach(package: str, file: str) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the functions ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package, file
        ``__name__`` and ``__file__`` of its ``__init__.py``; ``__init__.pyi`` lies beside it.
    """
    stub = ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8")).body
    (names,) = (ast.literal_eval(node.value) for node in stub if isinstance(node, ast.Assign))
    places = {
        alias.name: str(node.module)
        for node in stub
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    def get(name: str) -> object:
        if name == "__all__":
            return names
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if places[name] == package:  # a package in it
            return import_module(f"{package}.{name}")
        value = getattr(import_module(places[name]), name)
        setattr(sys.modules[package], name, value)  # the next time it is found without this
        return value

    return get, lambda: sorted(places)
