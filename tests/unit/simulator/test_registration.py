"""REGISTER and digest against the running trunk."""

import hashlib
from collections.abc import Callable

import pytest
from sip_phone import Clock, Phone

from probe.simulator import digest, registrar
from probe.simulator.digest import Algorithm, Authenticator, Judgement
from probe.simulator.trunk import EmbeddedTrunk


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_the_right_password_registers(
    start: Callable[..., EmbeddedTrunk], connect: Callable[..., Phone], algorithm: Algorithm
) -> None:
    """REGISTER gets 401, and its answer 200 with the binding and its lifetime."""
    trunk = start(algorithm=algorithm)
    phone = connect(trunk)
    challenged = phone.ask("REGISTER", "100", "Expires: 300")
    assert challenged.status == 401
    assert challenged.challenges[0].algorithm == algorithm
    assert challenged.challenges[0].get("qop") == "auth"
    line = phone.credentials(challenged, "REGISTER")
    done = phone.ask("REGISTER", "100", "Expires: 300", line)
    assert done.status == 200
    assert done.first("Contact") == f"<sip:100@127.0.0.1:{phone.port}>;expires=300"
    assert done.first("Server").startswith("sipprobe-embedded-trunk/")
    assert [b.uri for b in trunk.bindings] == [f"sip:100@127.0.0.1:{phone.port}"]


def test_a_wrong_password_is_forbidden(phone: Phone) -> None:
    """Credentials that do not fit get 403, not another challenge."""
    phone.password = "wrong"
    assert phone.register().status == 403


def test_an_unknown_user_is_told_nothing_else(phone: Phone) -> None:
    """An unknown user is challenged and refused like a wrong password."""
    phone.user = "nobody"
    assert phone.register().status == 403


def test_another_user_with_the_right_password_is_refused(phone: Phone) -> None:
    """The user name in the digest must be the account's."""
    phone.user = "109"
    assert phone.register().status == 403


@pytest.mark.parametrize("user", ["101", "102", "103", "199"])
def test_the_users_of_the_pbx_register(phone: Phone, user: str) -> None:
    """Each user has the trunk's password and its own address of record."""
    phone.user = user
    assert phone.register().status == 200


def test_nobody_registers_the_address_of_another_user(phone: Phone) -> None:
    """The right password of 100 does not open 101's address of record (RFC 3261 §10.3 step 4)."""
    assert phone.register(user="101").status == 403


def test_a_wrong_password_may_be_challenged_again(
    start: Callable[..., EmbeddedTrunk], connect: Callable[..., Phone]
) -> None:
    """A trunk that never says 403 sends a fresh nonce, and does not call the old one stale."""
    phone = connect(start(wrong_password="challenge"))
    phone.password = "wrong"
    again = phone.register()
    assert again.status == 401
    assert not again.challenges[0].stale


def test_a_replayed_answer_is_stale(phone: Phone) -> None:
    """The same nonce count twice is refused with stale=true; the next count is taken."""
    challenged = phone.ask("REGISTER", "100")
    line = phone.credentials(challenged, "REGISTER")
    assert phone.ask("REGISTER", "100", line).status == 200
    replayed = phone.ask("REGISTER", "100", line)
    assert replayed.status == 401
    assert replayed.challenges[0].stale
    counted = phone.credentials(challenged, "REGISTER", nc="00000002")
    assert phone.ask("REGISTER", "100", counted).status == 200


@pytest.mark.parametrize("nc", ["xyz", "0000000000001"])
def test_an_unreadable_nonce_count_is_stale(phone: Phone, nc: str) -> None:
    """A count that is no count proves nothing."""
    challenged = phone.ask("REGISTER", "100")
    line = phone.credentials(challenged, "REGISTER", nc=nc)
    assert phone.ask("REGISTER", "100", line).status == 401


def test_too_short_a_registration_is_told_the_minimum(phone: Phone) -> None:
    """423 names the shortest lifetime that is accepted."""
    answer = phone.register("Expires: 10")
    assert answer.status == 423
    assert answer.first("Min-Expires") == "60"


def test_a_registration_is_no_longer_than_the_maximum(phone: Phone) -> None:
    """A longer wish is cut, no wish gets the maximum."""
    assert phone.register("Expires: 999999").first("Contact").endswith(";expires=3600")
    assert phone.register().first("Contact").endswith(";expires=3600")


def test_the_lifetime_of_a_contact_goes_before_the_header(phone: Phone) -> None:
    """The expires parameter of a Contact is the one that counts for it."""
    contact = f"Contact: <sip:100@127.0.0.1:{phone.port}>;expires=120"
    assert phone.register("Expires: 300", contact).first("Contact").endswith(";expires=120")


