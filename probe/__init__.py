"""sipprobe: places SIP test calls and explains, with evidence, what came back."""

__version__ = "0.1.0"
