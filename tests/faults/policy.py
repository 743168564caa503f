"""Faults of servers that refuse or overlook requests for their form, F026 and F030 to F034."""

from collections.abc import Callable
from typing import Any

from internet import TOOLS, Internet, Trunk, call, internet, register, some_step, uri
from lab import Earlier, Fault, Lab, Scene
from siptext import parse
from uas import Exchange, Flow, Login


def _trunk(lab: Lab, *transports: str, **options: Any) -> tuple[Internet, Trunk]:  # noqa: ANN401
    """Return a network and a server that works so far."""
    net = internet(lab)
    return net, net.serve(net.there[0], lab.port(), *transports, **options)


def _to(server: Trunk, lab: Lab, **keys: object) -> dict[str, object]:
    """Return a profile that goes to a server's address."""
    return {"uri": uri(lab.user(), server.host, server.port), **keys}


def _silent_unless(server: Trunk, wanted: Callable[[str], bool]) -> None:
    """Let the server overlook requests that are not as it wants them."""
    server.ignores = lambda text, flow: not wanted(text)


def too_large(lab: Lab) -> Scene:
    """Refuse messages above a size."""
    net, server = _trunk(lab)
    status, phrase = lab.rng.choice(
        (
            (513, lab.phrase("Message Too Large", "Message too big", "Request Too Large")),
            (403, "Message too large"),
            (400, "Message Too Big"),
        )
    )
    limit = lab.rng.randrange(600, 800)
    usual = server.call

    async def weigh(taken: Any) -> None:  # noqa: ANN401
        await (taken.reply(status, phrase) if len(taken.offer) + limit > 900 else usual(taken))

    server.call = weigh
    return net.scene(_to(server, lab), [call(lab)])


def banned_after_refusals(lab: Lab) -> Scene:
    """Fall silent for good after some refused logins."""
    user = lab.user()
    limit = lab.rng.randrange(1, 3)
    login = Login(realm=lab.realm(), users={user: lab.password()}, refusal=403)
    net, server = _trunk(lab, login=login)
    server.ignores = lambda text, flow: login.failures >= limit
    profile = {
        "uri": uri(user, server.host, server.port),
        "password": lab.password(),
    }
    before = tuple(Earlier(steps=[register()]) for _ in range(limit))
    return net.scene(profile, [lab.rng.choice((register(), call(lab)))], before=before)


def banned_after_working(lab: Lab) -> Scene:
    """Answer well in one run, and to nothing in the next."""
    net, server = _trunk(lab)
    state = {"open": True}
    server.ignores = lambda text, flow: not state["open"]

    def close() -> None:
        state["open"] = False

    before = (Earlier(steps=[register(), call(lab)], then=close),)
    return net.scene(_to(server, lab), [some_step(lab)], before=before)


def agent_overlooked(lab: Lab) -> Scene:
    """Overlook a User-Agent that is not on the server's list."""
    net, server = _trunk(lab)
    agent = lab.rng.choice(("Zoiper rv2.10", "MicroSIP/3.21", "Linphone/5.1", "PBX-monitor 2"))
    _silent_unless(server, lambda text: f"User-Agent: {agent}" not in text)
    return net.scene(_to(server, lab, user_agent=agent), [some_step(lab)])


def other_host_in_request(lab: Lab) -> Scene:
    """Overlook requests whose Request-URI does not name the provider's domain."""
    net, server = _trunk(lab)

    def wanted(text: str) -> bool:
        return net.domain in text.split()[1] or text.startswith(("ACK", "BYE", "CANCEL", "OPTIONS"))

    _silent_unless(server, wanted)
    return net.scene(_to(server, lab), [call(lab)])


def header_overlooked(lab: Lab) -> Scene:
    """Overlook requests with a header field that the server does not expect."""
    net, server = _trunk(lab)
    name, value = lab.rng.choice(
        (
            ("P-Charging-Vector", f"icid-value={lab.rng.randrange(10**6)}"),
            ("X-Tenant", f"t{lab.rng.randrange(1000)}"),
            ("P-Early-Media", "supported"),
            ("X-Campaign", lab.phrase("spring", "autumn")),
        )
    )
    _silent_unless(server, lambda text: f"\n{name}:" not in text)
    return net.scene(_to(server, lab, headers={name: value}), [register(), call(lab)], judged=None)


def broken_answer(lab: Lab) -> Scene:
    """Answer with what is no whole SIP response."""
    net, server = _trunk(lab)
    fault = lab.rng.choice(("From", "Call-ID", "CSeq", "branch", "status"))

    async def answer(exchange: Exchange) -> None:
        text = exchange.written(200)
        if fault == "branch":
            text = text.replace(exchange.message.branch, f"z9hG4bK{server.token()}")
        elif fault == "status":
            text = text.replace("SIP/2.0 200", lab.phrase("SIP/2.0 2OO", "SIP/2.0 9200", "SIP 200"))
        else:
            text = "\r\n".join(x for x in text.split("\r\n") if not x.startswith(f"{fault}:"))
        exchange.flow.send(text)

    def take(text: str, flow: Flow) -> bool:
        if text.startswith(("REGISTER", "OPTIONS", "INVITE")):
            server.start(answer(Exchange(server, parse(text), flow)))
        return True

    server.ignores = take
    return net.scene(_to(server, lab), [some_step(lab)])


def _fault(cause: str, name: str, how: str, make: Callable[[Lab], Scene]) -> Fault:
    return Fault(cause=cause, name=name, how=how, make=make, family="B", needs=TOOLS)


FAULTS = (
    _fault(
        "F026",
        "message too large for them",
        "far end: 513, 403 or 400 with words about the size",
        too_large,
    ),
    _fault(
        "F030",
        "silent after refused logins",
        "far end: 403 to wrong logins in earlier runs, then nothing",
        banned_after_refusals,
    ),
    _fault(
        "F030",
        "silent since an hour that worked",
        "far end: works in an earlier run, then nothing",
        banned_after_working,
    ),
    _fault("F031", "agent overlooked", "far end overlooks our User-Agent", agent_overlooked),
    _fault(
        "F032",
        "address instead of the domain",
        "far end overlooks a Request-URI without its domain, but for OPTIONS",
        other_host_in_request,
    ),
    _fault(
        "F033",
        "header overlooked",
        "far end overlooks requests with one header field",
        header_overlooked,
    ),
    _fault(
        "F034",
        "broken answer",
        "far end: 200 without a header field that it needs, or of another branch",
        broken_answer,
    ),
)
