import json
from dataclasses import replace

from graphsparse.experiments import Problem, run_grid
from graphsparse.experiments.grid import run_key
from graphsparse.nn import ModelRecipe
from graphsparse.pruning import Ticket
from graphsparse.tickets import Teddy
from tests.experiments.test_grid import PROBLEM, SHORT, runs, without_times


def test_rows_hold_what_was_found(tmp_path):
    rows = run_grid('ticket', runs((4,)), tmp_path)
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
    key = run_key(run)
    others = [
        replace(run, label='random'),
        replace(run, method=Teddy(0.31, 0.5, training=SHORT)),
        replace(run, method=Teddy(0.3, 0.5)),
        replace(run, seed=1),
        replace(run, keep_parameters=0.5),
        replace(run, problem=replace(PROBLEM, dataset='cora')),
        replace(run, problem=Problem('digits', model=ModelRecipe('gin', 8))),
    ]
    assert len({key, *map(run_key, others)}) == 8
    elsewhere = replace(PROBLEM, root='/elsewhere', device='cpu')
    assert key == run_key(replace(run, problem=elsewhere))


def test_the_teacher_is_the_dense_run_of_that_seed(tmp_path):
    """Reused or trained again, it is the same to the bit."""
    together = run_grid('ticket', runs((0,)), tmp_path / 'a')[1]
    alone = run_grid('ticket', runs((0,))[1:], tmp_path / 'b')[0]
    assert without_times(together) == without_times(alone)
