"""Where the repository and the reference documentation are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLOUDPSS = ROOT.parent / "shared" / "corpora" / "cloudpss-docs"
