"""A scenario, its profiles and the code reference become a plan; nothing is left to guess."""

import ipaddress
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from probe.plan.action import (
    Account,
    Action,
    Call,
    Cancel,
    Hangup,
    Options,
    Register,
    Talk,
    Unregister,
    Wait,
)
from probe.plan.capabilities import Capabilities
from probe.plan.plan import Attempt, Plan
from probe.plan.rails import emergency_number
from probe.reference import reference
from probe.scenario.schema import (
    EMBEDDED,
    AnyStep,
    CallStep,
    CancelStep,
    HangupStep,
    OptionsStep,
    Profile,
    RegisterStep,
    Scenario,
    Settings,
    TalkStep,
    UnregisterStep,
    WaitStep,
)
from probe.scenario.source import Problem, ScenarioError, Source

TRUNK_ACCOUNT = "trunk"
"""Name of the trunk's own account."""

DEFAULT_TALK_S = 1.0
"""Talk time of a call that no step ends: long enough to see a lost ACK, and cheap."""

DEFAULT_EXPIRES_S = 300
"""Registration interval where nothing is written; RFC 3261 §10.2.1.1 leaves it to us."""

_URI = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[^@]*)@)?(?P<host>\[[^\]]+\]|[^:;?>]+)(?::(?P<port>\d+))?"
    r"(?P<parameters>;[^?>]*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Address:
    """The parts of an address of record."""

    scheme: str
    user: str
    host: str
    port: int | None
    transport: str

    @property
    def hostport(self) -> str:
        """Host and port as they stand in a URI."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def suffix(self) -> str:
        """The transport parameter where it is not the default."""
        return "" if self.transport == "UDP" else f";transport={self.transport.lower()}"


@dataclass(slots=True, kw_only=True)
class _Work:
    """What is gathered while one scenario is resolved."""

    scenario: Scenario
    trunk: str
    profiles: dict[str, Profile]
    accounts: dict[str, Account] = field(default_factory=dict)
    addresses: dict[str, _Address] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def resolve(  # noqa: PLR0913 - all but two have a default and a name
    scenario: Scenario,
    settings: Settings,
    *,
    trunk: str | None = None,
    embedded: Profile | None = None,
    capabilities: Capabilities | None = None,
    user_agent: str = "sipprobe",
) -> Plan:
    """Return the plan of a scenario; raise ScenarioError with every problem at its place.

    ``trunk`` overrides the scenario's trunk; ``embedded`` is the profile of the running embedded
    trunk; ``capabilities``, where known, refuse what the installed pjsua2 cannot do.
    """
    name = trunk or scenario.trunk
    place = scenario.source("trunk")
    base = embedded if name == EMBEDDED and embedded else settings.profile(name, source=place)
    work = _Work(scenario=scenario, trunk=name, profiles={TRUNK_ACCOUNT: base})
    for agent, profile in scenario.agents.items():
        own = base
        if profile.trunk is not None and profile.trunk != name:
            own = settings.profile(profile.trunk, source=profile.source("trunk"))
        work.profiles[agent] = profile.over(own)
    for step in scenario.steps:
        _add(work, step, user_agent)
    if capabilities is not None:
        for account in work.accounts.values():
            missing = unsupported(account, capabilities)
            if missing is not None:
                work.problems.append(
                    Problem(
                        source=_place(work, account.name, missing[0]),
                        message=missing[1],
                        hint="`sipprobe doctor` will say which engine runs and what it lacks",
                    )
                )
    if work.problems:
        raise ScenarioError(work.problems)
    return Plan(
        scenario=scenario.id,
        name=scenario.name or scenario.id,
        file=scenario.file,
        tags=scenario.tags,
        trunk=name,
        accounts=tuple(work.accounts.values()),
        attempts=tuple(_linked(work)),
        timeout=scenario.timeout,
        warnings=tuple(dict.fromkeys(work.warnings)),
    )


def unsupported(account: Account, capabilities: Capabilities) -> tuple[str, str] | None:
    """Return (key, why) where the installed pjsua2 cannot do what an account asks, or None."""
    addresses = (account.host, (account.local_address or "").strip("[]"))
    if not capabilities.ipv6 and any(_is_ipv6(address) for address in addresses):
        return "uri", "IPv6 is asked for, and the installed pjsua2 was built without it"
    if account.transport == "TLS" and not capabilities.tls:
        return "uri", "TLS is asked for, and the installed pjsua2 was built without it"
    if account.tls_min == "1.3" and not capabilities.tls13:
        return (
            "tls_min",
            f"TLS 1.3 is asked for, and {capabilities.tls_library} cannot do it",
        )
    known = {codec.lower() for codec in capabilities.codecs}
    for codec in account.codecs:
        if codec.lower() not in known:
            offered = ", ".join(capabilities.codecs)
            return "codecs", f"codec {codec} is not in the installed pjsua2, which has {offered}"
    return None


def _is_ipv6(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).version == 6
    except ValueError:
        return False


def _add(work: _Work, step: AnyStep, user_agent: str) -> None:
    """Add the attempts of one step."""
    match step:
        case RegisterStep() | UnregisterStep():
            for agent in step.agents or (TRUNK_ACCOUNT,):
                _registration(work, step, agent, user_agent)
        case CallStep():
            _call(work, step, user_agent)
        case OptionsStep():
            account = _account(work, step.from_ or TRUNK_ACCOUNT, step, user_agent)
            if account is not None:
                target = _target(work, account, step.target)
                action: Action = Options(
                    attempt=len(work.attempts), account=account.name, target=target,
                    timeout=step.timeout, answer_within=step.answer_within,
                )  # fmt: skip
                _append(work, step, f"options {step.target or account.host}", "OPTIONS", action)
        case CancelStep() | HangupStep():
            _ending(work, step)
        case TalkStep():
            action = Talk(
                attempt=len(work.attempts), account=_last_caller(work), duration=step.duration
            )
            _append(work, step, f"talk {step.duration:g} s", "", action)
        case WaitStep():
            action = Wait(
                attempt=len(work.attempts), account=_last_caller(work), duration=step.duration
            )
            _append(work, step, f"wait {step.duration:g} s", "", action)


def _registration(
    work: _Work, step: RegisterStep | UnregisterStep, agent: str, user_agent: str
) -> None:
    account = _account(work, agent, step, user_agent)
    if account is None:
        return
    common = {"timeout": step.timeout, "answer_within": step.answer_within}
    number = len(work.attempts)
    verb = step.verb if agent == TRUNK_ACCOUNT else f"{step.verb} {agent}"
    if isinstance(step, RegisterStep):
        expires = step.expires or account.expires
        if expires != account.expires:
            # The stack keeps one interval an account: the step's wins over the profile's.
            account = replace(account, expires=expires)
            work.accounts[account.name] = account
        action: Action = Register(attempt=number, account=agent, expires=expires, **common)
    else:
        action = Unregister(attempt=number, account=agent, **common)
    _append(work, step, verb, "REGISTER", action)


def _call(work: _Work, step: CallStep, user_agent: str) -> None:
    account = _account(work, step.from_ or TRUNK_ACCOUNT, step, user_agent)
    if account is None:
        return
    danger = emergency_number(step.to)
    if danger is not None:
        work.problems.append(
            Problem(
                source=step.source("call"),
                message=f"{step.to} would reach the emergency number {danger}; it is never dialled",
                hint="use the provider's echo number or a number of your own",
            )
        )
        return
    action = Call(
        attempt=len(work.attempts),
        account=account.name,
        target=_target(work, account, step.to),
        hangup_after=step.hangup_after,
        ring_for=step.ring_for,
        caller_id=step.caller_id,
        headers=tuple(step.headers.items()),
        play=step.play,
        codecs=step.codecs or (),
        timeout=step.timeout,
        answer_within=step.answer_within,
    )
    origin = f"{step.from_} calls" if step.from_ else "call"
    _append(work, step, f"{origin} {step.to}", "INVITE", action)


def _ending(work: _Work, step: CancelStep | HangupStep) -> None:
    """Add a cancel or hangup of an earlier call."""
    wanted = step.call if isinstance(step, CancelStep) else step.by
    calls = [a for a in work.attempts if isinstance(a.action, Call)]
    names = {s.name: s.index for s in work.scenario.steps if s.name}
    if wanted is not None:
        calls = [a for a in calls if a.action.account == wanted or a.step == names.get(wanted, -1)]
    if not calls:
        work.problems.append(
            Problem(
                source=step.source(step.verb),
                message="there is no earlier call to end",
                hint="put a `call:` step before it",
            )
        )
        return
    call = calls[-1].index
    account = calls[-1].action.account
    number = len(work.attempts)
    common = {"timeout": step.timeout, "answer_within": step.answer_within}
    action: Action
    if isinstance(step, CancelStep):
        action = Cancel(attempt=number, account=account, call=call, **common)
    else:
        action = Hangup(attempt=number, account=account, call=call, **common)
    method = "CANCEL" if isinstance(step, CancelStep) else "BYE"
    _append(work, step, step.verb if wanted is None else f"{step.verb} {wanted}", method, action)
    work.attempts[-1] = replace(work.attempts[-1], depends_on=(call,))


def _append(work: _Work, step: AnyStep, label: str, method: str, action: Action) -> None:
    account = work.accounts.get(action.account)
    work.attempts.append(
        Attempt(
            index=action.attempt,
            step=step.index,
            label=label,
            method=method,
            direction="register" if method == "REGISTER" else "outbound",
            action=action,
            account=account,
            expectation=step.expect,
            retry=step.retry,
            source=step.source(step.verb),
            provider=_provider(work, action.account),
        )
    )


def _linked(work: _Work) -> list[Attempt]:
    """Say of each call how it ends: by itself, by a later step, or after the default talk time."""
    ended = {a.action.call for a in work.attempts if isinstance(a.action, Hangup | Cancel)}
    cancelled = {a.action.call for a in work.attempts if isinstance(a.action, Cancel)}
    found = []
    for attempt in work.attempts:
        action = attempt.action
        account = work.accounts.get(action.account)
        if isinstance(action, Call):
            talks_later = any(
                isinstance(other.action, Talk | Wait) and other.index > attempt.index
                for other in work.attempts
            )
            stays = attempt.index in ended or talks_later
            if action.hangup_after is None and action.ring_for is None and not stays:
                action = replace(action, hangup_after=DEFAULT_TALK_S)
            if attempt.index in cancelled:
                action = replace(action, wait_for="ringing")
        found.append(replace(attempt, action=action, account=account))
    return found


def _last_caller(work: _Work) -> str:
    """Return the account whose worker lets the time pass: the latest caller, or any."""
    calls = [a.action.account for a in work.attempts if isinstance(a.action, Call)]
    return calls[-1] if calls else next(iter(work.accounts), "")


def _account(work: _Work, name: str, step: AnyStep, user_agent: str) -> Account | None:
    """Return the resolved account of an agent, made at its first use."""
    if name in work.accounts:
        return work.accounts[name]
    profile = work.profiles.get(name)
    if profile is None:
        work.problems.append(
            Problem(
                source=step.source(step.verb),
                message=f"there is no agent '{name}'",
                hint="agents: " + ", ".join(work.profiles),
            )
        )
        return None
    if profile.uri is None:
        work.problems.append(
            Problem(
                source=step.source(step.verb),
                message=f"'{name}' has no uri",
                hint='write uri: "sip:USER@HOST" in the trunk profile or the agent',
            )
        )
        return None
    address = _address(profile.uri)
    if address is None:
        work.problems.append(
            Problem(
                source=_place(work, name, "uri"),
                message=f"'{profile.uri}' is not a SIP address of record",
                hint="for example sip:100@pbx.example:5060;transport=tcp",
            )
        )
        return None
    work.addresses[name] = address
    work.accounts[name] = _make(work, name, profile, address, user_agent)
    return work.accounts[name]


def _make(work: _Work, name: str, profile: Profile, address: _Address, user_agent: str) -> Account:
    """Build an account from its profile."""
    next_hop = _address(profile.proxy) if profile.proxy else None
    hop = next_hop or address
    transport = hop.transport
    verify = profile.verify is not False
    if transport == "TLS" and not verify:
        work.warnings.append(f"{name}: the TLS server is not verified (verify: off)")
    proxy = profile.proxy
    if proxy is not None and ";lr" not in proxy.lower():
        proxy = f"{proxy};lr"
    return Account(
        name=name,
        aor=f"{address.scheme}:{address.user}@{address.hostport}",
        registrar=f"{address.scheme}:{address.hostport}{address.suffix}",
        host=hop.host,
        port=hop.port,
        transport=transport,
        user=address.user,
        auth_user=profile.auth_user or address.user,
        password=profile.password.get_secret_value() if profile.password else None,
        realm=profile.realm or "*",
        proxy=proxy,
        nameserver=profile.nameserver,
        local_address=profile.local_address,
        ca_file=_file(work, name, profile, "ca_file"),
        verify=verify,
        client_cert=_file(work, name, profile, "client_cert"),
        client_key=_file(work, name, profile, "client_key"),
        tls_min=profile.tls_min,
        codecs=profile.codecs or ("PCMU", "PCMA"),
        srtp=profile.srtp or "off",
        ptime=profile.ptime,
        caller_id=profile.caller_id,
        headers=tuple(profile.headers.items()),
        user_agent=profile.user_agent or user_agent,
        expires=profile.expires or DEFAULT_EXPIRES_S,
        session_timer=profile.session_timer,
        prack=profile.prack,
        embedded=work.trunk == EMBEDDED,
    )


def _file(work: _Work, name: str, profile: Profile, key: str) -> str | None:
    """Return a file's path, relative ones from the file that names it; note where it is missing."""
    written = getattr(profile, key)
    if written is None:
        return None
    place = _place(work, name, key)
    path = Path(os.path.expanduser(written))  # noqa: PTH111 - keeps a name that has no user
    if not path.is_absolute():
        path = Path(place.file).parent / path
    if not path.is_file():
        work.problems.append(
            Problem(
                source=place,
                message=f"{key}: there is no file {path}",
                hint="paths are relative to the file that names them",
            )
        )
    return str(path)


