"""Nobody answers: each way of it has its name and its explanation, and no code that nobody sent."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from certificates import Certificates
from listeners import TlsServer
from ports import LOOPBACK
from userfolder import UserFolder

WITHIN_S = 5.0
"""The longest that a whole command may take where somebody or something says no."""

CONTROLS_S = 3.0
"""What the controls of a run may add to it."""

START_S = 3.0
"""Start and end of the program where other tests run beside it."""

QUICK_RESOLVER = {"RES_OPTIONS": "timeout:1 attempts:1"}
"""Whatever resolver this machine has or lacks, it gives up soon (resolv.conf(5))."""

SHORT = "3s"
"""The deadline of tests that wait for it; the default is 10 s."""

INVENTED = ("408", "502", "503")
"""Codes that the stack makes up: for timers, names, and connections."""

STEPS = {"register": "- register:", "call": '- call: "12025550123"', "options": "- options:"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Somewhere a trunk profile can point to, where nobody answers."""

    keys: dict[str, Any]
    "The profile."

    failure: str
    "What the report must call it."


PLACES = (
    "closed UDP port",
    "silent UDP port",
    "unknown name",
    "refused TCP port",
    "silent TCP port",
    "untrusted certificate",
    "expired certificate",
    "certificate for another name",
)


@pytest.fixture
def place_named(
    request: pytest.FixtureRequest, certificates: Certificates, tls_server: Callable[..., TlsServer]
) -> Callable[[str], Place]:
    """Give a function that makes one of `PLACES`."""

    def port(fixture: str) -> int:
        number: int = request.getfixturevalue(fixture)
        return number

    def at(port: int, transport: str = "udp", **keys: object) -> dict[str, Any]:
        return {"uri": f"sip:100@{LOOPBACK}:{port};transport={transport}", **keys}

    def serving(certificate: str) -> dict[str, Any]:
        server = tls_server(getattr(certificates, certificate))
        return at(server.port, "tls", ca_file=str(certificates.ca))

    makers: dict[str, Callable[[], tuple[dict[str, Any], str]]] = {
        "closed UDP port": lambda: (at(port("closed_udp_port")), "PORT_UNREACHABLE"),
        "silent UDP port": lambda: (at(port("silent_udp_port")), "NO_RESPONSE"),
        "unknown name": lambda: ({"uri": "sip:100@name.invalid"}, "NAME_RESOLUTION"),
        "refused TCP port": lambda: (at(port("closed_tcp_port"), "tcp"), "TCP_REFUSED"),
        "silent TCP port": lambda: (at(port("silent_tcp_port"), "tcp"), "NO_RESPONSE"),
        "untrusted certificate": lambda: (serving("untrusted"), "TLS_CERTIFICATE"),
        "expired certificate": lambda: (serving("expired"), "TLS_CERTIFICATE"),
        "certificate for another name": lambda: (serving("wrong_name"), "TLS_CERTIFICATE"),
    }

    def make(name: str) -> Place:
        keys, failure = makers[name]()
        return Place(keys={"password": "not-asked-for", **keys}, failure=failure)

    return make


def waiting(step: str) -> str:
    """Return a step with the short deadline."""
    return f"{STEPS[step]}\n  timeout: {SHORT}"


def invented_codes(text: str) -> list[str]:
    """Return the codes of the stack that a text shows."""
    return [code for code in INVENTED if re.search(rf"(?<![\d.:]){code}(?![\d.])", text)]


def without_ports(text: str, place: Place) -> str:
    """Take the place's own address out of a text: a port number is no status code."""
    found = re.search(r":(\d+)", str(place.keys["uri"]).partition("@")[2])
    return text.replace(found[1], "PORT") if found else text


@pytest.mark.parametrize("step", ["register", "call"])
@pytest.mark.parametrize("name", PLACES)
def test_nobody_there_is_named_and_no_code_is_made_up(
    place_named: Callable[[str], Place], folder: UserFolder, name: str, step: str
) -> None:
    """The failure has its name, `responses` is empty, and the stack's code stands apart."""
    place = place_named(name)
    folder.trunk(**place.keys)
    folder.scenario(waiting(step))
    began = time.monotonic()
    run = folder.run("check", env=QUICK_RESOLVER)
    assert time.monotonic() - began < WITHIN_S + CONTROLS_S + START_S
    assert run.exit_code == 1
    (finding,) = run.findings
    assert finding["outcome"] == "NOT_MET"
    assert finding["failure"] == place.failure
    assert finding["responses"] == []
    assert not run.messages("MessageReceived")
    assert str(finding["stack_status"]) in {"None", *INVENTED}
    assert finding["explanation"]["summary"]
    shown = without_ports(run.finished.stdout, place)
    assert invented_codes(shown) == []
    assert invented_codes(without_ports(" ".join(_texts(finding["explanation"])), place)) == []
    if name == "silent UDP port":
        assert finding["deadline"] == "timeout 3 s"
    else:
        assert finding["timing"]["total_s"] < WITHIN_S


