"""With which version a key of scenario files and of sipprobe.yaml came.

`since.json` beside this file holds the keys of versions that were released, as `Model.key`. A key
that it does not hold comes with the version that is being made.
`python -m docs.making.since`, said once in a release, writes those down.
"""

import json
from pathlib import Path

from docs.making.models import MODELS
from probe import __version__
from probe.scenario.written import Written

FILE = Path(__file__).with_name("since.json")


def since(model: str, key: str) -> str:
    """Return the version with which a key of a model came."""
    return _recorded().get(f"{model}.{key}", __version__)


def _keys(model: type[Written]) -> tuple[str, ...]:
    return model.keys()


def _recorded() -> dict[str, str]:
    recorded: dict[str, str] = json.loads(FILE.read_text(encoding="utf-8"))
    return recorded


def main() -> None:
    """Write down the keys that the present version brings."""
    keys = {f"{model.__name__}.{key}" for model in MODELS for key in _keys(model)}
    known = _recorded()
    FILE.write_text(
        json.dumps({**dict.fromkeys(sorted(keys), __version__), **known}, indent=1) + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
