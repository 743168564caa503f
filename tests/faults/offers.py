"""Faults of offer and answer, F114 to F121: codecs, encryption, addresses, malformed messages."""

import re
from typing import Any

from dialling import call
from farends import trunk
from lab import Fault, Lab, Scene
from uas import Call, answers


def _offered(call: Call) -> tuple[str, list[str]]:
    """Return profile and codec names of the offer."""
    line = re.search(r"(?m)^m=audio \d+ (\S+) (.+?)\r?$", call.offer)
    names = re.findall(r"(?m)^a=rtpmap:\d+ ([^/]+)", call.offer)
    return (line[1] if line else ""), names


def codec_missing(lab: Lab) -> Scene:
    """Take G.711 alone, and let us offer something else."""
    status = lab.rng.choice((488, 488, 415, 606))
    lines = lab.rng.choice(
        (
            (),
            ('Warning: 305 sip.example.net "Incompatible media format"',),
            ('Warning: 304 sip.example.net "Media type not available"',),
        )
    )

    async def route(call: Call) -> None:
        await call.reply(100)
        if not {"PCMU", "PCMA"} & set(_offered(call)[1]):
            await call.reply(status, "", *lines)
        else:
            await answers(call)

    codecs = [lab.phrase("G722", "GSM", "iLBC")]
    return Scene(profile={**trunk(lab, route), "codecs": codecs}, steps=[call(lab.number())])


def codec_unknown(lab: Lab) -> Scene:
    """Take a codec alone that we do not offer, and say so."""
    phrase, lines = lab.rng.choice(
        (
            ("Not Acceptable Here", ('Warning: 305 sbc.example.net "Incompatible media format"',)),
            ("No codec match", ()),
            ("Codec mismatch", ()),
        )
    )

    async def route(call: Call) -> None:
        if "G729" not in _offered(call)[1]:
            await call.reply(488, phrase, *lines)
        else:
            await answers(call)

    codecs = ["PCMU", "PCMA"]
    return Scene(profile={**trunk(lab, route), "codecs": codecs}, steps=[call(lab.number())])


def srtp_required(lab: Lab) -> Scene:
    """Want encrypted audio, and say so in the words of providers."""
    phrase = lab.phrase("SRTP required", "Encryption required", "SrtpEncryptionRequired")
    return _wants_srtp(lab, phrase, {})


def srtp_required_by_code(lab: Lab) -> Scene:
    """Do the same with the code of a provider."""
    return _wants_srtp(lab, "Not Acceptable Here B3", {"provider": "telnyx"})


def srtp_required_bare(lab: Lab) -> Scene:
    """Do the same without a word."""
    return _wants_srtp(lab, "", {})


def _wants_srtp(lab: Lab, phrase: str, keys: dict[str, str]) -> Scene:
    async def route(call: Call) -> None:
        await call.reply(100)
        if "SAVP" not in _offered(call)[0]:
            await call.reply(488, phrase)
        else:
            await answers(call)

    return Scene(profile={**trunk(lab, route), **keys}, steps=[call(lab.number())])


def srtp_refused(lab: Lab) -> Scene:
    """Take plain audio alone; our profile requires encryption."""
    way = lab.rng.choice(("refuse", "refuse", "plain"))
    status = lab.rng.choice((488, 415))

    async def route(call: Call) -> None:
        await call.reply(100)
        if way == "refuse" and "SAVP" in _offered(call)[0]:
            await call.reply(status)
        else:
            await call.reply(180)
            await call.answer()  # with RTP/AVP

    return Scene(profile={**trunk(lab, route), "srtp": "required"}, steps=[call(lab.number())])


def address_refused(lab: Lab) -> Scene:
    """Refuse an offer whose audio address cannot be reached from the internet."""
    status = lab.rng.choice((488, 606))
    line = lab.phrase(
        'Warning: 301 sbc.example.net "Incompatible network address formats"',
        'Warning: 300 sbc.example.net "Incompatible network protocol"',
    )

    async def route(call: Call) -> None:
        if re.search(r"(?m)^c=IN IP4 (127|10|192\.168)\.", call.offer):
            await call.reply(status, "", line)
        else:
            await answers(call)

    return Scene(profile=trunk(lab, route), steps=[call(lab.number())])


def malformed(lab: Lab) -> Scene:
    """Read header fields strictly, and let our scenario send a broken one."""
    name, value = lab.rng.choice(
        (
            ("P-Asserted-Identity", "<sip:+12025550177@example.com"),
            ("Date", "yesterday"),
            ("Session-Expires", "soon"),
            ("Max-Breadth", "-1"),
        )
    )
    status = lab.rng.choice((400, 400, 500))
    phrase = lab.phrase(
        f"Malformed {name} header", f"Bad {name} header", f"Invalid header {name}", "Bad Request"
    )

    async def route(call: Call) -> None:
        if value in call.invite.message.all(name):
            await call.reply(
                status, phrase if phrase != "Bad Request" else f"Bad Request - {name} header"
            )
        else:
            await answers(call)

    steps = [call(lab.number(), headers={name: value})]
    return Scene(profile=trunk(lab, route), steps=steps)


def unusable_answer(lab: Lab) -> Scene:
    """Answer with something that no phone can use."""
    kind = lab.rng.choice(("none", "port", "codec", "broken"))

    async def route(call: Call) -> None:
        await call.ring()
        bodies = {
            "none": "",
            "port": call.sdp(port=0),
            "codec": call.sdp(codec="18 G729/8000"),
            "broken": "v=0\r\nm=audio\r\nthis is no description\r\n",
        }
        await call.answer(sdp=bodies[kind])

    codecs = ["PCMU", "PCMA"]
    return Scene(profile={**trunk(lab, route), "codecs": codecs}, steps=[call(lab.number())])


def _fault(cause: str, name: str, how: str, make: Any) -> Fault:  # noqa: ANN401
    return Fault(cause=cause, name=name, how=f"scripted far end {how}", make=make, family="E")


FAULTS = (
    _fault("F114", "only G711 there", "that reads the codecs of the offer", codec_missing),
    _fault("F114", "only G729 there", "that reads the codecs of the offer", codec_unknown),
    _fault("F115", "encryption wanted", "that reads the profile of the offer", srtp_required),
    _fault("F115", "encryption wanted by code", "that reads the profile", srtp_required_by_code),
    _fault(
        "F115", "encryption wanted without a word", "that reads the profile", srtp_required_bare
    ),
    _fault("F116", "encryption refused", "that refuses SAVP or answers plainly", srtp_refused),
    _fault("F119", "audio address refused", "that reads the c= line", address_refused),
    _fault("F120", "header broken", "that reads our own header field strictly", malformed),
    _fault(
        "F121", "answer of no use", "whose 200 has no, a foreign or a broken SDP", unusable_answer
    ),
)
