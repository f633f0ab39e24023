"""Draws the picture of the README from a study of the sample county. Needs the extra 'static' and a Chromium.

Run it from the checkout: python docs/picture.py
"""

from __future__ import annotations

from pathlib import Path

import creditlab as cl

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Write docs/images/villages.svg."""
    study = cl.run_study(cl.read_county(HERE.parent / "data" / "sample"), name="sample")
    figure = study.plot.caterpillar(most=15)
    figure.write_image(HERE / "images" / "villages.svg", width=900, height=520)


if __name__ == "__main__":
    main()
