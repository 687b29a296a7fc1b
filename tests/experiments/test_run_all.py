import pytest

from graphsparse.engine import InputError
from graphsparse.experiments.run_all import beside_baselines, run_all, seeds_from
from tests.experiments.test_grid import runs


def test_seeds_one_after_the_other():
    assert list(seeds_from(3, 2)) == [3, 4]
    for first, number in ((0, 0), (-1, 1)):
        with pytest.raises(InputError, match=f'got {number}, {first}'):
            seeds_from(first, number)


def test_one_folder_and_one_answer(tmp_path):
    seen = []
    answer = run_all(
        'ticket',
        runs(),
        tmp_path,
        lambda t: seen.append(t) or ['<svg id="mine"/>'],
    )
    assert seen == [answer['table']] and answer['seeds'] == [0, 1]
    assert [row['method'] for row in answer['table']] == ['dense', 'teddy']
    assert '<svg id="mine"/>' in (tmp_path / 'report.html').read_text()
    own = beside_baselines(answer, 'teddy')
    assert own['test_mean'] == answer['table'][1]['test_mean']
    assert own['baselines'] == {'dense': answer['table'][0]['test_mean']}
    assert own['table'] == answer['table'] and own['out'] == str(tmp_path)
