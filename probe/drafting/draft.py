"""What a trunk profile is made from, and its text."""

import re

from msgspec import Struct

from probe.drafting.quoting import always_quoted, flow_list, scalar

PASSWORD_FORMS = {
    "env": "password",
    "file": "password_file",
    "cmd": "password_cmd",
    "keyring": "password_keyring",
}
"""Where a password may come from, and the key of the profile that says so."""

_COMMENT_COLUMN = 40


class TrunkDraft(Struct, frozen=True, kw_only=True):
    """The answers that make a trunk profile."""

    name: str
    "What the profile is called."

    uri: str
    "Address of record with port and transport where they matter."

    password_from: tuple[str, str] | None = None
    "A key of PASSWORD_FORMS and what it needs (variable, file, command, entry); None for none."

    auth_user: str | None = None
    "Digest user where it is not the user of ``uri``."

    provider: str | None = None
    "Whose meanings explain an answer, or None."

    allow_to: tuple[str, ...] = ()
    "What may be dialled; empty writes no fence."

    country: str | None = None
    "Country of the trunk (ISO 3166), or None."

    registers: bool = True
    "Whether the account registers."

    @property
    def variable(self) -> str | None:
        """The environment variable of the password, or None."""
        if self.password_from is None or self.password_from[0] != "env":
            return None
        return self.password_from[1]


def variable_for(trunk: str) -> str:
    """Return the customary name of a trunk's password variable: ``CARRIER_PASSWORD``."""
    word = re.sub(r"[^A-Za-z0-9]+", "_", trunk).strip("_").upper() or "TRUNK"
    return f"{'TRUNK_' if word[0].isdigit() else ''}{word}_PASSWORD"


def profile_lines(draft: TrunkDraft, indent: str = "  ") -> tuple[str, ...]:
    """Return the lines of a profile as it stands under ``trunks:``, two or more blanks deep."""
    rows: list[tuple[str, str, str]] = [("uri", always_quoted(draft.uri), "")]
    if draft.auth_user is not None:
        rows.append(("auth_user", always_quoted(draft.auth_user), ""))
    if draft.password_from is not None:
        form, what = draft.password_from
        value = f"${{{what}}}" if form == "env" else scalar(what)
        why = "from the environment" if form == "env" else ""
        rows.append((PASSWORD_FORMS[form], value, why))
    if not draft.registers:
        rows.append(("registers", "off", "it knows us by our address"))
    if draft.provider is not None:
        rows.append(("provider", scalar(draft.provider), "whose meanings explain a refusal"))
    if draft.country is not None:
        rows.append(("country", draft.country, "whose emergency numbers are refused, too"))
    if draft.allow_to:
        why = "nothing else is dialled on this trunk"
        rows.append(("allow_to", flow_list(draft.allow_to), why))
    within = indent * 2
    return (
        f"{indent}{draft.name}:",
        *(with_comment(f"{within}{key}: {value}", why) for key, value, why in rows),
    )


def with_comment(line: str, comment: str, column: int = _COMMENT_COLUMN) -> str:
    """Return a line with a comment behind it, in a column of its own; without one, as it is."""
    return f"{line.ljust(column - 1)} # {comment}" if comment else line


def settings_text(draft: TrunkDraft) -> str:
    """Return a whole sipprobe.yaml with one trunk."""
    head = (
        "# Trunk profiles, written by `sipprobe init`. Another trunk: `sipprobe init` again.",
        "# No password stands here, so this file can be shared.",
        "",
        "trunks:",
    )
    return "\n".join((*head, *profile_lines(draft))) + "\n"
