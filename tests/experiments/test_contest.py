import pytest
import torch

from graphsparse.data.cards import read_card
from graphsparse.engine import InputError
from graphsparse.experiments.contest import EXAMPLES, Contest
from graphsparse.nn import (
    GCN,
    LearnedFeatures,
    LinkNet,
    ModelRecipe,
    MoleculeGINE,
    Pooled,
)
from graphsparse.nn.models import count_parameters
from graphsparse.training import GraphTask, LinkTask, NodeTask


def contest(name, model='gcn', **options):
    return Contest(name, None, 'cpu', ModelRecipe(model, 8, 2, 0.0), **options)


@pytest.mark.parametrize(
    ('name', 'kind', 'net'),
    [
        ('ogbn-arxiv', NodeTask, GCN),
        ('ogbl-ddi', LinkTask, LinkNet),
        ('ogbg-molhiv', GraphTask, Pooled),
    ],
)
def test_each_kind_has_its_task_and_net(contests, name, kind, net):
    problem = contest(name)
    task = problem.task(0)
    assert isinstance(task, kind)
    made = problem.factory(task)()
    assert isinstance(made, net)
    assert 0 <= task.evaluate(made).test <= 1
    problem.check(0)


def test_nodes_without_features_learn_them(contests):
    problem = contest('ogbl-ddi', 'sage')
    net = problem.factory(problem.task(0))()
    assert isinstance(net.net, LearnedFeatures)
    assert net.net.features.weight.shape == (50, 8)
    assert [tuple(lin.weight.shape) for lin in net.decoder.lins] == [(8, 8), (1, 8)]


def test_nodes_with_features_do_not(contests):
    problem = contest('ogbl-ddi')
    task = problem.task(0)
    task.graph.x = torch.rand(50, 5)
    net = problem.factory(task)()
    assert isinstance(net.net, GCN) and net.net.in_channels == 5


def test_molecules(contests):
    problem = contest('ogbg-molhiv', 'molecule_gine')
    net = problem.factory(problem.task(0))()
    assert isinstance(net, MoleculeGINE)
    assert (len(net.convs), net.dropout, net.pool) == (2, 0.0, 'mean')


def test_batches_are_of_links_or_graphs(contests):
    assert contest('ogbl-ddi', batch_size=7).task(0).batch_size == 7
    assert contest('ogbg-molhiv', batch_size=7).task(0).batch_size == 7
    with pytest.raises(InputError, match="'ogbn-arxiv' is learned as a whole"):
        contest('ogbn-arxiv', batch_size=7).check(0)
    with pytest.raises(InputError, match='batch_size is 0'):
        contest('ogbl-ddi', batch_size=0).task(0)


def test_both_ways_where_nodes_are_learned(contests):
    directed = contest('ogbn-arxiv').task(0).graph
    both = contest('ogbn-arxiv', undirected=True).task(0).graph
    assert not directed.is_undirected() and both.is_undirected()
    links = contest('ogbl-ddi', undirected=True).task(0).graph
    assert links.num_edges == read_card('ogbl-ddi').counts.arcs


def test_unknown_nets_get_near_matches(contests):
    with pytest.raises(InputError, match=r"'sag'. Did you mean 'sage'"):
        contest('ogbl-ddi', 'sag').check(0)
    with pytest.raises(InputError, match='molecule_gine'):
        contest('ogbn-arxiv', 'molecule_gine').check(0)


def test_checking_leaves_the_random_state_alone(contests):
    before = torch.get_rng_state()
    contest('ogbl-ddi').check(0)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_examples_are_as_large_as_ogbs():
    """OGB counts 1,421,057 for SAGE on ddi; its convs have biases, 512 in all."""
    recipe = EXAMPLES['link'].model
    with torch.device('meta'):
        convs = count_parameters(recipe.build(256, 256))
    decoder = 256 * 256 + 256 + 257
    assert 4267 * 256 + convs + decoder == 1_421_057 - 512
