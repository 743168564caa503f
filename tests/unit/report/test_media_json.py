"""The media report in the JSON report: every field, absent facts as null, and its schema."""

import jsonschema
from reportbuilder import finding
from wirebuilder import answered_call

from probe.report.json_report import finding_to_json, json_schema
from probe.report.media_json import OF_THE_FIRST_VERSION, media_to_json, stream_schema
from probe.trace.media import Gap, MediaReport, PayloadType


def test_every_field_has_its_line_in_the_schema() -> None:
    """A field that joins the report joins the JSON and its schema, described."""
    properties = stream_schema()["properties"]
    assert set(properties) == {*MediaReport.__struct_fields__} - {"call_id"}
    assert all("description" in schema for schema in properties.values())
    assert set(OF_THE_FIRST_VERSION) <= set(properties)


def test_absent_facts_are_null_and_parts_are_objects() -> None:
    """An empty text is no address, a number that is none no figure."""
    gap, kind = Gap(at=1.0, length_s=0.25), PayloadType(number=0, packets=5, codec="PCMU")
    trace = answered_call().media(
        rx_gaps=(gap,), rx_payload_types=(kind,), rx_jitter_s=float("nan"), local=""
    )
    told = media_to_json(trace.trace().media[0], lambda text: text)
    assert (told["local"], told["rx_jitter_s"], told["mos"]) == (None, None, None)
    assert told["rx_gaps"] == [{"at": 1.0, "length_s": 0.25}]
    assert told["rx_payload_types"] == [{"number": 0, "packets": 5, "codec": "PCMU"}]


def test_a_report_of_a_call_with_sound_keeps_to_the_schema() -> None:
    """The finding as a whole is what the schema says."""
    trace = answered_call().media(mos=4.2, rx_gaps=(Gap(at=1.0, length_s=0.25),)).trace()
    schema = {**json_schema(), "$ref": "#/properties/findings/items"}
    for key in ("type", "properties", "required"):
        del schema[key]
    whole = json_schema()
    schema = {"$defs": whole["$defs"], **whole["properties"]["findings"]["items"]}  # type: ignore[index]
    jsonschema.validate(finding_to_json(finding(trace)), schema)
