"""The code reference: frozen values over data/*.yaml, read when first asked for and then kept.

This is the door for the other rooms. Behind it:

    values.py     what the reference holds: codes, methods, causes, providers
    meaning.py    what one of them can mean, and whether the wire bears that out
    load.py       data/*.yaml as those values, each file read once
    codes.py      look-ups by number and name
    providers.py  providers, and meanings with theirs first
    spelling.py   the nearest words to one that is not held

One file of data, one kind of value: responses.yaml (`ResponseCode`), methods.yaml (`Method`),
classes.yaml (`ResponseClass`), q850.yaml (`Q850Cause`), warnings.yaml (`WarningCode`), headers.yaml
(`HeaderHint`), causes.yaml (`RootCause`) and providers/NAME.yaml (`Provider`).

Numbers come from the wire, so every look-up by number has an answer: `response(499)` is treated as
400 and says that nobody registered it (RFC 3261 §8.1.3.2). Look-ups by name answer None for a name
that the reference does not hold; only `cause` raises, because cause ids are our own, and
`meanings` for a provider that nobody knows.
"""

from probe.reference.codes import (
    cause,
    causes,
    header,
    headers,
    method,
    methods,
    q850,
    q850_causes,
    q850_for,
    response,
    response_class,
    responses,
    unregistered_responses,
    warning,
    warnings,
)
from probe.reference.meaning import (
    ANY,
    Direction,
    Meaning,
)
from probe.reference.providers import (
    meanings,
    provider,
    providers,
    providers_that_say,
    recognise,
    suggest_provider,
)
from probe.reference.spelling import (
    UnknownSubjectError,
    suggest,
)
from probe.reference.values import (
    FIRST_CODE,
    LAST_CODE,
    HeaderHint,
    LookAlike,
    Method,
    Provider,
    Q850Cause,
    Recognition,
    Requirement,
    ResponseClass,
    ResponseCode,
    Retry,
    RootCause,
    WarningCode,
)

__all__ = [
    "ANY",
    "FIRST_CODE",
    "LAST_CODE",
    "Direction",
    "HeaderHint",
    "LookAlike",
    "Meaning",
    "Method",
    "Provider",
    "Q850Cause",
    "Recognition",
    "Requirement",
    "ResponseClass",
    "ResponseCode",
    "Retry",
    "RootCause",
    "UnknownSubjectError",
    "WarningCode",
    "cause",
    "causes",
    "header",
    "headers",
    "meanings",
    "method",
    "methods",
    "provider",
    "providers",
    "providers_that_say",
    "q850",
    "q850_causes",
    "q850_for",
    "recognise",
    "response",
    "response_class",
    "responses",
    "suggest",
    "suggest_provider",
    "unregistered_responses",
    "warning",
    "warnings",
]
