"""Faults of registration and login, F047 to F071."""

import re
import time
from typing import Any

from farends import Say, far_end, refusing, trying
from kamailios import ask, kamailio, refuse_unless
from lab import Fault, Lab, Scene
from siptext import address, parameter
from uas import Exchange, Login, registered

REGISTER: list[dict[str, Any]] = [{"register": None, "timeout": "3s"}]
KEEP = '    route(LOGIN);\n    save("location");\n    exit;'
"""Kamailio's routing for a registrar with login."""


def _scene(profile: dict[str, Any], **keys: Any) -> Scene:  # noqa: ANN401
    return Scene(**{"profile": profile, "steps": REGISTER, **keys})


def _registrar(lab: Lab, **keys: Any) -> tuple[str, str, Any]:  # noqa: ANN401
    """Start a scripted registrar with one account; return user, password and far end."""
    user, password = lab.user(), lab.password()
    login = Login(realm=lab.realm(), users={user: password}, **keys)
    return user, password, far_end(lab, login=login)


# The login -------------------------------------------------------------------------------------


def wrong_password(lab: Lab) -> Scene:
    """Give the server another password than ours."""
    refusal = lab.rng.choice((0, 0, 403))
    user, _, peer = _registrar(lab, refusal=refusal, same_nonce=lab.rng.random() < 0.3)
    return _scene(lab.profile(peer.host, peer.port, user=user, password=lab.password()))


def wrong_password_kamailio(lab: Lab) -> Scene:
    """Do the same with a real registrar."""
    user = lab.user()
    algorithm = lab.rng.choice(("MD5", "SHA-256"))
    host, port = kamailio(lab, KEEP, users={user: lab.password()}, algorithm=algorithm)
    return _scene(lab.profile(host, port, user=user, password=lab.password()))


def wrong_password_on_call(lab: Lab) -> Scene:
    """Refuse the login of a call."""
    user = lab.user()
    routing = '    route(LOGIN);\n    sl_send_reply("480", "Temporarily Unavailable"); exit;'
    host, port = kamailio(lab, routing, users={user: lab.password()})
    profile = lab.profile(host, port, user=user, password=lab.password())
    return Scene(profile=profile, steps=[{"call": lab.number(), "timeout": "3s"}])


def odd_character(lab: Lab) -> Scene:
    """Let a character slip into our password that nobody typed."""
    refusal = lab.rng.choice((0, 403))
    user, password, peer = _registrar(lab, refusal=refusal)
    slip = lab.rng.choice((password + " ", "\u00a0" + password, f"\u201c{password}\u201d"))
    return _scene(lab.profile(peer.host, peer.port, user=user, password=slip))


def odd_character_kamailio(lab: Lab) -> Scene:
    """Do the same with a real registrar, which knows the trimmed password."""
    user, password = lab.user(), lab.password()
    host, port = kamailio(lab, KEEP, users={user: password})
    return _scene(lab.profile(host, port, user=user, password=password + lab.rng.choice(" \u00a0")))


def other_login_name(lab: Lab) -> Scene:
    """Give the account a login name of its own, and let us log in with the number."""
    number = f"1202555{lab.rng.randrange(100, 200):04d}"
    password = lab.password()
    name = f"{lab.phrase('sip', 'u', 'auth', 'tr')}{lab.rng.randrange(10**6, 10**7)}"
    host, port = kamailio(lab, KEEP, users={name: password})
    return _scene(lab.profile(host, port, user=number, password=password))


def other_realm(lab: Lab) -> Scene:
    """Ask in another realm than the configured one."""
    user, password, peer = _registrar(lab)
    profile = lab.profile(peer.host, peer.port, user=user, password=password)
    return _scene(
        {**profile, "realm": lab.phrase("pbx.example.edu", "old.example.com", "asterisk")}
    )


