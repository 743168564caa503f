"""The registrar's bindings (RFC 3261 §10.3)."""

from collections import OrderedDict
from collections.abc import Callable
from email.utils import formatdate

from msgspec import Struct
from sipmessage import Address, Request

from probe.simulator.answers import Answer, answer_of
from probe.simulator.messages import contacts_of
from probe.simulator.transport import Flow

MAX_AORS = 256
"""Addresses of record kept; the oldest are dropped first."""

MAX_CONTACTS = 10
"""Bindings of one address of record; one more is refused with 403."""


class Binding(Struct, frozen=True, kw_only=True):
    """One place where an address of record can be reached."""

    uri: str
    "The contact URI as it was written."

    expires_at: float
    "When it ends, in the clock's seconds."

    call_id: str
    "The Call-ID of the REGISTER that set it."

    cseq: int
    "The CSeq of that REGISTER."

    flow: Flow
    "The way it came by, and requests to the contact go by."

    def __repr__(self) -> str:
        """Show the binding without its flow."""
        return (
            f"Binding(uri={self.uri!r}, expires_at={self.expires_at!r}, "
            f"call_id={self.call_id!r}, cseq={self.cseq!r})"
        )


class Registrar:
    """Keeps who is where, and answers authenticated REGISTER requests."""

    def __init__(self, *, now: Callable[[], float], min_expires: int, max_expires: int) -> None:
        """``now`` returns monotonic seconds; the bounds are in seconds."""
        self._now = now
        self._min = min_expires
        self._max = max_expires
        self._bindings: OrderedDict[str, dict[str, Binding]] = OrderedDict()

    def bindings(self, user: str) -> tuple[Binding, ...]:
        """Return the live bindings of a user."""
        now = self._now()
        return tuple(b for b in self._bindings.get(user, {}).values() if b.expires_at > now)

    def reachable(self, user: str) -> tuple[Binding, ...]:
        """Return the bindings of a user whose connection is still there."""
        return tuple(b for b in self.bindings(user) if not b.flow.closed)

    def users(self) -> frozenset[str]:
        """Return who is registered now."""
        return frozenset(user for user in self._bindings if self.bindings(user))

    def register(self, request: Request, flow: Flow) -> Answer:
        """Add, refresh, remove or just list bindings."""
        here = flow.here
        user = request.to_address.uri.user or ""
        old = {binding.uri: binding for binding in self.bindings(user)}
        if request.headers.get("Contact") == "*":
            changed = self._remove_all(request, old, here)
        else:
            changed = self._update(request, old, flow)
        if isinstance(changed, Answer):
            return changed
        self._bindings[user] = changed
        self._bindings.move_to_end(user)
        while len(self._bindings) > MAX_AORS:
            self._bindings.popitem(last=False)
        if not changed:
            del self._bindings[user]
        return self._listing(user, here)

    def _remove_all(
        self, request: Request, old: dict[str, Binding], here: str
    ) -> dict[str, Binding] | Answer:
        if request.expires != 0 or len(request.headers.getlist("Contact")) > 1:
            return answer_of(400, here)
        if any(_overtaken(request, binding) for binding in old.values()):
            return answer_of(500, here)
        return {}

    def _update(
        self, request: Request, old: dict[str, Binding], flow: Flow
    ) -> dict[str, Binding] | Answer:
        here = flow.here
        new = dict(old)
        for contact, uri in contacts_of(request):
            expires = self._wanted(request, contact)
            if uri in old and _overtaken(request, old[uri]):
                return answer_of(500, here)
            if 0 < expires < self._min:
                return Answer(
                    code=423,
                    phrase="Interval Too Brief",
                    headers=(("Min-Expires", str(self._min)),),
                )
            if expires == 0:
                new.pop(uri, None)
                continue
            new[uri] = Binding(
                uri=uri,
                expires_at=self._now() + min(expires, self._max),
                call_id=request.call_id,
                cseq=request.cseq.sequence,
                flow=flow,
            )
        if len(new) > MAX_CONTACTS:
            return answer_of(403, here)
        return new

    def _wanted(self, request: Request, contact: Address) -> int:
        """Return the wanted lifetime in seconds: the contact's, the request's, or the longest."""
        text = contact.parameters.get("expires")
        if text is not None and text.isascii() and text.isdigit():
            return int(text[:10])
        return self._max if request.expires is None else max(request.expires, 0)

    def _listing(self, user: str, here: str) -> Answer:
        now = self._now()
        contacts = tuple(
            ("Contact", f"<{binding.uri}>;expires={round(binding.expires_at - now)}")
            for binding in self.bindings(user)
        )
        return answer_of(200, here, *contacts, ("Date", formatdate(usegmt=True)))


def _overtaken(request: Request, binding: Binding) -> bool:
    """Whether a REGISTER is older than the one that set a binding (§10.3 step 7)."""
    return binding.call_id == request.call_id and request.cseq.sequence <= binding.cseq
