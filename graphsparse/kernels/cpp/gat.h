// Graph attention: scores, softmax and sum in one pass over the slots; the gradient
// makes them again in one pass over the transpose. Heads go four at a time, or one.

constexpr int64_t BLOCK = 64;  // slots whose scores are held at a time

// What decides a slot's share in its row. mask may be null (all 1).
template <typename A>
struct Attention {
  const A *source, *target, *mask;
  int64_t heads;
  A slope;
  Dropout<A> drop;

  Attention(const A *source, const A *target, const A *mask, int64_t heads,
            double slope, double dropout, int64_t seed)
      : source(source), target(target), mask(mask), heads(heads), slope(A(slope)),
        drop(seed, dropout) {}

  A weight(int64_t entry) const { return mask ? mask[entry] : A(1); }

  template <int G>
  typename Vec<A, G>::reg score(const A *target, const A *source) const {
    const typename Vec<A, G>::reg z = Vec<A, G>::load(target) + Vec<A, G>::load(source);
    return z > 0 ? z : z * slope;
  }

  template <int G>
  typename Vec<A, G>::reg dropout(int64_t entry, int64_t head) const {
    return drop.template at<G>(entry * heads + head);
  }
};

// body(Const<G>, head) over all heads.
template <typename Body>
inline void each_group(int64_t heads, Body body) {
  int64_t h = 0;
  for (; h + 4 <= heads; h += 4) body(Const<4>(), h);
  for (; h < heads; ++h) body(Const<1>(), h);
}

// A sum over some slots goes to memory, where what overlaps was already added.
template <int R, int W, typename A>
inline void add_once(A *acc, typename Vec<A, W>::reg (&sum)[R], const Tile &tile) {
  using V = Vec<A, W>;
  for (int t = 0; t < R; ++t) {
    for (int64_t w = 0; w < tile.overlap[t]; ++w) sum[t][w] = 0;
    V::store(acc + tile.place[t], V::load(acc + tile.place[t]) + sum[t]);
  }
}

// acc += share * x_col over the slots [first, last) of a row.
template <int R, int W, typename T, typename A, typename I>
inline void gat_add(const Slots<I> &slots, int64_t first, int64_t last, const A *share,
                    const T *x, A *acc, int64_t stride, int64_t heads,
                    const Tile &tile) {
  using V = Vec<A, W>;
  typename V::reg sum[R] = {};
  const int64_t bytes = (tile.place[R - 1] - tile.place[0] + W) * sizeof(T);
  for (int64_t k = first; k < last; ++k, share += heads) {
    if (k + AHEAD < slots.total)
      fetch(x + int64_t(slots.col[k + AHEAD]) * stride + tile.place[0], bytes);
    const T *row = x + int64_t(slots.col[k]) * stride;
#pragma GCC unroll 8
    for (int t = 0; t < R; ++t)
      sum[t] += share[tile.head[t]] * V::load(row + tile.place[t]);
  }
  add_once<R, W>(acc, sum, tile);
}

template <typename T, typename A, typename I>
void gat_add_all(const Slots<I> &slots, int64_t first, int64_t last, const A *share,
                 const T *x, A *acc, int64_t heads, int64_t features) {
  each_tile<GRAPHSPARSE_WIDTH / sizeof(A)>(
      heads, features, [&](auto registers, auto width, const Tile &tile) {
        constexpr int R = decltype(registers)::value, W = decltype(width)::value;
        gat_add<R, W>(slots, first, last, share, x, acc, heads * features, heads, tile);
      });
}