def other_realm_kamailio(lab: Lab) -> Scene:
    """Do the same with a real registrar."""
    user, password = lab.user(), lab.password()
    host, port = kamailio(lab, KEEP, users={user: password}, realm="voice.example.net")
    return _scene(lab.profile(host, port, user=user, password=password, realm="voice.example.com"))


def no_common_algorithm(lab: Lab) -> Scene:
    """Ask for an algorithm that we do not have."""
    user, password, peer = _registrar(
        lab, algorithm=lab.phrase("SHA-512-256", "SHA-512-256-sess", "AKAv1-MD5")
    )
    return _scene(lab.profile(peer.host, peer.port, user=user, password=password))


def always_stale(lab: Lab) -> Scene:
    """Call every nonce stale, as nodes without a common secret do."""
    user, password, peer = _registrar(lab, stale=True)
    return _scene(lab.profile(peer.host, peer.port, user=user, password=password))


def unusable_challenge(lab: Lab) -> Scene:
    """Send a 401 that nobody can answer."""
    peer = far_end(lab)
    realm = lab.realm()
    lines = lab.rng.choice(
        (
            (),
            (f'WWW-Authenticate: Basic realm="{realm}"',),
            (f'Proxy-Authenticate: Digest realm="{realm}", nonce="{lab.rng.random()}"',),
        )
    )

    async def register(exchange: Exchange) -> None:
        await exchange.reply(401, "", *lines)

    peer.on["REGISTER"] = register
    return _scene(lab.profile(peer.host, peer.port, password=lab.password()))


def rewritten_address(lab: Lab) -> Scene:
    """Rewrite the request line on the way, and let the registrar compare it with the digest."""
    user, password, registrar = _registrar(lab)
    inner = registrar._let_in

    async def compares(exchange: Exchange) -> bool:
        message = exchange.message
        uri = parameter(message.first("authorization"), "uri")
        # What an ALG does to the request line, seen from the registrar behind it.
        rewritten = message.uri.replace(registrar.host, "10.11.12.13")
        if uri and uri != rewritten:
            await exchange.challenge(registrar.login)
            return False
        return await inner(exchange)

    registrar._let_in = compares
    return _scene(lab.profile(registrar.host, registrar.port, user=user, password=password))


def two_logins(lab: Lab) -> Scene:
    """Put a proxy with a login of its own before the registrar."""
    user, password = lab.user(), lab.password()
    first, second = lab.rng.sample(("edge.example.net", "sip.example.com", "pbx.example.org"), 2)
    edge = Login(realm=first, users={user: password}, methods=("REGISTER", "INVITE"), proxy=True)
    peer = far_end(lab, login=edge)

    async def register(exchange: Exchange) -> None:
        await exchange.challenge(Login(realm=second, users={}, proxy=False))

    peer.on["REGISTER"] = register
    realm = {} if lab.rng.random() < 0.5 else {"realm": first}
    return _scene(lab.profile(peer.host, peer.port, user=user, password=password, **realm))


def unknown_user(lab: Lab) -> Scene:
    """Challenge a user that does not exist, as Asterisk does by design."""
    peer = far_end(lab, login=Login(realm=lab.phrase("asterisk", lab.realm()), users={}))
    if lab.rng.random() < 0.6:
        peer.server = lab.phrase("Asterisk PBX 18.20.0", "FPBX-16.0.40(18.13.0)")
    return _scene(lab.profile(peer.host, peer.port, password=lab.password()))


def unknown_user_kamailio(lab: Lab) -> Scene:
    """Do the same with a real registrar: it knows other users."""
    host, port = kamailio(lab, KEEP, users={"somebody": lab.password()})
    return _scene(lab.profile(host, port, password=lab.password()))


# Where the account lives, and from where it is used ---------------------------------------------


