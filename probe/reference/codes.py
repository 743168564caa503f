"""Look-ups of codes, methods, Q.850 causes, warnings, headers and root causes."""

from __future__ import annotations

import re

from probe.reference import load
from probe.reference.spelling import UnknownSubjectError, nearest
from probe.reference.values import (
    HeaderHint,
    Method,
    Q850Cause,
    ResponseClass,
    ResponseCode,
    Retry,
    RootCause,
    WarningCode,
    class_of,
    treated_as,
)

_Q850_CAUSES = range(1, 128)  # the cause value has seven bits, and 0 is never sent
_NORMAL_UNSPECIFIED = 31  # RFC 3398 §8.2.6.1: the cause of a response that its table does not name


def response(code: int) -> ResponseCode:
    """Return what a response code means, for any number at all.

    An unregistered final code is treated as the x00 of its class and an unregistered provisional
    one as 183 (RFC 3261 §8.1.3.2); a number outside 100 to 699 is no SIP response.
    """
    known = load.responses().get(code)
    if known is not None:
        return known
    return _unlisted_response(code)


def responses() -> tuple[ResponseCode, ...]:
    """Return the registered response codes, ascending."""
    return tuple(entry for entry in load.responses().values() if entry.registered)


def unregistered_responses() -> tuple[ResponseCode, ...]:
    """Return the unregistered codes that products are known to send, ascending."""
    return tuple(entry for entry in load.responses().values() if not entry.registered)


def response_class(name: str) -> ResponseClass | None:
    """Return a class of responses by its name, `4xx` or `400-499`; None for another word."""
    match = re.fullmatch(r"([1-6])(?:xx|00-(?:\1)99)", name.strip().casefold())
    return load.classes()[f"{match[1]}xx"] if match else None


def method(name: str) -> Method | None:
    """Return a method by its name, in any case."""
    return load.methods().get(name.strip().upper())


def methods() -> tuple[Method, ...]:
    """Return the fourteen registered methods, by name."""
    return tuple(load.methods().values())


def q850(cause: int) -> Q850Cause:
    """Return a Q.850 cause; one without a name here gets the mapping that RFC 3398 defaults to."""
    known = load.q850().get(cause)
    if known is not None:
        return known
    valid = cause in _Q850_CAUSES
    return Q850Cause(
        cause=cause,
        name="no name in this reference" if valid else "not a Q.850 cause",
        named=False,
        meaning=None,
        sip=500 if valid else None,
        mapping="default of RFC 3398 §7.2.4.1" if valid else "causes run from 1 to 127",
        from_sip=(),
        stacks=(),
        read_by=(),
        causes=(),
    )


def q850_causes() -> tuple[Q850Cause, ...]:
    """Return the Q.850 causes that the reference names, ascending."""
    return tuple(load.q850().values())


def q850_for(code: int) -> int | None:
    """Return the Q.850 cause that RFC 3398 §8.2.6.1 maps a final response to; None if none fits.

    None for 487, which ends no leg by itself, and for 488 and 606, where the Warning decides.
    """
    return load.q850_from_sip().get(code, _NORMAL_UNSPECIFIED)


def warning(code: int) -> WarningCode:
    """Return a warn-code; an undefined one is placed by its range (RFC 3261 §20.43)."""
    known = load.warnings().get(code)
    if known is not None:
        return known
    for row in load.raw("warnings.yaml")["ranges"]:
        if row["first"] <= code <= row["last"]:
            where, tells = "RFC 3261 §20.43 (range)", row["meaning"]
            break
    else:
        where, tells = "no RFC", "No range of RFC 3261 §20.43 holds it."
    return WarningCode(
        code=code,
        name="not a defined warn-code",
        registered=False,
        defined_in=where,
        meaning=tells,
        causes=(),
    )


def warnings() -> tuple[WarningCode, ...]:
    """Return the warn-codes that the reference lists, ascending."""
    return tuple(load.warnings().values())


def header(name: str) -> HeaderHint | None:
    """Return what a header field gives away, by its name in any case."""
    return load.headers().get(name.strip().casefold())


def headers() -> tuple[HeaderHint, ...]:
    """Return the header fields that the reference explains."""
    return tuple(load.headers().values())


def cause(cause_id: str) -> RootCause:
    """Return a root cause by its id; raises UnknownSubjectError for an id that does not exist."""
    key = cause_id.strip().upper()
    found = load.causes().get(key)
    if found is None:
        raise UnknownSubjectError(cause_id, nearest(key, load.causes()))
    return found


def causes() -> tuple[RootCause, ...]:
    """Return every root cause, by id."""
    return tuple(load.causes().values())


def _unlisted_response(code: int) -> ResponseCode:
    """Say what RFC 3261 §8.1.3.2 makes of a code that nobody listed."""
    instead = treated_as(code)
    rules = load.raw("responses.yaml")["rules"]
    if instead is None:
        rule, model = rules["outside"], None
    else:
        rule = rules["unknown_provisional" if instead == 183 else "unknown_final"]
        model = load.responses()[instead]
    text = rule["meaning"].format(code=code, instead=instead)
    return ResponseCode(
        code=code,
        name=rule["name"].format(kind=class_of(code)),
        registered=False,
        treated_as=instead,
        defined_in="not a registered code",
        meaning=text,
        retry=Retry.NO if model is None else model.retry,
        next_act=rule["next"] if model is None else model.next_act,
        meanings=(load.meaning({"text": text}, code, source=rule["source"]),),
        causes=(),
    )
