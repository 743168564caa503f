"""The data files say what the RFCs say, and refer only to what exists."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from probe.reference import reference as ref

DATA = Path(ref.__file__).parent / "data"
PROVIDER_FILES = sorted((DATA / "providers").glob("*.yaml"))

# RFC 3261 §21, section by section, in the order of the text.
RFC_3261 = {
    "21.1": [100, 180, 181, 182, 183],
    "21.2": [200],
    "21.3": [300, 301, 302, 305, 380],
    "21.4": [
        *(400, 401, 402, 403, 404, 405, 406, 407, 408, 410, 413, 414, 415, 416, 420, 421, 423),
        *(480, 481, 482, 483, 484, 485, 486, 487, 488, 491, 493),
    ],
    "21.5": [500, 501, 502, 503, 504, 505, 513],
    "21.6": [600, 603, 604, 606],
}
LATER = {
    199: "RFC 6228 §11.1",
    202: "RFC 6665 §8.3.1",
    204: "RFC 5839 §7.1",
    412: "RFC 3903 §11.2.1",
    417: "RFC 4412 §4.6.2",
    422: "RFC 4028 §6",
    424: "RFC 6442 §4.3",
    425: "RFC 8876 §5.1",
    428: "RFC 8224 §6.2.2",
    429: "RFC 3892 §5",
    430: "RFC 5626 §11.5",
    433: "RFC 5079 §5",
    436: "RFC 8224 §6.2.2",
    437: "RFC 8224 §6.2.2",
    438: "RFC 8224 §6.2.2",
    439: "RFC 5626 §11.6",
    440: "RFC 5393 §6.2",
    469: "RFC 6086 §11.6",
    470: "RFC 5360 §5.9.2",
    489: "RFC 6665 §8.3.2",
    494: "RFC 3329 §2.3.1",
    555: "RFC 8599 §8.1",
    580: "RFC 3312 §8",
    607: "RFC 8197 §4",
    608: "RFC 8688 §3.1",
}
# RFC 3398 §7.2.4.1; 16 becomes BYE or CANCEL, 44 is not translated, all others become 500.
CAUSE_TO_SIP = {
    **dict.fromkeys((1, 2, 3, 26), 404),
    16: None,
    17: 486,
    18: 408,
    19: 480,
    20: 480,
    21: 403,
    22: 410,
    23: 410,
    27: 502,
    28: 484,
    29: 501,
    31: 480,
    44: None,
    55: 403,
    57: 403,
    58: 503,
    65: 488,
    70: 488,
    79: 501,
    87: 403,
    88: 503,
    102: 504,
    111: 500,
    127: 500,
    **dict.fromkeys((34, 38, 41, 42, 47), 503),
}
# RFC 3398 §8.2.6.1, its misprinted second 504 read as 505.
SIP_TO_CAUSE = {
    **dict.fromkeys((401, 402, 403, 407, 603), 21),
    **dict.fromkeys((400, 481, 500, 503), 41),
    **dict.fromkeys((404, 485, 604), 1),
    **dict.fromkeys((406, 415, 501), 79),
    **dict.fromkeys((413, 414, 416, 420, 421, 423, 505, 513), 127),
    **dict.fromkeys((408, 504), 102),
    **dict.fromkeys((482, 483), 25),
    **dict.fromkeys((486, 600), 17),
    **dict.fromkeys((487, 488, 606), None),
    405: 63,
    410: 22,
    480: 18,
    484: 28,
    502: 38,
}
METHODS = {
    **dict.fromkeys(("ACK", "BYE", "CANCEL", "INVITE", "OPTIONS", "REGISTER"), "RFC 3261"),
    "INFO": "RFC 6086",
    "MESSAGE": "RFC 3428",
    "NOTIFY": "RFC 6665",
    "PRACK": "RFC 3262",
    "PUBLISH": "RFC 3903",
    "REFER": "RFC 3515",
    "SUBSCRIBE": "RFC 6665",
    "UPDATE": "RFC 3311",
}
KEYS_OF_A_MEANING = {
    *("subject", "direction", "text", "source", "causes", "note", "phrase", "suffix", "header")
}
KEYS_OF_A_PROVIDER = {
    *("name", "aliases", "date", "sources", "recognise", "requirements", "meanings", "note")
}
KEYS_OF_A_MARK = {"mark", "name", "matches", "codes", "source"}
KEYS_OF_A_REQUIREMENT = {"topic", "value", "documented", "source", "wants"}


def load(path: Path) -> Any:  # noqa: ANN401 - YAML gives what the file holds
    """Read a data file as it stands."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def all_causes_named() -> set[str]:
    """Every root-cause id that the data refers to."""
    return {
        cause_id
        for entry in (
            *ref.responses(),
            *ref.unregistered_responses(),
            *ref.q850_causes(),
            *ref.warnings(),
            *ref.headers(),
            *(m for p in ref.providers() for m in p.meanings),
        )
        for cause_id in entry.causes
    }


