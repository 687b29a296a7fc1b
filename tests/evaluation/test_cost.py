import pytest

from graphsparse.evaluation import count_macs

# Published multiply-accumulates of 2-layer GCNs, hidden width 512, in millions, after
# so many rounds that each remove 5 % of the edges and 20 % of the weights left.
CORA = dict(nodes=2708, arcs=10556, features=1433, classes=7)
CITESEER = dict(nodes=3312, arcs=9228, features=3703, classes=6)


@pytest.mark.parametrize(
    ('graph', 'rounds', 'millions'),
    [
        (CORA, 0, 2007.4),
        (CORA, 4, 826.6),
        (CORA, 9, 274.8),
        (CITESEER, 0, 6299.0),
        (CITESEER, 8, 1061.5),
        (CITESEER, 13, 350.6),
        (CITESEER, 17, 145.6),
    ],
)
def test_published_values(graph, rounds, millions):
    weights = 512 * (graph['features'] + graph['classes']) * 0.8**rounds
    arcs = graph['arcs'] * 0.95**rounds
    macs = count_macs(graph['nodes'], round(weights), round(arcs), (512, 512))
    assert macs / 1e6 == pytest.approx(millions, abs=0.06)
