"""What each dialled number does: the table behind ``simulate --list`` and docs/embedded-trunk.md.

A number that is not in the table is an ordinary one and answers. Digits are 9 and the status code
for a refusal, 7001 and up for a behaviour; each has a name as well. No number is an emergency
number, nor one behind a prefix for an outside line (a test holds the table against a list).
"""

import re
from functools import cache
from typing import ClassVar

from msgspec import Struct

from probe.simulator.answers import HEADERS, PHRASES, q850
from probe.simulator.behaviour import Behaviour, Reply, Sdp
from probe.simulator.row import ANSWERING, PICKUP_S, RINGING, SOON_S, TRYING, Row
from probe.simulator.sound import Sound, Source
from probe.simulator.sound_numbers import SOUND_ROWS

ORDINARY = "+12025550123"
"""The number that documentation uses for an ordinary call (555-01xx is set aside for fiction)."""

_REFUSAL_S = 0.02
_SEPARATORS = re.compile(r"[-.() ]")


class TestNumber(Struct, frozen=True, kw_only=True):
    """One row of the table."""

    __test__: ClassVar[bool] = False  # pytest must not take it for a test

    number: str
    "What to dial."

    alias: str
    "The same by name; empty for an ordinary number."

    does: str
    "What happens, in a few words."

    codes: tuple[int, ...]
    "The status codes that the caller sees after authentication, in order."

    note: str
    "What it is good for, or what else to know; may be empty."


_ANSWERED = Behaviour(replies=(TRYING, RINGING, ANSWERING))


def _answered_with(sdp: Sdp) -> Behaviour:
    return Behaviour(replies=(TRYING, RINGING, Reply(code=200, after=PICKUP_S, sdp=sdp)))


