"""Whatever a control said, and whatever somebody wrote into a stored run, the diagnosis answers."""

from casebuilder import case
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from stories import STORIES, Story
from stories_asked import ASKED

from probe.diagnosis.diagnose import explain
from probe.diagnosis.questions import MOST_SENT, OFFLINE, next_control
from probe.reference import reference
from probe.trace.control import Control, ControlRan

NAMES = (
    *("role", "transport", "address", "port", "status", "clock", "local", "received", "altered"),
    *("srv", "a", "rcode", "srv_asked", "used", "used_is", "sni", "alert", "accepts", "cipher"),
    *("version", "not_before", "not_after", "client_certificate", "speaks", "allow", "password"),
    *("uri", "scheme", "field", "offender", "size"),
)
VALUES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            *("used", "named", "transport", "standard", "source", "unnamed", "sized", "headers"),
            *(
                "UDP",
                "TCP",
                "TLS",
                "198.51.100.1",
                "10.0.0.1",
                "5060",
                "5061",
                "99999",
                "-1",
                "200",
            ),
            *("UDP 1 1 a.example 5060", "TLS 1 1 . 0", "a.example 10.0.0.1 private", "yes", "no"),
            *(
                "SRV _sip._udp.x NXDOMAIN",
                "unknown to DNS",
                "+999999999999",
                "requested",
                "differs",
            ),
            *("TLSv1.3", "2026-01-01T00:00:00Z", "refused", "112", "\u00b2"),
        ]
    ),
)
CONTROLS = st.lists(
    st.builds(
        lambda control, result, facts: ControlRan(
            at=20.0,
            control=control,
            target="udp 198.51.100.1:5060",
            result=result,
            detail="it said \x1b[31m something",
            facts=tuple(f"{name}={value}" for name, value in facts),
        ),
        st.sampled_from([control for control in Control if not control.paid]),
        st.sampled_from(
            [
                "answered",
                "silent",
                "closed",
                "refused",
                "not-sip",
                "alert",
                "ok",
                "challenged",
                "resolves",
                "target-missing",
                "suspicious",
                "right",
                "not-run",
                "",
                "odd",
            ]
        ),
        st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=8),
    ),
    min_size=1,
    max_size=5,
)


@given(story=st.sampled_from((*STORIES, *ASKED)), controls=CONTROLS)
def test_the_promises_hold(story: Story, controls: list[ControlRan]) -> None:
    """Four causes at most, certain only where one trace may prove it, nothing unprintable."""
    trace = replace(story.trace, events=(*story.trace.events, *controls))
    one = case(trace, **story.facts)
    why = explain(one)
    assert len(why.causes) <= 4
    for cause in why.causes:
        if cause.likelihood.value == "certain":
            assert reference.cause(cause.id).identifiability == "I"
    printed = (why.summary, *why.next_steps, *(e.says for e in why.evidence))
    assert all(text.isprintable() for text in printed)
    following = next_control(one)
    ran = {event.control for event in trace.events if isinstance(event, ControlRan)}
    assert following not in ran
    assert following in {*OFFLINE, None} or len(ran - OFFLINE) < MOST_SENT
