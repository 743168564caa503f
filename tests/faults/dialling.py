"""Faults of number, account policy and caller identity, F072 to F090."""

import re
from typing import Any

from farends import Say, Story, refusing, trunk, trying
from kamailios import kamailio, refuse_unless
from lab import Fault, Lab, Scene
from uas import Call, answers


def call(number: str, **keys: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a call step with short deadlines."""
    return {"call": number, "timeout": "3s", "answer_within": "5s", **keys}


def refused(lab: Lab, story: Story, number: str = "", **keys: Any) -> Scene:  # noqa: ANN401
    """Return a scene in which one call is refused like that, by one of two programs."""
    profile = refusing(lab, story, **keys)
    return Scene(profile=profile, steps=[call(number or lab.number())])


def said(lab: Lab, *answers_of_theirs: tuple[int, str], slow: bool = False) -> Story:
    """Return the story of a refusal in one of the given wordings."""
    status, phrase = lab.rng.choice(answers_of_theirs)
    return (*trying(lab, slow=slow), Say(status=status, phrase=phrase))


# The number ------------------------------------------------------------------------------------


def not_allocated(lab: Lab) -> Scene:
    """Refuse a number that nobody has, as gateways of the telephone network do."""
    lines = lab.rng.choice(
        (
            (),
            ("Reason: Q.850;cause=1",),
            ('Reason: Q.850;cause=1;text="Unallocated (unassigned) number"',),
        )
    )
    status = lab.rng.choice((404, 404, 410 if not lines else 404, 604))
    return refused(lab, (*trying(lab, slow=True), Say(status=status, lines=lines)))


def not_allocated_kamailio(lab: Lab) -> Scene:
    """Refuse a number for which the proxy has no route."""
    number = lab.number()
    user, password = lab.user(), lab.password()
    routing = (
        "    route(LOGIN);\n"
        f'    if ($rU == "{number}") {{ sl_send_reply("404", "User not found"); exit; }}\n'
        '    sl_send_reply("480", "Temporarily Unavailable"); exit;'
    )
    host, port = kamailio(lab, routing, users={user: password})
    return Scene(
        profile=lab.profile(host, port, user=user, password=password), steps=[call(number)]
    )


def wrong_format(lab: Lab) -> Scene:
    """Take numbers in +E.164 form alone, and let us dial another form."""
    number = lab.phrase(
        "00493023125123", "011442079460123", "02079460123", "3023125123456", "12025550123"
    )
    status, phrase = lab.rng.choice(
        (
            (404, "Not Found"),
            (484, "Address Incomplete"),
            (400, "Invalid number"),
            (404, "No route"),
        )
    )
    user, password = lab.user(), lab.password()
    routing = (
        "    route(LOGIN);\n"
        + refuse_unless('$rU =~ "^[+][1-9][0-9]{7,14}$"', status, phrase)
        + '    sl_send_reply("480", "Temporarily Unavailable"); exit;'
    )
    host, port = kamailio(lab, routing, users={user: password})
    return Scene(
        profile=lab.profile(host, port, user=user, password=password), steps=[call(number)]
    )


def wrong_format_bare(lab: Lab) -> Scene:
    """Do the same with a trunk that answers at once, and says another code."""
    number = lab.phrase("004930231251230", "0114420794601230", "02079460123")
    story = said(lab, (404, ""), (403, "Invalid number format"), (484, ""))
    return refused(lab, story, number, login=False)


def incomplete(lab: Lab) -> Scene:
    """Want more digits than we dial."""
    number = lab.number()[: lab.rng.randrange(6, 9)]

    async def route(call: Call) -> None:
        if len(re.sub(r"\D", "", call.invite.message.user)) < 10:
            await call.reply(484)
        else:
            await answers(call)

    return Scene(profile=trunk(lab, route), steps=[call(number)])


def form_refused(lab: Lab) -> Scene:
    """Refuse another form of address than a plain one."""
    number = lab.number()

    async def route(call: Call) -> None:
        if ";user=phone" in call.invite.message.uri or "%23" in call.invite.message.uri:
            await call.reply(416)
        else:
            await answers(call)

    profile = trunk(lab, route)
    host = profile["uri"].partition("@")[2].partition(";")[0]
    return Scene(profile=profile, steps=[call(f"sip:{number}@{host};user=phone")])


def prefix_missing(lab: Lab) -> Scene:
    """Want a technical prefix before each number, as trunks that know us by address do."""
    prefix = str(lab.rng.randrange(10**5, 10**8))
    status, phrase = lab.rng.choice(
        (
            (403, "Invalid prefix"),
            (403, "Tech prefix missing"),
            (404, "Prefix not found"),
            (503, "Wrong tech-prefix"),
        )
    )
    routing = (
        refuse_unless(f'$(rU{{s.substr,0,{len(prefix)}}}) == "{prefix}"', status, phrase)
        + '    sl_send_reply("480", "Temporarily Unavailable"); exit;'
    )
    host, port = kamailio(lab, routing)
    return Scene(profile=lab.profile(host, port, registers=False), steps=[call(lab.number())])


def moved(lab: Lab) -> Scene:
    """Say that the number has changed."""
    lines = lab.rng.choice(
        (("Reason: Q.850;cause=22",), ('Reason: Q.850;cause=22;text="Number changed"',), ())
    )
    return refused(lab, (*trying(lab, slow=True), Say(status=410, lines=lines)))


# What the account may do ------------------------------------------------------------------------


def country_closed(lab: Lab) -> Scene:
    """Let the account call at home only."""
    number = lab.phrase("+442079460123", "+493023125123", "+33199001234")
    phrase = lab.phrase(
        "No International Authorization",
        "International calls not allowed",
        "Destination country not enabled",
        "Country blocked",
    )
    user, password = lab.user(), lab.password()
    routing = (
        "    route(LOGIN);\n"
        f'    if (!($rU =~ "^[+]1")) {{ sl_send_reply("403", "{phrase}"); exit; }}\n'
        '    sl_send_reply("480", "Temporarily Unavailable"); exit;'
    )
    host, port = kamailio(lab, routing, users={user: password})
    return Scene(
        profile=lab.profile(host, port, user=user, password=password), steps=[call(number)]
    )


def country_closed_by_code(lab: Lab) -> Scene:
    """Do the same with the code of a provider."""
    number = lab.phrase("+442079460123", "+493023125123")
    return refused(
        lab,
        said(lab, (403, "Forbidden D13"), (403, "Country not allowed D13")),
        number,
        provider="telnyx",
    )


def premium_barred(lab: Lab) -> Scene:
    """Bar a premium number."""
    number = lab.phrase("+19005550123", "+4990012345678")
    story = said(
        lab,
        (403, "Premium numbers are barred"),
        (403, "Barred number"),
        (603, "Premium destination blocked"),
    )
    return refused(lab, story, number, allow_to=[number])


def outgoing_not_enabled(lab: Lab) -> Scene:
    """Refuse every call of an account that is not set up for calls."""
    if lab.rng.random() < 0.5:
        story = said(
            lab, (403, "Forbidden D38"), (403, "No outbound profile D7"), (404, "Not Found D18")
        )
        return refused(lab, story, login=True, provider="telnyx")
    story = said(
        lab, (403, "Trial account: number not verified"), (403, "No outbound profile assigned")
    )
    return refused(lab, story, login=True)


def cap_reached(lab: Lab) -> Scene:
    """Let one call pass and refuse the next: the day's limit is reached."""
    status, phrase = lab.rng.choice(
        (
            (403, "Daily limit reached"),
            (403, "Daily spend limit exceeded"),
            (402, "Monthly spending limit"),
            (503, "Minutes limit exceeded"),
        )
    )
    return _after_the_first(lab, status, phrase)


def cap_reached_bare(lab: Lab) -> Scene:
    """Do the same without a word."""
    return _after_the_first(lab, *lab.rng.choice(((403, ""), (402, ""))))


def _after_the_first(lab: Lab, status: int, phrase: str) -> Scene:
    count = 0

    async def route(call: Call) -> None:
        nonlocal count
        count += 1
        if count == 1:
            await answers(call)
        else:
            await call.reply(100)
            await call.pause(0.05, 0.3)
            await call.reply(status, phrase)

    first, second = lab.number(), lab.number()
    steps = [call(first, hangup_after="200ms"), call(second)]
    return Scene(profile=trunk(lab, route, login=True), steps=steps, judged=f"call {second}")


def credit_too_small(lab: Lab) -> Scene:
    """Let a cheap call pass and refuse an expensive one."""
    cheap, dear = "+12025550134", lab.phrase("+442079460123", "+493023125123")
    status, phrase = lab.rng.choice(
        (
            (402, "Insufficient balance for this destination"),
            (403, "Balance insufficient for call"),
            (402, "Insufficient credit for destination"),
        )
    )

    async def route(call: Call) -> None:
        if call.invite.message.user.startswith("+1"):
            await answers(call)
        else:
            await call.reply(status, phrase)

    steps = [call(cheap, hangup_after="200ms"), call(dear)]
    return Scene(profile=trunk(lab, route, login=True), steps=steps, judged=f"call {dear}")


# Who calls --------------------------------------------------------------------------------------


def caller_not_owned(lab: Lab) -> Scene:
    """Take only the account's own numbers as caller ID."""
    own, shown = lab.number(), "+12025550177"
    phrase = lab.phrase(
        "Invalid Caller ID",
        "Caller ID not allowed",
        "CLI not verified",
        "From number not owned",
        "Caller-ID number is not validated",
    )
    status = lab.rng.choice((403, 403, 400))
    user, password = lab.user(), lab.password()
    routing = (
        "    route(LOGIN);\n"
        + refuse_unless(f'$fU == "{own}" || $fU == "{user}"', status, phrase)
        + '    sl_send_reply("480", "Temporarily Unavailable"); exit;'
    )
    host, port = kamailio(lab, routing, users={user: password})
    profile = lab.profile(host, port, user=user, password=password)
    profile |= {"caller_id": shown, "numbers": [shown]}
    return Scene(profile=profile, steps=[call(lab.number())])


def caller_not_owned_by_code(lab: Lab) -> Scene:
    """Do the same with the code of a provider."""
    story = said(
        lab, (403, "Forbidden D35"), (403, "Caller Origination Number is Invalid D51"), (403, "D36")
    )
    shown = "+12025550177"
    return refused(lab, story, login=True, provider="telnyx", caller_id=shown, numbers=[shown])


def caller_not_owned_bare(lab: Lab) -> Scene:
    """Refuse a foreign caller ID without a word, after a call with the own one."""
    own, shown = "+12025550155", "+12025550177"

    async def route(call: Call) -> None:
        if own in call.invite.message.first("from"):
            await answers(call)
        else:
            await call.reply(403)

    number = lab.number()
    profile = {**trunk(lab, route, login=True), "numbers": [own, shown]}
    steps = [
        call(number, caller_id=own, hangup_after="200ms"),
        {"wait": "2s"},
        call(number, caller_id=shown, name="second"),
    ]
    return Scene(profile=profile, steps=steps, judged="call")


def withheld(lab: Lab) -> Scene:
    """Take no anonymous caller."""
    status = lab.rng.choice((433, 433, 403, 603))

    async def route(call: Call) -> None:
        if "id" in call.invite.message.first("privacy"):
            await call.reply(status)
        else:
            await answers(call)

    steps = [call(lab.number(), headers={"Privacy": "id"})]
    return Scene(profile=trunk(lab, route), steps=steps)


def header_not_read(lab: Lab) -> Scene:
    """Read the caller from P-Asserted-Identity alone, which our call does not have."""
    shown = "+12025550177"
    phrase = lab.phrase("P-Asserted-Identity required", "Missing P-Asserted-Identity", "No PAI")

    async def route(call: Call) -> None:
        if shown not in call.invite.message.first("p-asserted-identity"):
            await call.reply(403, phrase)
        else:
            await answers(call)

    profile = trunk(lab, route, login=True)
    return Scene(
        profile={**profile, "caller_id": shown, "numbers": [shown]}, steps=[call(lab.number())]
    )


def calls_itself(lab: Lab) -> Scene:
    """Refuse a call from a number to itself."""
    number = lab.number()

    async def route(call: Call) -> None:
        if call.invite.message.user in call.invite.message.first("from"):
            await call.reply(*status)
        else:
            await answers(call)

    status = lab.rng.choice(((403, "Forbidden"), (482, "Loop Detected"), (486, "Busy Here")))
    profile = trunk(lab, route)
    return Scene(
        profile={**profile, "caller_id": number, "numbers": [number]}, steps=[call(number)]
    )


def caller_on_a_list(lab: Lab) -> Scene:
    """Refuse a caller that is on a list of numbers that never call."""
    if lab.rng.random() < 0.5:
        story = said(lab, (403, "Forbidden D46"), (403, "Forbidden D54"))
        keys = {"provider": "telnyx"}
    else:
        story = said(
            lab,
            (403, "Number on do-not-originate list"),
            (403, "DNO listed"),
            (603, "Caller reputation"),
        )
        keys = {}
    return refused(
        lab, story, login=True, caller_id="+12025550177", numbers=["+12025550177"], **keys
    )


def must_start_in_the_country(lab: Lab) -> Scene:
    """Refuse a call that the rules of a country want to start there."""
    return refused(
        lab, said(lab, (403, "Domestic Anchored Terms"), (403, "Domestic anchoring required"))
    )


def other_region(lab: Lab) -> Scene:
    """Refuse an account that lives at another regional host."""
    story = said(
        lab,
        (403, "Account not in this region"),
        (404, "Wrong region"),
        (403, "Wrong edge for account"),
        (404, "Unknown subdomain"),
    )
    return refused(lab, story)


def nobody_registered(lab: Lab) -> Scene:
    """Call a number of ours for which no device is registered at the proxy."""
    user, password, own = lab.user(), lab.password(), lab.number()
    routing = (
        "    route(LOGIN);\n"
        '    if (is_method("REGISTER")) { save("location"); exit; }\n'
        '    if (lookup("location")) { t_relay(); exit; }\n'
        f'    if ($rU == "{own}") {{ sl_send_reply("480", "Temporarily Unavailable"); exit; }}'
    )
    host, port = kamailio(lab, routing, users={user: password})
    profile = lab.profile(host, port, user=user, password=password, numbers=[own])
    return Scene(profile=profile, steps=[call(own)])


_BOTH, _UAS, _KAMAILIO = "scripted far end or SIPp", "scripted far end", "Kamailio"


def _fault(cause: str, name: str, how: str, make: Any) -> Fault:  # noqa: ANN401
    needs = {"K": ("kamailio",), "s": ()}[how[0]] + (("sipp",) if "SIPp" in how else ())
    return Fault(cause=cause, name=name, how=how, make=make, family="E", needs=needs)


FAULTS = (
    _fault(
        "F072",
        "nobody has the number",
        f"{_BOTH}: 404, 410, 604, some with Q.850 cause 1",
        not_allocated,
    ),
    _fault(
        "F072", "no route for the number", f"{_KAMAILIO} without a route", not_allocated_kamailio
    ),
    _fault("F073", "number not in plus form", f"{_KAMAILIO} that takes +E.164 alone", wrong_format),
    _fault(
        "F073", "number with another prefix", f"{_BOTH}: 403, 404, 484 at once", wrong_format_bare
    ),
    _fault("F074", "digits missing", f"{_UAS} that counts digits", incomplete),
    _fault("F075", "phone parameter refused", f"{_UAS}: 416 to ;user=phone", form_refused),
    _fault("F076", "technical prefix missing", f"{_KAMAILIO} that wants a prefix", prefix_missing),
    _fault("F077", "country closed", f"{_KAMAILIO} with a list of countries", country_closed),
    _fault("F077", "country closed by code", _BOTH, country_closed_by_code),
    _fault("F078", "premium number barred", _BOTH, premium_barred),
    _fault("F079", "not set up for calls", _BOTH, outgoing_not_enabled),
    _fault("F080", "limit of the day", f"{_UAS} that counts calls", cap_reached),
    _fault("F080", "limit without a word", f"{_UAS} that counts calls", cap_reached_bare),
    _fault("F081", "too dear a call", f"{_UAS} with prices", credit_too_small),
    _fault("F082", "caller not owned", f"{_KAMAILIO} that checks From", caller_not_owned),
    _fault("F082", "caller not owned by code", _BOTH, caller_not_owned_by_code),
    _fault(
        "F082", "caller refused without a word", f"{_UAS} that checks From", caller_not_owned_bare
    ),
    _fault("F083", "no anonymous calls", f"{_UAS} that reads Privacy", withheld),
    _fault(
        "F084",
        "caller in another header",
        f"{_UAS} that reads P-Asserted-Identity alone",
        header_not_read,
    ),
    _fault("F085", "from a number to itself", f"{_UAS} that compares From and To", calls_itself),
    _fault("F086", "caller on a list", _BOTH, caller_on_a_list),
    _fault("F088", "number changed", f"{_BOTH}: 410, some with Q.850 cause 22", moved),
    _fault("F090", "no device of ours", f"{_KAMAILIO} without a binding", nobody_registered),
    _fault("F101", "must start at home", _BOTH, must_start_in_the_country),
    _fault("F102", "lives in another region", _BOTH, other_region),
)
