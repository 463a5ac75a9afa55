"""Where the tests find things: the repository, its data, the values from R."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
GOLDEN = ROOT / "tests" / "golden"
HTML = ROOT / "_build" / "html"
