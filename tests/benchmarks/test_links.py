import pytest

from benchmarks import links
from graphsparse.engine import InputError
from graphsparse.experiments import run_grid
from graphsparse.nn import HEURISTICS
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
    assert found['reached'] == {'gcn': True, 'sage': True}
    assert set(found['rows']) == set(rows)
    assert found['rows']['ugs-0.5']['graph_sparsity'] == pytest.approx(0.5, abs=1e-3)
    auc = {row: of['auc']['values'] for row, of in found['rows'].items()}
    difference = auc['teddy-0.2'][0] - auc['random-0.2'][0]
    difference += auc['teddy-0.2'][1] - auc['random-0.2'][1]
    assert found['minus_random']['teddy-0.2']['mean'] == pytest.approx(difference / 2)
