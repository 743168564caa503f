"""No emergency number leaves, however it is written; ordinary extensions do."""

import re
from functools import cache
from urllib.parse import quote

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.plan.rails import _emergency, emergency_number, known_country
from probe.plan.resolve import resolve
from probe.reference.load import raw
from probe.scenario.reading import read
from probe.scenario.schema import CallStep, Profile, Scenario, Settings
from probe.scenario.secret import Secret
from probe.scenario.source import ScenarioError

KNOWN = _emergency()
EVERYWHERE = sorted(KNOWN.every - KNOWN.extensions)
SCRIPTS = ("0123456789", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "０１２３４５６７８９", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")
SEPARATORS = ("", "-", ".", " ", "(", ")", "\u200b", "\u00a0", "\u2010", "/", "\t", "%20", ",")
FORMS = (
    "{}", "tel:{}", "TEL:{}", "sip:{}", "sip:{}@pbx.example", "sips:{}@pbx.example;user=phone",
    "sip:{};phone-context=+49@pbx.example", "tel:{};phone-context=pbx.example", "sip:tel:{}@h",
    "sip:{}:secret@pbx.example", '"Front desk" <sip:{}@pbx.example>', "<tel:{}>", '"{}"', "'{}'",
    " {} ", "{},", "sip:alice@pbx.example?To=%3Csip:{}@pbx.example%3E", "sip:alice@h?X-To={}",
    "{} <sip:alice@pbx.example>", "sip:{}%40elsewhere@pbx.example", "sip:+{}@pbx.example",
)  # fmt: skip
BEHIND = (
    "", "0", "9", "8", "+", "00", "011", "0011", "810", "9,,", "9p", "90", "9011", "800", "+49",
)  # fmt: skip

PROFILE = Profile(uri="sip:100@pbx.example", password=Secret("not-used"))


def plan_refuses(to: str) -> bool:
    """Whether a call is refused: as no number at all, or by the rails."""
    try:
        step = read(CallStep, {"verb": "call", "call": to})
        scenario = Scenario(id="one", file="one.sip.yaml", trunk="pbx", steps=(step,))
        resolve(scenario, Settings(trunks={"pbx": PROFILE}))
    except ScenarioError:
        return True
    return False


@st.composite
def spellings(draw: st.DrawFn) -> str:
    """Write an emergency number with prefixes, separators, digits of any script and escapes."""
    number = draw(st.sampled_from(EVERYWHERE))
    before = draw(st.sampled_from(BEHIND))
    if before and before[0] in "89" and (number in KNOWN.blocks or len(number) < 3):
        before = before if before in {"9", "810", "9011"} and number not in KNOWN.blocks else "0"
    if before == "+49" and number not in KNOWN.codes["49"]:
        before = "00"
    text = "".join(
        draw(st.sampled_from(SEPARATORS)) + SCRIPTS[draw(st.integers(0, 4))][int(digit)]
        for digit in number
    )
    written = before + text
    for _ in range(draw(st.integers(0, 2))):  # escaped, or escaped twice
        written = "".join(
            "".join(f"%{byte:02X}" for byte in char.encode()) if draw(st.booleans()) else char
            for char in written
        )
    return written


@settings(max_examples=600, deadline=None)
@given(spelling=spellings(), planned=st.sampled_from(FORMS))
def test_no_spelling_of_an_emergency_number_passes(spelling: str, planned: str) -> None:
    """600 spellings, each seen in 21 forms of URI and text; a plan with one of them is refused."""
    for form in FORMS:
        target = form.format(spelling)
        assert emergency_number(target) is not None, target
    assert plan_refuses(planned.format(spelling)), planned.format(spelling)


@settings(max_examples=300, deadline=None)
@given(number=st.sampled_from(sorted(KNOWN.every)), form=st.sampled_from(FORMS))
def test_on_the_public_network_nothing_is_taken_for_an_extension(number: str, form: str) -> None:
    """A trunk with a provider refuses what a PBX may have as extensions too."""
    for before in BEHIND[:-1]:
        assert emergency_number(form.format(before + number), public=True), (before, number)


@pytest.mark.parametrize("region", sorted(KNOWN.regions))
def test_a_calling_code_before_the_number_is_seen_through(region: str) -> None:
    """+49 and 0049 before a German number, and so on for every region."""
    line = next(row for row in raw("emergency.yaml")["regions"].splitlines() if row[:2] == region)
    code = line.split()[1]
    for number in KNOWN.regions[region]:
        for before in (code, f"00{code[1:]}", f"011{code[1:]}", f"9011{code[1:]}", f"{code}0"):
            assert emergency_number(before + number), before + number
        if len(number) > 2 and number not in KNOWN.extensions:
            assert emergency_number(code[1:] + number), code[1:] + number


@cache
def every_number(length: int) -> str:
    """Return every number of so many digits, one a line."""
    return "\n".join(f"{i:0{length}}" for i in range(10**length))


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_SHORT_REGIONS))
def test_what_libphonenumber_knows_is_in_the_data_file(region: str) -> None:
    """A number that a later release of the metadata adds is noticed here."""
    metadata = phonenumbers.PhoneMetadata.short_metadata_for_region(region)
    wanted = metadata.emergency
    if wanted is None or not wanted.national_number_pattern:
        assert region not in KNOWN.regions
        return
    pattern = re.compile(f"^(?:{wanted.national_number_pattern})$", re.MULTILINE)
    assert pattern.groups == 0
    numbers = {
        number
        for length in wanted.possible_length
        for number in pattern.findall(every_number(length))
    }
    assert numbers
    assert numbers <= KNOWN.regions[region]


