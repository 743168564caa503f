"""The flags of ``init`` as its parts pass them on."""

import sys
from pathlib import Path

from msgspec import Struct


class InitFlags(Struct, frozen=True, kw_only=True):
    """The flags of ``init``; None where one was not given."""

    uri: str | None
    user: str | None
    transport: str | None
    name: str | None
    auth_user: str | None
    password_from: str | None
    provider: str | None
    country: str | None
    number: str | None
    allow_to: tuple[str, ...]
    observe: str | None
    trunk: str | None
    answer_within: str | None
    scenario: str | None
    config: Path | None
    results: Path
    store: bool
    yes: bool
    force: bool
    color: str | None

    @property
    def interactive(self) -> bool:
        """Whether a person may be asked."""
        return not self.yes and sys.stdin.isatty() and sys.stderr.isatty()
