"""Far ends that do nothing wrong, each in its own way: what they send is varied by a seed.

A good call may be told with few or many provisional responses, repeated ones, early dialogs of
several devices, early media, a request inside the call with or without an offer, and with header
fields that a trunk adds. None of that is a fault.
"""

import random
from dataclasses import dataclass

_SDP = """
      v=0
      o=- {session} 1 IN IP[local_ip_type] [local_ip]
      s={name}
      c=IN IP[media_ip_type] [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP {payloads}
      {maps}
      a=ptime:{ptime}
      {direction}"""

_MAPS = {
    "0": "a=rtpmap:0 PCMU/8000",
    "8": "a=rtpmap:8 PCMA/8000",
    "101": "a=rtpmap:101 telephone-event/8000",
}

_PROVISIONAL = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodCall:
    """A far end and what it does."""

    name: str
    "What it does, in a few words."

    text: str
    "SIPp's scenario."


def good_call(seed: int) -> GoodCall:
    """Return the far end of a seed."""
    rng = random.Random(seed)
    sdp = _session(rng)
    extra = _extra_fields(rng)
    parts: list[str] = []
    told: list[str] = []
    tag = "one"
    for code, early in _provisionals(rng):
        if code != 100 and rng.random() < 0.15:  # another device rings first
            parts.append(_response(180, "Ringing", "other", extra))
            told.append("fork")
        parts.append(_response(code, _PROVISIONAL[code], tag, extra, sdp if early else ""))
        told.append(f"{code}{'+SDP' if early else ''}")
        if rng.random() < 0.25:
            parts.extend([parts[-1]] * rng.choice((1, 2)))
            told.append("again")
        if rng.random() < 0.5:
            parts.append(f'  <pause milliseconds="{rng.choice((1, 5, 15))}"/>')
    parts.append(_response(200, "OK", tag, extra, sdp, again=True))
    parts.append('  <recv request="ACK"/>')
    inside = rng.choice(("", "", "OPTIONS", "INFO", "UPDATE", "late offer", "re-INVITE"))
    if inside:
        told.append(inside)
        parts.append(_inside(inside, tag, sdp))
    parts.append(_ENDING)
    return GoodCall(
        name=" ".join(told) or "200 alone",
        text='<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="good">\n'
        '  <recv request="INVITE">\n    <action>\n'
        '      <ereg regexp="&lt;(.*)&gt;" search_in="hdr" header="Contact:" '
        'assign_to="all,target"/>\n'
        '      <ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>\n'
        '      <ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>\n'
        "    </action>\n  </recv>\n"
        '  <Reference variables="all,target,from,to"/>\n' + "\n".join(parts) + "\n</scenario>\n",
    )


def _provisionals(rng: random.Random) -> list[tuple[int, bool]]:
    """Return the provisional responses: code, and whether with a session description."""
    codes: list[tuple[int, bool]] = [(100, False)] if rng.random() < 0.7 else []
    several = rng.sample((180, 181, 182, 183), rng.choice((0, 1, 1, 2, 3)))
    early = {183} | ({180} if rng.random() < 0.2 else set())
    return [*codes, *((code, code in early) for code in several)]


def _session(rng: random.Random) -> str:
    chosen = rng.choice((("0",), ("8",), ("0", "101"), ("8", "101")))
    return _SDP.format(
        session=rng.randrange(1, 10**9),
        name=rng.choice(("-", "call", "session")),
        payloads=" ".join(chosen),
        maps="\n      ".join(_MAPS[payload] for payload in chosen),
        ptime=rng.choice((20, 20, 20, 30)),
        direction=rng.choice(("a=sendrecv", "a=silenceSupp:off - - - -", "a=maxptime:40")),
    )


def _extra_fields(rng: random.Random) -> str:
    fields = (
        "Server: Voice Gateway 4.2",
        "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE",
        "Supported: replaces, timer",
        "P-Asserted-Identity: <sip:+12025550100@[local_ip]>",
        "X-Call-Reference: 77ab",
        "Call-Info: <http://[local_ip]/card>;purpose=info",
    )
    return "\n      ".join(rng.sample(fields, rng.choice((0, 1, 3))))


def _response(  # noqa: PLR0913 - the parts of a response
    code: int, phrase: str, tag: str, extra: str, sdp: str = "", *, again: bool = False
) -> str:
    """Return one response to the INVITE."""
    lines = [
        f"SIP/2.0 {code} {phrase}",
        "[last_Via:]",
        "[last_From:]",
        "[last_To:]" + (f";tag={tag}-[pid]-[call_number]" if code > 100 else ""),
        "[last_Call-ID:]",
        "[last_CSeq:]",
    ]
    if code > 100:
        lines.append("Contact: <sip:uas@[local_ip]:[local_port];transport=[transport]>")
        lines += [extra] if extra else []
    lines += ["Content-Type: application/sdp"] if sdp else []
    head = "\n      ".join((*lines, "Content-Length: [len]"))
    retrans = ' retrans="500"' if again else ""
    return f"  <send{retrans}>\n    <![CDATA[\n      {head}\n{sdp}\n\n    ]]>\n  </send>"


def _inside(what: str, tag: str, sdp: str) -> str:
    """Return a request of theirs inside the call and its answer."""
    method = "INVITE" if what in {"late offer", "re-INVITE"} else what
    body = sdp if what == "re-INVITE" else ""
    lines = [
        f"{method} [$target] SIP/2.0",
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
        "Max-Forwards: 70",
        f"From:[$to];tag={tag}-[pid]-[call_number]",
        "To:[$from]",
        "[last_Call-ID:]",
        f"CSeq: 7 {method}",
        "Contact: <sip:uas@[local_ip]:[local_port];transport=[transport]>",
        *(["Content-Type: application/sdp"] if body else []),
        "Content-Length: [len]",
    ]
    head = "\n      ".join(lines)
    sent = f'  <send retrans="500">\n    <![CDATA[\n      {head}\n{body}\n\n    ]]>\n  </send>'
    answer = '  <recv response="100" optional="true"/>\n  <recv response="200"/>'
    if method != "INVITE":
        return f"{sent}\n{answer}"
    ack = "\n      ".join(
        (
            lines[0].replace("INVITE", "ACK"),
            *lines[1:6],
            "CSeq: 7 ACK",
            *(["Content-Type: application/sdp"] if what == "late offer" else []),
            "Content-Length: [len]",
        )
    )
    offer = sdp if what == "late offer" else ""
    return f"{sent}\n{answer}\n  <send>\n    <![CDATA[\n      {ack}\n{offer}\n\n    ]]>\n  </send>"


_ENDING = """  <recv request="BYE"/>

  <send>
    <![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

    ]]>
  </send>"""
