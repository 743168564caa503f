"""Reads data/providers/*.yaml and data/stacks.yaml: who answers, and what their codes mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from probe.reference.load import DATA, Row, meaning, plain, raw, read, words
from probe.reference.mark import Mark, MarkKind, Stack
from probe.reference.meaning import ANY, Meaning
from probe.reference.values import Provider, Requirement, Wanted

SUFFIXES = "suffix"
"""A row of `recognise` that stands for the suffixes of all meanings, each with its code."""


@cache
def provider_files() -> dict[str, Path]:
    """Return the files of data/providers, by their plain stem."""
    return {plain(path.stem): path for path in sorted((DATA / "providers").glob("*.yaml"))}


@cache
def provider(path: Path) -> Provider:
    """Read one file of data/providers; a row that names several subjects is several meanings."""
    data = read(path)
    meanings = tuple(entry for row in data["meanings"] for entry in _spread(row, data))
    return Provider(
        key=path.stem,
        name=data["name"],
        aliases=words(data, "aliases"),
        sources=tuple(data["sources"].values()),
        date=str(data["date"]),
        marks=tuple(mark for row in data["recognise"] for mark in _marks(row, data, meanings)),
        requirements=tuple(_requirement(row, data) for row in data.get("requirements", ())),
        meanings=meanings,
        note=data.get("note"),
    )


@cache
def stacks() -> tuple[Stack, ...]:
    """Read stacks.yaml: products that many parties run."""
    data = raw("stacks.yaml")
    return tuple(
        Stack(
            name=row["name"],
            server=row.get("server"),
            header=row.get("header"),
            tells=row["tells"],
            source=row["source"],
            date=str(data["date"]),
        )
        for row in data["stacks"]
    )


def _spread(row: Row, data: Row) -> Iterator[Meaning]:
    """Read one row of meanings: one for each subject and direction that it names."""
    subjects = row["subject"] if isinstance(row["subject"], list) else [row["subject"]]
    directions = row.get("direction")
    ways = directions if isinstance(directions, list) else [directions]
    for subject in subjects:
        for way in ways:
            yield meaning(
                {**row, "direction": way},
                subject.upper() if isinstance(subject, str) else subject,
                source=data["sources"][row["source"]],
                date=str(data["date"]),
                provider=data["name"],
            )


def _marks(row: Row, data: Row, meanings: Iterable[Meaning]) -> Iterator[Mark]:
    """Read one row of `recognise`: a mark for each pattern that it names."""
    if row["mark"] == SUFFIXES:
        for entry in meanings:
            if entry.suffixes:
                tokens = "|".join(map(re.escape, entry.suffixes))
                codes = () if entry.subject == ANY else (entry.subject,)
                yield _mark(row, data, "phrase", rf"\s({tokens})$", codes)
        return
    for pattern in words(row, "matches"):
        yield _mark(row, data, row["mark"], pattern, row.get("codes", ()))


def _mark(row: Row, data: Row, kind: str, pattern: str, codes: Iterable[int | str]) -> Mark:
    return Mark(
        provider=data["name"],
        kind=MarkKind(kind),
        name=row.get("name", ""),
        pattern=pattern,
        codes=tuple(code for code in codes if isinstance(code, int)),
        source=data["sources"][row["source"]],
        date=str(data["date"]),
    )


def _requirement(row: Row, data: Row) -> Requirement:
    source = row.get("source")
    return Requirement(
        topic=row["topic"],
        value=row["value"],
        documented=row["documented"],
        source=None if source is None else data["sources"][source],
        date=str(data["date"]),
        wants=tuple((Wanted(key), words(row["wants"], key)) for key in row.get("wants", ())),
    )
