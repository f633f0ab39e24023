"""A page in headless Chromium without a network, driven step by step; what its console says is kept."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any


async def _visit(path: Path, steps: Sequence[str], pdf: Path | None) -> tuple[list[Any], list[str]]:
    import choreographer

    said: list[str] = []

    async def heard(message: dict[str, Any]) -> None:
        details = message["params"]
        said.append(str(details.get("exceptionDetails") or details.get("entry") or details.get("args")))

    async with choreographer.Browser(headless=True) as browser:
        tab = await browser.create_tab("about:blank")
        for event in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            tab.subscribe(event, heard)
        for domain in ("Runtime", "Log", "Page", "Network"):
            await tab.send_command(f"{domain}.enable")
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        await tab.send_command("Network.emulateNetworkConditions", params=offline)
        await tab.send_command("Page.navigate", params={"url": path.as_uri()})
        found = [
            await _evaluate(tab, step)
            for step in ["new Promise((r) => setTimeout(() => r(document.readyState), 2500))", *steps]
        ]
        if pdf is not None:
            printed = await tab.send_command(
                "Page.printToPDF", params={"printBackground": True, "preferCSSPageSize": True}
            )
            pdf.write_bytes(base64.b64decode(printed["result"]["data"]))
    return found[1:], said


async def _evaluate(tab: Any, expression: str) -> Any:
    asked = {"expression": expression, "awaitPromise": True, "returnByValue": True, "userGesture": True}
    answer = await tab.send_command("Runtime.evaluate", params=asked)
    assert "exceptionDetails" not in answer["result"], answer["result"]
    return answer["result"]["result"].get("value")


def visit(path: Path, steps: Sequence[str], pdf: Path | None = None) -> tuple[list[Any], list[str]]:
    """Open a page, evaluate the steps one after the other, print it; what each step gave, and what the console said."""
    return asyncio.run(_visit(path, steps, pdf))
