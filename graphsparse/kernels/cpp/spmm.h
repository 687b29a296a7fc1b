// Sparse times dense: y_i = reduce_k value_k x_col(k), and its gradients.

// R registers of one output row stay in registers over all the row's slots. Extremes
// are maxima of sign * message, so that sign = -1 makes minima.
template <bool EXTREME, bool BY_HEAD, int R, int W, typename T, typename I>
inline void spmm_tile(const Slots<I> &slots, int64_t i, const T *value, const T *x,
                      T *out, int64_t stride, int64_t heads, const Tile &tile,
                      bool mean, Acc<T> sign, bool stream) {
  using A = Acc<T>;
  using V = Vec<A, W>;
  typename V::reg acc[R];
  for (int t = 0; t < R; ++t) acc[t] = V::all(EXTREME ? -A(__builtin_inff()) : A(0));
  int64_t count = 0;
  const int64_t bytes = (tile.place[R - 1] - tile.place[0] + W) * sizeof(T);
  for (int64_t k = slots.rowptr[i]; k < slots.rowptr[i + 1]; ++k) {
    if (k + AHEAD < slots.total) {
      const int64_t ahead = slots.entry(k + AHEAD);
      if (value && slots.perm) fetch(value + ahead * heads, 1);
      if (slots.there(ahead))
        fetch(x + int64_t(slots.col[k + AHEAD]) * stride + tile.place[0], bytes);
    }
    const int64_t entry = slots.entry(k);
    if (!slots.there(entry)) continue;
    ++count;
    const T *source = x + int64_t(slots.col[k]) * stride;
    A weight = value && !BY_HEAD ? widen(value[entry]) : A(1);
    if (EXTREME) weight *= sign;
#pragma GCC unroll 8
    for (int t = 0; t < R; ++t) {
      if (BY_HEAD) weight = widen(value[entry * heads + tile.head[t]]) * sign;
      const typename V::reg message = weight * V::load(source + tile.place[t]);
      if constexpr (EXTREME) {
        // A NaN wins and stays.
        acc[t] = message <= acc[t] || acc[t] != acc[t] ? acc[t] : message;
      } else {
        acc[t] += message;
      }
    }
  }
  A scale = EXTREME ? sign : A(1);
  if (mean && count) scale = A(1) / A(count);
#pragma GCC unroll 8
  for (int t = 0; t < R; ++t) {
    const typename V::reg sum = count ? acc[t] * scale : V::all(0);
    T *to = out + i * stride + tile.place[t];
    stream ? V::stream(to, sum) : V::store(to, sum);
  }
}

// Whether an output is so large that nobody finds it in a cache, and every tile of it
// begins a line: then it need not be read before it is written.
template <typename T>
inline bool streams(const T *out, int64_t rows, int64_t stride, int64_t features) {
  const bool lines = features * sizeof(T) % 64 == 0 && uintptr_t(out) % 64 == 0;
  return lines && rows * stride * int64_t(sizeof(T)) >= int64_t(1) << 25;
}

template <bool EXTREME, typename T, typename I>
void spmm_rows(const Slots<I> &slots, const T *value, const T *x, T *out, int64_t rows,
               int64_t heads, int64_t features, bool mean, Acc<T> sign, int threads) {
  const int64_t stride = heads * features;
  const bool by_head = value && heads > 1;
  const bool stream = streams(out, rows, stride, by_head ? features : stride);
  each_chunk(slots.rowptr, rows, threads, [&](int64_t first, int64_t last) {
    each_tile<GRAPHSPARSE_WIDTH / sizeof(Acc<T>)>(
        by_head ? heads : 1, by_head ? features : stride,
        [&](auto registers, auto width, const Tile &tile) {
          constexpr int R = decltype(registers)::value, W = decltype(width)::value;
          for (int64_t i = first; i < last; ++i) {
            if (by_head)
              spmm_tile<EXTREME, true, R, W>(slots, i, value, x, out, stride, heads,
                                             tile, mean, sign, stream);
            else
              spmm_tile<EXTREME, false, R, W>(slots, i, value, x, out, stride, 1, tile,
                                              mean, sign, stream);
          }
        });
    if (stream) settle();
  });
}