def other_domain(lab: Lab) -> Scene:
    """Ask a server for a domain that it does not serve, in the words of common configurations."""
    phrase = lab.phrase(
        "Not relaying", "Relaying denied", "Relay Denied", "Wrong domain", "Not here"
    )
    code = 404 if phrase == "Not here" else 403
    host, port = kamailio(
        lab, f'    if ($fd != "voip.example.com") {{ sl_send_reply("{code}", "{phrase}"); exit; }}'
    )
    return _scene(lab.profile(host, port, password=lab.password()))


def other_server(lab: Lab) -> Scene:
    """Ask a registrar that does not know the account: it lives on the neighbour."""
    user = lab.user()
    routing = (
        '    if ($sht(password=>$tU) == $null) { sl_send_reply("404", "Not Found"); exit; }\n'
        + KEEP
    )
    host, port = kamailio(lab, routing, users={"100": lab.password()})
    kamailio(lab, routing, users={user: lab.password()})
    return _scene(lab.profile(host, port, user=user, password=lab.password()))


def from_is_not_the_login(lab: Lab) -> Scene:
    """Let From name a number while the login is the account's, as Kamailio's check forbids."""
    user, password, caller = lab.user(), lab.password(), lab.number()
    phrase = lab.phrase("Forbidden auth ID", "From does not match auth user", "Use From=ID")
    routing = (
        "    route(LOGIN);\n"
        '    if (is_method("REGISTER")) { save("location"); exit; }\n'
        f'    if ($au != $fU) {{ sl_send_reply("403", "{phrase}"); exit; }}'
    )
    host, port = kamailio(lab, routing, users={user: password})
    profile = lab.profile(host, port, user=user, password=password)
    profile |= {"caller_id": caller, "numbers": [caller]}
    steps = [*REGISTER, {"call": lab.number(), "timeout": "3s"}]
    return Scene(profile=profile, steps=steps, judged="call")


def trunk_without_registration(lab: Lab) -> Scene:
    """Send REGISTER to a trunk that knows us by address: OPTIONS and calls work."""
    peer = far_end(lab)
    status = lab.rng.choice((405, 405, 501))
    lines = ("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS",) if status == 405 else ()

    async def register(exchange: Exchange) -> None:
        await exchange.reply(status, "", *lines)

    peer.on["REGISTER"] = register
    return _scene(lab.profile(peer.host, peer.port, password=lab.password()))


def trunk_refuses_registration(lab: Lab) -> Scene:
    """Do the same with a bare 403, while OPTIONS gets 200."""
    peer = far_end(lab)

    async def register(exchange: Exchange) -> None:
        await exchange.reply(403)

    peer.on["REGISTER"] = register
    steps: list[dict[str, Any]] = [{"options": None, "timeout": "2s"}, *REGISTER]
    profile = lab.profile(peer.host, peer.port, password=lab.password())
    return Scene(profile=profile, steps=steps, judged="register")


def not_on_the_list(lab: Lab) -> Scene:
    """Refuse whoever is not on the address list, as Kamailio's permissions do."""
    phrase = lab.phrase(
        "Forbidden", "Forbidden", "IP address not allowed", "Source IP not authorized"
    )
    routing = refuse_unless('$si == "192.0.2.7"', 403, phrase)
    host, port = kamailio(lab, routing)
    steps = [{"call": lab.number(), "timeout": "3s"}]
    keys = {"password": lab.password()} if lab.rng.random() < 0.7 else {"registers": False}
    return Scene(profile=lab.profile(host, port, **keys), steps=steps)


def not_on_the_list_register(lab: Lab) -> Scene:
    """Refuse the REGISTER of an address that is not on the list, and its OPTIONS, too."""
    peer = far_end(lab)
    phrase = lab.phrase("Forbidden", "Forbidden", "ACL denied", "Forbidden (IP not on access list)")

    async def refuse(exchange: Exchange) -> None:
        await exchange.reply(403, phrase)

    peer.on |= {"REGISTER": refuse, "OPTIONS": refuse}
    return _scene(lab.profile(peer.host, peer.port, password=lab.password()))


# The account's state ----------------------------------------------------------------------------


