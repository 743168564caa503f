"""Counts what one direction sends, and how punctually."""


class Transmission:
    """The figures of everything that one call sent."""

    def __init__(self) -> None:
        self.packets = 0
        self.octets = 0
        self.errors = 0
        "Packets that our own system would not send."
        self.late = 0
        self.worst = 0.0
        "Worst lateness of a frame, in seconds."
        self.frames = 0
        "Frames whose time came, sent or not."
        self.first_at: float | None = None
        self.last_at: float | None = None
        self.timestamp = 0

    def kept_time(self, behind: float, timely: float) -> None:
        """Note how much later than its time a frame is looked at."""
        self.frames += 1
        self.late += behind > timely
        self.worst = max(self.worst, behind)

    def left_out(self, frames: int, behind: float) -> None:
        """Note frames that are not sent any more: this process stood still."""
        self.frames += frames
        self.late += frames
        self.worst = max(self.worst, behind)

    def packet(self, octets: int, at: float, timestamp: int) -> None:
        """Count one packet that the kernel took."""
        self.packets += 1
        self.octets += octets
        self.timestamp = timestamp
        self.last_at = at
        if self.first_at is None:
            self.first_at = at
