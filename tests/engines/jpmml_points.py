"""Runs in the environment of the engines: a PMML file and rows as JSON in, what JPMML answers as JSON out."""

import json
import sys
from pathlib import Path

from jpmml_evaluator import make_evaluator

pmml, rows, out = sys.argv[1:]
evaluator = make_evaluator(pmml, backend="jpype").verify()
found = [evaluator.evaluate(row) for row in json.loads(Path(rows).read_text(encoding="utf-8"))]
Path(out).write_text(json.dumps([{k: v for k, v in row.items() if k} for row in found]), encoding="utf-8")