// Row i. Scores are taken a block at a time; what was added up before shrinks by how
// much the largest score has grown since.
template <typename T, typename I>
void gat_row(const Attention<Acc<T>> &at, const Slots<I> &slots, int64_t i, const T *x,
             T *out, Acc<T> *log_total, int64_t features, Acc<T> *scratch) {
  using A = Acc<T>;
  const A none = -A(__builtin_inff());
  const int64_t heads = at.heads, stride = heads * features;
  A *acc = scratch, *top = acc + stride, *total = top + heads, *share = total + heads;
  for (int64_t f = 0; f < stride; ++f) acc[f] = 0;
  for (int64_t h = 0; h < heads; ++h) total[h] = 0, top[h] = none;
  const int64_t begin = slots.rowptr[i], end = slots.rowptr[i + 1];
  for (int64_t first = begin; first < end; first += BLOCK) {
    const int64_t last = first + BLOCK < end ? first + BLOCK : end;
    each_group(heads, [&](auto group, int64_t h) {
      constexpr int G = decltype(group)::value;
      using V = Vec<A, G>;
      const typename V::reg before = V::load(top + h);
      typename V::reg best = before;
      for (int64_t k = first; k < last; ++k) {
        if (k + AHEAD < slots.total)
          fetch(at.source + int64_t(slots.col[k + AHEAD]) * heads + h, 1);
        const A *source = at.source + int64_t(slots.col[k]) * heads + h;
        typename V::reg s = at.template score<G>(at.target + i * heads + h, source);
        if (!(at.weight(slots.entry(k)) > 0)) s = V::all(none);
        best = (s > best) | (s != s) ? s : best;
        V::store(share + (k - first) * heads + h, s);
      }
      const typename V::reg shift = best == none ? V::all(0) : best;
      typename V::reg sum = V::load(total + h);
      if (first != begin) {
        const typename V::reg factor = exp_of<A, G>(before - shift);
        sum *= factor;
        for (int g = 0; g < G; ++g)
          for (int64_t f = 0; f < features; ++f)
            acc[(h + g) * features + f] *= factor[g];
      }
      for (int64_t k = first; k < last; ++k) {
        A *place = share + (k - first) * heads + h;
        const int64_t entry = slots.entry(k);
        typename V::reg part = exp_of<A, G>(V::load(place) - shift) * at.weight(entry);
        sum += part;
        if (at.drop.threshold) part *= at.template dropout<G>(entry, h);
        V::store(place, part);
      }
      V::store(total + h, sum);
      V::store(top + h, best);
    });
    gat_add_all(slots, first, last, share, x, acc, heads, features);
  }
  for (int64_t h = 0; h < heads; ++h) {
    const bool some = total[h] != 0;
    const A scale = some ? A(1) / total[h] : A(0);
    log_total[i * heads + h] = some ? top[h] + log_of(total[h]) : none;
    for (int64_t f = h * features; f < (h + 1) * features; ++f)
      out[i * stride + f] = narrow<T>(acc[f] * scale);
  }
}

template <typename T, typename I>
void gat_aggregate(const int64_t *rowptr, const I *col, const I *perm, const T *x,
                   const Acc<T> *source, const Acc<T> *target, const Acc<T> *mask,
                   T *out, Acc<T> *log_total, int64_t rows, int64_t heads,
                   int64_t features, double slope, double dropout, int64_t seed,
                   int threads) {
  const Slots<I> slots{rowptr, col, perm, nullptr, rowptr[rows]};
  const Attention<Acc<T>> at(source, target, mask, heads, slope, dropout, seed);
  each_chunk(rowptr, rows, threads, [&](int64_t first, int64_t last) {
    Scratch<Acc<T>> scratch(heads * (features + 2 + BLOCK));
    for (int64_t i = first; i < last; ++i)
      gat_row(at, slots, i, x, out, log_total, features, scratch.all);
  });
}

