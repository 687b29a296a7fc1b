"""What memory each search takes on Cora, each in a process of its own.

    python -m benchmarks.tickets.memory

GCN 2 x 512, ten epochs a stage: how many there are does not change the peak, which is
that of anonymous memory with data, model and optimiser in it. A matrix of nodes x nodes
would be 29 MB of float32 on Cora, so the same is measured on a larger graph of a block
model, where it would be 10 GB. Writes ``memory.json``.
"""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from pathlib import Path
from typing import Any

from jsonargparse import auto_cli

from benchmarks.measure import in_fresh_process
from benchmarks.record import write_record
from graphsparse.data import csbm, load
from graphsparse.engine import PeakMemory, find, resolve
from graphsparse.nn import ModelRecipe
from graphsparse.tickets import TicketSearch
from graphsparse.training import Task, Training

NODES = 50_000


def measure(method: str, graph: str) -> dict[str, Any]:
    """Peak of one search in this process, MB, and what was there before it."""
    data = load('cora') if graph == 'cora' else csbm(NODES, degree=10.0, seed=0)
    task = Task.from_data(data)
    options = {'training': Training(epochs=10), 'rounds': 2, 'draws': 5}
    fields = {f.name for f in dataclasses.fields(find(TicketSearch)[method])}  # type: ignore[type-abstract]
    search = resolve(
        TicketSearch,  # type: ignore[type-abstract]
        method,
        **{name: value for name, value in options.items() if name in fields},
    )
    sizes = data.x.size(1), task.out_channels
    with PeakMemory() as peak:
        search.search(partial(ModelRecipe('gcn').build, *sizes), task)
    return {'peak_mb': round(peak.megabytes)}


def main(method: str | None = None, graph: str = 'cora') -> None:
    """Measure one method here, or all of them in fresh processes.

    Args:
        method: Name of a search; all by default, which writes the file.
        graph: cora, or block.
    """
    if method:
        print(json.dumps(measure(method, graph)))
        return
    found: dict[str, dict[str, int]] = {}
    for name in find(TicketSearch):  # type: ignore[type-abstract]
        for kind in ('cora', 'block'):
            options = f'--method={name}', f'--graph={kind}'
            peak = in_fresh_process('benchmarks.tickets.memory', *options)['peak_mb']
            found.setdefault(name, {})[kind] = peak
            print(f'{peak:8,} MB  {name} on {kind}', flush=True)
    write_record(
        Path(__file__).with_suffix('.json'),
        'python -m benchmarks.tickets.memory',
        f'GCN 2 x 512, 10 epochs a stage; Cora, and a block model of {NODES:,} nodes',
        measured=found,
    )


if __name__ == '__main__':
    auto_cli(main)
