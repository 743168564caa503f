"""The PBX's own numbers that do something in the call: mailboxes, a menu, a fax."""

import re
from collections.abc import Callable

from msgspec import Struct
from sipmessage import Request, Response

from probe.simulator.calls import Call
from probe.simulator.clock import Cancellable
from probe.simulator.invites import InviteClient
from probe.simulator.mailboxes import Mailboxes
from probe.simulator.messages import text_of
from probe.simulator.numbers import normal
from probe.simulator.routes import leave_number
from probe.simulator.service import Plain, Service
from probe.simulator.site import Site
from probe.simulator.transactions import sign
from probe.simulator.users import OUTSIDE, USERS

MENU_IDLE_S = 4.0
"""Seconds without a key after which the menu ends the call."""

MENU_DIGITS = 16
"""Keys that the menu collects; `#` ends them sooner."""

_FAX_AFTER_S = 0.3
_SIGNAL = re.compile(r"^\s*(?:Signal\s*=\s*)?(?P<key>[0-9*#A-D])\s*$", re.IGNORECASE | re.MULTILINE)


class LeaveMessage(Plain):
    """A call to it leaves a message, once it was answered and has ended."""

    def __init__(self, user: str, mailboxes: Mailboxes) -> None:
        """``user`` is whose message it will be."""
        self._user = user
        self._mailboxes = mailboxes
        self._spoken = False

    def confirmed(self, call: Call) -> None:
        """Listen."""
        del call
        self._spoken = True

    def ended(self) -> None:
        """Keep what was said."""
        if self._spoken:
            self._mailboxes.leave(self._user)


class Listen(Plain):
    """A call to it plays the caller's messages."""

    def __init__(self, user: str, mailboxes: Mailboxes) -> None:
        """``user`` is the caller."""
        self._user = user
        self._mailboxes = mailboxes

    def confirmed(self, call: Call) -> None:
        """Play them: the new ones become old."""
        del call
        self._mailboxes.listen(self._user)


class Menu(Plain):
    """Collects keys, by INFO and by telephone-event, and says them in the Reason of its BYE."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._digits = ""
        self._idle: Cancellable | None = None
        self._call: Call | None = None

    def confirmed(self, call: Call) -> None:
        """Wait for the first key."""
        self._call = call
        call.hear_events(self._key)
        self._wait()

    def info(self, call: Call, request: Request) -> None:
        """Take a key of application/dtmf-relay or application/dtmf."""
        del call
        found = _SIGNAL.search(text_of(request))
        if found is not None:
            self._key(found["key"].upper())

    def ended(self) -> None:
        """Wait no more."""
        if self._idle is not None:
            self._idle.cancel()

    def _key(self, key: str) -> None:
        if self._call is None:
            return
        if key != "#":
            self._digits += key
        if key == "#" or len(self._digits) >= MENU_DIGITS:
            self._finish()
        else:
            self._wait()

    def _wait(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = self._site.scheduler.call_later(MENU_IDLE_S, self._finish)

    def _finish(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            told = f"digits {self._digits}" if self._digits else "no digits"
            call.hang_up("trunk", ("Reason", f'SIP;cause=200;text="{told}"'))


class Fax(Plain):
    """Asks for T.38 in the middle of the call, as a fax machine does (ITU-T T.38 Annex D).

    A phone refuses, and stays in the call; who accepts is hung up on, since no fax is sent.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._later: Cancellable | None = None
        self._over = False

    def confirmed(self, call: Call) -> None:
        """Let the caller hear the answer first."""
        self._later = self._site.scheduler.call_later(_FAX_AFTER_S, lambda: self._ask(call))

    def ended(self) -> None:
        """Ask no more."""
        self._over = True
        if self._later is not None:
            self._later.cancel()

    def _ask(self, call: Call) -> None:
        dialog, layer = call.dialog, self._site.transactions
        request = dialog.request(
            "INVITE", body=_t38(self._site.host), content_type="application/sdp"
        )

        def on_response(response: Response) -> None:
            if not 200 <= response.code < 300:
                return  # the ACK of a refusal is the transaction's
            ack = dialog.request("ACK", cseq=request.cseq.sequence)
            sign(ack, dialog.flow)
            dialog.flow.send(bytes(ack))
            if not self._over:
                call.hang_up("trunk", ("Reason", 'SIP;cause=200;text="T.38 was accepted"'))

        InviteClient(request, dialog.flow, layer, on_response, lambda: None)


def _t38(host: str) -> str:
    family = "IP6" if ":" in host else "IP4"
    lines = (
        "v=0",
        f"o=embedded 38 1 IN {family} {host}",
        "s=-",
        f"c=IN {family} {host}",
        "t=0 0",
        "m=image 9 udptl t38",  # the discard port: nobody sends a fax there
        "a=T38FaxVersion:0",
        "a=T38MaxBitRate:14400",
        "a=T38FaxRateManagement:transferredTCF",
        "a=T38FaxUdpEC:t38UDPRedundancy",
    )
    return "\r\n".join(lines) + "\r\n"


class Number(Struct, frozen=True, kw_only=True):
    """A number that has a service."""

    alias: str
    "The same as a feature code of PBXs; may be empty."

    make: Callable[[str, Site, Mailboxes], Service]
    "Makes the service for a caller."


NUMBERS = {
    "650": Number(
        alias="*97",
        make=lambda caller, _site, boxes: Listen(caller, boxes),
    ),
    **{
        leave_number(user): Number(
            alias="",
            make=lambda _caller, _site, boxes, user=user: LeaveMessage(user, boxes),  # type: ignore[misc]
        )
        for user in USERS
        if user != OUTSIDE
    },
    "660": Number(
        alias="*43",
        make=lambda _caller, _site, _boxes: Plain(),
    ),
    "670": Number(
        alias="menu",
        make=lambda _caller, site, _boxes: Menu(site),
    ),
    "680": Number(
        alias="fax",
        make=lambda _caller, site, _boxes: Fax(site),
    ),
}
"""The PBX's own numbers; what each does stands in the directory."""

_BY_ALIAS = {number.alias: number for number in NUMBERS.values() if number.alias}


def service_of(dialled: str, caller: str, site: Site, mailboxes: Mailboxes) -> Service | None:
    """Return what a number does in the call, None where it only answers."""
    found = NUMBERS.get(normal(dialled)) or _BY_ALIAS.get(dialled.lower())
    return None if found is None else found.make(caller, site, mailboxes)