def out_of_credit(lab: Lab) -> Scene:
    """Refuse calls of an account without credit, in the words that providers use."""
    status, phrase = lab.rng.choice(
        (
            (402, "Payment Required"),
            (403, "Account suspended"),
            (403, "Account is not active, billing issue"),
            (503, "Insufficient funds"),
            (403, "No credit"),
            (403, "Insufficient balance"),
        )
    )
    profile = refusing(lab, (*trying(lab), Say(status=status, phrase=phrase)))
    return Scene(profile=profile, steps=[{"call": lab.number(), "timeout": "3s"}])


def out_of_credit_by_code(lab: Lab) -> Scene:
    """Do the same with the code of a provider, which the profile names."""
    status, phrase, provider = lab.rng.choice(
        (
            (403, "Forbidden D17", "telnyx"),
            (404, "Not Found D19", "telnyx"),
            (403, "Account disabled D16", "telnyx"),
        )
    )
    profile = refusing(lab, (*trying(lab), Say(status=status, phrase=phrase)), provider=provider)
    return Scene(profile=profile, steps=[{"call": lab.number(), "timeout": "3s"}])


def suspended_bare(lab: Lab) -> Scene:
    """Refuse every call of a suspended account with a bare 403 after its login."""
    user, password = lab.user(), lab.password()
    routing = (
        "    route(LOGIN);\n"
        '    if (is_method("REGISTER")) { save("location"); exit; }\n'
        '    sl_send_reply("403", "Forbidden"); exit;'
    )
    host, port = kamailio(lab, routing, users={user: password})
    steps = [*REGISTER, {"call": lab.number(), "timeout": "3s"}]
    profile = lab.profile(host, port, user=user, password=password)
    return Scene(profile=profile, steps=steps, judged="call")


def locked(lab: Lab) -> Scene:
    """Lock an account after failures: the right password is refused, too."""
    user, password, peer = _registrar(lab)
    status = lab.rng.choice((403, 403, 401))
    phrase = lab.phrase(
        "Account locked", "Too many failed attempts", "User locked out", "Password expired"
    )
    peer.login.users[user] = lab.password()
    peer.login.refusal, peer.login.refusal_phrase = status, phrase
    return _scene(lab.profile(peer.host, peer.port, user=user, password=password))


# The registration itself ------------------------------------------------------------------------


def too_brief(lab: Lab) -> Scene:
    """Want a longer registration than we ask for, and do not say how long."""
    user, password, peer = _registrar(lab)

    async def register(exchange: Exchange) -> None:
        await exchange.reply(423)

    peer.on["REGISTER"] = register
    profile = lab.profile(peer.host, peer.port, user=user, password=password)
    return _scene({**profile, "expires": f"{lab.rng.choice((60, 90, 120))}s"})


def shortened(lab: Lab) -> Scene:
    """Grant a fraction of the time that is asked for."""
    user, password, peer = _registrar(lab)
    granted = lab.rng.choice((20, 30, 45, 60))

    async def register(exchange: Exchange) -> None:
        contact = address(exchange.message.first("contact"))
        lines = (f"Contact: <{contact}>;expires={granted}",)
        if lab.rng.random() < 0.5:
            lines = (f"Contact: <{contact}>", f"Expires: {granted}")
        await exchange.reply(200, "", *lines)

    peer.on["REGISTER"] = register
    profile = lab.profile(peer.host, peer.port, user=user, password=password)
    wanted = {"headers": {"Contact": r"/expires=\d{3,}/"}}
    return _scene({**profile, "expires": "600s"}, steps=[{"register": None, "expect": wanted}])


def too_many_devices(lab: Lab) -> Scene:
    """Let two devices register where one may: Kamailio's max_contacts."""
    user, password = lab.user(), lab.password()
    device = lab.address()
    trusted = f'    if ($si == "{device}") {{ save("location"); exit; }}\n'
    host, port = kamailio(lab, trusted + KEEP, users={user: password}, max_contacts=1)
    assert " 200 " in ask(host, port, "REGISTER", f"sip:{user}@{host}:{port}", source=device)
    return _scene(lab.profile(host, port, user=user, password=password))


