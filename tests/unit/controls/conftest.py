"""The helpers of these tests stand beside them; certificates are made as for the peers."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "peers")]
