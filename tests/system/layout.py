"""Looks at a page as a designer would (UX.md section 5): nothing sticks out, overlaps, scrolls sideways or is too small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.async_api import Page

ROOT = Path(__file__).resolve().parents[2]
PHONE_WIDTH = 480
TARGET_DESK, TARGET_PHONE = 24, 44
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_LAYOUT = (Path(__file__).parent / "layout.js").read_text(encoding="utf-8")
_AXE = ROOT / "player" / "node_modules" / "axe-core" / "axe.min.js"


async def layout_faults(page: Page) -> list[str]:
    """What is wrong with the page as it stands now, one sentence each."""
    width = page.viewport_size["width"] if page.viewport_size else PHONE_WIDTH
    await page.evaluate("document.fonts.ready.then(() => undefined)")
    target = TARGET_PHONE if width <= PHONE_WIDTH else TARGET_DESK
    found: list[str] = await page.evaluate(f"({_LAYOUT.strip()})({{ target: {target} }})")
    return found


async def axe_faults(page: Page) -> list[str]:
    """Violations of WCAG 2.0 to 2.2, A and AA, that axe finds."""
    if not await page.evaluate("typeof globalThis.axe === 'object'"):
        await page.evaluate(_AXE.read_text(encoding="utf-8"))
    result: dict[str, Any] = await page.evaluate(
        "tags => axe.run(document, { runOnly: tags, resultTypes: ['violations'] })", AXE_TAGS
    )
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:160]} {node['failureSummary'].splitlines()[-1].strip()}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
