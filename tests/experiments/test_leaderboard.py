import json

import pytest
import torch
from torch_geometric.data import Batch

from graphsparse.data import load
from graphsparse.data.ogb import make_evaluator
from graphsparse.engine import InputError
from graphsparse.experiments.contest import EXAMPLES, Contest
from graphsparse.experiments.leaderboard import Entry, run_leaderboard
from graphsparse.experiments.summary import KEYS
from graphsparse.experiments.verbs import evaluate_file
from graphsparse.nn import ModelRecipe
from graphsparse.pruning import Ticket
from graphsparse.tickets import Dense
from graphsparse.training import Training

SMALL = {'epochs': 3, 'hidden_channels': 8, 'num_layers': 2, 'seeds': 2}
SETS = {
    'ogbn-arxiv': {'graph_sparsity': 0.25},
    'ogbl-ddi': {'graph_sparsity': 0.25, 'batch_size': 32},
    'ogbg-molhiv': {},
}


def lines(folder):
    return [json.loads(x) for x in (folder / 'results.jsonl').read_text().splitlines()]


def without_times(row):
    times = ('seconds', 'epoch_seconds', 'peak_rss_mb', 'out')
    return {key: value for key, value in row.items() if key not in times}


def by_hand(name, net, graph):
    """The test score by OGB's own evaluator, of outputs put together anew."""
    data, evaluator = load(name), make_evaluator(name)
    if name == 'ogbn-arxiv':
        best = net(data.x, graph.edge_index).argmax(1)[data.test_mask]
        given = {'y_true': data.y[data.test_mask][:, None], 'y_pred': best[:, None]}
        return evaluator.eval(given)['acc']
    if name == 'ogbl-ddi':
        out = net(None, graph.edge_index)
        scores = {
            f'y_pred_{sign}': out.score(data[f'test_{sign}']) for sign in ('pos', 'neg')
        }
        return evaluator.eval(scores)['hits@20']
    batch = Batch.from_data_list(list(data[data.split['test']]))
    logits = net(batch.x, batch.edge_index, batch.edge_attr, batch.batch)
    return evaluator.eval({'y_true': batch.y, 'y_pred': logits})['rocauc']


@pytest.mark.parametrize(('name', 'options'), SETS.items())
@torch.no_grad()
def test_scores_are_those_of_ogbs_evaluator(contests, tmp_path, name, options):
    with torch.enable_grad():
        answer = run_leaderboard(name, **SMALL, **options, out=str(tmp_path / 'o'))
    for row in lines(tmp_path / 'o'):
        ticket = Ticket.load(row['out'])
        recipe = ModelRecipe(**ticket.facts['recipe'])
        problem = Contest(name, None, 'cpu', recipe, undirected=True)
        task = problem.task(0)
        net, graph = ticket.apply(problem.factory(task), task.graph)
        assert row['test_mean'] == pytest.approx(by_hand(name, net.eval(), graph))
        told = evaluate_file(row['out'])
        assert (told['test_mean'], told['val_mean']) == pytest.approx(
            (row['test_mean'], row['val_mean'])
        )
    tests = torch.tensor([row['test_mean'] for row in lines(tmp_path / 'o')]).double()
    assert answer['test_mean'] == pytest.approx(float(tests.mean()))
    assert answer['test_std'] == pytest.approx(float(tests.std()))
    assert answer['seeds'] == [0, 1]
    assert list(answer)[: len(KEYS)] == list(KEYS)


def test_the_form(contests, tmp_path):
    options = SMALL | {'command': 'graphsparse leaderboard ogbl-ddi'}
    answer = run_leaderboard('OGBL_ddi', **options, out=str(tmp_path / 'o'))
    form = answer['form']
    for field, part in (('Test', 'test'), ('Validation', 'val')):
        mean, std = answer[f'{part}_mean'], answer[f'{part}_std']
        assert form[f'{field} performance'] == f'{mean:.4f} ± {std:.4f}'
    assert answer['test_mean'] != answer['val_mean']
    assert (form['Dataset'], form['Metric']) == ('ogbl-ddi', 'hits@20')
    assert form['Method name'] == 'sage' and form['External data'] == 'No'
    assert form['Seeds'] == '2 (OGB asks for 10)'
    assert form['#Params'] == f'{50 * 8 + 4 * 64 + 64 + 8 + 8 + 1:,}'
    assert form['Command'] == options['command']
    text = (tmp_path / 'o/form.txt').read_text()
    assert all(field in text for field in form.values())


