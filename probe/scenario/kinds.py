"""The kinds of value that keys of a scenario and of sipprobe.yaml hold, with who reads them."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from probe.scenario.values import (
    agent_name,
    choice,
    codec,
    header,
    mapped,
    parse_duration,
    several,
    some_duration,
    text,
)
from probe.scenario.written import Parsed

Text: TypeAlias = Annotated[str | None, Parsed(text)]
Words: TypeAlias = Annotated[tuple[str, ...] | None, Parsed(several(text))]
Codecs: TypeAlias = Annotated[tuple[str, ...] | None, Parsed(several(codec))]
Headers: TypeAlias = Annotated[dict[str, str], Parsed(mapped(header))]
Seconds: TypeAlias = Annotated[float | None, Parsed(parse_duration)]
SomeSeconds: TypeAlias = Annotated[float, Parsed(some_duration)]
Support: TypeAlias = Annotated[
    Literal["off", "optional", "required"] | None, Parsed(choice("off", "optional", "required"))
]
Name: TypeAlias = Annotated[str | None, Parsed(agent_name)]
