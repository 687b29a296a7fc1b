import torch

from graphsparse.nn import ModelRecipe
from graphsparse.pruning.init import initial_model
from graphsparse.scaling import FullBatch
from graphsparse.training import NodeTask, Training, fit


def test_it_is_a_training_of_the_net(small):
    recipe, training = ModelRecipe('gcn', 8, 2, 0.3), Training(epochs=4)
    found = FullBatch(recipe, training).run(small, seed=2)
    task = NodeTask.from_data(small)
    net = initial_model(lambda: recipe.build(16, 3), 2)
    course = fit(net, task, training, seed=2)
    assert torch.equal(found.logits, task.infer(net))
    assert found.courses['full_batch'].val == course.val
    assert found.facts == {'seed': 2, **found.courses['full_batch'].summary()}