// Over the slots [first, last) of row j of the transpose, of one head: the dots of own
// with the gathered rows of grad, and their sum with weights `part`.
template <int R, int W, typename T, typename A, typename I>
inline void gat_meet(const Slots<I> &slots, int64_t first, int64_t last, const T *own,
                     const T *grad, const A *part, A *dot, A *acc, int64_t stride,
                     int64_t heads, const Tile &tile) {
  using V = Vec<A, W>;
  typename V::reg mine[R], sum[R] = {};
  load_once<R, W>(mine, own, tile);
  const int64_t bytes = (tile.place[R - 1] - tile.place[0] + W) * sizeof(T);
  for (int64_t k = first; k < last; ++k, part += heads, dot += heads) {
    if (k + AHEAD < slots.total)
      fetch(grad + int64_t(slots.col[k + AHEAD]) * stride + tile.place[0], bytes);
    const T *row = grad + int64_t(slots.col[k]) * stride;
    typename V::reg product = V::all(0);
#pragma GCC unroll 8
    for (int t = 0; t < R; ++t) {
      const typename V::reg g = V::load(row + tile.place[t]);
      product += mine[t] * g;
      sum[t] += *part * g;
    }
    *dot += V::sum(product);
  }
  add_once<R, W>(acc, sum, tile);
}

template <typename T, typename A, typename I>
void gat_meet_all(const Slots<I> &slots, int64_t first, int64_t last, const T *own,
                  const T *grad, const A *part, A *dot, A *acc, int64_t heads,
                  int64_t features) {
  for (int64_t h = 0; h < heads; ++h)
    each_tile<GRAPHSPARSE_WIDTH / sizeof(A)>(
        1, features, [&](auto registers, auto width, const Tile &tile) {
          constexpr int R = decltype(registers)::value, W = decltype(width)::value;
          const int64_t f = h * features;
          gat_meet<R, W>(slots, first, last, own + f, grad + f, part + h, dot + h,
                         acc + f, heads * features, heads, tile);
        });
}

// What one row of the transpose reads beside x and grad, and what it leaves.
template <typename A>
struct GatGradients {
  const A *log_total, *inner;
  A *score, *source, *mask;
};

template <typename T, typename I>
void gat_backward_row(const Attention<Acc<T>> &at, const Slots<I> &slots, int64_t j,
                      const T *x, const T *grad, T *grad_x,
                      const GatGradients<Acc<T>> &to, int64_t features,
                      Acc<T> *scratch) {
  using A = Acc<T>;
  const A none = -A(__builtin_inff());
  // A slot that is masked out may stand far above what counts: finite, not infinite.
  constexpr A limit = sizeof(A) == 4 ? A(44) : A(354);
  const int64_t heads = at.heads, stride = heads * features;
  A *acc = scratch, *share = acc + stride, *part = share + BLOCK * heads;
  A *dot = part + BLOCK * heads, *to_source = to.source + j * heads;
  const A *source = at.source + j * heads;
  for (int64_t f = 0; f < stride; ++f) acc[f] = 0;
  for (int64_t h = 0; h < heads; ++h) to_source[h] = 0;
  const int64_t end = slots.rowptr[j + 1];
  for (int64_t first = slots.rowptr[j]; first < end; first += BLOCK) {
    const int64_t last = first + BLOCK < end ? first + BLOCK : end;
    for (int64_t k = first; to.mask && k < last; ++k) to.mask[slots.entry(k)] = 0;
    each_group(heads, [&](auto group, int64_t h) {
      constexpr int G = decltype(group)::value;
      using V = Vec<A, G>;
      for (int64_t k = first; k < last; ++k) {
        const int64_t i = int64_t(slots.col[k]) * heads + h, entry = slots.entry(k);
        if (k + AHEAD < slots.total) {
          const int64_t ahead = int64_t(slots.col[k + AHEAD]) * heads + h;
          fetch(at.target + ahead, 1);
          fetch(to.log_total + ahead, 1);
          fetch(to.inner + ahead, 1);
          fetch(to.score + slots.entry(k + AHEAD) * heads + h, 1);
        }
        const typename V::reg whole = V::load(to.log_total + i);
        typename V::reg s = at.template score<G>(at.target + i, source + h) - whole;
        s = s > limit ? V::all(limit) : s;
        if (!(at.weight(entry) > 0)) s = s != s ? V::all(none) : s;
        s = exp_of<A, G>(whole == none ? V::all(none) : s);
        const int64_t place = (k - first) * heads + h;
        V::store(share + place, s);
        V::store(dot + place, V::all(0));
        s *= at.weight(entry);
        if (at.drop.threshold) s *= at.template dropout<G>(entry, h);
        V::store(part + place, s);
      }
    });
    gat_meet_all(slots, first, last, x + j * stride, grad, part, dot, acc, heads,
                 features);
    each_group(heads, [&](auto group, int64_t h) {
      constexpr int G = decltype(group)::value;
      using V = Vec<A, G>;
      typename V::reg sum = V::load(to_source + h);
      for (int64_t k = first; k < last; ++k) {
        const int64_t i = int64_t(slots.col[k]) * heads + h, entry = slots.entry(k);
        const int64_t place = (k - first) * heads + h;
        typename V::reg to_share = V::load(dot + place);
        if (at.drop.threshold) to_share *= at.template dropout<G>(entry, h);
        to_share = V::load(share + place) * (to_share - V::load(to.inner + i));
        if (to.mask) to.mask[entry] += V::sum(to_share);
        const typename V::reg z = V::load(at.target + i) + V::load(source + h);
        const typename V::reg slope = z > 0 ? V::all(1) : V::all(at.slope);
        const typename V::reg to_score = at.weight(entry) * to_share * slope;
        V::store(to.score + entry * heads + h, to_score);
        sum += to_score;
      }
      V::store(to_source + h, sum);
    });
  }
  for (int64_t f = 0; f < stride; ++f) grad_x[j * stride + f] = narrow<T>(acc[f]);
}