def _provider(work: _Work, name: str) -> str | None:
    """Return the provider of an account as the code reference calls it."""
    profile = work.profiles.get(name)
    if profile is None or profile.provider is None:
        return None
    found = reference.provider(profile.provider)
    if found is None:
        names = ", ".join(sorted(p.name for p in reference.providers()))
        problem = Problem(
            source=_place(work, name, "provider"),
            message=f"the code reference knows no provider '{profile.provider}'",
            hint=f"known: {names}",
        )
        if problem not in work.problems:
            work.problems.append(problem)
        return None
    return profile.provider


def _place(work: _Work, name: str, key: str) -> Source:
    """Return where a key of an account stands; the trunk key of the scenario where it does not."""
    profile = work.profiles[name]
    return profile.source(key) if key in profile.sources else work.scenario.source("trunk")


def _target(work: _Work, account: Account, written: str | None) -> str:
    """Return the Request-URI for a number, a URI, or nothing (the trunk itself)."""
    address = work.addresses[account.name]
    if written is None:
        return account.registrar
    if re.match(r"(?:sips?|tel):", written, re.IGNORECASE):
        return written
    user = written.replace("#", "%23")  # not allowed in a SIP URI's user part (RFC 3261 §25.1)
    return f"{address.scheme}:{user}@{address.hostport}{address.suffix}"


def _address(uri: str) -> _Address | None:
    """Take an address of record apart, or return None."""
    found = _URI.fullmatch(uri.strip().strip("<>"))
    if found is None:
        return None
    scheme = found["scheme"].lower()
    parameters = dict(
        part.partition("=")[::2] for part in (found["parameters"] or "").lower().split(";") if part
    )
    default = "tls" if scheme == "sips" else "udp"
    return _Address(
        scheme=scheme,
        user=found["user"] or "",
        host=found["host"].strip("[]"),
        port=int(found["port"]) if found["port"] else None,
        transport=parameters.get("transport", default).upper(),
    )
