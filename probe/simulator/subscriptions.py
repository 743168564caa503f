"""SUBSCRIBE to message-summary and REFER, with the NOTIFY requests they ask for.

RFC 6665 (events), RFC 3842 (message-summary), RFC 3515 and RFC 4488 (REFER).
"""

from collections import OrderedDict
from dataclasses import dataclass

from probe.simulator.answers import EVENTS, PHRASES, Answer, answer_of
from probe.simulator.clock import Cancellable
from probe.simulator.dialogs import Dialog, DialogId, dialog_of, opened_by
from probe.simulator.numbers import PICKUP_S, behaviour_of, final_code
from probe.simulator.site import Site
from probe.simulator.transactions import ServerTransaction
from probe.sip.message import uri_user

MAX_SUBSCRIPTIONS = 256
"""Subscriptions at a time; the oldest are dropped first."""

MAX_EXPIRES = 3600
"""The longest lifetime of a subscription in seconds, and the default (RFC 3842 §3.4)."""

_SUMMARY = "application/simple-message-summary"
_FRAGMENT = "message/sipfrag;version=2.0"


@dataclass(slots=True)
class _Subscription:
    """One live subscription."""

    dialog: Dialog
    account: str
    expiry: Cancellable


class Notifier:
    """Serves subscriptions and referrals."""

    def __init__(self, site: Site) -> None:
        """Start without subscriptions."""
        self._site = site
        self._live: OrderedDict[DialogId, _Subscription] = OrderedDict()

    def close(self) -> None:
        """Forget every subscription without a word."""
        for subscription in self._live.values():
            subscription.expiry.cancel()
        self._live.clear()

    def subscribe(self, transaction: ServerTransaction) -> None:
        """Answer a SUBSCRIBE that opens a subscription."""
        request, here = transaction.request, transaction.flow.here
        event = (request.headers.get("Event") or "").split(";")[0].strip().lower()
        if event != EVENTS:
            transaction.respond(answer_of(489, here))
            return
        try:
            dialog = opened_by(request, transaction.flow, transaction.to_tag)
        except ValueError:
            transaction.respond(answer_of(400, here))
            return
        self._accept(transaction, dialog)

    def refresh(self, transaction: ServerTransaction) -> bool:
        """Answer a SUBSCRIBE within a subscription; False where there is none."""
        subscription = self._live.get(dialog_of(transaction.request))
        if subscription is None or transaction.request.method != "SUBSCRIBE":
            return False
        if not subscription.dialog.accept(transaction.request, transaction.flow):
            transaction.respond(answer_of(500, transaction.flow.here))
            return True
        subscription.expiry.cancel()
        self._accept(transaction, subscription.dialog)
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

    def _accept(self, transaction: ServerTransaction, dialog: Dialog) -> None:
        wanted = transaction.request.expires
        expires = MAX_EXPIRES if wanted is None else max(0, min(wanted, MAX_EXPIRES))
        flow = transaction.flow
        transaction.respond(
            answer_of(200, flow.here, ("Expires", str(expires)), ("Contact", flow.contact))
        )
        account = f"sip:{transaction.request.to_address.uri.user or 'anonymous'}@{flow.here}"
        if expires == 0:
            self._live.pop(dialog.id, None)
            self._summary(dialog, account, "terminated;reason=timeout")
            return
        self._live[dialog.id] = _Subscription(
            dialog=dialog,
            account=account,
            expiry=self._site.scheduler.call_later(expires, lambda: self._expired(dialog.id)),
        )
        while len(self._live) > MAX_SUBSCRIPTIONS:
            _, oldest = self._live.popitem(last=False)
            oldest.expiry.cancel()
        self._summary(dialog, account, f"active;expires={expires}")

    def _expired(self, key: DialogId) -> None:
        subscription = self._live.pop(key)
        self._summary(subscription.dialog, subscription.account, "terminated;reason=timeout")

    def _summary(self, dialog: Dialog, account: str, state: str) -> None:
        self._notify(
            dialog,
            EVENTS,
            state,
            Answer(
                code=200,
                phrase="OK",
                body=(
                    f"Messages-Waiting: no\r\nMessage-Account: {account}\r\nVoice-Message: 0/0\r\n"
                ),
                content_type=_SUMMARY,
            ),
        )

    def _progress(self, dialog: Dialog, event: str, code: int) -> None:
        final = code >= 200
        state = "terminated;reason=noresource" if final else "active;expires=60"
        body = f"SIP/2.0 {code} {PHRASES[code]}\r\n"
        fragment = Answer(code=200, phrase="OK", body=body, content_type=_FRAGMENT)
        self._notify(dialog, event, state, fragment)

    def _notify(self, dialog: Dialog, event: str, state: str, content: Answer) -> None:
        request = dialog.request(
            "NOTIFY",
            ("Event", event),
            ("Subscription-State", state),
            body=content.body,
            content_type=content.content_type,
        )
        self._site.transactions.send_request(request, dialog.flow)
