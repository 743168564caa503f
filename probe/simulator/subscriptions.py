"""SUBSCRIBE and REFER, with the NOTIFY requests they ask for.

RFC 6665 (events), RFC 3515 and RFC 4488 (REFER outside a call between users).
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping

from msgspec import Struct
from sipmessage import Request, Response

from probe.simulator.answers import PHRASES, Answer, answer_of
from probe.simulator.clock import Cancellable
from probe.simulator.dialogs import Dialog, DialogId, dialog_of, opened_by
from probe.simulator.numbers import behaviour_of, final_code
from probe.simulator.row import PICKUP_S
from probe.simulator.site import Site
from probe.simulator.transactions import ServerTransaction
from probe.sip.message import uri_user

MAX_SUBSCRIPTIONS = 256
"""Subscriptions at a time; the oldest are dropped first."""

MAX_EXPIRES = 3600
"""The longest lifetime of a subscription in seconds, and the default (RFC 3842 §3.4)."""

_GONE = frozenset({404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604})
_FRAGMENT = "message/sipfrag;version=2.0"


class _Subscription(Struct):
    """One live subscription."""

    dialog: Dialog
    package: str
    user: str
    expires_at: float
    expiry: Cancellable
    version: int = 0


Document = Callable[[str, str, int], str]
"""Returns the body for a user, our host and port, and the number of the NOTIFY, from 0."""


class Notifier:
    """Serves subscriptions and referrals."""

    def __init__(self, site: Site, packages: Mapping[str, tuple[str, Document]]) -> None:
        """Start without subscriptions; ``packages`` have their media types and bodies."""
        self._site = site
        self._packages = packages
        self._live: OrderedDict[DialogId, _Subscription] = OrderedDict()

    def close(self) -> None:
        """Forget every subscription without a word."""
        for subscription in self._live.values():
            subscription.expiry.cancel()
        self._live.clear()

    def subscribe(self, transaction: ServerTransaction) -> None:
        """Answer a SUBSCRIBE that opens a subscription."""
        request, here = transaction.request, transaction.flow.here
        if _event(request) not in self._packages:
            transaction.respond(answer_of(489, here))
            return
        try:
            dialog = opened_by(request, transaction.flow, transaction.to_tag)
        except ValueError:
            transaction.respond(answer_of(400, here))
            return
        self._accept(transaction, dialog)

    def changed(self, package: str, user: str) -> None:
        """Tell everybody who watches this of a user."""
        for subscription in tuple(self._live.values()):
            if (subscription.package, subscription.user) == (package, user):
                self._tell(subscription)

    def refresh(self, transaction: ServerTransaction) -> bool:
        """Answer a SUBSCRIBE within a subscription; False where there is none."""
        subscription = self._live.get(dialog_of(transaction.request))
        if subscription is None or transaction.request.method != "SUBSCRIBE":
            return False
        if not subscription.dialog.accept(transaction.request, transaction.flow):
            transaction.respond(answer_of(500, transaction.flow.here))
            return True
        subscription.expiry.cancel()
        self._accept(transaction, subscription.dialog, subscription)
        return True

    def refer(self, transaction: ServerTransaction, dialog: Dialog | None) -> None:
        """Answer a REFER, inside a call (``dialog``) or outside any."""
        request, flow = transaction.request, transaction.flow
        targets = request.headers.getlist("Refer-To")
        if len(targets) != 1:
            transaction.respond(answer_of(400, flow.here))
            return
        if (request.headers.get("Refer-Sub") or "").strip().lower() == "false":
            transaction.respond(answer_of(202, flow.here, ("Refer-Sub", "false")))
            return
        try:
            ours = dialog or opened_by(request, flow, transaction.to_tag)
        except ValueError:
            transaction.respond(answer_of(400, flow.here))
            return
        transaction.respond(answer_of(202, flow.here, ("Contact", flow.contact)))
        event = "refer" if dialog is None else f"refer;id={request.cseq.sequence}"
        self._progress(ours, event, 100)
        code = final_code(behaviour_of(uri_user(targets[0])))
        if code is not None:
            self._site.scheduler.call_later(PICKUP_S, lambda: self._progress(ours, event, code))

    def _accept(
        self, transaction: ServerTransaction, dialog: Dialog, old: _Subscription | None = None
    ) -> None:
        wanted = transaction.request.expires
        expires = MAX_EXPIRES if wanted is None else max(0, min(wanted, MAX_EXPIRES))
        flow, scheduler = transaction.flow, self._site.scheduler
        transaction.respond(
            answer_of(200, flow.here, ("Expires", str(expires)), ("Contact", flow.contact))
        )
        user = transaction.request.to_address.uri.user or "anonymous"
        subscription = _Subscription(
            dialog=dialog,
            package=old.package if old else _event(transaction.request),
            user=old.user if old else user,
            expires_at=scheduler.time() + expires,
            expiry=scheduler.call_later(expires, lambda: self._expired(dialog.id)),
            version=old.version if old else 0,
        )
        if expires == 0:
            subscription.expiry.cancel()
            self._live.pop(dialog.id, None)
        else:
            self._live[dialog.id] = subscription
            while len(self._live) > MAX_SUBSCRIPTIONS:
                _, oldest = self._live.popitem(last=False)
                oldest.expiry.cancel()
        self._tell(subscription)

    def _expired(self, key: DialogId) -> None:
        self._tell(self._live.pop(key))

    def _tell(self, subscription: _Subscription) -> None:
        """Send the state as it is now."""
        dialog, kind = subscription.dialog, self._packages[subscription.package]
        left = round(subscription.expires_at - self._site.scheduler.time())
        alive = dialog.id in self._live and left > 0
        body = kind[1](subscription.user, dialog.flow.here, subscription.version)
        subscription.version += 1
        self._notify(
            dialog,
            subscription.package,
            f"active;expires={left}" if alive else "terminated;reason=timeout",
            Answer(code=200, phrase="OK", body=body, content_type=kind[0]),
            on_final=self._answered,
        )

    def _answered(self, dialog: Dialog, response: Response | None) -> None:
        """Forget a subscriber that knows nothing of it, or is gone (RFC 6665 §4.2.2)."""
        if response is None or response.code in _GONE:
            subscription = self._live.pop(dialog.id, None)
            if subscription is not None:
                subscription.expiry.cancel()

    def _progress(self, dialog: Dialog, event: str, code: int) -> None:
        final = code >= 200
        state = "terminated;reason=noresource" if final else "active;expires=60"
        body = f"SIP/2.0 {code} {PHRASES[code]}\r\n"
        fragment = Answer(code=200, phrase="OK", body=body, content_type=_FRAGMENT)
        self._notify(dialog, event, state, fragment)

    def _notify(
        self,
        dialog: Dialog,
        event: str,
        state: str,
        content: Answer,
        on_final: Callable[[Dialog, Response | None], None] = lambda _dialog, _response: None,
    ) -> None:
        request = dialog.request(
            "NOTIFY",
            ("Event", event),
            ("Subscription-State", state),
            body=content.body,
            content_type=content.content_type,
        )
        self._site.transactions.send_request(
            request, dialog.flow, lambda response: on_final(dialog, response)
        )


def _event(request: Request) -> str:
    """Return the event package that a SUBSCRIBE names."""
    return (request.headers.get("Event") or "").split(";")[0].strip().lower()
