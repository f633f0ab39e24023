"""`python -m benchmarks` runs every benchmark; `--list` names them; a name runs one with its own options."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path


def programs() -> dict[str, str]:
    """Name and first line of every benchmark beside this file."""
    files = sorted(p for p in Path(__file__).parent.glob("*.py") if not p.name.startswith("_"))
    return {p.stem: _first_line(p) for p in files}


def _first_line(path: Path) -> str:
    """Read, not imported: what one benchmark loads must not be warm when another is timed."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def main(arguments: list[str]) -> int:
    """Run all, list, or run one; 2 for a name that is not there."""
    found = programs()
    if arguments[:1] == ["--list"]:
        print("\n".join(f"{name:12s} {line}" for name, line in found.items()))
        return 0
    if not arguments:
        return max((importlib.import_module(f"benchmarks.{name}").main([]) for name in found), default=0)
    name, *options = arguments
    if name not in found:
        print(f"Expected one of {', '.join(found)}; got {name!r}. See: python -m benchmarks --list", file=sys.stderr)
        return 2
    return importlib.import_module(f"benchmarks.{name}").main(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
