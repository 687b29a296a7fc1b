import numpy as np
import pytest
import torch

from graphsparse.data.npz import map_member
from graphsparse.engine import InputError


def test_an_array_is_unpacked_once_and_mapped(tmp_path):
    wanted = np.arange(12).reshape(3, 4)
    np.savez_compressed(tmp_path / 'all.npz', wanted=wanted, other=np.zeros(5))
    first = map_member(tmp_path / 'all.npz', 'wanted', tmp_path / 'kept')
    assert np.array_equal(first, wanted)
    assert [path.name for path in (tmp_path / 'kept').iterdir()] == ['wanted.npy']
    (tmp_path / 'all.npz').unlink()
    first[0, 0] = 99  # in memory alone
    again = map_member(tmp_path / 'all.npz', 'wanted', tmp_path / 'kept')
    assert torch.equal(again, torch.from_numpy(wanted))


def test_no_such_array_or_half_an_npz_leaves_nothing(tmp_path):
    path = tmp_path / 'all.npz'
    np.savez_compressed(path, wanted=np.random.default_rng(0).random(500))
    with pytest.raises(InputError, match=r"'absent' cannot be read from .*all\.npz"):
        map_member(path, 'absent', tmp_path / 'kept')
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="'wanted' cannot be read"):
        map_member(path, 'wanted', tmp_path / 'kept')
    assert not list(tmp_path.glob('kept/*'))


def test_arrays_of_objects_are_refused(tmp_path):
    np.savez(tmp_path / 'all.npz', wanted=np.array([{}], dtype=object))
    with pytest.raises(InputError, match='Python objects'):
        map_member(tmp_path / 'all.npz', 'wanted', tmp_path)
