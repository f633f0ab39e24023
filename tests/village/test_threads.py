"""The same bytes at one thread and at two: no result rests on the order in which threads add up."""

from __future__ import annotations

import os
import subprocess
import sys

CODE = """
import numpy as np, pandas as pd
from creditlab.results import digest
from creditlab.village import context_drivers, crossed_effects, expected, village_gap
from creditlab.village.calibration import calibrate, expit
rng = np.random.default_rng(0)
village = np.repeat(np.arange(400), 30)
officer = (village // 4 + rng.integers(0, 3, len(village))) % 100
base = rng.normal(-2.6, 0.7, len(village))
bad = (rng.random(len(village)) < expit(base + rng.normal(0, 0.4, 400)[village])).astype(int)
crossed = crossed_effects(bad, expit(base), village, {"officer": officer})
sums = expected(bad, expit(base), village).tidy()
facts = pd.DataFrame(rng.normal(size=(400, 10)))
drivers = context_drivers(sums["observed"], sums["expected"], facts, sums["variance"], block=np.arange(400) // 10)
phi = pd.DataFrame(rng.normal(size=(len(village), 12)))
gap = village_gap(bad, expit(base), village, phi, covariance=np.eye(12) * 0.01)
stored = [result.to_dict() for result in (crossed, drivers, gap)]
print(digest(*stored, crossed.villages, gap.parts, calibrate(expit(base), bad).prob))
"""


def test_the_same_bytes_at_one_and_two_threads() -> None:
    seen = set()
    for threads in ("1", "2"):
        env = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        run = subprocess.run(
            [sys.executable, "-c", CODE], env=env, capture_output=True, text=True, encoding="utf-8", check=True
        )
        seen.add(run.stdout)
    assert len(seen) == 1
