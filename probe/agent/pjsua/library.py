"""The loaded pjsua2 library: the C functions that the Python bindings lack."""

import ctypes
from pathlib import Path

import pjsua2 as pj


def load() -> ctypes.CDLL:
    """Return the library with its logging to stdout switched off."""
    folder = Path(pj.__file__).parent
    found = [*folder.glob("_pjsua2*.so"), *folder.parent.glob("_pjsua2*.so")]
    library = ctypes.CDLL(str(found[0]))
    library.pj_log_set_level(0)
    return library
