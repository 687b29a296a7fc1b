"""Writes the tables of ``docs/performance.md`` from what the benchmarks printed.

python -m benchmarks.kernels --json | tail -1 > benchmarks/kernels.json
python -m benchmarks.scaling --json | tail -1 > benchmarks/scaling.json
python -m benchmarks.tables
"""

from __future__ import annotations

import json
import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent / 'docs' / 'performance.md'


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all but the first column to the right."""
    lines = [head, ['---', *['---:'] * (len(head) - 1)], *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def kernels_table(data: dict) -> str:
    """Every figure, its bar, and whether it is reached."""
    rows = []
    for figure in data['figures']:
        bar, verdict = '', ''
        if figure['bar'] is not None:
            bar = f'{"at most" if figure["at_most"] else "at least"} {figure["bar"]:g}'
            verdict = '**falls short**' if figure['falls_short'] else 'reached'
        rows.append([figure['name'], f'{figure["ratio"]:.2f}', bar, verdict])
    return table(['figure', 'measured', 'bar', ''], rows)


def scaling_table(data: dict) -> str:
    """Cost of each op by number of arcs."""
    sizes = list(data['cost']['spmm'])
    rows = [
        [name, *(f'{cost[size]:.1f}' if size in cost else '' for size in sizes)]
        for name, cost in data['cost'].items()
    ]
    return table(['ns an arc', *(f'{float(s):.0e} arcs' for s in sizes)], rows)


def main() -> None:
    """Put every table between its marks."""
    page = PAGE.read_text()
    for name, make in (('kernels', kernels_table), ('scaling', scaling_table)):
        text = make(json.loads((HERE / f'{name}.json').read_text()))
        marks = rf'(<!-- {name} -->\n).*?(<!-- end -->)'
        page = re.sub(marks, lambda m, t=text: m[1] + t + '\n' + m[2], page, flags=re.S)
    PAGE.write_text(page)


if __name__ == '__main__':
    main()
