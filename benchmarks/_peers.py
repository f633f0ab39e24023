"""Other libraries to measure against, in a folder of their own: they are no dependency of creditlab."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "build" / "peers"
#: what each needs beside the packages that creditlab itself installs
PACKAGES = {
    "optbinning": [
        "optbinning==1.0.0", "ortools", "ropwr", "cvxpy", "osqp", "scs", "clarabel", "qdldl", "protobuf", "absl-py",
        "immutabledict", "matplotlib", "contourpy", "cycler", "fonttools", "kiwisolver", "pillow", "pyparsing",
    ],
    "esda": ["esda==2.9.0", "libpysal==4.14.1", "geopandas", "shapely", "pyproj", "pyogrio", "certifi"],
    "samplics": ["samplics==0.6.1", "polars", "polars-runtime-32"],
}  # fmt: skip


def peer_path(name: str) -> str | None:
    """The folder that `name` can be imported from ('' where it is installed beside us); None where it cannot be had."""
    if importlib.util.find_spec(name):
        return ""
    folder = FOLDER / name
    if not (folder / name).is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run([*install, "--target", str(folder), *PACKAGES[name]], capture_output=True, text=True)
        if done.returncode:
            return None
    return str(folder)
