import json
from pathlib import Path

import pytest
import torch

from benchmarks.edge_lp import draw_candidates
from benchmarks.edge_lp import main as measure
from benchmarks.transfer import CASES, FEATURES, METRICS, collect, main, runs_on
from graphsparse.engine import InputError
from graphsparse.experiments.grid import run_key
from graphsparse.graph.pairs import key_pairs

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize('case', CASES)
def test_teachers_come_before_what_goes_on_from_them(case):
    runs = runs_on(case, 2)
    labels = [run.label for run in runs if run.seed == 0]
    assert labels[:3] == ['target', 'enriched', 'union']
    assert labels[3:7] == ['lp-logit', 'lp-emb', 'lp-xmc', 'lp-released']
    more = [] if case == 'lastfm' else ['student', 'target-table', 'enriched-table']
    assert labels[7:] == more
    assert len(set(map(run_key, runs))) == len(runs)
    enriched = next(run for run in runs if run.label == 'enriched')
    for run in runs:
        if run.second is not None:
            assert run.teacher == enriched.teacher


def test_differences_are_paired():
    def line(name, seed, test):
        return {'method': name, 'val_mean': test, 'seconds': 1.0} | dict.fromkeys(
            METRICS, test
        )

    tests = {'target': (0.5, 0.6), 'enriched': (0.51, 0.62), 'lp-emb': (0.51, 0.6)}
    tests |= {'target-table': (0.4, 0.4), 'enriched-table': (0.4, 0.5)}
    lines = [line(n, i, t) for n, of in tests.items() for i, t in enumerate(of)]
    rows = collect('cs', lines)
    assert list(rows) == ['cs', 'cs-tables']
    found, tables = rows.values()
    gain = found['over_target']['enriched']['test_mean']
    assert gain['mean'] == pytest.approx(0.015) and found['reached']
    assert gain['standard_error'] == pytest.approx(0.005)
    assert found['over_teacher']['lp-emb']['test_mean']['mean'] == pytest.approx(-0.01)
    assert found['methods']['target']['test']['values'] == [0.5, 0.6]
    assert found['metric'] == 'recall@1.25 of links'
    assert (found['features'], tables['features']) == ('raw', 'learned')
    assert set(tables['methods']) == {'target', 'enriched'}
    assert 'over_teacher' not in tables
    gain = tables['over_target']['enriched']['test_mean']
    assert gain['mean'] == pytest.approx(0.05) and tables['reached']


def test_on_last_fm_nothing_is_asked():
    lines = [
        {'method': name, 'val_mean': 0.5, 'seconds': 1.0} | dict.fromkeys(METRICS, 0.5)
        for name in ('target', 'enriched', 'lp-emb')
        for _ in range(2)
    ]
    (found,) = collect('lastfm', lines).values()
    assert 'reached' not in found and 'setting' not in found


def test_a_loss_is_not_a_point_reached():
    tests = {'target': (0.5, 0.6), 'enriched': (0.51, 0.6)}
    tests |= {f'{name}-table': of for name, of in tests.items()}
    lines = [
        {'method': name, 'val_mean': test, 'seconds': 1.0}
        | dict.fromkeys(METRICS, test)
        for name, of in tests.items()
        for test in of
    ]
    assert not any(row['reached'] for row in collect('photo', lines).values())


def test_the_record_has_both_inputs_of_every_case_whatever_they_gave():
    record = json.loads((ROOT / 'benchmarks/transfer.json').read_text())
    wanted = [
        row
        for case in CASES
        for row in (case, *([f'{case}-tables'] if case in FEATURES else []))
    ]
    assert list(record['measured']) == wanted


def test_an_unknown_case():
    with pytest.raises(InputError, match="'foto'"):
        main('foto')


def test_candidates_are_distinct_and_the_measurement_runs(capsys):
    pairs = draw_candidates(3000, 500)
    assert pairs.size(1) == 3000 and (pairs[0] != pairs[1]).all()
    assert key_pairs(pairs, 500, False).numel() == 3000
    assert torch.equal(pairs, draw_candidates(3000, 500))
    measure(candidates=3000, nodes=500, repeats=1)
    assert "'spmms'" in capsys.readouterr().out
