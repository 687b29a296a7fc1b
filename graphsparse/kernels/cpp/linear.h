// Dense rows times the transpose of a CSR weight: y = x W^T, for pruned weights.

// Copies [height, width] between layouts, in pieces that stay in the first cache.
template <typename T>
inline void turn(const T *from, T *to, int64_t height, int64_t width, int64_t from_row,
                 int64_t from_col, int64_t to_row, int64_t to_col) {
  for (int64_t c = 0; c < width; c += 16)
    for (int64_t r = 0; r < height; ++r)
      for (int64_t w = c; w < width && w < c + 16; ++w)
        to[r * to_row + w * to_col] = from[r * from_row + w * from_col];
}

// A block of nodes is turned so that one column of x is a few registers, and a weight
// costs one multiplication for all of the block at once.
template <typename T, typename I>
void sparse_linear(const int64_t *rowptr, const I *col, const T *value, const T *x,
                   T *out, int64_t nodes, int64_t rows, int64_t cols, int threads) {
  constexpr int W = GRAPHSPARSE_WIDTH / sizeof(T), R = 4, B = W * R;
  using V = Vec<T, W>;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
  for (int64_t n = 0; n < nodes; n += B) {
    const int64_t here = nodes - n < B ? nodes - n : B;
    Scratch<T> turned((cols + rows) * B);
    T *in = turned.all, *to = in + cols * B;
    if (here < B)
      for (int64_t c = 0; c < cols * B; ++c) in[c] = 0;
    turn(x + n * cols, in, here, cols, cols, int64_t(1), int64_t(1), int64_t(B));
    for (int64_t o = 0; o < rows; ++o) {
      typename V::reg acc[R] = {};
      for (int64_t k = rowptr[o]; k < rowptr[o + 1]; ++k)
#pragma GCC unroll 4
        for (int t = 0; t < R; ++t)
          acc[t] += value[k] * V::load(in + int64_t(col[k]) * B + t * W);
      for (int t = 0; t < R; ++t) V::store(to + o * B + t * W, acc[t]);
    }
    turn(to, out + n * rows, here, rows, int64_t(1), int64_t(B), rows, int64_t(1));
  }
}
