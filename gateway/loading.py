"""Loading what a program needs while the garbage collector sleeps: it would go again and again through what stays.

That is a fifth of a start. What was loaded is set aside afterwards: no later collection goes through it either.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Within, modules are imported; one such block inside another changes nothing."""
    if not gc.isenabled():
        yield
        return
    before = len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > before:
            # Whatever garbage there is stays as well: only a first load is worth it.
            gc.freeze()
        gc.enable()
