"""Causes that the lab does not make, each with the reason."""

_INBOUND = "shows in calls that come in, and there is no called side yet"
_MEDIA = "made by a number of the embedded trunk, and held by a story of the rule"

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
    "F157": _MEDIA,
    "F158": _MEDIA,
    "F159": _MEDIA,
    "F166": _MEDIA,
    "F167": "the media report has no TTL and no DSCP: no rule can tell it from F150",
    "F168": "the pjsua2 wheel has no DTLS-SRTP, and no profile key turns ICE on",
    "F169": _MEDIA,
    "F171": "needs a line that is full; its rule is held by a story",
    "F172": _MEDIA,
    "F177": "our sender does not fall silent by itself; its rule is held by a story",
    "F178": "load on a machine that others use cannot be made without harm to the other cases",
    **dict.fromkeys(("F181", "F182", "F183", "F184", "F185", "F186"), _ASKED),
}
"""By the id of the cause."""
