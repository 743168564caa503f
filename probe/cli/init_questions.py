"""The questions of ``init``: each is answered by its flag, at the terminal, or by a default."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

if TYPE_CHECKING:
    from probe.cli.init_flags import InitFlags
    from probe.drafting.draft import TrunkDraft

_SOURCES = "env, file, cmd, keyring or none"


class Questions:
    """Finds out what a trunk profile needs; raises UsageError for what is missing or wrong."""

    def __init__(self, asked: "InitFlags") -> None:
        self._asked = asked

    def introduce(self) -> None:
        """Say at a terminal what comes."""
        if self._asked.interactive:
            click.echo(
                "A trunk profile and a first scenario. Enter takes what stands in brackets;"
                " Ctrl-C leaves, and nothing is written.\nNothing is sent, and no password is"
                " asked for.\n",
                err=True,
            )

    def confirmed(self, question: str) -> bool:
        """Ask for a yes; without a terminal it is a no."""
        return self._asked.interactive and click.confirm(question, default=True, err=True)

    def trunk(self) -> "TrunkDraft":
        """Return the draft of a profile, still without a fence."""
        from probe.drafting.draft import TrunkDraft  # noqa: PLC0415 - only where it is made

        uri = self._uri()
        name = self._ask(
            "name", "Name of this trunk in commands", given=self._asked.name,
            default=_name_for(uri), read=_trunk_name,
        )  # fmt: skip
        password = self._password(name)
        provider = self._ask(
            "provider", "Provider (Enter for none, ? for those that are known)",
            given=self._asked.provider, default="", read=_provider,
        )  # fmt: skip
        country = _country(self._asked.country) if self._asked.country else None
        return TrunkDraft(
            name=name,
            uri=uri,
            password_from=password,
            auth_user=self._asked.auth_user,
            provider=provider or None,
            country=country,
            registers=password is not None,
        )

    def number(self, draft: "TrunkDraft") -> str | None:
        """Return the number that the first scenario calls, or None."""

        def read(written: str) -> str:
            return callable_number(written, draft, self._asked.allow_to) if written else ""

        return (
            self._ask(
                "number", "Number to call in the test: one that you may call (Enter for none)",
                given=self._asked.number, default="", read=read,
            )
            or None
        )  # fmt: skip

    def fenced(self, draft: "TrunkDraft", number: str | None) -> "TrunkDraft":
        """Return the draft with what may be dialled on the trunk."""
        given = " ".join(self._asked.allow_to) if self._asked.allow_to else None
        words = self._ask(
            "allow-to", "Numbers that may be dialled on it, * for any digits",
            given=given, default=number or "", read=_patterns, quiet=number is None,
        )  # fmt: skip
        return replace(draft, allow_to=tuple(words.split()))

    def _uri(self) -> str:
        """Return the address of record of the account."""
        asked = self._asked
        uri = self._ask(
            "uri", "Host of the trunk or PBX, with :port where it is unusual; or your SIP URI",
            given=asked.uri, default=None, read=_host_or_uri,
        )  # fmt: skip
        if not uri.lower().startswith(("sip:", "sips:")):
            user = self._ask(
                "user", "Your user name or number there", given=asked.user, default=None, read=_user
            )
            uri = f"sip:{user}@{uri}"
        elif "@" not in uri:
            user = self._ask(
                "user", "Your user name or number there", given=asked.user, default=None, read=_user
            )
            scheme, _, rest = uri.partition(":")
            uri = f"{scheme}:{user}@{rest}"
        elif asked.user is not None and asked.user != uri.partition(":")[2].partition("@")[0]:
            raise click.UsageError(f"--user {asked.user} and --uri name two users")
        if ";transport=" in uri.lower() or uri.lower().startswith("sips:"):
            if asked.transport and f"transport={asked.transport}" not in uri.lower():
                raise click.UsageError("--uri says the transport already: leave out --transport")
            return uri
        transport = self._ask(
            "transport", "Transport: udp, tcp or tls", given=asked.transport, default="udp",
            read=_transport,
        )  # fmt: skip
        return _checked_uri(uri if transport == "udp" else f"{uri};transport={transport}")

    def _password(self, trunk: str) -> tuple[str, str] | None:
        """Return where the password comes from, or None for a trunk that wants none."""
        from probe.drafting.draft import variable_for  # noqa: PLC0415 - only where it is made

        variable = variable_for(trunk)
        if self._asked.password_from is not None or not self._asked.interactive:
            return password_source(self._asked.password_from or f"env:{variable}")
        form = click.prompt(
            f"Where does the password come from: {_SOURCES} (it is not asked for here)",
            default="env", err=True, value_proc=_form,
        )  # fmt: skip
        if form == "none":
            return None
        question, default = {
            "env": ("Environment variable that holds it", variable),
            "file": ("File whose first line it is", f"{trunk}.pw"),
            "cmd": ("Command that prints it", f"pass show sip/{trunk}"),
            "keyring": ("Entry of the keyring, service/user", f"sip/{trunk}"),
        }[form]

        def read(what: str) -> tuple[str, str]:
            found = password_source(f"{form}:{what}")
            assert found is not None  # noqa: S101 - only 'none' gives none
            return found

        chosen: tuple[str, str] = click.prompt(question, default=default, err=True, value_proc=read)
        return chosen

    def _ask(  # noqa: PLR0913 - a question and all that may answer it
        self,
        flag: str,
        question: str,
        *,
        given: str | None,
        default: str | None,
        read: Callable[[str], str],
        quiet: bool = False,
    ) -> str:
        """Return the answer to one question, read; ``quiet`` takes the default without asking."""
        if given is not None:
            try:
                return read(given)
            except click.UsageError as error:
                raise click.UsageError(f"--{flag}: {error.message}") from None
        if self._asked.interactive and not quiet:
            answer: str = click.prompt(
                question, default=default, err=True, value_proc=read, show_default=bool(default)
            )
            return answer
        if default is None:
            raise click.UsageError(f"--{flag} is missing, and nobody can be asked: {question}")
        return read(default)


def password_source(written: str) -> tuple[str, str] | None:
    """Read ``env:VARIABLE``, ``file:PATH``, ``cmd:COMMAND``, ``keyring:SERVICE/USER``, ``none``.

    What else was given is not repeated: it may be the password itself.
    """
    form, _, what = written.partition(":")
    if written == "none":
        return None
    if form not in {"env", "file", "cmd", "keyring"} or not what.strip():
        raise click.UsageError(
            "--password-from takes env:VARIABLE, file:PATH, cmd:COMMAND, keyring:SERVICE/USER"
            " or none; the password itself is never given here"
        )
    if form == "env" and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", what):
        raise click.UsageError(
            "that is not the name of a variable: letters, digits and '_'."
            " The password itself is never given here"
        )
    if form == "keyring" and not all(what.rpartition("/")[::2]):
        raise click.UsageError("an entry of the keyring is written service/user")
    return form, what


def callable_number(written: str, draft: "TrunkDraft", listed: tuple[str, ...] = ()) -> str:
    """Return a number or URI that may be called; raise UsageError for one that never is."""
    from probe.plan.fences import emergency_problem  # noqa: PLC0415 - as above
    from probe.plan.rails import dear_number  # noqa: PLC0415 - as above
    from probe.scenario.schema import Profile  # noqa: PLC0415 - as above
    from probe.scenario.source import NOWHERE  # noqa: PLC0415 - as above
    from probe.scenario.values import target  # noqa: PLC0415 - as above

    number = _read(target, written.strip())
    countries = (draft.country,) if draft.country else ()
    profile = Profile(uri=draft.uri, provider=draft.provider, country=countries or None)
    danger = emergency_problem(number, profile, NOWHERE)
    if danger is not None:
        raise click.UsageError(f"{danger.message}; {danger.hint}")
    why = dear_number(number, countries)
    if why is not None and number not in listed:
        raise click.UsageError(
            f"{number} is a dear number: {why}; where it is meant, say --allow-to {number} as well"
        )
    return number


def called_user(target: str, draft: "TrunkDraft") -> tuple[str, ...]:
    """Return what ``allow_to`` needs for one number or URI, once it may be called."""
    from probe.plan.accounts import address_of  # noqa: PLC0415 - as above

    number = callable_number(target, draft)
    called, own = address_of(number), address_of(draft.uri)
    if called is not None and own is not None and called.host == own.host and called.user:
        return (called.user,)
    return (number,)


def _read(read: Callable[[object], str], written: str) -> str:
    """Read a value as the loader would; raise UsageError with its words."""
    from probe.scenario.source import ScenarioError  # noqa: PLC0415 - as above

    try:
        return read(written)
    except ScenarioError as error:
        problem = error.problems[0]
        hint = f"; {problem.hint}" if problem.hint else ""
        raise click.UsageError(f"{problem.message}{hint}") from None


def _checked_uri(written: str) -> str:
    from probe.scenario.values import uri  # noqa: PLC0415 - as above

    return _read(uri, written)


def _host_or_uri(written: str) -> str:
    """Return a SIP URI, ``user@host`` as one, or a host with or without port."""
    written = written.strip()
    if written.lower().startswith(("sip:", "sips:")):
        return _checked_uri(written)
    if "@" in written:
        return _checked_uri(f"sip:{written}")
    return _checked_uri(f"sip:{written}").removeprefix("sip:")


def _user(written: str) -> str:
    """Return the user part of a URI (RFC 3261 section 25.1)."""
    written = written.strip()
    if not re.fullmatch(r"[A-Za-z0-9_.!~*'()&=+$,;?/%-]+", written):
        raise click.UsageError(
            "a user is letters, digits and -_.!~*'()&=+$,;?/; other characters as %XX"
        )
    return written


def _transport(written: str) -> str:
    word = written.strip().lower()
    if word not in {"udp", "tcp", "tls"}:
        raise click.UsageError("udp, tcp or tls")
    return word


def _form(written: str) -> str:
    """Return one of the places of a password; what else was typed is not repeated."""
    word = written.strip().lower()
    if word not in {"env", "file", "cmd", "keyring", "none"}:
        raise click.UsageError(f"one of {_SOURCES}; the password itself is never typed here")
    return word


def _trunk_name(written: str) -> str:
    from probe.scenario.schema import EMBEDDED  # noqa: PLC0415 - as above
    from probe.scenario.values import agent_name  # noqa: PLC0415 - as above

    name = _read(agent_name, written.strip())
    if name == EMBEDDED:
        raise click.UsageError("the name 'embedded' belongs to the built-in trunk")
    return name


def _country(written: str) -> str:
    from probe.plan.rails import known_country  # noqa: PLC0415 - as above

    code = written.strip().upper()
    if not known_country(code):
        raise click.UsageError(
            f"--country: no emergency numbers are known for '{written[:20]}';"
            " two letters of ISO 3166: US, DE, ZA"
        )
    return code


def _provider(written: str) -> str:
    """Return a provider's name as the reference has it; empty for none."""
    from probe.reference import reference  # noqa: PLC0415 - as above

    if not written.strip():
        return ""
    found = reference.provider(written)
    if found is not None:
        return found.name
    near = () if written.strip() == "?" else reference.suggest_provider(written)
    known = ", ".join(provider.name for provider in reference.providers())
    said = "" if written.strip() == "?" else f"'{written[:40]}' is not a provider that is known; "
    raise click.UsageError(said + (f"did you mean {near[0]}?" if near else f"known are {known}"))


def _patterns(written: str) -> str:
    """Return patterns of numbers, a blank between two of them."""
    return " ".join(re.split(r"[\s,]+", written.strip()))


def _name_for(uri: str) -> str:
    """Return a name for a trunk from its host: ``carrier`` for sip.carrier.example."""
    host = uri.partition(":")[2].rpartition("@")[2]
    host = re.split(r"[;?]", host)[0].rpartition(":")[0] or re.split(r"[:;?]", host)[0]
    labels = [label for label in host.lower().split(".") if label]
    if len(labels) < 2 or all(label.isdigit() for label in labels) or ":" in host:
        return "carrier"
    word = re.sub(r"[^a-z0-9_-]", "", labels[-2])
    return word or "carrier"