def test_unregistering_one_contact_leaves_the_others(trunk: EmbeddedTrunk, phone: Phone) -> None:
    """Expires 0 removes the contact it names."""
    phone.register("Contact: <sip:a@127.0.0.1>, <sip:b@127.0.0.1>")
    left = phone.register("Contact: <sip:a@127.0.0.1>", "Expires: 0")
    assert left.status == 200
    assert left.all("Contact")[0].startswith("<sip:b@127.0.0.1>")
    assert len(trunk.bindings) == 1


def test_a_star_unregisters_everything(trunk: EmbeddedTrunk, phone: Phone) -> None:
    """Contact * with Expires 0 leaves no binding."""
    phone.register("Contact: <sip:a@127.0.0.1>, sip:b@127.0.0.1")
    assert len(trunk.bindings) == 2
    assert phone.register("Contact: *", "Expires: 0").all("Contact") == ()
    assert trunk.bindings == ()


def test_a_star_with_a_lifetime_is_a_bad_request(phone: Phone) -> None:
    """Contact * is allowed with Expires 0 only."""
    assert phone.register("Contact: *", "Expires: 60").status == 400


def test_an_old_request_cannot_change_a_newer_binding(phone: Phone) -> None:
    """A REGISTER whose CSeq is not higher in the same Call-ID is refused with 500."""
    phone.register("Contact: <sip:a@127.0.0.1>")
    phone.cseq -= 2
    assert phone.register("Contact: <sip:a@127.0.0.1>").status == 500
    phone.cseq -= 2
    assert phone.register("Contact: *", "Expires: 0").status == 500


def test_too_many_contacts_are_refused(phone: Phone) -> None:
    """A flood of contacts for one account ends in 403."""
    many = ", ".join(f"<sip:a{n}@127.0.0.1>" for n in range(registrar.MAX_CONTACTS + 1))
    assert phone.register(f"Contact: {many}").status == 403


def test_addresses_of_record_are_bounded(
    start: Callable[..., EmbeddedTrunk],
    connect: Callable[..., Phone],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The oldest address of record makes room."""
    monkeypatch.setattr(registrar, "MAX_AORS", 1)
    trunk = start()
    phone = connect(trunk)
    phone.register()
    assert len(trunk.bindings) == 1
    phone.register(user="other")
    assert trunk.bindings == ()


@pytest.mark.parametrize("code", ["403", "503", "401"])
def test_an_address_of_record_may_stand_for_a_code(phone: Phone, code: str) -> None:
    """REGISTER for code-503 gets 503 without being asked for credentials."""
    assert phone.ask("REGISTER", f"code-{code}").status == int(code)


def _authenticator(now: Callable[[], float]) -> Authenticator:
    return Authenticator(realm="r", user="u", password="p", algorithm="MD5", now=now)


def _line(challenge: str) -> str:
    """Answer a challenge as RFC 2069 did: without qop."""
    nonce = challenge.split('nonce="')[1].split('"', maxsplit=1)[0]

    def h(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - the protocol's hash

    response = h(f"{h('u:r:p')}:{nonce}:{h('REGISTER:sip:x')}")
    fields = {"username": "u", "realm": "r", "nonce": nonce, "uri": "sip:x", "response": response}
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in fields.items())


def test_a_nonce_ages(clock: Clock) -> None:
    """The right answer to an old nonce is stale."""
    authenticator = _authenticator(clock.time)
    line = _line(authenticator.challenge())
    assert authenticator.judge("REGISTER", [line]) is Judgement.RIGHT
    clock.pass_to(digest.NONCE_LIFETIME + 1)
    assert authenticator.judge("REGISTER", [line]) is Judgement.STALE


def test_forgotten_nonces_are_stale(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many nonces are kept."""
    monkeypatch.setattr(digest, "MAX_NONCES", 1)
    authenticator = _authenticator(clock.time)
    line = _line(authenticator.challenge())
    authenticator.challenge()
    assert authenticator.judge("REGISTER", [line]) is Judgement.STALE


@pytest.mark.parametrize(
    "line",
    ["Basic dTpw", 'Digest realm="other"', 'Digest realm="r", algorithm=SHA-256', "", "Digest"],
)
def test_credentials_for_someone_else_are_no_credentials(clock: Clock, line: str) -> None:
    """Another scheme, realm or algorithm is answered by a challenge."""
    assert _authenticator(clock.time).judge("REGISTER", [line]) is Judgement.ABSENT


def test_an_answer_for_another_method_is_wrong(clock: Clock) -> None:
    """The digest covers the method."""
    authenticator = _authenticator(clock.time)
    line = _line(authenticator.challenge())
    assert authenticator.judge("INVITE", [line]) is Judgement.WRONG
    assert authenticator.judge("REGISTER", [line.replace("response", "resp")]) is Judgement.WRONG
