"""Causes that the lab does not make, each with the reason."""

_INBOUND = "shows in calls that come in, and there is no called side yet"
_MEDIA = "no expectation of a scenario is on received audio yet, so no verdict can fail"

_ASKED = (
    "a cause of subscriptions and messages: made by the tests of those steps, with real servers"
)

NOT_MADE = {
    "F010": "IPv4 comes first, and the pjsua2 wheel has no IPv6: the call passes over IPv4",
    "F027": "the kernel's SIP helper rewrites requests and takes the rewriting back in answers: "
    "nothing fails on the calling side",
    "F028": "shows in calls that come in after an idle time, and there is no called side yet",
    "F066": "shows in a query of the bindings some time later, which no step of a scenario makes",
    "F069": _INBOUND,
    "F087": "refused before anything is sent: held by the tests of the dialling rails",
    "F089": _INBOUND,
    "F091": _INBOUND,
    "F092": _INBOUND,
    "F117": "the offer of the engine is one plain audio line: nothing in it to refuse",
    "F118": "every INVITE carries an offer",
    "F137": _INBOUND,
    "F147": _MEDIA,
    "F148": _MEDIA,
    "F150": _MEDIA,
    "F152": _MEDIA,
    "F153": _MEDIA,
    "F154": _MEDIA,
    "F155": _MEDIA,
    "F156": _MEDIA,
    "F157": "no expectation is on telephone-event, and no digits are sent yet",
    "F158": "no digits are sent yet",
    "F159": "no digits are sent yet",
    "F160": _MEDIA,
    "F161": _MEDIA,
    "F162": _MEDIA,
    "F163": _MEDIA,
    "F164": _MEDIA,
    "F165": _MEDIA,
    "F166": _MEDIA,
    "F167": _MEDIA,
    "F168": "the pjsua2 wheel has no DTLS-SRTP, and no profile key turns ICE on",
    "F169": _MEDIA,
    "F170": "an answer by a machine is an answer: nothing in the messages differs",
    "F171": _MEDIA,
    "F172": _MEDIA,
    "F177": _MEDIA,
    "F178": "load on a machine that others use cannot be made without harm to the other cases",
    **dict.fromkeys(("F181", "F182", "F183", "F184", "F185", "F186"), _ASKED),
}
"""By the id of the cause."""
