import platform
import shlex
import sys

import pytest
import torch

from graphsparse.experiments import SubmissionForm
from graphsparse.experiments.form import (
    count_nonzero,
    describe_hardware,
    format_form,
    read_command,
    read_versions,
)
from graphsparse.training.task import Scores

TEST = (0.5, 0.25, 0.75, 0.375)


@pytest.fixture
def form():
    net = torch.nn.Linear(3, 2)
    with torch.no_grad():
        net.weight[0] = 0.0
        net.weight[1] = net.bias[:] = 1.0
    scores = [Scores(test + 0.125, test) for test in TEST]
    return SubmissionForm.of('Net', 'ogbl-ddi', 'hits@20', scores, net)


def test_means_and_unbiased_deviations(form):
    fields, test = form.fields(), torch.tensor(TEST)
    told = f'{test.mean():.4f} ± {test.std():.4f}'
    assert fields['Test performance'] == told == '0.4688 ± 0.2135'
    assert fields['Validation performance'] == '0.5938 ± 0.2135'


def test_parameters_count_whether_pruned_or_not(form):
    assert (form.parameters, form.nonzero) == (8, 5)
    assert form.fields()['#Params'] == '8'
    net = torch.nn.BatchNorm1d(4)  # buffers are none, and the bias begins at 0
    assert count_nonzero(net) == 4


def test_fewer_seeds_than_ogb_asks_for(form):
    assert form.fields()['Seeds'] == '4 (OGB asks for 10)'
    facts = vars(form) | {'test': TEST * 3, 'val': TEST * 3}
    assert SubmissionForm(**facts).fields()['Seeds'] == '12'
    facts = vars(form) | {'dataset': 'ogbn-papers100M'}
    assert SubmissionForm(**facts).fields()['Seeds'] == '4'


def test_what_is_not_ogbs_asks_for_nothing(form):
    facts = vars(form) | {'dataset': 'cora', 'test': TEST[:1], 'val': TEST[:1]}
    fields = SubmissionForm(**facts).fields()
    assert fields['Seeds'] == '1'
    assert fields['Test performance'] == '0.5000'


def test_versions_and_hardware(form):
    versions = read_versions()
    assert versions['torch'] == torch.__version__
    assert versions['python'] == platform.python_version()
    assert {'graphsparse', 'torch_geometric'} <= set(versions)
    assert f'torch {torch.__version__}' in form.fields()['Versions']
    assert f'{torch.get_num_threads()} used' in describe_hardware()
    assert 'GiB' in form.hardware


def test_as_text_a_field_a_line_and_what_is_the_authors(form):
    lines = str(form).splitlines()
    assert str(form) == format_form(form.fields())
    assert lines[0].split(maxsplit=2) == ['Method', 'name', 'Net']
    assert lines[-2].endswith('No') and lines[-1].endswith('contact, code, paper')
    pairs = zip(lines, form.fields().values(), strict=False)
    assert len({line.rindex(text) for line, text in pairs}) == 1


def test_the_command_is_how_the_process_was_started(monkeypatch):
    argv = ['/usr/bin/python3.11', '-m', 'a.script', '--name', 'two words']
    monkeypatch.setattr(sys, 'orig_argv', argv)
    assert shlex.split(read_command()) == ['python', *argv[1:]]
