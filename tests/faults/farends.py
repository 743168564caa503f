"""Far ends of a trunk: one story of responses, told by the scripted far end or by SIPp.

The same story by two implementations keeps rules from learning the manners of one of them.
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import Lab
from ports import free_port
from processes import program, running
from siptext import PHRASES
from uas import SERVERS, Call, Login, Uas, running_uas

Script = Callable[[Call], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """A response to the INVITE."""

    status: int
    "Its code."

    phrase: str = ""
    "Its phrase; empty: the usual one."

    lines: tuple[str, ...] = ()
    "Further header lines."

    sdp: bool = False
    "Whether it carries an answer to the offer."


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Time that passes."""

    seconds: float
    "How much."


Story = tuple[Say | Pause, ...]


def far_end(lab: Lab, *transports: str, **options: Any) -> Uas:  # noqa: ANN401
    """Start a scripted far end on a fresh address."""
    uas = Uas(lab.address(), lab.port(), lab.rng, **options)
    return lab.stack.enter_context(running_uas(uas, *transports))


def trunk(lab: Lab, call: Script, *, login: bool | None = None, **keys: Any) -> dict[str, Any]:  # noqa: ANN401
    """Start a scripted far end that treats calls so; return the profile for it."""
    user, password = lab.user(), lab.password()
    wants = lab.rng.random() < 0.5 if login is None else login
    uas = far_end(lab, login=Login(realm=lab.realm(), users={user: password}) if wants else None)
    uas.call = call
    keys.setdefault("password", password)
    return lab.profile(uas.host, uas.port, user=user, **keys)


def trying(lab: Lab, *, slow: bool = False) -> Story:
    """Return what comes before a refusal: mostly a 100, then the time that a route takes."""
    took = lab.rng.uniform(0.6, 2.0) if slow else lab.rng.uniform(0.02, 0.4)
    begins: Story = (Say(status=100),) if slow or lab.rng.random() < 0.8 else ()
    return (*begins, Pause(seconds=round(took, 3)))


def ringing(lab: Lab, seconds: float) -> Story:
    """Return a call that rings for so long."""
    return (*trying(lab), Say(status=180), Pause(seconds=seconds))


def told(story: Story) -> Script:
    """Return a story as a script of the scripted far end."""

    async def call(call: Call) -> None:
        for part in story:
            if isinstance(part, Pause):
                await call.pause(part.seconds)
            else:
                await call.reply(
                    part.status, part.phrase, *part.lines, body=call.sdp() if part.sdp else ""
                )

    return call


def refusing(
    lab: Lab,
    story: Story,
    *,
    login: bool | None = None,
    by: str = "",
    **keys: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """Start a far end that tells the story to every call, by either program; return the profile."""
    by = by or lab.rng.choice(("uas", "sipp"))
    wants = lab.rng.random() < 0.5 if login is None else login
    if by == "uas":
        return trunk(lab, told(story), login=wants, **keys)
    host, port = lab.address(), lab.port()
    user, password = lab.user(), lab.password()
    script = sipp_script(lab, story, login=wants)
    lab.stack.enter_context(running_sipp(lab.place("sipp"), script, host, port))
    keys.setdefault("password", password)
    return lab.profile(host, port, user=user, **keys)


# SIPp ------------------------------------------------------------------------------------------

_HEAD = """      [last_Via:]
      [last_From:]
      {to}
      [last_Call-ID:]
      [last_CSeq:]
"""
_SDP = """
      v=0
      o=- 1 1 IN IP4 [local_ip]
      s=-
      c=IN IP4 [local_ip]
      t=0 0
      m=audio [media_port] RTP/AVP {payload}
      a=rtpmap:{payload} {codec}/8000
"""


def sipp_script(lab: Lab, story: Story, *, login: bool = False) -> str:
    """Return a story as a SIPp scenario."""
    server = lab.rng.choice(SERVERS)
    own = [f"Server: {server}"] if server else []
    tag = hashlib.md5(str(lab.rng.random()).encode()).hexdigest()[:8]  # noqa: S324 - a random word
    parts = ['<recv request="INVITE"/>']
    if login:
        nonce = "".join(lab.rng.choices("0123456789abcdef", k=24))
        challenge = f'Proxy-Authenticate: Digest realm="{lab.realm()}", nonce="{nonce}", qop="auth"'
        parts += [
            _sent(Say(status=407, lines=(challenge,)), own, f"{tag}a"),
            '<recv request="ACK"/>',
            '<recv request="INVITE"/>',
        ]
    final = 0
    for part in story:
        if isinstance(part, Pause):
            parts.append(f'<pause milliseconds="{int(part.seconds * 1000)}"/>')
            continue
        parts.append(_sent(part, own, tag))
        final = part.status
    if final >= 200:
        parts.append('<recv request="ACK"/>')
    if 200 <= final < 300:
        parts += ['<recv request="BYE"/>', _sent(Say(status=200), own, "")]
    if final < 200:
        parts += ['<recv request="CANCEL"/>', _sent(Say(status=200), own, tag)]
    body = "\n".join(parts)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="far end">\n{body}\n</scenario>\n'
    )


def _sent(part: Say, own: list[str], tag: str) -> str:
    to = f"[last_To:];tag={tag}" if tag and part.status > 100 else "[last_To:]"
    lines = [*own, *part.lines]
    if 100 < part.status < 300 and tag:
        lines.append("Contact: <sip:[local_ip]:[local_port]>")
    body = _SDP.format(payload=0, codec="PCMU") if part.sdp else ""
    lines.append("Content-Type: application/sdp" if body else "Content-Length: 0")
    if body:
        lines.append("Content-Length: [len]")
    first = f"SIP/2.0 {part.status} {part.phrase or PHRASES.get(part.status, 'Unknown')}"
    text = f"      {first}\n" + _HEAD.format(to=to) + "".join(f"      {line}\n" for line in lines)
    again = ' retrans="500"' if part.status >= 200 and tag else ""
    return f"<send{again}>\n<![CDATA[\n{text}{body}\n]]>\n</send>"


@contextmanager
def running_sipp(
    folder: Path, script: str, host: str, port: int, *arguments: str
) -> Iterator[None]:
    """Run a SIPp scenario as the far end while the block runs; it answers OPTIONS with 200."""
    (folder / "script.xml").write_text(script)
    command = [program("sipp"), "-sf", str(folder / "script.xml"), "-i", host, "-p", str(port)]
    command += ["-mi", host, "-ci", host, "-cp", str(free_port()), "-mp", str(free_port(count=4))]
    command += ["-t", "u1", "-nostdin", "-aa", "-timeout", "100s", *arguments]
    command += ["-trace_err", "-error_file", str(folder / "errors.log")]
    with running(command, folder / "sipp.log", cwd=folder) as process:
        process.wait_until(lambda: is_bound(host, port), "SIPp")
        yield


def is_bound(host: str, port: int) -> bool:
    """Say whether somebody holds the UDP port of an address."""
    number = "".join(f"{int(part):02X}" for part in reversed(host.split(".")))
    return f" {number}:{port:04X} ".encode() in Path("/proc/net/udp").read_bytes()
