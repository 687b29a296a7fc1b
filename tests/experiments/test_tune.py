import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from graphsparse.engine import InputError, read_lines
from graphsparse.experiments import Problem, Source
from graphsparse.experiments.grid import run_key
from graphsparse.experiments.tune import TuneRun, tune, tune_ticket
from graphsparse.nn import ModelRecipe
from graphsparse.scaling import Decoupled
from graphsparse.tickets import OneShot
from graphsparse.training import NodeTask, Training

pytest.importorskip('optuna')

SIGN = Decoupled(hops=1, hidden_channels=4, training=Training(epochs=2, ties='first'))
SPACE = {'training.lr': [1e-4, 1e-2], 'dropout': [0.0, 0.9], 'hops': [1]}


def searched(folder):
    rows = read_lines(Path(folder, 'results.jsonl'))
    return [row for row in rows if row['test_mean'] is None]


def without_times(table):
    times = ('seconds', 'peak_rss_mb')
    return [{k: v for k, v in row.items() if k not in times} for row in table]


@pytest.fixture(scope='module')
def tuned(tmp_path_factory):
    return tune(SIGN, SPACE, seeds=2, out=str(tmp_path_factory.mktemp('tune')))


def test_the_best_on_validation(tuned):
    assert tuned['verb'] == 'tune' and tuned['method'] == 'decoupled'
    assert tuned['seeds'] == [0, 1] and tuned['search'] == 'greedy'
    table = tuned['table']
    assert [row['options'] for row in table] == [
        {'training.lr': 1e-4, 'dropout': 0.2, 'hops': 1},
        {'training.lr': 1e-2, 'dropout': 0.2, 'hops': 1},
        {'training.lr': 1e-2, 'dropout': 0.0, 'hops': 1},
        {'training.lr': 1e-2, 'dropout': 0.9, 'hops': 1},
    ]
    assert table[1]['val_mean'] > table[0]['val_mean']
    assert table[2]['val_mean'] > table[3]['val_mean']
    best = table[2]
    assert tuned['best'] == best['options']
    assert tuned['config']['dropout'] == 0 and tuned['config']['training']['lr'] == 1e-2
    # Trained anew, to the same bits.
    assert tuned['val_mean'] == best['val_mean'] and tuned['val_std'] == best['val_std']
    page = Path(tuned['out'], 'report.html').read_text()
    assert '>training.lr<' in page and 'not claimed' in page
    assert page.count('<tr>') == 1 + 4


def test_rows_of_the_search_hold_no_test_score(tuned):
    rows = read_lines(Path(tuned['out'], 'results.jsonl'))
    assert len(rows) == 4 * 2 + 2 and len(searched(tuned['out'])) == 8
    assert [row['test_mean'] is None for row in rows] == [True] * 8 + [False] * 2
    tested = [row for row in tuned['table'] if row['test_mean'] is not None]
    assert [row['options'] for row in tested] == [tuned['best']]
    assert tested[0]['test_mean'] == tuned['test_mean']
    files = {path.name for path in Path(tuned['out']).iterdir()}
    assert files == {
        *('study.db', 'results.jsonl', 'report.html'),
        *(f'decoupled-{n}.{kind}' for n in (0, 1) for kind in ('safetensors', 'csv')),
    }


def test_other_test_labels_give_the_same_choice(tuned, tmp_path, monkeypatch):
    node_task, test_score = Source.node_task, NodeTask.test_score
    read = []

    def other(self, split):
        task = node_task(self, split)
        y = task._test.y
        return replace(task, _test=replace(task._test, y=(y + 1) % 10))

    def counted(self, out):
        read.append(len(searched(tmp_path)))
        return test_score(self, out)

    monkeypatch.setattr(Source, 'node_task', other)
    monkeypatch.setattr(NodeTask, 'test_score', counted)
    found = tune(SIGN, SPACE, seeds=2, out=str(tmp_path))
    assert read == [8, 8]  # once a seed, when all is chosen
    assert found['best'] == tuned['best'] and found['test_mean'] != tuned['test_mean']
    for one, other in zip(found['table'], tuned['table'], strict=True):
        assert one['val_mean'] == other['val_mean']


