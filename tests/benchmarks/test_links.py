import json

import pytest

from benchmarks import links
from benchmarks.figures import blocks
from graphsparse.engine import InputError
from graphsparse.experiments import run_grid
from graphsparse.nn import HEURISTICS
from graphsparse.pruning.edges.random import RandomScore
from graphsparse.tickets import UGS

# Nets that have hardly learned score many pairs alike.
pytestmark = pytest.mark.filterwarnings('ignore:.*Hits@K counts a tie')


def test_every_row_stands_for_every_seed():
    runs = links.runs_of('cora', 2)
    rows = {*HEURISTICS, *links.methods_of('cora')}
    assert {(run.label, run.seed) for run in runs} == {
        (row, seed) for row in rows for seed in (0, 1)
    }
    assert {'gcn', 'sage', 'teddy-0.5', 'random-0.5', 'ugs-0.2'} <= rows
    with pytest.raises(InputError, match=r'teddy-0\.5'):
        links.runs_of('cora', 1, ('teddy-0.6',))


def test_figures_of_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(links, 'ROUNDS', 1)
    monkeypatch.setitem(links.DATASETS, 'digits', links.Setting(0.0, 8, 1, 1))
    rows = ('common_neighbors', *links.methods_of('digits'))
    assert isinstance(links.methods_of('digits')['ugs-0.5'][1], UGS)
    lines = run_grid('link', links.runs_of('digits', 2, rows), tmp_path)
    found = links.collect('digits', lines)
    whole, sparse = found['digits'], found['digits-0.5']
    assert whole['reached'] and whole['chosen_on_validation'] in ('GCN', 'SAGE')
    assert set(whole['methods']) == {'GCN', 'SAGE', 'common_neighbors'}
    assert set(sparse['methods']) == {'teddy', 'ugs', 'random', 'dense'}
    assert sparse['graph_sparsity'] == pytest.approx(0.5, abs=1e-3)
    auc = {name: of['test']['values'] for name, of in sparse['methods'].items()}
    difference = sum(auc['teddy']) - sum(auc['random'])
    assert sparse['minus_random']['teddy']['mean'] == pytest.approx(difference / 2)
    assert auc['dense'] == whole['methods']['GCN']['test']['values']


def test_rows_of_the_table(tmp_path):
    test = {'test': {'mean': 0.925, 'std': 0.01}}
    methods = dict.fromkeys(('teddy', 'random', 'dense'), test)
    row = {'metric': links.METRIC, 'graph_sparsity': 0.2, 'methods': methods}
    (tmp_path / 'links.json').write_text(json.dumps({'measured': {'cora-0.2': row}}))
    (block,) = blocks(tmp_path)
    assert (block.setting, block.edges) == ('Cora: AUC of links', 0.2)
    assert block.metric == 'AUC of links, %' and block.ours == 'teddy'
    assert block.labels_of(RandomScore, 'RandomScore') == ['random']
