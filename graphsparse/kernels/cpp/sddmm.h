// Dense times dense where the pattern has a slot: out_k = <a_row(k), b_col(k)>.

template <int R, int W, typename T, typename I>
inline void sddmm_tile(const Slots<I> &slots, int64_t i, const T *a, const T *b,
                       Acc<T> *out, int64_t stride, int64_t heads, const Tile &tile) {
  using V = Vec<Acc<T>, W>;
  typename V::reg own[R];
  load_once<R, W>(own, a + i * stride, tile);
  const int64_t bytes = (tile.place[R - 1] - tile.place[0] + W) * sizeof(T);
  for (int64_t k = slots.rowptr[i]; k < slots.rowptr[i + 1]; ++k) {
    if (k + AHEAD < slots.total)
      fetch(b + int64_t(slots.col[k + AHEAD]) * stride + tile.place[0], bytes);
    const int64_t entry = slots.entry(k);
    const T *source = b + int64_t(slots.col[k]) * stride;
    typename V::reg dot = V::all(0);
#pragma GCC unroll 8
    for (int t = 0; t < R; ++t) dot += own[t] * V::load(source + tile.place[t]);
    // Wide rows come in several tiles.
    const Acc<T> before = tile.place[0] ? out[entry * heads] : Acc<T>(0);
    out[entry * heads] = slots.there(entry) ? before + V::sum(dot) : Acc<T>(0);
  }
}

template <typename T, typename I>
void sddmm(const int64_t *rowptr, const I *col, const I *perm, const uint8_t *keep,
           const T *a, const T *b, Acc<T> *out, int64_t rows, int64_t heads,
           int64_t features, int threads) {
  const Slots<I> slots{rowptr, col, perm, keep, rowptr[rows]};
  const int64_t stride = heads * features;
  each_chunk(rowptr, rows, threads, [&](int64_t first, int64_t last) {
    for (int64_t h = 0; h < heads; ++h)
      each_tile<GRAPHSPARSE_WIDTH / sizeof(Acc<T>)>(
          1, features, [&](auto registers, auto width, const Tile &tile) {
            constexpr int R = decltype(registers)::value, W = decltype(width)::value;
            const int64_t f = h * features;
            for (int64_t i = first; i < last; ++i)
              sddmm_tile<R, W>(slots, i, a + f, b + f, out + h, stride, heads, tile);
          });
  });
}

// out_k = a_row(k) + b_col(k), per head.
template <typename T, typename I>
void sddmm_add(const int64_t *rowptr, const I *col, const I *perm, const T *a,
               const T *b, T *out, int64_t rows, int64_t heads, int threads) {
  each_row(rowptr, rows, threads, [&](int64_t i) {
    for (int64_t k = rowptr[i]; k < rowptr[i + 1]; ++k) {
      const T *source = b + int64_t(col[k]) * heads;
      T *to = out + (perm ? int64_t(perm[k]) : k) * heads;
      for (int64_t h = 0; h < heads; ++h)
        to[h] = narrow<T>(widen(a[i * heads + h]) + widen(source[h]));
    }
  });
}
