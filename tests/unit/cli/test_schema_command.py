"""`sipprobe schema`: what editors and other tools check with."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from commandline import Ended, HandingOut

Sipprobe = Callable[..., Ended]


@pytest.mark.parametrize("what", ["scenario", "settings", "report"])
def test_each_kind_is_a_valid_schema(sipprobe: Sipprobe, what: str) -> None:
    """It is JSON, and a schema of the draft that it names."""
    ended = sipprobe("schema", what)
    assert ended.status == 0
    schema = json.loads(ended.out)
    jsonschema.validators.validator_for(schema).check_schema(schema)


def test_scenario_is_meant_where_nothing_is_said(sipprobe: Sipprobe) -> None:
    """Editors want that one."""
    assert sipprobe("schema").out == sipprobe("schema", "scenario").out


def test_kinds_differ(sipprobe: Sipprobe) -> None:
    """Three kinds of file, three schemas."""
    kinds = ("scenario", "settings", "report")
    assert len({sipprobe("schema", what).out for what in kinds}) == 3


def test_printed_report_fits_its_schema(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """What --format json prints is what the schema says."""
    schema = json.loads(sipprobe("schema", "report").out)
    jsonschema.validate(json.loads(sipprobe("run", "--format", "json").out), schema)


def test_other_word_is_wrong_usage(sipprobe: Sipprobe) -> None:
    """The kinds are named."""
    ended = sipprobe("schema", "verdict")
    assert ended.status == 2
    assert "scenario" in ended.err
    assert "settings" in ended.err