def test_75_codes_are_registered() -> None:
    """IANA's registry holds 75 response codes."""
    assert len(ref.responses()) == 75
    assert len(load(DATA / "responses.yaml")["registered"]) == 75


def test_50_codes_stand_in_the_section_of_rfc_3261_that_defines_them() -> None:
    """Each code of RFC 3261 names its own subsection of §21."""
    expected = {
        code: f"RFC 3261 §{section}.{place}"
        for section, codes in RFC_3261.items()
        for place, code in enumerate(codes, start=1)
    }
    assert len(expected) == 50
    found = {e.code: e.defined_in for e in ref.responses() if e.defined_in.startswith("RFC 3261")}
    assert found == expected


def test_25_codes_came_with_later_rfcs() -> None:
    """Each later code names the RFC and section that defines it."""
    found = {e.code: e.defined_in for e in ref.responses() if "RFC 3261" not in e.defined_in}
    assert found == LATER


def test_number_of_codes_of_each_rfc() -> None:
    """RFC 8224 defines four codes, RFC 5626 and RFC 6665 two each, the others one each."""
    counts = Counter(entry.defined_in.split(" §")[0] for entry in ref.responses())
    several = {rfc: n for rfc, n in counts.items() if n > 1}
    assert several == {"RFC 3261": 50, "RFC 8224": 4, "RFC 5626": 2, "RFC 6665": 2}
    assert len(counts) == 21


def test_unregistered_codes_say_so() -> None:
    """An unregistered code is told apart from the registry's, and says so itself."""
    registered = {entry.code for entry in ref.responses()}
    for entry in ref.unregistered_responses():
        assert entry.code not in registered
        assert "not a registered code" in entry.meaning
    codes = {entry.code for entry in ref.unregistered_responses()}
    assert {409, 411, *range(471, 480)} <= codes


@pytest.mark.parametrize("code", [401, 403, 404, 408, 486, 503])
def test_codes_that_turn_on_the_direction_have_directions(code: int) -> None:
    """Codes that mean another thing to a caller and a callee say both."""
    ways = {entry.direction for entry in ref.response(code).meanings}
    assert {ref.Direction.OUTBOUND, ref.Direction.INBOUND} <= ways


def test_fourteen_methods_with_their_rfc() -> None:
    """SIP has fourteen registered methods."""
    assert {m.name: m.defined_in.split(" §")[0] for m in ref.methods()} == METHODS


def test_six_classes_tell_provisional_from_final() -> None:
    """Only 1xx is provisional; every example belongs to its class."""
    classes = [ref.response_class(f"{n}xx") for n in range(1, 7)]
    assert [kind is not None and kind.final for kind in classes] == [False] + [True] * 5
    for kind in classes:
        assert kind is not None
        for code in kind.examples:
            assert ref.response(code).response_class == kind.name
            assert ref.response(code).registered


@pytest.mark.parametrize("cause", range(1, 128))
def test_q850_to_sip_is_rfc_3398(cause: int) -> None:
    """Each cause becomes the response of RFC 3398 §7.2.4.1, or 500 by its default."""
    assert ref.q850(cause).sip == CAUSE_TO_SIP.get(cause, 500)


@pytest.mark.parametrize("code", [e.code for e in ref.responses() if e.code >= 400])
def test_sip_to_q850_is_rfc_3398(code: int) -> None:
    """Each failure becomes the cause of RFC 3398 §8.2.6.1, or 31 by its default."""
    assert ref.q850_for(code) == SIP_TO_CAUSE.get(code, 31)


def test_q850_lists_only_mappings_that_differ() -> None:
    """A product is listed beside a cause only where it departs from the RFC."""
    for entry in ref.q850_causes():
        for stack, code in entry.stacks:
            assert code != str(entry.sip), (entry.cause, stack)
        for stack, codes in entry.read_by:
            for code in codes:
                assert ref.q850_for(code) != entry.cause, (entry.cause, stack)