_BEHAVIOURS = (
    Row(
        number="7001",
        alias="code-100",
        does="100 and then nothing",
        behaviour=Behaviour(replies=(TRYING,)),
        note="for the caller's own deadline; CANCEL is answered",
    ),
    Row(
        number="7002",
        alias="code-180",
        does="rings for ever",
        behaviour=Behaviour(replies=(TRYING, RINGING)),
        note="CANCEL gets 200, the INVITE 487",
    ),
    Row(
        number="7003",
        alias="code-183",
        does="ringing tone as early media, answers after 1 s",
        behaviour=Behaviour(
            replies=(
                TRYING,
                Reply(code=183, after=SOON_S, sdp=Sdp.ANSWER),
                Reply(code=200, after=1.0, sdp=Sdp.ANSWER),
            ),
            sound=Sound(early=Source.RINGING),
        ),
        note="400 and 450 Hz before the answer, echo after it",
    ),
    Row(
        number="7004",
        alias="early-media-forever",
        does="ringing tone as early media, never answers",
        behaviour=Behaviour(
            replies=(TRYING, Reply(code=183, after=SOON_S, sdp=Sdp.ANSWER)),
            sound=Sound(early=Source.RINGING),
        ),
    ),
    Row(
        number="7005",
        alias="code-181",
        does="is forwarded, rings, answers",
        behaviour=Behaviour(
            replies=(TRYING, Reply(code=181, after=SOON_S), RINGING, ANSWERING),
        ),
    ),
    Row(
        number="7006",
        alias="code-182",
        does="is queued, rings, answers",
        behaviour=Behaviour(
            replies=(TRYING, Reply(code=182, after=SOON_S), RINGING, ANSWERING),
        ),
    ),
    Row(
        number="7007",
        alias="code-199",
        does="forks: one branch ends with 199, the other rings and answers",
        behaviour=Behaviour(
            replies=(
                TRYING,
                Reply(code=180, after=SOON_S, fork="-a"),
                Reply(code=199, after=SOON_S, fork="-a", headers=(q850(17, "User busy"),)),
                Reply(code=180, after=SOON_S, fork="-b"),
                Reply(code=200, after=PICKUP_S, sdp=Sdp.ANSWER, fork="-b"),
            )
        ),
        note="RFC 6228; the two early dialogs differ in the To tag",
    ),
    Row(
        number="7008",
        alias="two-180",
        does="forks: two branches ring, the second answers",
        behaviour=Behaviour(
            replies=(
                TRYING,
                Reply(code=180, after=SOON_S, fork="-a"),
                Reply(code=180, after=SOON_S, fork="-b"),
                Reply(code=200, after=PICKUP_S, sdp=Sdp.ANSWER, fork="-b"),
            )
        ),
    ),
    Row(
        number="7009",
        alias="repeated-180",
        does="rings twice in one dialog, answers",
        behaviour=Behaviour(
            replies=(TRYING, RINGING, Reply(code=180, after=PICKUP_S), ANSWERING),
        ),
    ),
    Row(
        number="7010",
        alias="slow-180",
        does="rings only after 4 s, answers",
        behaviour=Behaviour(replies=(TRYING, Reply(code=180, after=4.0), ANSWERING)),
        note="long post-dial delay",
    ),
    Row(
        number="7011",
        alias="long-ring",
        does="answers after 20 s of ringing",
        behaviour=Behaviour(
            replies=(TRYING, RINGING, Reply(code=200, after=20.0, sdp=Sdp.ANSWER)),
        ),
    ),
    Row(
        number="7012",
        alias="busy-after-ring",
        does="rings, then 486",
        behaviour=Behaviour(
            replies=(TRYING, RINGING, Reply(code=486, after=PICKUP_S)),
        ),
        note="a callee who rejects the call by hand",
    ),
    Row(
        number="7013",
        alias="congestion",
        does="183, then 503 with Q.850 cause 34",
        behaviour=Behaviour(
            replies=(
                TRYING,
                Reply(code=183, after=SOON_S, sdp=Sdp.ANSWER),
                Reply(
                    code=503,
                    after=PICKUP_S,
                    headers=(q850(34, "No circuit/channel available"),),
                ),
            ),
            sound=Sound(early=Source.RINGING),
        ),
    ),
    Row(
        number="7014",
        alias="terminated-after-ring",
        does="rings, then 487 that no CANCEL asked for",
        behaviour=Behaviour(replies=(TRYING, RINGING, Reply(code=487, after=PICKUP_S))),
        note="what a route that failed looks like at some providers",
    ),
    Row(
        number="7015",
        alias="analytics-block",
        does="603 Network Blocked with analytics Reason (603+)",
        behaviour=Behaviour(
            replies=(
                TRYING,
                Reply(
                    code=603,
                    after=SOON_S,
                    phrase="Network Blocked",
                    headers=(
                        (
                            "Reason",
                            'SIP;cause=603;text="v=analytics1;tel=+12025550199"',
                        ),
                    ),
                ),
            )
        ),
        note="blocked by call analytics in the network; a plain 603 is 9603",
    ),
    Row(
        number="7016",
        alias="forbidden-unasked",
        does="403 before any challenge",
        behaviour=Behaviour(replies=(Reply(code=403),), challenged=False),
        note="what an address list does; 9403 asks for credentials first",
    ),
    Row(
        number="7017",
        alias="silent",
        does="no response at all, to any method",
        behaviour=Behaviour(replies=(), challenged=False),
    ),
    Row(
        number="7020",
        alias="ack-ignored",
        does="answers, ignores the ACK and repeats its 200",
        behaviour=Behaviour(replies=_ANSWERED.replies, hears_ack=False),
        note="BYE after 64 x T1 (32 s), RFC 3261 §13.3.1.4",
    ),
    Row(
        number="7021",
        alias="hangs-up",
        does="answers, hangs up 1 s after the ACK",
        behaviour=Behaviour(
            replies=_ANSWERED.replies,
            hangs_up_after=1.0,
            bye_headers=(q850(16, "Normal call clearing"),),
        ),
    ),
    Row(
        number="7022",
        alias="drops-call",
        does="answers, hangs up 0.2 s after the ACK with Q.850 cause 88",
        behaviour=Behaviour(
            replies=_ANSWERED.replies,
            hangs_up_after=0.2,
            bye_headers=(q850(88, "Incompatible destination"),),
        ),
        note="a trunk that finds no common codec after the answer",
    ),
    Row(
        number="7023",
        alias="bye-ignored",
        does="answers, never responds to BYE",
        behaviour=Behaviour(replies=_ANSWERED.replies, answers_bye=False),
    ),
    Row(
        number="7030",
        alias="no-sdp",
        does="answers without a session description",
        behaviour=_answered_with(Sdp.NONE),
    ),
    Row(
        number="7031",
        alias="port-zero",
        does="answers but refuses the audio by port 0",
        behaviour=_answered_with(Sdp.PORT_ZERO),
    ),
    Row(
        number="7032",
        alias="unoffered-codec",
        does="answers with a codec that was not offered",
        behaviour=_answered_with(Sdp.UNOFFERED),
    ),
    Row(
        number="7033",
        alias="inactive",
        does="answers with the audio stream inactive",
        behaviour=_answered_with(Sdp.INACTIVE),
    ),
    Row(
        number="7034",
        alias="no-echo",
        does="answers, hears, sends no sound",
        behaviour=Behaviour(replies=_ANSWERED.replies, sound=Sound(source=Source.NOTHING)),
        note="one-way audio; its RTCP says that it hears",
    ),
    Row(
        number="7035",
        alias="refused-early-media",
        does="183 that refuses the audio by port 0, then a good 200",
        behaviour=Behaviour(
            replies=(
                TRYING,
                Reply(code=183, after=SOON_S, sdp=Sdp.PORT_ZERO),
                ANSWERING,
            )
        ),
        note="pjsua2 2.15 aborts on it: shows that a crash costs one attempt only",
    ),
    Row(
        number="7036",
        alias="tel-contact",
        does="answers with a tel URI as Contact",
        behaviour=Behaviour(replies=_ANSWERED.replies, contact="<tel:+12025550123>"),
        note="no ACK can be routed; pjsua2 2.15 aborts on it",
    ),
)


