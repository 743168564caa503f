"""Sites as network namespaces; what is used of the tests with peers is found here as well."""

import sys
from pathlib import Path

for _name in ("peers", "faults"):
    sys.path.insert(0, str(Path(__file__).parents[1] / _name))
