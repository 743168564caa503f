"""Reads the data files, each when it is first asked for, and keeps what it read.

Each function returns one file as values: the whole table, by number or by folded name. What the
tables do not hold is the business of the look-ups (codes.py, providers.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

from probe.reference.meaning import Direction, Meaning
from probe.reference.values import (
    HeaderHint,
    LookAlike,
    Method,
    Q850Cause,
    ResponseClass,
    ResponseCode,
    Retry,
    RootCause,
    WarningCode,
    treated_as,
)

DATA = Path(__file__).parent / "data"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads these files 8 times faster
Row = Mapping[str, Any]
_T = TypeVar("_T")


def raw(name: str) -> Any:  # noqa: ANN401 - YAML gives what the file holds; each reader types it
    """Return a data file as it stands, by its name."""
    return read(DATA / name)


@cache
def read(path: Path) -> Any:  # noqa: ANN401 - as above
    """Return a data file as it stands, by its path."""
    with path.open("rb") as stream:
        return yaml.load(stream, Loader=_LOADER)  # noqa: S506 - CSafeLoader or SafeLoader


def plain(name: str) -> str:
    """Return a name without case and punctuation, as providers are looked up."""
    return re.sub(r"[^a-z0-9]", "", name[:80].casefold())


def _indexed(rows: Iterable[Row], make: Callable[[Row], _T], key: str) -> dict[Any, _T]:
    return {row[key]: make(row) for row in rows}


def words(row: Row, key: str) -> tuple[str, ...]:
    """Return one word or a list of words."""
    value = row.get(key, ())
    return (value,) if isinstance(value, str) else tuple(value)


def meaning(row: Row, subject: int | str, *, source: str, **of_provider: str) -> Meaning:
    """Build a meaning from its row; `of_provider` are the provider's name and date."""
    direction = row.get("direction")
    mark = row.get("header")
    return Meaning(
        subject=subject,
        text=row["text"],
        direction=None if direction is None else Direction(direction),
        source=source,
        date=of_provider.get("date"),
        provider=of_provider.get("provider"),
        causes=words(row, "causes"),
        note=row.get("note"),
        phrase=row.get("phrase"),
        suffixes=words(row, "suffix"),
        header=None if mark is None else (mark["name"], mark["matches"]),
    )


@cache
def responses() -> dict[int, ResponseCode]:
    """Read responses.yaml: every listed code, registered or not, ascending."""
    data = raw("responses.yaml")

    def make(row: Row) -> ResponseCode:
        code: int = row["code"]
        registered = row in data["registered"]
        where: str = row["defined_in"] if registered else row["seen_with"]
        general = meaning({"text": row["meaning"], **_pick(row, "causes")}, code, source=where)
        by_direction = (
            meaning(
                {"text": text, "direction": direction},
                code,
                source=row.get("directions_from", "RFC 3261 roles (UAC and UAS), general practice"),
            )
            for direction, text in row.get("directions", {}).items()
        )
        return ResponseCode(
            code=code,
            name=row["name"],
            registered=registered,
            treated_as=None if registered else treated_as(code),
            defined_in=where,
            meaning=row["meaning"],
            retry=Retry(row["retry"]),
            next_act=row["next"],
            meanings=(general, *by_direction),
            causes=words(row, "causes"),
        )

    entries = _indexed((*data["registered"], *data["unregistered"]), make, "code")
    return dict(sorted(entries.items()))


def _pick(row: Row, *keys: str) -> dict[str, Any]:
    return {key: row[key] for key in keys if key in row}


@cache
def classes() -> dict[str, ResponseClass]:
    """Read classes.yaml, by `4xx`."""

    def make(row: Row) -> ResponseClass:
        return ResponseClass(
            name=row["name"],
            title=row["title"],
            defined_in=row["defined_in"],
            final=row["final"],
            meaning=row["meaning"],
            examples=tuple(row["examples"]),
            correction=row.get("correction"),
        )

    return _indexed(raw("classes.yaml"), make, "name")


@cache
def methods() -> dict[str, Method]:
    """Read methods.yaml, by name in capitals."""

    def make(row: Row) -> Method:
        where = row["defined_in"]
        general = meaning({"text": row["does"]}, row["name"], source=where)
        by_direction = (
            meaning({"text": text, "direction": direction}, row["name"], source=where)
            for direction, text in row.get("directions", {}).items()
        )
        return Method(
            name=row["name"],
            defined_in=where,
            does=row["does"],
            meanings=(general, *by_direction),
            charge=row["charge"],
            disturbance=row["disturbance"],
            usual=tuple(row["usual"]),
            use=row["use"],
        )

    return _indexed(raw("methods.yaml"), make, "name")


@cache
def q850_from_sip() -> dict[int, int | None]:
    """Read RFC 3398 §8.2.6.1: response code to cause, None where no single cause fits."""
    return {row["code"]: row["cause"] for row in raw("q850.yaml")["from_sip"]}


@cache
def q850() -> dict[int, Q850Cause]:
    """Read q850.yaml, by cause value."""
    data = raw("q850.yaml")
    reverse = q850_from_sip()
    read_by: dict[int, list[tuple[str, tuple[int, ...]]]] = {}
    for stack, table in data["stacks_read_sip"].items():
        for number, codes in table.items():
            read_by.setdefault(number, []).append((stack, tuple(codes)))

    def make(row: Row) -> Q850Cause:
        number = row["cause"]
        return Q850Cause(
            cause=number,
            name=row["name"],
            named=True,
            meaning=row.get("meaning"),
            sip=row.get("sip", 500),
            mapping=row.get("mapping")
            or ("RFC 3398 §7.2.4.1" if "sip" in row else "default of RFC 3398 §7.2.4.1"),
            from_sip=tuple(code for code, to in reverse.items() if to == number),
            stacks=tuple((stack, str(to)) for stack, to in row.get("stacks", {}).items()),
            read_by=tuple(read_by.get(number, ())),
            causes=words(row, "causes"),
        )

    return _indexed(data["causes"], make, "cause")


@cache
def warnings() -> dict[int, WarningCode]:
    """Read warnings.yaml, by warn-code."""

    def make(row: Row) -> WarningCode:
        return WarningCode(
            code=row["code"],
            name=row["name"],
            registered=row.get("registered", True),
            defined_in=row["defined_in"],
            meaning=row["meaning"],
            causes=words(row, "causes"),
        )

    return _indexed(raw("warnings.yaml")["codes"], make, "code")


@cache
def headers() -> dict[str, HeaderHint]:
    """Read headers.yaml, by folded name."""

    def make(row: Row) -> HeaderHint:
        return HeaderHint(
            name=row["name"],
            defined_in=row["defined_in"],
            tells=row["tells"],
            read_with=tuple(row.get("read_with", ())),
            causes=words(row, "causes"),
        )

    return {row["name"].casefold(): make(row) for row in raw("headers.yaml")}


@cache
def causes() -> dict[str, RootCause]:
    """Read causes.yaml, by id."""

    def make(row: Row) -> RootCause:
        return RootCause(
            id=row["id"],
            name=row["name"],
            layer=row["layer"],
            identifiability=row["class"],
            summary=row["summary"],
            signature=row["signature"],
            look_alikes=tuple(
                LookAlike(cause=twin.get("cause"), tell=twin["tell"]) for twin in row["look_alikes"]
            ),
            fix=row["fix"],
            family=row["family"],
            control=row.get("control"),
            ask=row.get("ask"),
        )

    return _indexed(raw("causes.yaml"), make, "id")
