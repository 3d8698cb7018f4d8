"""The delivery benchmark as one self-contained page: a table, bars, lines; light or dark as the reader likes it. Rules only."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from loadtests.bench.comparison import Line, Row

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#59636e;--bar:#2f6fde;--grid:#d0d7de;--page:#fff;--two:#c2410c}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9198a1;--bar:#6ea8fe;--grid:#3d444d;--page:#0d1117;--two:#fb923c}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{padding:.3rem .5rem;border-bottom:1px solid var(--grid);text-align:right}
td:first-child,th:first-child{text-align:left}svg{width:100%;height:auto}text{fill:var(--ink);font-size:13px}
.dim{fill:var(--dim);color:var(--dim)}.bar{fill:var(--bar)}.grid{stroke:var(--grid)}
.l0{stroke:var(--bar);fill:var(--bar)}.l1{stroke:var(--two);fill:var(--two)}.l2{stroke:var(--dim);fill:var(--dim)}
"""
_WIDTH, _ROW = 720, 26
_HEADS = (
    "way",
    "viewers",
    "Mbit/s",
    "CPU s per viewer-hour",
    "viewers per core",
    "to loop",
    "p50 ms",
    "p99 ms",
    "kB each",
)


def page(title: str, about: Sequence[str], rows: Sequence[Row], lines: Sequence[Line], titles: dict[str, str]) -> str:
    words = "".join(f"<p class=dim>{escape(one)}</p>" for one in about)
    named = [(titles.get(row.way, row.way), row) for row in rows]
    parts = [_table(named)]
    if rows:
        parts += ["<h2>Viewers per core</h2>", bars([(name, row.viewers_per_core) for name, row in named])]
        parts += ["<h2>Part delay, p99, ms</h2>", bars([(name, row.delay_p99_ms) for name, row in named])]
    if lines:
        parts += ["<h2>Cores by viewers</h2>", plot(lines, titles)]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>{words}{''.join(parts)}</html>"
    )


def bars(values: Sequence[tuple[str, float]]) -> str:
    """Horizontal bars with their numbers."""
    most = max((value for _, value in values), default=0.0) or 1.0
    drawn = []
    for number, (name, value) in enumerate(values):
        y, long = number * _ROW, 360 * value / most
        drawn.append(
            f"<text x=0 y={y + 17}>{escape(name)}</text><rect class=bar x=250 y={y + 5} width={long:.1f} height=16 rx=3 />"
            f"<text x={256 + long:.1f} y={y + 17}>{value:,.4g}</text>"
        )
    return f"<svg viewBox='0 0 {_WIDTH} {_ROW * len(values)}' role=img>{''.join(drawn)}</svg>"


def plot(lines: Sequence[Line], titles: dict[str, str]) -> str:
    """Measured points and the line through them."""
    far = max(n for line in lines for n, _ in line.measured)
    high = max(c for line in lines for _, c in line.measured) * 1.1 or 1.0

    def at(viewers: float, cores: float) -> tuple[float, float]:
        return 60 + 620 * viewers / far, 300 - 270 * cores / high

    drawn = []
    for step in range(5):
        x, y = at(far * step / 4, high * step / 4)
        drawn.append(
            f"<line class=grid x1=60 x2=680 y1={y:.0f} y2={y:.0f} /><text x=10 y={y + 4:.0f}>{high * step / 4:.2f}</text>"
        )
        drawn.append(f"<text x={x - 12:.0f} y=320>{far * step / 4:.0f}</text>")
    for number, line in enumerate(lines):
        (x1, y1), (x2, y2) = at(0, line.fixed), at(far, line.fixed + far * line.per_viewer)
        look = f"class=l{number % 3}"
        drawn.append(f"<line {look} x1={x1:.0f} y1={y1:.0f} x2={x2:.0f} y2={y2:.0f} stroke-width=2 />")
        drawn += [f"<circle {look} cx={at(*point)[0]:.0f} cy={at(*point)[1]:.0f} r=4 />" for point in line.measured]
        drawn.append(
            f"<text {look} x=80 y={24 + 18 * number} stroke=none>{escape(titles.get(line.way, line.way))}</text>"
        )
    return f"<svg viewBox='0 0 {_WIDTH} 330' role=img>{''.join(drawn)}</svg>"


def _table(named: Sequence[tuple[str, Row]]) -> str:
    body = []
    for name, row in named:
        ratio = f"{row.to_loop:.2f}" if row.to_loop is not None else "-"
        cells = [
            name,
            f"{row.viewers}",
            f"{row.mbit_s:.0f}",
            f"{row.cpu_s_per_viewer_hour:.3f}",
            f"{row.viewers_per_core:.0f}",
        ]
        cells += [ratio, f"{row.delay_p50_ms:.1f}", f"{row.delay_p99_ms:.1f}", f"{row.kb_per_viewer:.1f}"]
        body.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{escape(one)}</th>" for one in _HEADS)
    return f"<table><tr>{head}</tr>{''.join(body)}</table>"
