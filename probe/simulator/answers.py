"""The final status codes: standard phrase and the header fields that a real server sends with them.

In a value, ``{here}`` stands for the trunk's host and port. 401 and 407 get their challenge where
the nonce is made. Reason causes follow RFC 3398 §7.2.4.1.
"""

from msgspec import Struct

ALLOW = (
    "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, MESSAGE, NOTIFY, REFER, REGISTER, SUBSCRIBE, UPDATE"
)
"""The methods that the trunk serves somewhere."""

EVENTS = "message-summary, dialog, presence"
"""The event packages that it notifies about."""

ACCEPT = "application/sdp"
"""The bodies of INVITE that it takes."""

SUPPORTED = "199, norefersub, timer"
"""Option tags: early dialogs ended by 199 (RFC 6228), REFER without subscription (RFC 4488),
session timers (RFC 4028)."""

PHRASES = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    199: "Early Dialog Terminated",
    200: "OK",
    202: "Accepted",
    204: "No Notification",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    412: "Conditional Request Failed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    417: "Unknown Resource-Priority",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    424: "Bad Location Information",
    425: "Bad Alert Message",
    428: "Use Identity Header",
    429: "Provide Referrer Identity",
    430: "Flow Failed",
    433: "Anonymity Disallowed",
    436: "Bad Identity Info",
    437: "Unsupported Credential",
    438: "Invalid Identity Header",
    439: "First Hop Lacks Outbound Support",
    440: "Max-Breadth Exceeded",
    469: "Bad Info Package",
    470: "Consent Needed",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    494: "Security Agreement Required",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    555: "Push Notification Service Not Supported",
    580: "Precondition Failure",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
    607: "Unwanted",
    608: "Rejected",
}
"""Every registered response code and its phrase (IANA sip-parameters-7, as of 2026-11)."""


class Answer(Struct, frozen=True, kw_only=True):
    """A response before it is addressed to a request."""

    code: int
    "The status code."

    phrase: str
    "The reason phrase."

    headers: tuple[tuple[str, str], ...] = ()
    "Header fields beside those that every response copies from its request."

    body: str = ""
    "The body; empty for none."

    content_type: str = "application/sdp"
    "The media type of the body."

    tag_suffix: str = ""
    "Added to the To tag: another suffix is another early dialog, as a forking proxy shows them."


def q850(cause: int, text: str) -> tuple[str, str]:
    """Return a Reason header field with a Q.850 cause (RFC 3326)."""
    return ("Reason", f'Q.850;cause={cause};text="{text}"')


_ELSEWHERE = ("Contact", "<sip:+12025550123@{here}>")

HEADERS: dict[int, tuple[tuple[str, str], ...]] = {
    300: (("Contact", "<sip:+12025550123@{here}>;q=0.7, <sip:+12025550124@{here}>;q=0.3"),),
    301: (_ELSEWHERE,),
    302: (_ELSEWHERE,),
    305: (("Contact", "<sip:{here}>"),),
    404: (q850(1, "Unallocated number"),),
    405: (("Allow", "OPTIONS, REGISTER"),),
    406: (("Accept", ACCEPT),),
    408: (q850(18, "No user responding"),),
    410: (q850(22, "Number changed"),),
    413: (("Retry-After", "30"),),
    415: (("Accept", ACCEPT),),
    417: (("Accept-Resource-Priority", "wps.3, wps.4"),),
    420: (("Unsupported", "timer"),),
    421: (("Require", "timer"),),
    422: (("Min-SE", "1800"),),
    423: (("Min-Expires", "600"),),
    424: (("Geolocation-Error", '100;code="Cannot Process Location"'),),
    469: (("Recv-Info", "g.trunk.example"),),
    470: (("Permission-Missing", "<sip:+12025550123@{here}>"),),
    480: (q850(19, "No answer from user"), ("Retry-After", "60")),
    484: (q850(28, "Invalid number format"),),
    485: (("Contact", "<sip:alice.a@{here}>, <sip:alice.b@{here}>"),),
    486: (q850(17, "User busy"),),
    488: (("Warning", '305 {here} "Incompatible media format"'),),
    489: (("Allow-Events", EVENTS),),
    494: (("Security-Server", "tls;q=0.2"),),
    500: (q850(41, "Temporary failure"),),
    502: (q850(38, "Network out of order"),),
    503: (("Retry-After", "30"),),
    504: (q850(102, "Recovery on timer expiry"),),
    600: (q850(17, "User busy"),),
    603: (q850(21, "Call rejected"),),
    604: (q850(1, "Unallocated number"),),
    606: (("Warning", '370 {here} "Insufficient bandwidth"'),),
    608: (("Call-Info", "<https://redress.invalid/card>;purpose=jwscard"),),
}
"""Header fields that belong to a code."""


def answer_of(code: int, here: str, *extra: tuple[str, str]) -> Answer:
    """Return the answer with a code's phrase and header fields, and ``extra`` ones."""
    headers = tuple((name, value.replace("{here}", here)) for name, value in HEADERS.get(code, ()))
    return Answer(code=code, phrase=PHRASES[code], headers=(*headers, *extra))