// inner [rows, heads] and grad_score [slots, heads] are room to work in.
template <typename T, typename I>
void gat_backward(const int64_t *rowptr, const I *col, const I *perm,
                  const int64_t *t_rowptr, const I *t_col, const I *t_perm, const T *x,
                  const Acc<T> *source, const Acc<T> *target, const Acc<T> *mask,
                  const T *out, const Acc<T> *log_total, const T *grad, Acc<T> *inner,
                  Acc<T> *grad_score, T *grad_x, Acc<T> *grad_source,
                  Acc<T> *grad_target, Acc<T> *grad_mask, int64_t rows, int64_t cols,
                  int64_t heads, int64_t features, double slope, double dropout,
                  int64_t seed, int threads) {
  using A = Acc<T>;
  const Slots<I> slots{rowptr, col, perm, nullptr, rowptr[rows]};
  const Slots<I> back{t_rowptr, t_col, t_perm, nullptr, rowptr[rows]};
  const Attention<A> at(source, target, mask, heads, slope, dropout, seed);
  each_row(rowptr, rows, threads, [&](int64_t i) {
    for (int64_t h = i * heads; h < (i + 1) * heads; ++h)
      inner[h] = dot_of<T>(grad + h * features, out + h * features, features);
  });
  const GatGradients<A> to{log_total, inner, grad_score, grad_source, grad_mask};
  each_chunk(t_rowptr, cols, threads, [&](int64_t first, int64_t last) {
    Scratch<A> scratch(heads * (features + 3 * BLOCK));
    for (int64_t j = first; j < last; ++j)
      gat_backward_row(at, back, j, x, grad, grad_x, to, features, scratch.all);
  });
  each_row(rowptr, rows, threads, [&](int64_t i) {
    A *sum = grad_target + i * heads;
    for (int64_t h = 0; h < heads; ++h) sum[h] = 0;
    for (int64_t k = rowptr[i]; k < rowptr[i + 1]; ++k) {
      if (perm && k + AHEAD < slots.total)
        fetch(grad_score + slots.entry(k + AHEAD) * heads, 1);
      const A *part = grad_score + slots.entry(k) * heads;
      for (int64_t h = 0; h < heads; ++h) sum[h] += part[h];
    }
  });
}
