"""One party's dialog in a call through the PBX."""

from collections.abc import Callable
from typing import Protocol

from sipmessage import Request, Response

from probe.simulator.answers import ALLOW, Answer
from probe.simulator.clock import Repeater
from probe.simulator.dialogs import Dialog
from probe.simulator.invites import InviteClient
from probe.simulator.lines import Line
from probe.simulator.messages import text_of
from probe.simulator.relayed import Fields, Origin, content_type_of
from probe.simulator.site import Site
from probe.simulator.transactions import ServerTransaction, sign

SUPPORTED = "timer, norefersub"
"""Option tags of calls through the PBX; session timers are kept by the parties (RFC 4028)."""

SDP = "application/sdp"


class Owner(Protocol):
    """Who decides what a leg's requests mean."""

    def serve(self, leg: "Leg", transaction: ServerTransaction) -> None:
        """Take a request that came by a leg."""

    def lost(self, leg: "Leg") -> None:
        """Take note that a party never sent the ACK of its 2xx, or is gone."""


class Leg:
    """A confirmed dialog with one party."""

    def __init__(self, dialog: Dialog, line: Line, site: Site, *, sdp: str = "") -> None:
        """``sdp`` is what the party said last."""
        self.dialog = dialog
        self.line = line
        self.sdp = sdp
        self.origin = Origin()
        self.owner: Owner | None = None
        self.over = False
        self._site = site
        self._repeater: Repeater | None = None
        self._on_ack: Callable[[str, str], None] | None = None
        self._ack = b""

    @property
    def unacknowledged(self) -> bool:
        """Whether a 2xx of ours waits for its ACK."""
        return self._repeater is not None

    def answer(
        self,
        transaction: ServerTransaction,
        answer: Answer,
        on_ack: Callable[[str, str], None] = lambda _body, _kind: None,
    ) -> None:
        """Send a 2xx to the party's INVITE again and again until its ACK (§13.3.1.4).

        ``on_ack`` gets the body and media type of the ACK.
        """
        data = transaction.respond(answer)
        self._on_ack = on_ack
        self._repeater = Repeater(
            self._site.scheduler,
            timers=self._site.timers,
            send=lambda: transaction.send_again(data),
            give_up=self._never_acknowledged,
        )

    def acknowledged(self, request: Request) -> None:
        """Take an ACK of the party; a second one is nothing new."""
        if self._repeater is not None:
            self._repeater.stop()
            self._repeater = None
            if request.body.strip():
                self.sdp = text_of(request)
            if self._on_ack is not None:
                self._on_ack(text_of(request), content_type_of(request))

    def acknowledge(self, cseq: int, body: str = "", content_type: str = "") -> None:
        """Send the ACK of a 2xx of the party's (§13.2.2.4)."""
        shown = self.origin.shown(body) if body else ""
        ack = self.dialog.request("ACK", body=shown, content_type=content_type or SDP, cseq=cseq)
        sign(ack, self.dialog.flow)
        self._ack = bytes(ack)
        self.dialog.flow.send(self._ack)

    def acknowledge_again(self) -> None:
        """Answer a repeated 2xx, where the first was acknowledged."""
        if self._ack:
            self.dialog.flow.send(self._ack)

    def ask(
        self,
        method: str,
        headers: Fields = (),
        body: str = "",
        content_type: str = "",
        on_final: Callable[[Response | None], None] = lambda _response: None,
    ) -> None:
        """Send a request that is no INVITE."""
        request = self.dialog.request(method, *headers, body=body, content_type=content_type)
        self._site.transactions.send_request(request, self.dialog.flow, on_final)

    def reinvite(
        self,
        headers: Fields,
        body: str,
        content_type: str,
        on_final: Callable[[Response | None, int], None],
    ) -> InviteClient:
        """Change the session; ``on_final`` gets the final response and the CSeq to acknowledge."""
        self._ack = b""
        request = self.dialog.request(
            "INVITE",
            ("Allow", ALLOW),
            ("Supported", SUPPORTED),
            *headers,
            body=self.origin.shown(body) if body else "",
            content_type=content_type or SDP,
        )
        cseq, told = request.cseq.sequence, False

        def on_response(response: Response) -> None:
            nonlocal told
            if response.code < 200:
                return
            if told:
                self.acknowledge_again()
                return
            told = True
            if response.code < 300:
                self.dialog.retarget(response)
                if response.body.strip():
                    self.sdp = text_of(response)
            on_final(response, cseq)

        return InviteClient(
            request,
            self.dialog.flow,
            self._site.transactions,
            on_response,
            lambda: on_final(None, cseq),
        )

    def hang_up(self, *headers: tuple[str, str]) -> None:
        """Send BYE, unless the dialog is over."""
        if not self.over:
            self.close()
            self.ask("BYE", headers)

    def close(self) -> None:
        """End the dialog without a word."""
        self.over = True
        if self._repeater is not None:
            self._repeater.stop()
            self._repeater = None

    def _never_acknowledged(self) -> None:
        self._repeater = None
        if self.owner is not None:
            self.owner.lost(self)
