// Reductions over the slots of each row, which stand side by side.

template <typename T>
void segment_reduce(const int64_t *rowptr, const T *src, T *out, int64_t rows,
                    int64_t width, int reduce, int threads) {
  enum { SUM, MEAN, MAX, MIN };
  each_row(rowptr, rows, threads, [&](int64_t i) {
    const int64_t begin = rowptr[i], end = rowptr[i + 1];
    for (int64_t w = 0; w < width; ++w) {
      Acc<T> acc = reduce >= MAX && begin < end ? widen(src[begin * width + w]) : 0;
      for (int64_t k = begin; k < end; ++k) {
        const Acc<T> v = widen(src[k * width + w]);
        if (reduce <= MEAN)
          acc += v;
        else if (v != v || (reduce == MAX ? v > acc : v < acc))
          acc = v;  // a NaN wins, and nothing is more than it
      }
      if (reduce == MEAN && begin < end) acc /= Acc<T>(end - begin);
      out[i * width + w] = narrow<T>(acc);
    }
  });
}

template <typename A>
void segment_softmax(const int64_t *rowptr, const A *score, A *out, int64_t rows,
                     int64_t heads, int threads) {
  each_row(rowptr, rows, threads, [&](int64_t i) {
    const int64_t begin = rowptr[i], end = rowptr[i + 1];
    for (int64_t h = 0; h < heads && begin < end; ++h) {
      A top = score[begin * heads + h];
      for (int64_t k = begin; k < end; ++k) {
        const A v = score[k * heads + h];
        if (v != v || v > top) top = v;
      }
      for (int64_t k = begin; k < end; ++k)
        out[k * heads + h] = score[k * heads + h] - top;
    }
    exp_all(out + begin * heads, (end - begin) * heads);
    for (int64_t h = 0; h < heads; ++h) {
      A total = 0;
      for (int64_t k = begin; k < end; ++k) total += out[k * heads + h];
      for (int64_t k = begin; k < end; ++k) out[k * heads + h] /= total;
    }
  });
}

// grad_score = out * (grad - sum over the row of out * grad).
template <typename A>
void segment_softmax_backward(const int64_t *rowptr, const A *out, const A *grad,
                              A *grad_score, int64_t rows, int64_t heads,
                              int threads) {
  each_row(rowptr, rows, threads, [&](int64_t i) {
    const int64_t begin = rowptr[i] * heads, end = rowptr[i + 1] * heads;
    for (int64_t h = 0; h < heads; ++h) {
      A inner = 0;
      for (int64_t k = begin + h; k < end; k += heads) inner += out[k] * grad[k];
      for (int64_t k = begin + h; k < end; k += heads)
        grad_score[k] = out[k] * (grad[k] - inner);
    }
  });
}
