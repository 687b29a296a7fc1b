"""How sparsity grows over a run or over rounds, one rule a file."""
