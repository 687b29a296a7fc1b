"""A net trained by several processes, each on its share of an epoch's batches.

torchrun --nproc-per-node 2 examples/distributed.py --dataset digits --batches neighbor

On two hosts, the same on each, HOST being one of them:

torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d --rdzv-endpoint HOST:29400 \
    examples/distributed.py --dataset ogbn-products --out runs/products
"""

import argparse
import json
from pathlib import Path

import torch
from tqdm import tqdm

from graphsparse import (
    ClusterSampling,
    ModelRecipe,
    NeighborSampling,
    SampledTask,
    Task,
    Training,
    Watch,
    fit,
    join_world,
    load,
)

parser = argparse.ArgumentParser()
parser.add_argument('--dataset', default='digits')
kinds = ('neighbor', 'cluster', 'full')
parser.add_argument('--batches', default=kinds[0], choices=kinds)
parser.add_argument('--batch_size', type=int, default=256, help='nodes, a process')
parser.add_argument('--epochs', type=int, default=20)
parser.add_argument('--device', default='auto', help='cpu (gloo) or cuda (nccl)')
parser.add_argument('--backend', default=None)
parser.add_argument('--seed', type=int, default=0)
parser.add_argument('--out', type=Path, default=None, help='kept here; goes on from it')
args = parser.parse_args()

with join_world(args.device, args.backend) as world:
    task = Task.from_data(load(args.dataset))
    torch.manual_seed(args.seed)
    model = ModelRecipe('sage', 128, 2, dropout=0.5).build(
        task.graph.num_features, task.out_channels
    )
    if args.batches == 'neighbor':
        task = SampledTask.of(task, NeighborSampling((10, 10), args.batch_size))
    elif args.batches == 'cluster':
        task = SampledTask.of(task, ClusterSampling(num_parts=20, batch_parts=2))
    task, model = task.to(world.device), model.to(world.device)

    bar = tqdm(total=args.epochs, disable=None if world.rank == 0 else True)
    watch = Watch((lambda step: bar.update(),), args.out, world=world)
    training = Training(args.epochs, lr=0.01, weight_decay=0.0)
    course = fit(model, task, training, seed=args.seed, watch=watch)

    if world.rank == 0:  # all hold the same weights; test labels are read once
        scores = task.evaluate(model)._asdict()
        print(json.dumps({'processes': world.size, **course.summary(), **scores}))
