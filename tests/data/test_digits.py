import torch

from graphsparse.data.digits import load_digits, nearest_by_cosine


def test_graph_is_undirected_simple_and_near():
    data = load_digits()
    assert data.x.shape == (1797, 64)
    assert data.x.dtype == torch.float32
    assert (data.x.min(), data.x.max()) == (0, 1)
    assert data.is_undirected()
    assert data.is_coalesced()
    assert not data.has_self_loops()
    row, col = data.edge_index
    degree = torch.bincount(row, minlength=1797)
    assert int(degree.min()) >= 8
    # Neighbours of an image show the same digit, nearly always.
    assert (data.y[row] == data.y[col]).float().mean() > 0.95


def test_nearest_are_those_of_largest_cosine():
    generator = torch.Generator().manual_seed(0)
    points = torch.randint(0, 17, (50, 6), generator=generator)
    unit = torch.nn.functional.normalize(points.double(), dim=1)
    cosine = (unit @ unit.T).fill_diagonal_(-1)
    nearest = nearest_by_cosine(points, 4)
    torch.testing.assert_close(
        cosine.gather(1, nearest), cosine.topk(4).values, rtol=0, atol=1e-12
    )


def test_ties_go_to_the_lower_row_and_never_to_the_row_itself():
    points = torch.tensor([[1, 1], [2, 2], [3, 3], [1, 0]])
    assert nearest_by_cosine(points, 2).tolist() == [[1, 2], [0, 2], [0, 1], [0, 1]]


def test_an_empty_row_has_neighbours_too():
    points = torch.tensor([[0, 0], [1, 2], [2, 1]])
    assert nearest_by_cosine(points, 2).tolist()[0] == [1, 2]