@pytest.mark.parametrize(
    "to",
    [
        "100", "101", "102", "103", "104", "1001", "2000", "7001", "7036", "9404", "9503", "9555",
        "8001", "9001", "801", "1301", "+12025550123", "2025550123", "*97", "*15", "alice",
        "room112", "sip:100@10.0.0.112", "sip:3002@127.0.0.1:5060;transport=tcp", "", "#", "*",
        "sip:100@112.0.0.1", "sip:echo@pbx.example",
    ],
)  # fmt: skip
def test_an_ordinary_destination_passes(to: str) -> None:
    """Extensions, service codes, names and addresses are no emergency numbers."""
    assert emergency_number(to) is None


@cache
def dangerous_ports() -> list[str]:
    """Return ports whose digits would reach a rescue desk if somebody dialled them."""
    ports = {
        before + number
        for before in ("", "0", "8", "9", *KNOWN.codes)
        for number in KNOWN.every
        if len(before + number) < 6 and int(before + number) < 65536
    }
    return [port for port in sorted(ports) if port[0] != "0" and emergency_number(port)]


@pytest.mark.parametrize(
    "form",
    [
        "sip:127.0.0.1:{}", "sip:localhost:{}", "sips:trunk.example:{};transport=tls",
        "<sip:trunk.example.:{}>", "sip:[2001:db8::1]:{}?Subject=x", "sip:[2001:db8::{}]",
        "SIP:192.0.2.7:{}",
    ],
)  # fmt: skip
def test_a_port_is_no_number(form: str) -> None:
    """34112 is +34 112 to whoever dials it, and a port like any other where it is one."""
    assert {"112", "9112", "34112"} <= set(dangerous_ports())
    for port in dangerous_ports():
        if "::{}" not in form or len(port) < 5:
            target = form.format(port)
            assert emergency_number(target) is None, target
            assert emergency_number(target, public=True) is None, target


@pytest.mark.parametrize(
    "to",
    [
        "sip:112:5060", "sip:1.1.2:5060", "sip:911:secret@pbx.example", "sip:x:911@pbx.example",
        "sip:pbx.example:112@pbx.example", "tel:pbx.example:112", "sip:911@trunk.example:5060",
        "sip:dial:112", "sip:pbx.example:34112 <sip:112@pbx.example>",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_port_is_still_seen(to: str) -> None:
    """Before an @ it is a user or a password, and a word without a dot may be an unknown scheme."""
    assert emergency_number(to)


@pytest.mark.parametrize("to", ["#31#112", "*67911", "*31112", "112#", "*112", "9*112"])
def test_a_service_code_before_the_number_is_seen_through(to: str) -> None:
    """What hides the caller does not hide the number."""
    assert emergency_number(to)


def test_a_context_is_read_as_part_of_the_number() -> None:
    """A phone-context that ends in digits of the number is put before it (RFC 3966 §5.1.5)."""
    assert emergency_number("tel:12;phone-context=+491") == "112"


def test_the_countries_of_a_profile_make_their_numbers_whole() -> None:
    """101 is an extension until the trunk is said to end in Ukraine; 9001 in Uzbekistan."""
    assert emergency_number("101", countries=("UA",)) == "101"
    assert emergency_number("101", countries=("DE",)) is None
    assert emergency_number("9001", countries=("UZ",)) == "001"
    assert emergency_number("1301", countries=("GA",)) == "1301"


@pytest.mark.parametrize("to", ["9101", "0101", "8100", "+101", "00101", "+380101", "011380101"])
def test_an_extension_behind_an_outside_line_is_no_extension(to: str) -> None:
    """Whoever dials for an outside line leaves the PBX."""
    assert emergency_number(to)


def test_what_the_metadata_lacks_has_its_source() -> None:
    """Each further number says where it is from, and is refused."""
    for row in raw("emergency.yaml")["more"].values():
        assert row["source"]
        for number in row["numbers"].split():
            assert emergency_number(number) == number


def test_a_country_is_known_by_its_two_letters() -> None:
    """Countries come from the data file."""
    assert known_country("DE")
    assert not known_country("XX")


def test_escaping_everything_changes_nothing() -> None:
    """The form that a browser would send is refused too."""
    assert emergency_number(quote("sip:112@pbx.example", safe="")) == "112"


def test_endless_escapes_are_not_followed() -> None:
    """No gateway undoes twenty of them, and a hostile file must not keep us busy."""
    assert emergency_number("%" + "25" * 20 + "31") is None
