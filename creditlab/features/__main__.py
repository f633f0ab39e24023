"""Writes docs/features.md from the plan: `python -m creditlab.features docs/features.md`."""

from __future__ import annotations

import sys
from pathlib import Path

from creditlab.features.plan import catalogue_page

if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else "docs/features.md").write_text(
        catalogue_page(), encoding="utf-8", newline="\n"
    )