template <typename T, typename I>
void spmm_sum(const int64_t *rowptr, const I *col, const I *perm, const uint8_t *keep,
              const T *value, const T *x, T *out, int64_t rows, int64_t heads,
              int64_t features, bool mean, int threads) {
  const Slots<I> slots{rowptr, col, perm, keep, rowptr[rows]};
  spmm_rows<false>(slots, value, x, out, rows, heads, features, mean, Acc<T>(1),
                   threads);
}

template <typename T, typename I>
void spmm_max(const int64_t *rowptr, const I *col, const I *perm, const uint8_t *keep,
              const T *value, const T *x, T *out, int64_t rows, int64_t heads,
              int64_t features, bool largest, int threads) {
  const Slots<I> slots{rowptr, col, perm, keep, rowptr[rows]};
  spmm_rows<true>(slots, value, x, out, rows, heads, features, false,
                  Acc<T>(largest ? 1 : -1), threads);
}

// One pass over the transpose gives both gradients of a sum: row j of x meets the
// gathered rows of grad; their weighted sum is row j of grad_x, their dots with row j
// are grad_value.
template <int R, int W, typename T, typename I>
inline void spmm_backward_tile(const Slots<I> &slots, int64_t j, const T *value,
                               const T *x, const T *grad, Acc<T> *grad_value, T *grad_x,
                               int64_t stride, int64_t heads, const Tile &tile,
                               bool stream) {
  using A = Acc<T>;
  using V = Vec<A, W>;
  typename V::reg acc[R], own[R];
  load_once<R, W>(own, x + j * stride, tile);
  for (int t = 0; t < R; ++t) acc[t] = V::all(0);
  const int64_t bytes = (tile.place[R - 1] - tile.place[0] + W) * sizeof(T);
  for (int64_t k = slots.rowptr[j]; k < slots.rowptr[j + 1]; ++k) {
    if (k + AHEAD < slots.total) {
      const int64_t ahead = slots.entry(k + AHEAD) * heads;
      fetch(value + ahead, 1);
      fetch(grad_value + ahead, 1);
      fetch(grad + int64_t(slots.col[k + AHEAD]) * stride + tile.place[0], bytes);
    }
    const int64_t entry = slots.entry(k);
    const bool there = slots.there(entry);
    const T *source = grad + int64_t(slots.col[k]) * stride;
    const A weight = there ? widen(value[entry * heads]) : A(0);
    typename V::reg dot = V::all(0);
#pragma GCC unroll 8
    for (int t = 0; t < R; ++t) {
      const typename V::reg message = V::load(source + tile.place[t]);
      dot += own[t] * message;
      acc[t] += weight * message;
    }
    // Wide rows come in several tiles.
    const A before = tile.place[0] ? grad_value[entry * heads] : A(0);
    grad_value[entry * heads] = there ? before + V::sum(dot) : A(0);
  }
#pragma GCC unroll 8
  for (int t = 0; t < R; ++t) {
    T *to = grad_x + j * stride + tile.place[t];
    stream ? V::stream(to, acc[t]) : V::store(to, acc[t]);
  }
}

