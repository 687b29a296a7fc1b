"""Weight scores, one paper's idea a file. High scores are kept."""