def test_a_folder_is_completed_not_begun_anew(contests, tmp_path):
    out = {'out': str(tmp_path / 'o')}
    run_leaderboard('ogbl-ddi', **SMALL | {'seeds': 1}, **out)
    first = lines(tmp_path / 'o')
    run_leaderboard('ogbl-ddi', **SMALL | {'seeds': 3}, **out)
    assert lines(tmp_path / 'o')[:1] == first and len(lines(tmp_path / 'o')) == 3
    again = run_leaderboard('OGBL_ddi', **SMALL | {'seeds': 3}, **out)
    assert len(lines(tmp_path / 'o')) == 3 and again['seeds'] == [0, 1, 2]
    # The second seed alone, elsewhere, is the same.
    run_leaderboard('ogbl-ddi', **SMALL | {'seeds': 1}, seed=1, out=str(tmp_path / 'p'))
    (alone,) = lines(tmp_path / 'p')
    assert without_times(alone) == without_times(lines(tmp_path / 'o')[1])


def test_settings_in_one_folder_keep_their_tickets_apart(contests, tmp_path):
    for options in ({}, {'lr': 0.02}, {'graph_sparsity': 0.2}, {'batch_size': 9}):
        run_leaderboard(
            'ogbl-ddi', **SMALL | {'seeds': 1}, **options, out=str(tmp_path / 'o')
        )
    assert len(lines(tmp_path / 'o')) == 4
    assert len(list((tmp_path / 'o').glob('*.safetensors'))) == 4


def test_a_sparse_net_beside_the_dense_one(contests, tmp_path):
    dense = run_leaderboard('ogbn-arxiv', **SMALL, out=str(tmp_path / 'o'))
    sparse = run_leaderboard(
        'ogbn-arxiv',
        **SMALL,
        graph_sparsity=0.25,
        weight_sparsity=0.5,
        score='degree',
        out=str(tmp_path / 'o'),
    )
    assert sparse['method'] == 'gcn, teddy' and dense['method'] == 'gcn'
    assert sparse['config']['score'] == 'degree'
    edges = dense['arcs_kept'] // 2
    assert sparse['arcs_kept'] == 2 * (edges - int(0.25 * edges))
    assert sparse['parameters'] == dense['parameters'] == dense['nonzero']
    assert sparse['nonzero'] == dense['parameters'] // 2
    assert sparse['form']['#Params not zero'] == f'{sparse["nonzero"]:,}'


def test_what_is_left_out_is_as_in_ogbs_examples(contests, tmp_path, monkeypatch):
    found = {}
    monkeypatch.setattr(
        Entry, 'do', lambda entry, out, watch: found.update(entry=entry) or {}[0]
    )
    for name, kind in zip(SETS, ('node', 'link', 'graph'), strict=True):
        with pytest.raises(KeyError):
            run_leaderboard(name, out=str(tmp_path / 'o'))
        example, entry = EXAMPLES[kind], found['entry']
        assert entry.problem.model == example.model
        assert entry.problem.batch_size == example.batch_size
        assert entry.method == Dense(example.training)
    with pytest.raises(KeyError):
        run_leaderboard('ogbl-ddi', 'gcn', dropout=0.1, lr=0.1, out=str(tmp_path / 'o'))
    assert found['entry'].problem.model == ModelRecipe('gcn', 256, 2, 0.1)
    assert found['entry'].method.training == Training(200, 0.1, 0.0, ties='first')


@pytest.mark.parametrize(
    ('name', 'options', 'message'),
    [
        ('ogbl-dd', {}, "'ogbl-dd'. Did you mean 'ogbl_ddi'"),
        ('ogbl-ddi', {'model': 'sag'}, "Did you mean 'sage'"),
        ('ogbl-ddi', {'seeds': 0}, 'seeds has to be at least 1'),
        ('ogbl-ddi', {'graph_sparsity': 1.0}, 'graph_sparsity.* 1.0'),
        ('ogbl-ddi', {'graph_sparsity': 0.1, 'score': 'tedy'}, "Did you mean 'teddy'"),
        ('ogbn-arxiv', {'batch_size': 8}, 'learned as a whole'),
        ('ogbl-ddi', {'device': 'tpu9'}, "'tpu9'"),
    ],
)
def test_bad_input_before_anything_is_written(
    contests, tmp_path, name, options, message
):
    with pytest.raises(InputError, match=message):
        run_leaderboard(name, **SMALL | options, out=str(tmp_path / 'o'))
    assert not (tmp_path / 'o').exists()


def test_a_data_set_that_is_not_ogbs(tmp_path):
    answer = run_leaderboard('digits', **SMALL, out=str(tmp_path / 'o'))
    assert answer['form']['Seeds'] == '2' and answer['dataset'] == 'digits'


def test_real_ddi(real, tmp_path):
    options = {'epochs': 1, 'hidden_channels': 4, 'batch_size': 1_100_000}
    answer = run_leaderboard('ogbl-ddi', **options, seeds=1, out=str(tmp_path / 'o'))
    assert answer['parameters'] == 4267 * 4 + 4 * 16 + 20 + 5
    assert answer['arcs_kept'] == 2135822
    assert 0 <= answer['test_mean'] <= 1
