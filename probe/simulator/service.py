"""What a number of the PBX does in a call that it has answered."""

from typing import TYPE_CHECKING, Protocol

from sipmessage import Request

if TYPE_CHECKING:
    from probe.simulator.calls import Call


class Service(Protocol):
    """Takes a call over once its ACK is there."""

    def confirmed(self, call: "Call") -> None:
        """Begin."""

    def info(self, call: "Call", request: Request) -> None:
        """Take an INFO of the caller's."""

    def ended(self) -> None:
        """Clean up: the call is over."""


class Plain:
    """A service that does nothing."""

    def confirmed(self, call: "Call") -> None:
        """Do nothing."""

    def info(self, call: "Call", request: Request) -> None:
        """Do nothing."""

    def ended(self) -> None:
        """Do nothing."""
