"""`python -m benchmarks` runs every benchmark; `--list` names them; a name runs one with its own options."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks


def programs() -> dict[str, str]:
    """Name and first line of every benchmark beside this file."""
    names = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))
    return {name: _first_line(name) for name in names}


def _first_line(name: str) -> str:
    return (importlib.import_module(f"benchmarks.{name}").__doc__ or "").strip().splitlines()[0]


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
