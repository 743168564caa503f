"""What msgspec does not write as JSON by itself: texts and numbers of our own classes, and NaN."""

from datetime import datetime
from math import isfinite

from msgspec import Struct
from msgspec.structs import astuple


def plain(value: object) -> object:
    """Return a value of a subclass, such as a text that knows its place, as what it is beneath.

    To be given to msgspec as ``enc_hook``; raise TypeError where a value has no form in JSON.
    """
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} has no form in JSON")


def has_figures(value: object) -> bool:
    """Whether every float in a record or tuple is a number: msgspec writes NaN as null."""
    if not isinstance(value, (tuple, Struct)):
        return not isinstance(value, float) or isfinite(value)
    for one in astuple(value) if isinstance(value, Struct) else value:
        if type(one) is float:
            if not isfinite(one):
                return False
        elif one and isinstance(one, (tuple, Struct)) and not has_figures(one):
            return False
    return True