def too_many_devices_phrase(lab: Lab) -> Scene:
    """Do the same in the words of session border controllers."""
    user, password, peer = _registrar(lab)
    status, phrase = lab.rng.choice(
        (
            (403, "Too many contacts"),
            (403, "Maximum registrations reached"),
            (503, "Too many bindings"),
        )
    )

    async def register(exchange: Exchange) -> None:
        if parameter(exchange.message.first("contact"), "expires") == "0":
            await registered(exchange)
        else:
            await exchange.reply(status, phrase)

    peer.on["REGISTER"] = register
    return _scene(lab.profile(peer.host, peer.port, user=user, password=password))


def stored_nothing(lab: Lab) -> Scene:
    """Say OK and store nothing, or somebody else's binding."""
    user, password, peer = _registrar(lab)
    other = lab.rng.random() < 0.5

    async def register(exchange: Exchange) -> None:
        lines = (f"Contact: <sip:{user}@192.0.2.9:5060>;expires=300",) if other else ()
        await exchange.reply(200, "", *lines)

    peer.on["REGISTER"] = register
    profile = lab.profile(peer.host, peer.port, user=user, password=password)
    wanted = {"headers": {"Contact": r"/127\.0\.0\.1/"}}
    return _scene(profile, steps=[{"register": None, "expect": wanted}])


def sequence_went_back(lab: Lab) -> Scene:
    """Remember a higher sequence number of the account than the one that comes."""
    user, password, peer = _registrar(lab)
    remembered = lab.rng.randrange(70000, 90000)
    status = lab.rng.choice((400, 500))
    phrase = lab.phrase("Invalid CSeq", "CSeq Out of Order", "Lower CSeq")

    async def register(exchange: Exchange) -> None:
        if int(re.findall(r"\d+", exchange.message.first("cseq"))[0]) < remembered:
            await exchange.reply(status, phrase)
        else:
            await registered(exchange)

    peer.on["REGISTER"] = register
    return _scene(lab.profile(peer.host, peer.port, user=user, password=password))


def registers_too_often(lab: Lab) -> Scene:
    """Refuse the third registration within some seconds."""
    user, password, peer = _registrar(lab)
    times: list[float] = []
    status, phrase, lines = lab.rng.choice(
        (
            (503, "Service Unavailable", ("Retry-After: 60",)),
            (429, "Too Many Requests", ()),
            (403, "Registration rate exceeded", ()),
            (503, "Too many requests", ()),
        )
    )

    async def register(exchange: Exchange) -> None:
        times.append(time.monotonic())
        if len([t for t in times if times[-1] - t < 20]) > 2:
            await exchange.reply(status, phrase, *lines)
        else:
            await registered(exchange)

    peer.on["REGISTER"] = register
    steps = [REGISTER[0], {"unregister": None}, REGISTER[0]]
    return _scene(lab.profile(peer.host, peer.port, user=user, password=password), steps=steps)


def outbound_disagrees(lab: Lab) -> Scene:
    """Want SIP Outbound or Path, or lack it."""
    user, password, peer = _registrar(lab)
    status, lines = lab.rng.choice(
        ((439, ()), (421, ("Require: path",)), (421, ("Require: outbound",)), (430, ()))
    )

    async def register(exchange: Exchange) -> None:
        await exchange.reply(status, "", *lines)

    peer.on["REGISTER"] = register
    return _scene(lab.profile(peer.host, peer.port, user=user, password=password))


_UAS, _KAMAILIO = "scripted far end", "Kamailio"


def _fault(cause: str, name: str, how: str, make: Any) -> Fault:  # noqa: ANN401
    needs = ("kamailio",) if how.startswith(_KAMAILIO) else ()
    return Fault(cause=cause, name=name, how=how, make=make, family="D", needs=needs)


