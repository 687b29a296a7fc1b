"""How a budget of weights is shared among layers, one rule a file."""
