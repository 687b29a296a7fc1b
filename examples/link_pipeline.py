"""Tables in, tables out: which customer will want which product next."""

import tempfile
from pathlib import Path

import pandas

from graphsparse import FittedLinks, LinkPredictor, Training

# Who bought what. Customers of the same taste buy from the same shelf.
customers = [f'customer {number}' for number in range(120)]
products = [f'product {number}' for number in range(80)]
liked = pandas.DataFrame(
    [
        (customer, product)
        for i, customer in enumerate(customers)
        for j, product in enumerate(products)
        if i % 4 == j % 4  # of one taste
    ],
    columns=['source', 'target'],
)
edges = liked.sample(frac=0.15, random_state=0)

predictor = LinkPredictor(
    model='sage',
    hidden_channels=32,
    training=Training(epochs=60, lr=0.01, weight_decay=0.0, ties='first'),
    ticket='teddy',  # learn and score on a graph with a tenth of the edges removed
    graph_sparsity=0.1,
)
alone = predictor.fit(edges)
print(alone.protocol)
print(f'AUC of edges held out: {alone.scores["auc"].test:.3f}')

# A denser market with some of the same customers and products says more of them.
elsewhere = liked[liked.source.isin(customers[:80])].sample(frac=0.5, random_state=1)
found = predictor.fit(edges, denser=elsewhere)
print(f'with the denser market: {found.scores["auc"].test:.3f}')

folder = Path(tempfile.mkdtemp())
found.save(folder / 'links.safetensors')  # to score with tomorrow
found = FittedLinks.load(folder / 'links.safetensors')

# Every pair that is no edge yet is a candidate.
candidates = pandas.MultiIndex.from_product(
    [customers[:8], products], names=['source', 'target']
).to_frame(index=False)
candidates = candidates[
    candidates.source.isin(edges.source) & candidates.target.isin(edges.target)
]
scored = found.score(candidates, out=folder / 'scored.csv')
new = scored[~scored.known]
print(new.groupby('source').head(2).to_string(index=False))