def test_products_read_only_causes_that_have_a_name() -> None:
    """No product's reading is lost because the cause is not listed."""
    for table in load(DATA / "q850.yaml")["stacks_read_sip"].values():
        assert all(ref.q850(cause).named for cause in table)


def test_warn_codes_are_those_of_the_rfcs() -> None:
    """RFC 3261 defines twelve warn-codes and RFC 5630 two."""
    defined = {w.code: w.defined_in for w in ref.warnings() if w.registered}
    of_5630 = {code for code, where in defined.items() if where == "RFC 5630 §9"}
    assert of_5630 == {380, 381}
    assert set(defined) - of_5630 == {*range(300, 308), 330, 331, 370, 399}


def test_retry_after_goes_with_the_codes_that_rfc_3261_names() -> None:
    """RFC 3261 §20.33 allows Retry-After on eight codes."""
    header = ref.header("retry-after")
    assert header is not None
    assert header.read_with == (404, 413, 480, 486, 500, 503, 600, 603)


def test_every_cause_that_is_named_exists() -> None:
    """No id in the data points nowhere."""
    assert all_causes_named() <= {cause.id for cause in ref.causes()}


def test_root_causes_are_numbered_without_a_gap() -> None:
    """The ids run from F001 to F186."""
    assert [cause.id for cause in ref.causes()] == [f"F{n:03d}" for n in range(1, 187)]


def test_look_alikes_of_root_causes_exist() -> None:
    """A look-alike with an id is a root cause, and never the cause itself."""
    ids = {cause.id for cause in ref.causes()}
    for cause in ref.causes():
        assert {twin.cause for twin in cause.look_alikes} <= ids - {cause.id} | {None}


@pytest.mark.parametrize("path", PROVIDER_FILES, ids=lambda path: path.stem)
def test_provider_file_has_no_stray_word(path: Path) -> None:
    """A misspelt key would be passed over in silence, so every key is known."""
    data = load(path)
    assert set(data) <= KEYS_OF_A_PROVIDER
    for row in data["meanings"]:
        assert set(row) <= KEYS_OF_A_MEANING, row["text"]
        assert row["source"] in data["sources"], row["text"]
    for row in data["recognise"]:
        assert set(row) <= KEYS_OF_A_MARK, row
        assert row["source"] in data["sources"], row
    for row in data.get("requirements", ()):
        assert set(row) <= KEYS_OF_A_REQUIREMENT, row
        assert ("source" in row) is row["documented"], row


@pytest.mark.parametrize("entry", ref.providers(), ids=lambda provider: provider.name)
def test_provider_rows_have_source_and_date(entry: ref.Provider) -> None:
    """What a provider is said to say names its page and the state of it."""
    assert re.fullmatch(r"20\d\d-\d\d", entry.date)
    for meaning in entry.meanings:
        assert meaning.source
        assert meaning.date == entry.date
        assert meaning.provider == entry.name
        re.compile(meaning.phrase or "")
        re.compile(meaning.header[1] if meaning.header else "")


@pytest.mark.parametrize("entry", ref.providers(), ids=lambda provider: provider.name)
def test_provider_is_found_by_each_of_its_names(entry: ref.Provider) -> None:
    """A provider's name and aliases all lead to it and to no other."""
    for name in (entry.name, *entry.aliases):
        assert ref.provider(name) is entry


def test_providers_that_were_read_are_all_there() -> None:
    """Each provider whose pages were read has its file."""
    wanted = [
        "SIP.US",
        "ninja",
        "Twilio",
        "Telnyx",
        "Bandwidth",
        "Flowroute",
        "bcmone",
        "Plivo",
        "Vonage",
        "Commio",
        "DIDWW",
        "VoiceHost",
        "ConnexCS",
        "Zoom",
        "Teams",
        "aws",
        "livekit",
        "Exotel",
        "easybell",
        "sipcity",
        "jola",
        "zapappi",
        "PhoneIQ",
        "A1Routes",
        "Kazoo",
        "connexo",
        "Alibaba",
        "VoIP.ms",
        "vbuzzer",
        "BAS-IP",
        "SignalWire",
    ]
    assert [name for name in wanted if ref.provider(name) is None] == []


def test_provider_without_a_page_says_so() -> None:
    """For VoIP.ms no page was found; the reference says that instead of guessing."""
    entry = ref.provider("voip.ms")
    assert entry is not None
    assert entry.meanings == ()
    assert entry.note is not None
    assert entry.note.startswith("Nothing found")
