"""Figures as PNG images, for documents that cannot hold a live figure.

Needs the extra `static` (kaleido) and a Chromium or Chrome on the machine; nothing is fetched, neither a browser nor a
script. Where either is missing `figure_images` says so and the caller shows the figure's table instead.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from creditlab.errors import MissingExtraError, MissingProgramError, message
from creditlab.report.blocks import FigureBlock

__all__ = ["figure_images"]

#: pixels of a figure in a document, drawn at twice the density
WIDTH, HEIGHT, SCALE = 900, 480, 2


def figure_images(figures: Sequence[FigureBlock]) -> dict[str, bytes]:
    """The figures as PNG: id → bytes, all drawn by one browser.

    Raises
    ------
    MissingExtraError : kaleido is not installed.
    MissingProgramError : no Chromium or Chrome was found.
    """
    if not figures:
        return {}
    try:
        import kaleido
        from choreographer.errors import ChromeNotFoundError
    except ImportError:
        raise MissingExtraError("kaleido", "static", "a figure as an image") from None
    with tempfile.TemporaryDirectory() as folder:
        paths = {block.id: Path(folder) / f"{place}.png" for place, block in enumerate(figures)}
        jobs = [_job(block.figure, paths[block.id]) for block in figures]
        try:
            kaleido.write_fig_from_object_sync(jobs, kopts={"mathjax": False}, cancel_on_error=True)
        except ChromeNotFoundError:
            raise MissingProgramError(
                message(
                    "a Chromium or Chrome to draw figures", "none", "this machine", "Install one, or set BROWSER_PATH."
                )
            ) from None
        return {id: path.read_bytes() for id, path in paths.items()}


def _job(figure: Any, path: Path) -> dict[str, Any]:
    height = int(figure.layout.height or HEIGHT)
    content = figure.to_dict()
    content["layout"].pop("title", None)  # the document sets its own heading
    options = {"format": "png", "width": WIDTH, "height": height, "scale": SCALE}
    return {"fig": content, "path": str(path), "opts": options}
