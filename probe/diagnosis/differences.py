"""What is different from the last good run of the same step, in words, without a conclusion."""

from probe.diagnosis.case import Case, seconds
from probe.diagnosis.explanation import Evidence
from probe.diagnosis.history import Before, Look, look
from probe.diagnosis.quote import plain, quoted
from probe.sip.sdp import address_class
from probe.trace.trace import MessageSent

_SLOWER = 5.0
"""How many times later the first answer comes before it is worth a word."""

_MOST = 5
"""Changes that are told at most."""


def since(case: Case) -> tuple[str, ...]:
    """Return the last good run and what is different now, one observation each."""
    if case.before is None:
        return ()
    told = changes(case.before, look(case.trace), case)[:_MOST]
    return (
        f"{_last_good(case.before)}.",
        *(f"{text[:1].upper()}{text[1:]}." for text in told or (_unchanged(case.before),)),
    )


def cited(case: Case) -> tuple[Evidence, ...]:
    """Return the same in one piece of evidence; nothing where no good run is stored."""
    if case.before is None:
        return ()
    told = changes(case.before, look(case.trace), case)[:_MOST]
    return (
        Evidence(
            event=None,
            says=f"{_last_good(case.before, begin='the last')}: "
            + (", ".join(told) or _unchanged(case.before)),
        ),
    )


def changes(before: Before, now: Look, case: Case) -> tuple[str, ...]:
    """Return what is different now, the most telling first."""
    return tuple(
        filter(
            None,
            (
                _moved(before, asked(case) if case.attempt.direction != "inbound" else now.remote),
                _pair("they saw us at {}, now at {}", before.seen, now.seen),
                _pair("we sent from {}, now from {}", host_of(before.local), host_of(now.local)),
                _pair("it went over {}, now over {}", before.transport, now.transport),
                _certificate(before, case),
                _pair(
                    "the answer came from {}, now from {}", before.server, now.server, quote=True
                ),
                _pair("TLS was {}, now {}", before.tls, now.tls),
                _names(before, now),
                _pair("the codec was {}, now {}", before.codec, now.codec),
                _slower(before, now),
                refusals(before),
            ),
        )
    )


def _last_good(before: Before, begin: str = "The last") -> str:
    since = len(before.outcomes_since)
    count = f", and {since} {'run was' if since == 1 else 'runs were'} not met since"
    return f"{begin} good run of this step was {plain(before.run_id)}" + (count if since else "")


def when(before: Before) -> str:
    """Return when the last good run was, in words."""
    return f"on {before.at:%Y-%m-%d at %H:%M} UTC"


def _unchanged(before: Before) -> str:
    where = f" by {plain(before.remote)}" if before.remote else ""
    return f"then it was answered{where}, and nothing that this side can see has changed"


def _moved(before: Before, now: str) -> str:
    if not before.remote or not now or now in {before.remote, host_of(before.remote)}:
        return ""
    if address_class(host_of(now) or now) == "name":
        return ""
    return f"then {plain(before.remote)} answered, now {plain(now)} was asked"


def _pair(text: str, then: str, now: str, *, quote: bool = False) -> str:
    """Return both values in a text where both are known and differ."""
    if not then or not now or then == now:
        return ""
    shown = quoted if quote else plain
    return text.format(shown(then, 60), shown(now, 60))


def _names(before: Before, now: Look) -> str:
    if not before.addresses or not now.addresses or set(before.addresses) == set(now.addresses):
        return ""
    then, today = (", ".join(map(plain, a[:4])) for a in (before.addresses, now.addresses))
    return f"the name led to {then}, now to {today}"


def _certificate(before: Before, case: Case) -> str:
    faults = [fault for _, change in case.connections for fault in change.certificate]
    if not before.tls or not faults:
        return ""
    return "then the certificate passed, now it does not"


def _slower(before: Before, now: Look) -> str:
    then, today = before.answered_after_s, now.answered_after_s
    if then is None or today is None or today < 1 or today < _SLOWER * then:
        return ""
    return f"the first answer took {seconds(then)}, now {seconds(today)}"


def refusals(before: Before) -> str:
    """Return how many logins were refused since, in words; empty for none."""
    count = before.refused_logins_since
    return f"{count} {'login was' if count == 1 else 'logins were'} refused since" if count else ""


def host_of(address: str) -> str:
    """Return the address of an ip:port."""
    return address.rpartition(":")[0].strip("[]")


def asked(case: Case) -> str:
    """Return the address that was asked, as ip:port where a packet or a connection shows it."""
    if any(isinstance(event, MessageSent) for event in case.events):
        return case.target
    tried = [change.remote for _, change in case.connections if change.remote]
    found = [address for _, lookup in case.lookups for address in lookup.addresses[:1]]
    return next(iter((*tried, *found)), case.target)


def our_address(there: Look) -> str:
    """Return our address as they saw it, else as we bound it."""
    return there.seen or host_of(there.local)