def _final(code: int) -> Behaviour:
    """Return the behaviour that leads straight to a final code."""
    if code in {401, 407}:
        return Behaviour(replies=(Reply(code=code),), challenged=False)
    sdp = Sdp.ANSWER if code < 300 else Sdp.NONE
    return Behaviour(replies=(TRYING, Reply(code=code, after=_REFUSAL_S, sdp=sdp)))


_FINAL_NOTES = {
    200: "answers at once, without ringing",
    202: "answers the call: any 2xx does",
    204: "answers the call: any 2xx does",
    401: "challenges whatever the credentials are",
    407: "challenges whatever the credentials are",
    487: "without a CANCEL",
    603: "a plain one; 603+ is 7015",
}


def _final_row(code: int) -> Row:
    note = _FINAL_NOTES.get(code) or ", ".join(name for name, _ in HEADERS.get(code, ()))
    return Row(
        number=f"9{code}",
        alias=f"code-{code}",
        does=f"{code} {PHRASES[code]}",
        behaviour=_final(code),
        note=note if code in _FINAL_NOTES or not note else f"with {note}",
    )


@cache
def _rows() -> tuple[Row, ...]:
    finals = tuple(_final_row(code) for code in PHRASES if code >= 200)
    return (*_BEHAVIOURS, *SOUND_ROWS, *finals)


@cache
def _index() -> dict[str, Behaviour]:
    rows = _rows()
    return {key: row.behaviour for row in rows for key in (row.number, row.alias)}


def numbers() -> tuple[TestNumber, ...]:
    """Return the whole table, the ordinary number first."""
    ordinary = TestNumber(
        number=ORDINARY,
        alias="",
        does="rings, answers, echoes the sound",
        codes=(100, 180, 200),
        note="and every number that is not in this table",
    )
    return (
        ordinary,
        *(
            TestNumber(
                number=row.number,
                alias=row.alias,
                does=row.does,
                codes=tuple(reply.code for reply in row.behaviour.replies),
                note=row.note,
            )
            for row in _rows()
        ),
    )


def normal(dialled: str) -> str:
    """Return a dialled user part as the table knows it: no parameters, separators or leading +."""
    bare = dialled.partition(";")[0].lower()
    if bare in _index():
        return bare
    return _SEPARATORS.sub("", bare).removeprefix("+")


def behaviour_of(dialled: str) -> Behaviour:
    """Return what the trunk does for a dialled user part."""
    return _index().get(normal(dialled), _ANSWERED)


def in_table(dialled: str) -> bool:
    """Whether a dialled user part has a row of its own."""
    return normal(dialled) in _index()


def final_code(behaviour: Behaviour) -> int | None:
    """Return the final status code that a behaviour leads to, None where it leads to none."""
    return next((r.code for r in behaviour.replies if r.code >= 200), None)


def table_markdown() -> str:
    """Return the table as docs/embedded-trunk.md shows it."""
    lines = ["| dial | or | what happens | codes | note |", "| --- | --- | --- | --- | --- |"]
    for row in numbers():
        alias = f"`{row.alias}`" if row.alias else ""
        codes = " ".join(map(str, row.codes))
        lines.append(f"| `{row.number}` | {alias} | {row.does} | {codes} | {row.note} |")
    return "\n".join(lines) + "\n"
