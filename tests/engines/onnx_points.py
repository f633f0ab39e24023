"""Runs in the environment of the engines: an ONNX file and columns as JSON in, the points as JSON out."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

model, columns, out = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
given = json.loads(Path(columns).read_text(encoding="utf-8"))
kinds = {"tensor(string)": object, "tensor(double)": np.float64}
feed = {x.name: np.array(given[x.name], dtype=kinds[x.type]).reshape(-1, 1) for x in session.get_inputs()}
points = session.run(["points"], feed)[0]
Path(out).write_text(json.dumps(points.reshape(-1).tolist()), encoding="utf-8")
