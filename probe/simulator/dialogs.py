"""Dialogs of the trunk, as the answering and as the calling side (RFC 3261 §12.1, §12.2)."""

from sipmessage import Request, Response

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

    def __init__(  # noqa: PLR0913 - a dialog has that many parts (§12)
        self,
        *,
        key: DialogId,
        flow: Flow,
        target: str,
        us: str,
        them: str,
        route: tuple[str, ...],
        their_cseq: int = -1,
        our_cseq: int = 0,
    ) -> None:
        """``us`` and ``them`` are the values of From and To; CSeq -1 stands for none yet."""
        self.flow = flow
        self.id = key
        self._target = target
        self._us = us
        self._them = them
        self._route = route
        self._their_cseq = their_cseq
        self._our_cseq = our_cseq

    def retarget(self, response: Response) -> None:
        """Take the Contact of a 2xx to a target refresh of ours (§12.2.1.2)."""
        self._target = contact_uri(response) or self._target

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
        cseq: int | None = None,
    ) -> Request:
        """Write the next request of ours (§12.2.1.1), or the ACK of the INVITE with that CSeq."""
        if cseq is None:
            self._our_cseq += 1
            cseq = self._our_cseq
        return build(
            method,
            self._target,
            (
                ("Max-Forwards", MAX_FORWARDS),
                *(("Route", value) for value in self._route),
                ("From", self._us),
                ("To", self._them),
                ("Call-ID", self.id[0]),
                ("CSeq", f"{cseq} {method}"),
                ("Contact", self.flow.contact),
                *headers,
            ),
            body=body,
            content_type=content_type,
        )


def opened_by(request: Request, flow: Flow, our_tag: str) -> Dialog:
    """Return the dialog of a request that came in (§12.1.1); ValueError for its Contact."""
    target = contact_uri(request)
    if target is None:
        raise ValueError("no usable Contact")
    to = request.headers["To"]
    return Dialog(
        key=(request.call_id, our_tag, tag_of(request.headers["From"])),
        flow=flow,
        target=target,
        us=to if tag_of(to) else f"{to};tag={our_tag}",
        them=request.headers["From"],
        route=tuple(request.headers.getlist("Record-Route")),
        their_cseq=request.cseq.sequence,
    )


def called(invite: Request, response: Response, flow: Flow) -> Dialog:
    """Return the dialog that a response to an INVITE of ours opened (§12.1.2)."""
    us, them = invite.headers["From"], response.headers["To"]
    return Dialog(
        key=(invite.call_id, tag_of(us), tag_of(them)),
        flow=flow,
        target=contact_uri(response) or str(invite.uri),
        us=us,
        them=them,
        route=tuple(reversed(response.headers.getlist("Record-Route"))),
        our_cseq=invite.cseq.sequence,
    )
