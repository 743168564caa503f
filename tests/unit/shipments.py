"""What a run sends to its sites, for tests."""

from pathlib import Path

from probe import __version__
from probe.fleet.shipment import Shipment
from probe.plan.plan import Plan
from probe.plan.resolve import resolve
from probe.scenario.loader import load_scenario, load_settings

HERE = Path("/nowhere/at/all")
"""A folder of the user's machine that no site has."""

SETTINGS = b"""trunks:
  far: {uri: "sip:100@192.0.2.7", password: "${PW_FAR}", registers: off}
"""

SCENARIO = b"""trunk: far
at_site: ${SITE}
data: numbers.csv
steps:
  - call: ${NUMBER}
"""

TABLE = b"SITE,NUMBER\nfra,+12025550101\nlon,+12025550102\n"


def shipment(run: str = "a-run", version: str = __version__, **changes: bytes) -> Shipment:
    """Return a shipment of two rows; `changes` replace settings, scenario or table."""
    return Shipment(
        run=run,
        version=version,
        here=str(HERE),
        files={
            str(HERE / "sipprobe.yaml"): changes.get("settings", SETTINGS),
            str(HERE / "all.sip.yaml"): changes.get("scenario", SCENARIO),
            str(HERE / "numbers.csv"): changes.get("table", TABLE),
        },
        scenarios=(str(HERE / "all.sip.yaml"),),
        config=str(HERE / "sipprobe.yaml"),
        variables={},
        environ={},
        trunk=None,
        cps=None,
        controls=False,
    )


def plan_with(caps: str, calls: int = 1) -> Plan:
    """Return a plan of so many calls through a trunk with caps."""
    settings = load_settings(
        Path("sipprobe.yaml"),
        variables={},
        environ={},
        written=f'trunks: {{far: {{uri: "sip:100@192.0.2.7", caps: {caps}}}}}'.encode(),
    )
    steps = "".join(f'  - call: "+1202555010{n}"\n    hangup_after: 1s\n' for n in range(calls))
    scenario = load_scenario(
        Path("one.sip.yaml"),
        variables={},
        environ={},
        written=f"trunk: far\nsteps:\n{steps}".encode(),
    )
    return resolve(scenario, settings)
