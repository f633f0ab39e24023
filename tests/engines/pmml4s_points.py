"""Runs in the environment of the engines: a PMML file and rows as JSON in, what PMML4S answers as JSON out."""

import sys
from pathlib import Path

from pypmml import Model

pmml, rows, out = sys.argv[1:]
Path(out).write_text(Model.load(pmml).predict(Path(rows).read_text(encoding="utf-8")), encoding="utf-8")
