from dataclasses import replace
from pathlib import Path

import pytest
import torch

from graphsparse.engine import InputError, load_tensors, read_lines, save_tensors
from graphsparse.experiments import Source, run_grid
from graphsparse.experiments.branch_run import BranchRun, read_predictions
from graphsparse.experiments.grid import run_key
from graphsparse.experiments.scaling import (
    compare_branches,
    matched_branches,
    scale,
)
from graphsparse.experiments.verbs import evaluate_file
from graphsparse.loading import Sampling
from graphsparse.nn import ModelRecipe
from graphsparse.scaling import Branch, Decoupled, EnGCN, Sampled
from graphsparse.training import SampledTask, Training

SHORT = Training(epochs=3, ties='first')
SIGN = Decoupled(hops=1, hidden_channels=8, training=SHORT)


@pytest.fixture(scope='module')
def scaled(tmp_path_factory):
    return scale(SIGN, seeds=2, out=str(tmp_path_factory.mktemp('scale')))


def test_beside_its_baselines(scaled):
    assert scaled['method'] == 'decoupled' and scaled['seeds'] == [0, 1]
    assert set(scaled['baselines']) == {'mlp'}
    assert (
        scaled['test_std'] is not None and scaled['parameters'] == 2 * 65 * 8 + 17 * 10
    )
    page = Path(scaled['out'], 'report.html').read_text()
    assert 'epochs to best' in page and 'isolated' not in page


def test_predictions_can_be_judged_again(scaled):
    path = f'{scaled["out"]}/decoupled-1.safetensors'
    logits, facts = read_predictions(path)
    assert logits.shape == (1797, 10) and facts['seed'] == 1
    again = evaluate_file(path)
    assert again['test_mean'] == again['recorded']['test'] == facts['facts']['test']
    assert again['val_mean'] == facts['facts']['val']
    rows = read_lines(Path(scaled['out'], 'results.jsonl'))
    assert again['test_mean'] in [row['test_mean'] for row in rows]


def test_what_is_no_file_of_predictions_is_refused(tmp_path):
    save_tensors(tmp_path / 'a.safetensors', {'x': torch.ones(1)}, {'kind': 'hops'})
    with pytest.raises(InputError, match='holds a hops, not predictions'):
        read_predictions(tmp_path / 'a.safetensors')


def test_keys_tell_apart_all_that_matters():
    run = BranchRun(Source(), 'sign', SIGN, 0, 'a.safetensors')
    others = [
        replace(run, label='other'),
        replace(run, branch=replace(SIGN, hops=2)),
        replace(run, seed=1),
        replace(run, problem=Source('cora')),
        replace(run, costs=True),
        replace(run, growth={100: SIGN, 200: SIGN}),
    ]
    assert len({run_key(run), *map(run_key, others)}) == 7
    elsewhere = replace(run, problem=Source(root='/elsewhere'), file='b.safetensors')
    assert run_key(elsewhere) == run_key(run)


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    run = BranchRun(Source(), 'sign', SIGN, 0, 'a.safetensors')
    run_grid('scale', [run], tmp_path / 'whole')
    whole = load_tensors(tmp_path / 'whole' / 'a.safetensors')[0]['logits']
    with monkeypatch.context() as patch:
        patch.setattr(Branch, 'config', lambda self: 1 / 0)  # dies before it is saved
        patch.setattr('graphsparse.experiments.grid.run_key', lambda run: 'key')
        with pytest.raises(ZeroDivisionError):
            run_grid('scale', [run], tmp_path / 'killed')
    assert not (tmp_path / 'killed' / 'a.safetensors').exists()
    run_grid('scale', [run], tmp_path / 'killed')
    found = load_tensors(tmp_path / 'killed' / 'a.safetensors')[0]['logits']
    assert torch.equal(found, whole)


def test_all_branches_and_their_costs(tmp_path):
    answer = compare_branches(
        branches=('mlp', 'full_batch', 'neighbor', 'cluster', 'en_gcn'),
        batch_size=300,
        hidden_channels=8,
        training=SHORT,
        sizes=(200, 400),
        seeds=2,
        out=str(tmp_path),
    )
    rows = {row['method']: row for row in answer['table']}
    assert list(rows) == ['mlp', 'full_batch', 'neighbor', 'cluster', 'en_gcn']
    for row in rows.values():
        assert row['seeds'] == [0, 1] and row['test_std'] is not None
        assert row['steps_per_second'] <= row['steps_per_second_loaded']
        assert row['time_exponent'] is not None
    assert rows['full_batch']['step_nodes'] == 1797
    assert rows['full_batch']['memory_exponent'] == pytest.approx(1, abs=1e-6)
    page = (tmp_path / 'report.html').read_text()
    assert 'activations of a step' in page and 'once loaded' in page


@pytest.mark.filterwarnings('ignore:METIS left')  # so many parts of so few nodes
def test_batches_hold_as_many_nodes_as_are_asked_for(small):
    known = matched_branches(120, 30, ModelRecipe('sage', 8, 2), SHORT)
    sampled = {n: b for n, b in known.items() if isinstance(b, Sampled)}
    assert set(sampled) == {'neighbor', 'ladies', 'fastgcn', 'saint', 'cluster'}
    for name in ('neighbor', 'ladies', 'fastgcn'):
        assert sampled[name].make_sampling().batch_size == 30
    task = SampledTask.of(small, sampled['cluster'].make_sampling())
    sizes = [part.graph.num_nodes for part, _ in task.steps(0, 0)]
    assert sum(sizes) / len(sizes) == pytest.approx(30, rel=0.05)
    assert sampled['saint'].make_sampling().batch_size * 3 == 30
    assert all(isinstance(b.make_sampling(), Sampling) for b in sampled.values())
    assert known['en_gcn'] == EnGCN(
        3, 8, dropout=0.0, batch_size=30, passes=1, training=replace(SHORT, patience=10)
    )


def test_an_unknown_branch_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(InputError, match=r"'clusters'\. Did you mean 'cluster'"):
        compare_branches(branches=('clusters',), out=str(tmp_path))
    assert not list(tmp_path.iterdir())