def test_every_place_has_an_explanation_of_its_own(
    place_named: Callable[[str], Place], folder: UserFolder
) -> None:
    """Eight places, eight different summaries: none could be taken for another."""
    places = {name.replace(" ", "-"): place_named(name) for name in PLACES}
    folder.trunks(**{name: place.keys for name, place in places.items()})
    for name in places:
        folder.scenario("- options:\n  timeout: 1.5s", name=name, trunk=name)
    run = folder.run(*places, env=QUICK_RESOLVER)
    assert run.exit_code == 1
    failures = {f["scenario"]: f["failure"] for f in run.findings}
    assert failures == {name: place.failure for name, place in places.items()}
    summaries = {}
    for finding in run.findings:
        text = without_ports(finding["explanation"]["summary"], places[finding["scenario"]])
        summaries.setdefault(text, []).append(finding["scenario"])
    assert all(len(names) == 1 for names in summaries.values()), summaries


def test_silence_names_its_deadline_and_how_to_change_it(
    silent_udp_port: int, folder: UserFolder
) -> None:
    """The explanation of silence says how long we waited, and which key changes that."""
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{silent_udp_port}")
    folder.scenario(waiting("options"))
    run = folder.run("check")
    why = " ".join(_texts(run.findings[0]["explanation"]))
    assert "3 s" in why
    assert "timeout:" in why
    assert "timeout:" in run.finished.stdout
    # Silence is stated by its deadline, give or take the stack's own 0.4 s and a busy machine.
    assert 3.0 <= run.findings[0]["timing"]["total_s"] < 4.0


@pytest.mark.parametrize("what", ["expired", "wrong_name", "untrusted"])
def test_a_bad_certificate_is_told_by_its_fault(
    certificates: Certificates, tls_server: Callable[..., TlsServer], folder: UserFolder, what: str
) -> None:
    """Date, name and issuer are three different things to repair."""
    server = tls_server(getattr(certificates, what))
    folder.trunk(
        uri=f"sip:100@{LOOPBACK}:{server.port};transport=tls", ca_file=str(certificates.ca)
    )
    folder.scenario("- register:")
    run = folder.run("check")
    assert run.findings[0]["failure"] == "TLS_CERTIFICATE"
    causes = [cause["id"] for cause in run.findings[0]["explanation"]["causes"]]
    assert causes == {"expired": ["F037"], "wrong_name": ["F038"], "untrusted": ["F039"]}[what]


def test_verification_that_is_off_is_said_in_every_report(
    certificates: Certificates, tls_server: Callable[..., TlsServer], folder: UserFolder
) -> None:
    """`verify: off` lets an untrusted server in, and the report says that it did."""
    server = tls_server(certificates.untrusted)
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{server.port};transport=tls", verify="off")
    folder.scenario("- options:\n  timeout: 1s")
    run = folder.run("check")
    assert run.findings[0]["failure"] == "NO_RESPONSE"  # it shook hands and stays silent
    assert any("verif" in note for note in run.report["run"]["notes"])
    assert "verif" in run.finished.stdout


def test_a_plain_server_on_the_tls_port_is_no_certificate_fault(
    silent_tcp_port: int, folder: UserFolder
) -> None:
    """A server that accepts and never answers the ClientHello is not called untrusted."""
    folder.trunk(uri=f"sip:100@{LOOPBACK}:{silent_tcp_port};transport=tls")
    folder.scenario("- options:\n  timeout: 1.5s")
    run = folder.run("check")
    assert run.exit_code == 1
    assert run.findings[0]["failure"] == "TLS_HANDSHAKE"
    assert invented_codes(re.sub(r":\d+", "", run.finished.stdout)) == []


def _texts(value: object) -> list[str]:
    """Return every text inside a JSON value, its causes' ids and names left out."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    if isinstance(value, dict):
        return [t for key, part in value.items() if key != "causes" for t in _texts(part)]
    return []
