"""SciPy's searches in graphs, without the 16 MB that they bring along and the router never uses.

`scipy.sparse` copies every public name of NumPy, which loads what NumPy itself loads only when it is asked for (its
Fortran compiler, its tests, its random numbers); `csgraph` wants one class of `scipy.sparse.linalg`, and with it comes
all of LAPACK. Both stay reachable for whoever imports them later. The hub's router has to fit beside the hub in 200 MB.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np

_LINALG = "scipy.sparse.linalg"


@contextmanager
def _sparing() -> Iterator[None]:
    """While this holds NumPy names only what it has loaded, and a placeholder stands for sparse linear algebra."""
    names, listed = np.__all__, vars(np)["__dir__"]
    placeholder = ModuleType(_LINALG)
    placeholder.LinearOperator = type("LinearOperator", (), {})  # type: ignore[attr-defined]  # of `laplacian` alone
    spared = _LINALG not in sys.modules
    np.__all__ = [name for name in names if name in vars(np)]
    vars(np)["__dir__"] = lambda: list(vars(np))
    if spared:
        sys.modules[_LINALG] = placeholder
    try:
        yield
    finally:
        np.__all__, vars(np)["__dir__"] = names, listed
        if spared:
            del sys.modules[_LINALG]


with _sparing():
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order, connected_components, dijkstra

__all__ = ["breadth_first_order", "connected_components", "csr_array", "dijkstra"]