FAULTS = (
    _fault(
        "F047", "another password", f"{_UAS} with digest, holding another password", wrong_password
    ),
    _fault(
        "F047",
        "another password at Kamailio",
        f"{_KAMAILIO} with another password",
        wrong_password_kamailio,
    ),
    _fault(
        "F047",
        "call with another password",
        f"{_KAMAILIO} asks for the login of a call",
        wrong_password_on_call,
    ),
    _fault(
        "F048",
        "blank in the password",
        f"{_UAS} with digest, holding the password without it",
        odd_character,
    ),
    _fault(
        "F048",
        "blank at Kamailio",
        f"{_KAMAILIO} with the password without it",
        odd_character_kamailio,
    ),
    _fault(
        "F049",
        "login name of its own",
        f"{_KAMAILIO} with an account of another name",
        other_login_name,
    ),
    _fault("F050", "another realm", f"{_UAS} with digest", other_realm),
    _fault("F050", "another realm at Kamailio", f"{_KAMAILIO} with digest", other_realm_kamailio),
    _fault("F051", "no common algorithm", f"{_UAS} with digest", no_common_algorithm),
    _fault("F052", "nonces always stale", f"{_UAS} with digest", always_stale),
    _fault("F053", "challenge of no use", _UAS, unusable_challenge),
    _fault(
        "F054",
        "request line rewritten",
        f"{_UAS} that sees another request line",
        rewritten_address,
    ),
    _fault("F055", "second login", f"{_UAS} as proxy and registrar with a login each", two_logins),
    _fault("F056", "nobody of that name", f"{_UAS} that challenges everyone", unknown_user),
    _fault(
        "F056",
        "nobody of that name at Kamailio",
        f"{_KAMAILIO} without the account",
        unknown_user_kamailio,
    ),
    _fault("F057", "domain served elsewhere", f"{_KAMAILIO} for another domain", other_domain),
    _fault("F057", "account on the neighbour", f"{_KAMAILIO}, two of them", other_server),
    _fault(
        "F058",
        "From is a number",
        f"{_KAMAILIO} that compares From with the login",
        from_is_not_the_login,
    ),
    _fault(
        "F059",
        "REGISTER not taken",
        f"{_UAS} that takes calls and OPTIONS",
        trunk_without_registration,
    ),
    _fault(
        "F059",
        "REGISTER refused",
        f"{_UAS} that takes calls and OPTIONS",
        trunk_refuses_registration,
    ),
    _fault("F060", "address not on the list", f"{_KAMAILIO} with an address list", not_on_the_list),
    _fault(
        "F060",
        "REGISTER from elsewhere",
        f"{_UAS} that refuses the address",
        not_on_the_list_register,
    ),
    _fault("F061", "no credit in words", f"{_UAS} or SIPp", out_of_credit),
    _fault("F061", "no credit by code", f"{_UAS} or SIPp", out_of_credit_by_code),
    _fault(
        "F061",
        "suspended without a word",
        f"{_KAMAILIO} that refuses all calls after login",
        suspended_bare,
    ),
    _fault("F062", "account locked", f"{_UAS} that refuses the right password", locked),
    _fault("F063", "time too short", _UAS, too_brief),
    _fault("F064", "time cut", _UAS, shortened),
    _fault("F065", "one device only", f"{_KAMAILIO} with max_contacts", too_many_devices),
    _fault("F065", "devices counted", _UAS, too_many_devices_phrase),
    _fault("F067", "nothing kept", _UAS, stored_nothing),
    _fault(
        "F068", "sequence behind", f"{_UAS} that remembers the account's CSeq", sequence_went_back
    ),
    _fault("F070", "third in a row", f"{_UAS} that counts registrations", registers_too_often),
    _fault("F071", "outbound and path", _UAS, outbound_disagrees),
)
