"""The parts of the PBX, put together: calls, mailboxes, who is there, and who wants to know."""

from collections.abc import Callable

from sipmessage import Request

from probe.simulator import documents
from probe.simulator.exchange import Exchange
from probe.simulator.lines import Line, Lines
from probe.simulator.mailboxes import Mailboxes
from probe.simulator.messages import written_user
from probe.simulator.presence import Presence
from probe.simulator.registrar import Registrar
from probe.simulator.service import Service
from probe.simulator.services import service_of
from probe.simulator.site import Site
from probe.simulator.subscriptions import Notifier
from probe.simulator.transactions import ServerTransaction


class Pbx:
    """What the switchboard hands calls and subscriptions to."""

    def __init__(
        self, site: Site, registrar: Registrar, unserved: Callable[[ServerTransaction], None]
    ) -> None:
        """``unserved`` answers requests in a call that are not for the other party."""
        self._site = site
        self._lines = Lines(site.records, lambda line: self.notifier.changed("dialog", line.user))
        self.mailboxes = Mailboxes(lambda user: self.notifier.changed("message-summary", user))
        self.presence = Presence(
            site.scheduler, registrar, lambda user: self.notifier.changed("presence", user)
        )
        self.exchange = Exchange(site, registrar, self._lines, unserved)
        self.notifier = Notifier(
            site,
            {
                "message-summary": (documents.SUMMARY, self._summary),
                "dialog": (documents.DIALOG_INFO, self._dialogs),
                "presence": (documents.PIDF, self._presence),
            },
        )

    def close(self) -> None:
        """End every call and forget every subscription."""
        self.exchange.close()
        self.notifier.close()
        self.presence.close()

    def service(self, dialled: str, caller: str) -> Service | None:
        """Return what a number does in the call, None where it only answers."""
        return service_of(dialled, caller, self._site, self.mailboxes)

    def line(
        self, request: Request, caller: str, dialled: str, transport: str
    ) -> Callable[[str], None]:
        """Open a line for a caller of a number of ours; return what sets its state."""
        line = self._lines.open(
            Line(
                user=written_user(caller),
                call_id=request.call_id,
                remote=written_user(dialled),
                transport=transport,
                outgoing=False,
            ),
            recorded=False,
        )

        def told(state: str) -> None:
            if state == "terminated":
                self._lines.end(line, "")
            else:
                self._lines.become(line, state)

        return told

    def _summary(self, user: str, here: str, _version: int) -> str:
        return documents.message_summary(user, here, *self.mailboxes.counts(user))

    def _dialogs(self, user: str, here: str, version: int) -> str:
        return documents.dialog_info(user, here, self._lines.of(user), version)

    def _presence(self, user: str, here: str, _version: int) -> str:
        return documents.pidf(user, here, is_open=self.presence.is_open(user))