template <typename T, typename I>
void spmm_backward(const int64_t *rowptr, const I *col, const I *perm,
                   const uint8_t *keep, const T *value, const T *x, const T *grad,
                   Acc<T> *grad_value, T *grad_x, int64_t rows, int64_t heads,
                   int64_t features, int threads) {
  const Slots<I> slots{rowptr, col, perm, keep, rowptr[rows]};
  const int64_t stride = heads * features;
  const bool stream = streams(grad_x, rows, stride, features);
  each_chunk(rowptr, rows, threads, [&](int64_t first, int64_t last) {
    for (int64_t h = 0; h < heads; ++h)
      each_tile<GRAPHSPARSE_WIDTH / sizeof(Acc<T>)>(
          1, features, [&](auto registers, auto width, const Tile &tile) {
            constexpr int R = decltype(registers)::value, W = decltype(width)::value;
            const int64_t f = h * features;
            for (int64_t j = first; j < last; ++j)
              spmm_backward_tile<R, W>(slots, j, value + h, x + f, grad + f,
                                       grad_value + h, grad_x + f, stride, heads, tile,
                                       stream);
          });
    if (stream) settle();
  });
}

// The gradient of an extreme goes to the slots that attain it, in equal shares. First
// by rows: what one share is.
template <typename T, typename I>
void spmm_max_shares(const int64_t *rowptr, const I *col, const I *perm,
                     const uint8_t *keep, const T *value, const T *x, const T *out,
                     const T *grad, T *share, int64_t rows, int64_t heads,
                     int64_t features, int threads) {
  const Slots<I> slots{rowptr, col, perm, keep, rowptr[rows]};
  const int64_t stride = heads * features;
  each_row(rowptr, rows, threads, [&](int64_t i) {
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t f = h * features; f < (h + 1) * features; f += 16) {
        const int64_t width = (h + 1) * features - f < 16 ? (h + 1) * features - f : 16;
        int64_t ties[16] = {};
        for (int64_t k = rowptr[i]; k < rowptr[i + 1]; ++k) {
          const int64_t entry = slots.entry(k);
          if (!slots.there(entry)) continue;
          const Acc<T> weight = value ? widen(value[entry * heads + h]) : 1;
          const T *source = x + int64_t(col[k]) * stride + f;
          for (int64_t w = 0; w < width; ++w)
            ties[w] += same<T>(weight * widen(source[w]), out[i * stride + f + w]);
        }
        for (int64_t w = 0; w < width; ++w)
          share[i * stride + f + w] = narrow<T>(widen(grad[i * stride + f + w]) /
                                                Acc<T>(ties[w] ? ties[w] : 1));
      }
  });
}

// Then by rows of the transpose: each slot takes its share where it attains.
template <typename T, typename I>
void spmm_max_backward(const int64_t *rowptr, const I *col, const I *perm,
                       const uint8_t *keep, const T *value, const T *x, const T *out,
                       const T *share, Acc<T> *grad_value, Acc<T> *grad_x, int64_t rows,
                       int64_t heads, int64_t features, int threads) {
  const Slots<I> slots{rowptr, col, perm, keep, rowptr[rows]};
  const int64_t stride = heads * features;
  each_row(rowptr, rows, threads, [&](int64_t j) {
    for (int64_t f = 0; f < stride; ++f) grad_x[j * stride + f] = 0;
    for (int64_t k = rowptr[j]; k < rowptr[j + 1]; ++k) {
      const int64_t entry = slots.entry(k), row = int64_t(col[k]) * stride;
      if (k + AHEAD < slots.total) {
        const int64_t ahead = int64_t(col[k + AHEAD]) * stride;
        fetch(out + ahead, stride * sizeof(T));
        fetch(share + ahead, stride * sizeof(T));
      }
      const bool there = slots.there(entry);
      for (int64_t h = 0; h < heads; ++h) {
        const Acc<T> weight = value ? widen(value[entry * heads + h]) : 1;
        Acc<T> dot = 0;
        for (int64_t f = h * features; there && f < (h + 1) * features; ++f) {
          const Acc<T> own = widen(x[j * stride + f]);
          const bool attains = same<T>(weight * own, out[row + f]);
          const Acc<T> part = attains ? widen(share[row + f]) : Acc<T>(0);
          grad_x[j * stride + f] += weight * part;
          dot += own * part;
        }
        if (grad_value) grad_value[entry * heads + h] = dot;
      }
    }
  });
}
