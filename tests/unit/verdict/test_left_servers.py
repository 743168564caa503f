"""What a server said that was left for the next one is no answer to the attempt."""

from judging import judged, told
from wirebuilder import REMOTE, Wire

from probe.trace.route import NextHop
from probe.trace.store import trace_from_json, trace_to_json
from probe.verdict.verdict import Outcome


def hop(place: int, left: str = "", unfinished: str = "") -> NextHop:
    """Return a server that is tried, or left."""
    return NextHop(
        at=0.0,
        place=place,
        of=2,
        host=f"s{place}.example",
        remote=REMOTE,
        transport="UDP",
        left=left,
        waited_s=2.0 if left else 0.0,
        unfinished=unfinished,
    )


def moved_on(unfinished: str = "") -> Wire:
    """Return a call whose first server said 100 and 503, and whose second answered it."""
    wire = Wire("INVITE").add(hop(1)).send("INVITE").receive(100).receive(503).send("ACK")
    wire.add(hop(1, "answered 503", unfinished)).add(hop(2))
    return wire.send("INVITE").receive(180).receive(200).send("ACK").send("BYE").receive(200)


def test_the_sequence_begins_at_the_server_that_stayed() -> None:
    """Neither the 503 nor its ACK stands in the way of what the file expects."""
    verdict = judged(moved_on(), responses="180 200 ACK BYE")
    assert verdict.outcome is Outcome.MET, told(verdict)
    assert judged(moved_on(), responses="503 180 200").outcome is Outcome.NOT_MET


def test_time_counts_from_the_first_request() -> None:
    """Who waited for the first server waited."""
    trace = moved_on().trace()
    first = next(trace.events[t.request].at for _, t in trace.client_transactions())
    rang = next(r.at for r in trace.responses() if r.status == 180)
    assert judged(moved_on()).timing.pdd_s == round(rang - first, 6)


def test_the_report_names_servers_and_what_may_go_on() -> None:
    """A passed step says which server it was, and of an unfinished INVITE that it may ring."""
    (note,) = judged(moved_on()).warnings
    assert note == f"the second of 2 servers answered ({REMOTE}); the first, {REMOTE}, answered 503"
    assert "may still ring" in judged(moved_on("c1@192.0.2.10")).warnings[1]


def test_hops_are_stored_and_read_back() -> None:
    """A stored trace is judged as the one that was recorded."""
    trace = moved_on("c1@192.0.2.10").trace()
    again = trace_from_json(trace_to_json(trace))
    assert again.events == trace.events
    assert again.responses() == trace.responses()
