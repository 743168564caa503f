"""Stories of subscriptions, their NOTIFYs, messages and methods that nobody takes."""

from msgspec.structs import replace
from stories import CERTAIN, LIKELY, UNDECIDED, Story, tell
from wirebuilder import Wire

from probe.trace.failure import Failure
from probe.trace.trace import Trace

EVENT = {"Event": "message-summary", "Expires": "300", "Contact": "<sip:100@192.0.2.10:5060>"}


def subscribed(status: int = 200) -> Wire:
    """Return a SUBSCRIBE that was answered after a login."""
    wire = Wire("SUBSCRIBE").send("SUBSCRIBE", headers=EVENT).receive(407)
    return wire.send("SUBSCRIBE", auth=True, headers=EVENT).receive(status)


def serving(method: str) -> Trace:
    """Return the trace of a wait in vain."""
    wire = Wire(method).fail(Failure.NO_REQUEST, method=method, at=5.0, deadline="within 5 s")
    return replace(wire.trace(), serving=True)


def in_dialog() -> Wire:
    """Return a SUBSCRIBE inside a subscription that they have forgotten."""
    wire = subscribed().request("NOTIFY", headers={"Event": "message-summary"}).reply(200)
    inside = {**EVENT, "Expires": "0", "To": "<sip:100@198.51.100.1>;tag=b1"}
    return wire.send("SUBSCRIBE", headers=inside).receive(481)


SUBSCRIPTIONS: tuple[Story, ...] = (
    tell(
        "an event package that nobody offers",
        subscribed(489),
        "F181",
        CERTAIN,
        never=("F126", "F182"),
        says=("event package",),
    ),
    tell(
        "a state that is kept from us",
        subscribed(403),
        "F182",
        LIKELY,
        never=("F183", "F181"),
    ),
    tell(
        "a SUBSCRIBE that is refused without any login",
        Wire("SUBSCRIBE").send("SUBSCRIBE", headers=EVENT).receive(603),
        "F182",
        UNDECIDED,
    ),
    tell(
        "a mailbox that is not there",
        subscribed(404),
        "F183",
        LIKELY,
        never=("F182",),
    ),
    tell(
        "an accepted subscription without any NOTIFY",
        subscribed(),
        "F184",
        LIKELY,
        never=("F183",),
        says=("no NOTIFY reached us",),
    ),
    tell(
        "a subscription that they have forgotten",
        in_dialog(),
        "F185",
        CERTAIN,
        never=("F125", "F184"),
    ),
    tell(
        "SUBSCRIBE is a method they do not take",
        subscribed(405),
        "F126",
        CERTAIN,
        never=("F181",),
    ),
    tell(
        "a method of our own that nobody knows",
        Wire("FOO").send("FOO").receive(501),
        "F126",
        CERTAIN,
    ),
    tell(
        "a NOTIFY that was waited for in vain",
        serving("NOTIFY"),
        "F184",
        UNDECIDED,
        direction="inbound",
    ),
    tell(
        "a message that was accepted and did not arrive",
        serving("MESSAGE"),
        "F186",
        LIKELY,
        direction="inbound",
        never=("F184",),
    ),
    tell(
        "an INFO that was waited for in vain names no subscription",
        serving("INFO"),
        None,
        UNDECIDED,
        direction="inbound",
        never=("F184", "F186"),
    ),
    tell(
        "a NOTIFY came and says something else",
        subscribed()
        .request(
            "NOTIFY",
            headers={
                "Event": "message-summary",
                "Subscription-State": "active",
                "Content-Type": "application/simple-message-summary",
            },
            body="Messages-Waiting: no\r\n",
        )
        .reply(200),
        None,
        UNDECIDED,
        expect={"notify": [{"messages_waiting": "yes"}]},
        never=("F184",),
        says=("messages_waiting no",),
    ),
)
