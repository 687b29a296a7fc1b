import json

import pytest
import torch
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.experiments import Problem, Run, grid, run_grid
from graphsparse.nn import ModelRecipe
from graphsparse.pruning import Ticket
from graphsparse.tickets import Dense, Teddy
from graphsparse.training import Training

SHORT = Training(epochs=3)
PROBLEM = Problem('digits', ModelRecipe('gcn', hidden_channels=8))


def runs(seeds=(0, 1)):
    teddy = Teddy(0.3, 0.5, training=SHORT)
    return [
        Run(label, method, seed, f'{label}-{seed}.safetensors')
        for seed in seeds
        for label, method in (('dense', Dense(SHORT)), ('teddy', teddy))
    ]


def without_times(row):
    times = ('seconds', 'epoch_seconds', 'peak_rss_mb', 'out')
    return {k: v for k, v in row.items() if k not in times}


def test_a_rerun_does_only_what_is_missing(tmp_path):
    first = run_grid('ticket', PROBLEM, runs(), tmp_path)
    lines = (tmp_path / 'results.jsonl').read_text()
    assert run_grid('ticket', PROBLEM, runs(), tmp_path) == first
    assert (tmp_path / 'results.jsonl').read_text() == lines
    more = run_grid('ticket', PROBLEM, runs((0, 1, 2)), tmp_path)
    assert more[:4] == first and len(more) == 6
    # A cut-off line and a lost ticket are done again, to the same result.
    cut = lines.splitlines()
    (tmp_path / 'results.jsonl').write_text('\n'.join(cut[:3]) + '\n' + cut[3][:50])
    (tmp_path / 'dense-0.safetensors').unlink()
    (tmp_path / 'checkpoints' / first[1]['key']).mkdir(
        parents=True
    )  # of one that ended
    again = run_grid('ticket', PROBLEM, runs(), tmp_path)
    assert [*map(without_times, again)] == [*map(without_times, first)]
    assert not (tmp_path / 'checkpoints').exists()


def test_rows_hold_what_was_found(tmp_path):
    rows = run_grid('ticket', PROBLEM, runs((4,)), tmp_path)
    for row in map(json.loads, (tmp_path / 'results.jsonl').read_text().splitlines()):
        ticket = Ticket.load(row['out'])
        assert row['test_mean'] == ticket.facts['test']
        assert row['val_mean'] == ticket.facts['val']
        assert row['seeds'] == [4] == [ticket.facts['seed']]
        assert row['graph_sparsity'] == ticket.graph_sparsity
    dense, teddy = rows
    assert dense['nonzero'] == dense['parameters'] == 8 * (64 + 10)
    assert teddy['nonzero'] == 8 * 74 // 2
    assert teddy['arcs_kept'] == 2 * teddy['edges_kept'] < dense['arcs_kept']
    assert teddy['macs'] == 1797 * teddy['nonzero'] + 16 * teddy['arcs_kept']


def test_keys_tell_apart_all_that_matters():
    run = runs()[1]
    key = run.key(PROBLEM)
    others = [
        Run('random', run.method, 0, run.file).key(PROBLEM),
        Run('teddy', Teddy(0.31, 0.5, training=SHORT), 0, run.file).key(PROBLEM),
        Run('teddy', Teddy(0.3, 0.5), 0, run.file).key(PROBLEM),
        Run('teddy', run.method, 1, run.file).key(PROBLEM),
        run.key(Problem('cora', PROBLEM.model)),
        run.key(Problem('digits', ModelRecipe('gin', hidden_channels=8))),
    ]
    assert len({key, *others}) == 7
    assert key == run.key(Problem('digits', PROBLEM.model, root='/elsewhere'))


def test_the_teacher_is_the_dense_run_of_that_seed(tmp_path):
    """Reused or trained again, it is the same to the bit."""
    together = run_grid('ticket', PROBLEM, runs((0,)), tmp_path / 'a')[1]
    alone = run_grid('ticket', PROBLEM, runs((0,))[1:], tmp_path / 'b')[0]
    assert without_times(together) == without_times(alone)


def test_splits_by_seed():
    assert Problem('cora').split(7) == 0
    assert Problem('texas').split(13) == 3
    assert Problem('dblp').split(13) == 13


def test_a_device_that_is_not_there():
    with pytest.raises(InputError, match="'gpu9' cannot be used"):
        Problem(device='gpu9').torch_device()


def test_a_data_set_of_links_is_refused_in_one_sentence(monkeypatch):
    pairs = dict.fromkeys(('train_pos', 'val_pos', 'val_neg', 'test_pos', 'test_neg'))
    for place, key in enumerate(pairs):
        pairs[key] = torch.tensor([[place], [place + 1]])
    links = Data(edge_index=pairs['train_pos'], num_nodes=6, **pairs)
    monkeypatch.setattr(grid, 'load', lambda *_: links)
    with pytest.raises(InputError, match="'ogbl-ddi' is no set of labelled nodes"):
        Problem('ogbl-ddi').task(0)
