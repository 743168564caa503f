"""Faults outside the catalogue: the right answer is that it is undecided."""

import asyncio
from typing import Any

from dialling import call, refused
from farends import Pause, Say, far_end, ringing, trunk, trying
from lab import Fault, Lab, Scene
from uas import Call, Exchange, Login, answers, registered


def rare_code(lab: Lab) -> Scene:
    """Refuse with a code that says something the catalogue does not hold."""
    status, phrase = lab.rng.choice(
        (
            (424, "Bad Location Information"),
            (440, "Max-Breadth Exceeded"),
            (470, "Consent Needed"),
            (493, "Undecipherable"),
            (412, "Conditional Request Failed"),
        )
    )
    return refused(lab, (*trying(lab), Say(status=status, phrase=phrase)))


def made_up_code(lab: Lab) -> Scene:
    """Refuse with a code that nobody registered."""
    status = lab.rng.choice((499, 452, 477, 556, 570, 612, 690))
    phrase = lab.phrase("Error", "Rejected by script", "Unknown", "E-1007")
    return refused(lab, (*trying(lab), Say(status=status, phrase=phrase)))


def other_language(lab: Lab) -> Scene:
    """Refuse after the login with 403 and words of another language."""
    phrase = lab.phrase("Nicht erlaubt", "Refus local", "No permitido", "Regel 17")
    return refused(lab, (*trying(lab), Say(status=403, phrase=phrase)), login=True)


def database_gone(lab: Lab) -> Scene:
    """Fail at the registrar's own database."""
    uas = far_end(lab)
    phrase = lab.phrase("Server Internal Error", "Database error", "DB timeout")

    async def register(exchange: Exchange) -> None:
        await exchange.reply(500, phrase)

    uas.on["REGISTER"] = register
    profile = lab.profile(uas.host, uas.port, password=lab.password())
    return Scene(profile=profile, steps=[{"register": None, "timeout": "3s"}])


def registrar_made_up_code(lab: Lab) -> Scene:
    """Refuse REGISTER after its login with a code that nobody registered."""
    user, password = lab.user(), lab.password()
    uas = far_end(lab, login=Login(realm=lab.realm(), users={user: password}))
    status = lab.rng.choice((478, 499, 556))

    async def register(exchange: Exchange) -> None:
        await exchange.reply(status, "Rejected")

    uas.on["REGISTER"] = register
    profile = lab.profile(uas.host, uas.port, user=user, password=password)
    return Scene(profile=profile, steps=[{"register": None, "timeout": "3s"}])


def header_absent(lab: Lab) -> Scene:
    """Answer well, without a header that the scenario wants."""
    profile = trunk(lab, answers)
    wanted = {"headers": {lab.phrase("P-Charge-Info", "X-Call-Quality", "Alert-Info"): "present"}}
    return Scene(profile=profile, steps=[call(lab.number(), expect=wanted)])


def slow_route(lab: Lab) -> Scene:
    """Ring later than the scenario allows."""

    async def route(call: Call) -> None:
        await call.reply(100)
        await call.pause(1.2, 1.8)
        await call.reply(180)
        await call.pause(0.2)
        await call.answer()

    wanted = {"timing": {"pdd": "max 600ms"}}
    return Scene(profile=trunk(lab, route), steps=[call(lab.number(), expect=wanted)])


def no_ringing(lab: Lab) -> Scene:
    """Answer without ringing, where ringing is wanted."""

    async def route(call: Call) -> None:
        await call.reply(100)
        await call.pause(0.1, 0.4)
        await call.answer()

    wanted = {"responses": "180 200"}
    return Scene(profile=trunk(lab, route), steps=[call(lab.number(), expect=wanted)])


def push_not_supported(lab: Lab) -> Scene:
    """Refuse a registration for lack of push notification (RFC 8599)."""
    uas = far_end(lab)

    async def register(exchange: Exchange) -> None:
        await exchange.reply(555, "Push Notification Service Not Supported")

    uas.on["REGISTER"] = register
    profile = lab.profile(uas.host, uas.port, password=lab.password())
    return Scene(profile=profile, steps=[{"register": None, "timeout": "3s"}])


