"""Dialogs in which the trunk is the answering side (RFC 3261 §12.1.1, §12.2)."""

from sipmessage import Request

from probe.simulator.messages import build, contact_uri, tag_of
from probe.simulator.transport import Flow

DialogId = tuple[str, str, str]
"""Call-ID, our tag, the other side's tag."""

MAX_FORWARDS = "70"
"""RFC 3261 §8.1.1.6."""


def dialog_of(request: Request) -> DialogId:
    """Return the id of the dialog that a request claims to be in."""
    return (request.call_id, tag_of(request.headers["To"]), tag_of(request.headers["From"]))


class Dialog:
    """One dialog; requests in it go back the way the last request came, never elsewhere."""

    def __init__(self, request: Request, flow: Flow, our_tag: str) -> None:
        """``request`` opened it; raise ValueError where its Contact cannot be sent to."""
        target = contact_uri(request)
        if target is None:
            raise ValueError("no usable Contact")
        self.flow = flow
        self.id: DialogId = (request.call_id, our_tag, tag_of(request.headers["From"]))
        self._target = target
        to = request.headers["To"]
        self._us = to if tag_of(to) else f"{to};tag={our_tag}"
        self._them = request.headers["From"]
        self._route = tuple(request.headers.getlist("Record-Route"))
        self._their_cseq = request.cseq.sequence
        self._our_cseq = 0

    def accept(self, request: Request, flow: Flow) -> bool:
        """Take a request of the other side; False where its CSeq is not higher (§12.2.2)."""
        if request.cseq.sequence <= self._their_cseq:
            return False
        self._their_cseq = request.cseq.sequence
        self.flow = flow
        if request.method in {"INVITE", "UPDATE", "SUBSCRIBE"}:  # target refresh
            self._target = contact_uri(request) or self._target
        return True

    def request(
        self,
        method: str,
        *headers: tuple[str, str],
        body: str = "",
        content_type: str = "",
    ) -> Request:
        """Write the next request of ours (§12.2.1.1)."""
        self._our_cseq += 1
        return build(
            method,
            self._target,
            (
                ("Max-Forwards", MAX_FORWARDS),
                *(("Route", value) for value in self._route),
                ("From", self._us),
                ("To", self._them),
                ("Call-ID", self.id[0]),
                ("CSeq", f"{self._our_cseq} {method}"),
                ("Contact", self.flow.contact),
                *headers,
            ),
            body=body,
            content_type=content_type,
        )