def test_killed_it_goes_on_and_repeats_no_run(tuned, tmp_path, monkeypatch):
    do = TuneRun.do

    def dies(self, out, watch):
        if len(searched(tmp_path)) == 5:  # the third trial, half done
            raise KeyboardInterrupt
        return do(self, out, watch)

    with monkeypatch.context() as patch:
        patch.setattr(TuneRun, 'do', dies)
        with pytest.raises(KeyboardInterrupt):
            tune(SIGN, SPACE, seeds=2, out=str(tmp_path))
    assert len(searched(tmp_path)) == 5
    found = tune(SIGN, SPACE, seeds=2, out=str(tmp_path))
    assert found['best'] == tuned['best']
    assert without_times(found['table']) == without_times(tuned['table'])
    assert len(searched(tmp_path)) == 8
    # Another space, the same configurations: those are not trained again.
    less = {'training.lr': [1e-4, 1e-2]}
    again = tune(SIGN, less, seeds=2, out=str(tmp_path))
    assert again['best'] == {'training.lr': 1e-2} and len(searched(tmp_path)) == 8


def test_two_processes_find_the_same(tuned, tmp_path):
    threads = torch.get_num_threads()
    found = tune(SIGN, SPACE, parallel=2, seeds=2, out=str(tmp_path))
    assert torch.get_num_threads() == threads
    assert found['best'] == tuned['best']
    assert found['test_mean'] == tuned['test_mean']
    assert without_times(found['table']) == without_times(tuned['table'])
    assert not (tmp_path / 'checkpoints').exists()


@pytest.mark.skipif(not hasattr(signal, 'SIGKILL'), reason='no kill -9 here')
def test_two_processes_killed_at_once_go_on(tuned, tmp_path):
    code = (
        'from tests.experiments.test_tune import SIGN, SPACE, tune\n'
        "if __name__ == '__main__':\n"
        f'    tune(SIGN, SPACE, parallel=2, seeds=2, out={str(tmp_path)!r})\n'
    )
    script, rows = tmp_path / 'script.py', tmp_path / 'results.jsonl'
    script.write_text(code)
    process = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {'PYTHONPATH': '.'},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (rows.exists() and read_lines(rows)):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert 0 < len(searched(tmp_path)) < 8
    found = tune(SIGN, SPACE, parallel=2, seeds=2, out=str(tmp_path))
    assert found['best'] == tuned['best']
    assert found['test_mean'] == tuned['test_mean']
    assert without_times(found['table']) == without_times(tuned['table'])


def test_a_ticket_search_is_tuned_alike(tmp_path):
    problem = Problem(model=ModelRecipe('gcn', 4))
    method = OneShot(0.2, 0.5, training=Training(epochs=2))
    space = {'weight_score': ['magnitude', 'random'], 'training.epochs': [2, 3]}
    found = tune_ticket(method, problem, space, seeds=1, out=str(tmp_path))
    assert found['verb'] == 'tune' and found['method'] == 'one_shot'
    assert len(found['table']) == 3 and set(found['best']) == set(space)
    best = [row for row in found['table'] if row['test_mean'] is not None]
    assert [row['val_mean'] for row in best] == [found['val_mean']]
    assert (tmp_path / 'one_shot-0.safetensors').exists()


def test_keys_tell_apart_all_that_matters():
    run = TuneRun(Source(), 'decoupled', SIGN, 0)
    recipe = ModelRecipe('gcn', 4)
    others = [
        replace(run, method=replace(SIGN, hops=2)),
        replace(run, seed=1),
        replace(run, problem=Source('cora')),
        replace(run, problem=Problem(model=recipe)),
        replace(run, problem=Problem(model=replace(recipe, hidden_channels=8))),
    ]
    assert len({run_key(run), *map(run_key, others)}) == 6
    assert run_key(replace(run, problem=Source(root='/elsewhere'))) == run_key(run)


def test_what_is_refused_before_anything_runs(tmp_path):
    out = str(tmp_path / 'never')
    for space, message in (
        ({'dropuot': [0.1]}, "Did you mean 'dropout'"),
        ({'dropout': []}, 'no candidates'),
        ({'dropout': [0.1, 1.5]}, r'refuses dropout=1\.5'),
        ({'dropout': {'low': 0.1, 'high': 0.2}}, 'is a range'),
    ):
        with pytest.raises(InputError, match=message):
            tune(SIGN, space, out=out)
    with pytest.raises(InputError, match='parallel is 0'):
        tune(SIGN, SPACE, parallel=0, out=out)
    with pytest.raises(InputError, match='got 0, 0'):
        tune(SIGN, SPACE, seeds=0, out=out)
    assert not list(tmp_path.iterdir())