def refused_late(lab: Lab) -> Scene:
    """Refuse after early media that lasts too short for words, with a code without a meaning."""
    story = (
        Say(status=100),
        Say(status=183, sdp=True),
        Pause(seconds=0.4),
        Say(status=497, phrase="Z17"),
    )
    return refused(lab, story)


def answered_instead_of_busy(lab: Lab) -> Scene:
    """Answer a call that the scenario wants refused."""
    wanted = {"responses": lab.phrase("486", "404", "180 603")}
    return Scene(profile=trunk(lab, answers), steps=[call(lab.number(), expect=wanted)])


def other_codec_than_wanted(lab: Lab) -> Scene:
    """Choose another of our codecs than the scenario wants."""
    profile = {**trunk(lab, answers), "codecs": ["PCMU", "PCMA"]}
    return Scene(profile=profile, steps=[call(lab.number(), expect={"sdp": {"codec": "PCMA"}})])


def answers_where_silence_is_wanted(lab: Lab) -> Scene:
    """Answer where the scenario wants silence."""
    steps = [call(lab.number(), expect={"failure": "NO_RESPONSE"})]
    return Scene(profile=trunk(lab, answers), steps=steps)


def slow_registrar(lab: Lab) -> Scene:
    """Register us later than the scenario allows."""
    uas = far_end(lab)

    async def register(exchange: Exchange) -> None:
        await asyncio.sleep(lab.rng.uniform(1.0, 1.5))
        await registered(exchange)

    uas.on["REGISTER"] = register
    steps = [{"register": None, "expect": {"timing": {"rrd": "max 400ms"}}}]
    return Scene(profile=lab.profile(uas.host, uas.port, password=lab.password()), steps=steps)


def options_with_its_own_code(lab: Lab) -> Scene:
    """Refuse OPTIONS with a code that nobody registered."""
    uas = far_end(lab)
    status = lab.rng.choice((498, 559, 671))

    async def refuse(exchange: Exchange) -> None:
        await exchange.reply(status, "Policy 4")

    uas.on["OPTIONS"] = refuse
    return Scene(profile=lab.profile(uas.host, uas.port), steps=[{"options": None}])


def refused_in_six_hundred(lab: Lab) -> Scene:
    """Refuse a ringing call with a 6xx that nobody registered."""
    story = (*ringing(lab, lab.rng.uniform(0.5, 2)), Say(status=lab.rng.choice((601, 660, 699))))
    return refused(lab, story)


def _fault(name: str, how: str, make: Any) -> Fault:  # noqa: ANN401
    needs = ("sipp",) if "SIPp" in how else ()
    return Fault(cause=None, name=name, how=how, make=make, family="U", needs=needs)


FAULTS = (
    _fault("rare code", "scripted far end or SIPp: 412, 424, 440, 470 or 493", rare_code),
    _fault("code of their own", "scripted far end or SIPp: 452, 499, 556, 690 …", made_up_code),
    _fault(
        "words of another language", "scripted far end or SIPp: 403 after the login", other_language
    ),
    _fault("database gone", "scripted far end: 500 to REGISTER", database_gone),
    _fault(
        "registrar with its own code",
        "scripted far end: 478, 499, 556 to REGISTER",
        registrar_made_up_code,
    ),
    _fault("wanted header absent", "scripted far end that answers well", header_absent),
    _fault("slow route", "scripted far end that rings after 1.5 s", slow_route),
    _fault("answered without ringing", "scripted far end", no_ringing),
    _fault("push not supported", "scripted far end: 555 to REGISTER", push_not_supported),
    _fault("answered where a refusal is wanted", "scripted far end", answered_instead_of_busy),
    _fault("other codec than wanted", "scripted far end", other_codec_than_wanted),
    _fault("answered where silence is wanted", "scripted far end", answers_where_silence_is_wanted),
    _fault("slow registrar", "scripted far end that answers after 1 s", slow_registrar),
    _fault(
        "OPTIONS with its own code", "scripted far end: 498, 559, 671", options_with_its_own_code
    ),
    _fault("rings then 6xx", "scripted far end or SIPp: 601, 660, 699", refused_in_six_hundred),
    _fault("early media then Z17", "scripted far end or SIPp: 497 after 183", refused_late),
)
