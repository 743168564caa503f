"""The code reference: frozen values over data/*.yaml, read when first asked for and then kept.

This is the door for the other rooms. Behind it:

    values.py     what the reference holds: codes, methods, causes, providers
    meaning.py    what one of them can mean, and whether the wire bears that out
    mark.py       what gives a provider away on the wire
    load.py       data/*.yaml as those values, each file read once; load_providers.py its part
    codes.py      look-ups by number and name
    providers.py  providers, and meanings with theirs first
    recognise.py  whose host names and answers these are
    spelling.py   the nearest words to one that is not held

One file of data, one kind of value: responses.yaml (`ResponseCode`), methods.yaml (`Method`),
classes.yaml (`ResponseClass`), q850.yaml (`Q850Cause`), warnings.yaml (`WarningCode`), headers.yaml
(`HeaderHint`), causes.yaml (`RootCause`), stacks.yaml (`Stack`) and providers/NAME.yaml
(`Provider`).

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
from probe.reference.mark import Answer, Mark, MarkKind, Recognition, Sighting, Stack, within
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
    suggest_provider,
)
from probe.reference.recognise import recognise, stack
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
    Requirement,
    ResponseClass,
    ResponseCode,
    Retry,
    RootCause,
    Wanted,
    WarningCode,
)

__all__ = [
    "ANY",
    "FIRST_CODE",
    "LAST_CODE",
    "Answer",
    "Direction",
    "HeaderHint",
    "LookAlike",
    "Mark",
    "MarkKind",
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
    "Sighting",
    "Stack",
    "UnknownSubjectError",
    "Wanted",
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
    "stack",
    "suggest",
    "suggest_provider",
    "unregistered_responses",
    "warning",
    "warnings",
    "within",
]
