"""The closed lists of result words, one a control: rules and readers rely on them."""

from probe.trace.control import Control

_PATH = (
    "silent",
    "port-closed",
    "prohibited",
    "unreachable",
    "no-route",
    "refused",
    "closed",
    "mute",
    "no-tls",
    "not-sip",
    "too-long",
    "no-address",
    "failed",
)

RESULTS: dict[Control, tuple[str, ...]] = {
    Control.LINT: ("clean", "suspicious"),
    Control.DIGEST: ("right", "wrong"),
    Control.NAMES: (
        "resolves",
        "literal",
        "no-such-name",
        "no-address",
        "alias",
        "target-missing",
        "silent",
        "failed",
    ),
    Control.OPTIONS: ("answered", *_PATH, "open"),
    Control.TLS: (
        "ok",
        "certificate",
        "alert",
        "not-tls",
        "closed",
        "mute",
        "refused",
        "silent",
        "failed",
    ),
    Control.CHALLENGE: ("challenged", "accepted", "answered-otherwise", *_PATH),
}
"""What each free control may say; beside these, ``not-run`` with its reason."""
