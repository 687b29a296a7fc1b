"""The scripts for OGB's leaderboards, run as their authors run them."""

import re
import runpy
import statistics
import sys
from pathlib import Path

import pytest

from graphsparse import SubmissionForm

SCRIPTS = Path(__file__).parents[1] / 'examples/ogb'


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a script: per seed what it says, and the fields of its form."""

    def call(script, *options):
        path = str(SCRIPTS / f'{script}.py')
        monkeypatch.setattr(sys, 'argv', [path, *options])
        capsys.readouterr()
        runpy.run_path(path, run_name='__main__')
        lines = capsys.readouterr().out.splitlines()
        seeds = [line for line in lines if line.startswith('seed ')]
        fields = [re.split(r' {2,}', line, maxsplit=1) for line in lines[-13:]]
        return seeds, dict(fields)

    return call


def scores(seeds, part):
    return [float(re.search(rf'{part} ([\d.]+)', seed)[1]) for seed in seeds]


def spread(text):
    mean, _, std = text.split()
    return float(mean), float(std)


def check_form(seeds, form):
    """Mean and unbiased deviation over all seeds, to the digits shown."""
    for field, part in (('Test', 'test'), ('Validation', 'validation')):
        found, said = spread(form[f'{field} performance']), scores(seeds, part)
        wanted = statistics.mean(said), statistics.stdev(said)
        assert found == pytest.approx(wanted, abs=2e-4)


def test_nodes(contests, run, monkeypatch):
    nets, of = [], SubmissionForm.of
    monkeypatch.setattr(
        SubmissionForm, 'of', lambda *args: nets.append(args[-1]) or of(*args)
    )
    short = ('--epochs', '8', '--seeds', '3', '--hidden_channels', '16')
    seeds, form = run('node', *short)
    check_form(seeds, form)
    assert (form['Method name'], form['Dataset']) == ('GCN', 'ogbn-arxiv')
    assert (form['Metric'], form['Seeds']) == ('accuracy', '3 (OGB asks for 10)')
    # Three convs with biases and two batch norms; at 128, 256 and 40 it is 110,120.
    size = 8 * 16 + 16 * 16 + 16 * 5 + (16 + 16 + 5) + 4 * 16
    assert int(form['#Params']) == size
    # A bias before a batch norm has no gradient but by rounding, and may stay 0.
    left = sum(int(weight.count_nonzero()) for weight in nets[0].parameters())
    assert size - 2 * 16 <= int(form['#Params not zero']) == left <= size
    sparse, form = run('node', *short, '--graph_sparsity=.3', '--weight_sparsity=.5')
    check_form(sparse, form)
    assert form['Method name'] == 'GCN, TEDDY'
    assert int(form['#Params not zero']) == size - -(-size // 2)
    assert scores(sparse, 'test') != scores(seeds, 'test')
    assert all('graph_sparsity=0.3' in seed or '0.29' in seed for seed in sparse)


@pytest.mark.parametrize(('model', 'convs'), [('sage', 4), ('gcn', 2)])
def test_links(contests, run, model, convs):
    options = ('--model', model, '--epochs', '5', '--batch_size', '32')
    seeds, form = run('link', *options, '--seeds', '2', '--hidden_channels', '16')
    check_form(seeds, form)
    assert (form['Dataset'], form['Metric']) == ('ogbl-ddi', 'hits@20')
    # With 4,267 nodes and width 256 these are the 1,421,057 and 1,289,985 of OGB's.
    size = 50 * 16 + convs * 16 * 16 + 2 * 16 + (16 * 16 + 16) + (16 + 1)
    assert int(form['#Params'].replace(',', '')) == size


def test_graphs(contests, run):
    options = ('--epochs', '3', '--seeds', '2', '--hidden_channels', '8')
    seeds, form = run('graph', *options, '--weight_sparsity', '.5')
    check_form(seeds, form)
    assert (form['Dataset'], form['Metric']) == ('ogbg-molhiv', 'roc_auc')
    size, left = (
        int(form[k].replace(',', '')) for k in ('#Params', '#Params not zero')
    )
    assert left == size // 2


def test_one_seed_has_no_deviation(contests, run):
    _, form = run('link', '--epochs', '1', '--seeds', '1', '--hidden_channels', '4')
    assert re.fullmatch(r'0\.\d{4}', form['Test performance'])


def test_real_links(real, run):
    options = ('--epochs', '1', '--seeds', '2', '--hidden_channels', '4')
    seeds, form = run('link', *options, '--batch_size', '1000000')
    check_form(seeds, form)
    assert form['#Params'] == f'{4267 * 4 + 4 * 16 + 2 * 4 + 20 + 5:,}'


def test_real_molecules(real, run):
    options = ('--epochs', '1', '--seeds', '2', '--hidden_channels', '4')
    more = ('--num_layers', '1', '--batch_size', '4096')
    seeds, form = run('graph', *options, *more)
    check_form(seeds, form)
    assert spread(form['Test performance'])[0] > 0.3
