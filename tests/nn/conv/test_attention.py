from __future__ import annotations

import torch
from torch.autograd import gradcheck

from graphsparse.kernels import segment_softmax
from graphsparse.nn.conv.attention import masked_softmax

from .parity import features

ROWPTR = torch.tensor([0, 3, 3, 5])


def test_masked_softmax_by_hand():
    score = torch.tensor([[0.0], [1.0], [5.0], [2.0], [3.0]]).double()
    mask = torch.tensor([1.0, 0.5, 0.0, 0.0, 0.0]).double()
    e = torch.tensor(1.0).double().exp()
    wanted = torch.tensor([[1 / (1 + e / 2)], [e / 2 / (1 + e / 2)], [0], [0], [0]])
    torch.testing.assert_close(masked_softmax(ROWPTR, score, mask), wanted.double())


def test_mask_of_ones_is_softmax():
    score = features(5, 2)
    torch.testing.assert_close(
        masked_softmax(ROWPTR, score, torch.ones(5).double()),
        segment_softmax(ROWPTR, score),
    )


def test_what_is_masked_out_drowns_nothing():
    score = torch.tensor([[0.0], [1.0], [2000.0], [0.0], [-3000.0]], requires_grad=True)
    mask = torch.tensor([1.0, 1.0, 0.0, 0.0, 1.0], requires_grad=True)
    out = masked_softmax(ROWPTR, score, mask)
    torch.testing.assert_close(out[:2, 0], torch.tensor([0.0, 1.0]).softmax(0))
    assert out[2:, 0].tolist() == [0, 0, 1]
    out.square().sum().backward()
    assert score.grad.isfinite().all() and mask.grad.isfinite().all()


def test_gradient_at_zero_is_that_of_a_slot_about_to_come_back():
    score = features(5, 2).requires_grad_()
    mask = torch.tensor([0.0, 0.3, 1.0, 0.4, 0.0]).double()
    step, weight = 1e-7, features(5, 2, seed=1)
    leaf = mask.clone().requires_grad_()
    (masked_softmax(ROWPTR, score, leaf) * weight).sum().backward()
    assert leaf.grad[0] != 0
    for slot in (0, 4):
        moved = mask.clone()
        moved[slot] = step
        before, after = (masked_softmax(ROWPTR, score, m) for m in (mask, moved))
        slope = ((after - before) * weight).sum() / step
        torch.testing.assert_close(slope, leaf.grad[slot], rtol=1e-5, atol=1e-5)


def test_gradcheck():
    score = features(5, 2).requires_grad_()
    mask = torch.tensor([0.2, 0.9, 0.5, 0.7, 0.1]).double().requires_grad_()
    assert gradcheck(lambda s, m: masked_softmax(ROWPTR, s, m), (score, mask))


def test_a_row_that_is_all_masked_out_is_zero_and_still():
    score = features(5, 2).requires_grad_()
    mask = torch.tensor([0.5, 0.5, 1.0, 0.0, 0.0]).double().requires_grad_()
    out = masked_softmax(ROWPTR, score, mask)
    assert out[3:].eq(0).all()
    (out * features(5, 2, seed=1)).sum().backward()
    assert mask.grad[3:].eq(0).all() and score.grad[3:].eq(0).all()
    assert mask.grad[:3].ne(0).all()
