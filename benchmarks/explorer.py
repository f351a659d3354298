"""The page in a headless Chromium: `python -m benchmarks.explorer` prints its size, first picture and frame times.

While the point of the phase diagram is dragged, every frame solves for all stationary points anew and computes
200 x 200 losses and their contour lines. The work of a frame is what the page's own thread does between the event and
the picture; 60 frames a second leave 16.7 ms for it. On a machine that does something else, too, look at the lower
numbers.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from explorer.browser import Browser, executable

from analytic import explore

WIDTHS = (400, 1280, 2560)

#: Drags the point around for 300 frames; gives the 10th, 50th and 95th percentile of the milliseconds of work.
DRAG = """
(async () => {
  const canvas = document.querySelector("canvas");
  const box = canvas.getBoundingClientRect();
  const times = [];
  for (let k = 0; k < 300; k++) {
    await new Promise(requestAnimationFrame);
    const start = performance.now();
    canvas.dispatchEvent(new PointerEvent("pointermove", {
      buttons: 1, bubbles: true,
      clientX: box.left + box.width * (0.5 + 0.4 * Math.sin(k / 40)),
      clientY: box.top + box.height * (0.5 + 0.4 * Math.cos(k / 27)),
    }));
    const asked = performance.now() - start;
    const drawn = await new Promise((resolve) => requestAnimationFrame((begin) => resolve([begin, performance.now()])));
    times.push(asked + drawn[1] - drawn[0]);
  }
  return times.slice(50).sort((a, b) => a - b);
})()
"""


def main() -> None:
    """Prints the figures."""
    path = executable()
    if path is None:
        raise SystemExit("no Chromium on this machine")
    with tempfile.TemporaryDirectory() as folder, Browser(path) as browser:
        page = Path(folder) / "page.html"
        explore().save(page)
        print(f"size {page.stat().st_size / 1e3:.0f} kB")
        for width in WIDTHS:
            _measure(browser, page, width)


def _measure(browser: Browser, page: Path, width: int) -> None:
    tab = browser.open(page.as_uri(), width=width, height=1000)
    tab.wait_for("!!document.querySelector('tbody tr')")
    shown = tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    ready = tab.evaluate("performance.getEntriesByName('landscape')[0].startTime")
    times = tab.evaluate(DRAG)
    low, middle, high = (times[int(share * len(times))] for share in (0.1, 0.5, 0.95))
    print(
        f"{width:5} px: first picture {shown:.0f} ms, landscape {ready:.0f} ms; "
        f"frame of a drag {low:.1f} / {middle:.1f} / {high:.1f} ms (10, 50, 95 %)"
    )
    tab.close()


if __name__ == "__main__":
    main()
