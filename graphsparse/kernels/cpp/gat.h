// Graph attention: scores, softmax and sum in one pass over the slots; the gradient
// makes them again in one pass over the transpose.

constexpr int64_t BLOCK = 64;  // slots whose scores are held at a time

// What decides a slot's share in its row. mask may be null (all 1).
template <typename A>
struct Attention {
  const A *source, *target, *mask;
  int64_t heads;
  A slope;
  uint64_t seed, threshold;  // dropped if a draw of 24 bits is below
  A scale;

  Attention(const A *source, const A *target, const A *mask, int64_t heads,
            double slope, double dropout, int64_t seed)
      : source(source), target(target), mask(mask), heads(heads), slope(A(slope)),
        seed(uint64_t(seed)), threshold(uint64_t(dropout * (1 << 24) + 0.5)),
        scale(A(dropout < 1 ? 1 / (1 - dropout) : 0)) {}

  A score(A target, A source) const {
    const A z = target + source;
    return z > 0 ? z : z * slope;
  }
  A weight(int64_t entry) const { return mask ? mask[entry] : A(1); }
  // 0 or 1 / (1 - dropout): SplitMix64 at entry and head, whatever the order.
  A dropout(int64_t entry, int64_t head) const {
    if (threshold == 0) return A(1);
    uint64_t z = seed + uint64_t(entry * heads + head + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return ((z ^ (z >> 31)) >> 40) >= threshold ? scale : A(0);
  }
};

// Memory of one thread, as long as one chunk of rows takes.
template <typename A>
struct Scratch {
  A *all;
  explicit Scratch(int64_t size) : all((A *)__builtin_malloc((size + 1) * sizeof(A))) {
    if (!all) __builtin_trap();
  }
  ~Scratch() { __builtin_free(all); }
  Scratch(const Scratch &) = delete;
};

// Largest score of each head among what counts in row i; -inf where nothing does.
template <typename A, typename I>
inline void top_scores(const Attention<A> &at, const Slots<I> &slots, int64_t i, A *top) {
  for (int64_t h = 0; h < at.heads; ++h) top[h] = -A(__builtin_inff());
  for (int64_t k = slots.rowptr[i]; k < slots.rowptr[i + 1]; ++k) {
    if (k + AHEAD < slots.total)
      fetch(at.source + int64_t(slots.col[k + AHEAD]) * at.heads, 1);
    if (!(at.weight(slots.entry(k)) > 0)) continue;
    const A *source = at.source + int64_t(slots.col[k]) * at.heads;
    for (int64_t h = 0; h < at.heads; ++h) {
      const A s = at.score(at.target[i * at.heads + h], source[h]);
      if (s > top[h] || s != s) top[h] = s;
    }
  }
}

template <typename T, typename I>
void gat_row(const Attention<Acc<T>> &at, const Slots<I> &slots, int64_t i, const T *x,
             T *out, Acc<T> *log_total, int64_t features, Acc<T> *scratch) {
  using A = Acc<T>;
  using V = Vec<A, GRAPHSPARSE_WIDTH / sizeof(A)>;
  constexpr int64_t W = GRAPHSPARSE_WIDTH / sizeof(A);
  const int64_t heads = at.heads, stride = heads * features;
  A *acc = scratch, *top = acc + stride, *total = top + heads, *share = total + heads;
  top_scores(at, slots, i, top);
  for (int64_t h = 0; h < heads; ++h)
    if (top[h] == -A(__builtin_inff())) top[h] = 0;  // all are -inf and weigh nothing
  for (int64_t f = 0; f < stride; ++f) acc[f] = 0;
  for (int64_t h = 0; h < heads; ++h) total[h] = 0;
  const int64_t end = slots.rowptr[i + 1];
  for (int64_t first = slots.rowptr[i]; first < end; first += BLOCK) {
    const int64_t last = first + BLOCK < end ? first + BLOCK : end;
    for (int64_t k = first; k < last; ++k) {
      const bool counts = at.weight(slots.entry(k)) > 0;
      for (int64_t h = 0; h < heads; ++h) {
        const A s = at.score(at.target[i * heads + h],
                             at.source[int64_t(slots.col[k]) * heads + h]);
        share[(k - first) * heads + h] = counts ? s - top[h] : -A(__builtin_inff());
      }
    }
    exp_all(share, (last - first) * heads);
    for (int64_t k = first; k < last; ++k) {
      if (k + AHEAD < slots.total)
        fetch(x + int64_t(slots.col[k + AHEAD]) * stride, stride * sizeof(T));
      const T *row = x + int64_t(slots.col[k]) * stride;
      const int64_t entry = slots.entry(k);
      for (int64_t h = 0; h < heads; ++h) {
        const A weight = share[(k - first) * heads + h] * at.weight(entry);
        total[h] += weight;
        const A part = weight * at.dropout(entry, h);
        int64_t f = h * features;
        const int64_t stop = f + features;
        for (; f + W <= stop; f += W)
          V::store(acc + f, V::load(acc + f) + part * V::load(row + f));
        for (; f < stop; ++f) acc[f] += part * widen(row[f]);
      }
    }
  }
  for (int64_t h = 0; h < heads; ++h) {
    const bool some = total[h] > 0 || total[h] != total[h];
    const A scale = some ? A(1) / total[h] : A(0);
    log_total[i * heads + h] = some ? top[h] + log_of(total[h]) : -A(__builtin_inff());
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
    Scratch<Acc<T>> scratch(heads * features + (2 + BLOCK) * heads);
    for (int64_t i = first; i < last; ++i)
      gat_row(at, slots, i, x, out, log_total, features, scratch.all);
  });
}

// Row j of the transpose: gradients to x, source and mask, and to every score.
template <typename T, typename I>
void gat_backward_row(const Attention<Acc<T>> &at, const Slots<I> &slots, int64_t j,
                      const T *x, const Acc<T> *log_total, const Acc<T> *inner,
                      const T *grad, T *grad_x, Acc<T> *grad_source, Acc<T> *grad_mask,
                      Acc<T> *grad_score, int64_t features, Acc<T> *scratch) {
  using A = Acc<T>;
  using V = Vec<A, GRAPHSPARSE_WIDTH / sizeof(A)>;
  constexpr int64_t W = GRAPHSPARSE_WIDTH / sizeof(A);
  // A slot that is masked out may stand far above what counts: finite, not infinite.
  constexpr A limit = sizeof(A) == 4 ? A(44) : A(354);
  const int64_t heads = at.heads, stride = heads * features;
  A *acc = scratch, *share = acc + stride;
  for (int64_t f = 0; f < stride; ++f) acc[f] = 0;
  for (int64_t h = 0; h < heads; ++h) grad_source[j * heads + h] = 0;
  const int64_t end = slots.rowptr[j + 1];
  for (int64_t first = slots.rowptr[j]; first < end; first += BLOCK) {
    const int64_t last = first + BLOCK < end ? first + BLOCK : end;
    for (int64_t k = first; k < last; ++k) {
      const int64_t i = int64_t(slots.col[k]) * heads;
      if (k + AHEAD < slots.total) {
        const int64_t ahead = int64_t(slots.col[k + AHEAD]) * heads;
        fetch(at.target + ahead, 1);
        fetch(log_total + ahead, 1);
      }
      for (int64_t h = 0; h < heads; ++h) {
        const A s = at.score(at.target[i + h], at.source[j * heads + h]);
        const A above = s - log_total[i + h];
        const bool some = log_total[i + h] != -A(__builtin_inff());
        share[(k - first) * heads + h] =
            some ? (above > limit ? limit : above) : -A(__builtin_inff());
      }
    }
    exp_all(share, (last - first) * heads);
    for (int64_t k = first; k < last; ++k) {
      const int64_t i = int64_t(slots.col[k]), entry = slots.entry(k);
      if (k + AHEAD < slots.total) {
        const int64_t ahead = int64_t(slots.col[k + AHEAD]);
        fetch(grad + ahead * stride, stride * sizeof(T));
        fetch(inner + ahead * heads, 1);
        fetch(grad_score + slots.entry(k + AHEAD) * heads, 1);
      }
      const A weight = at.weight(entry);
      A to_mask = 0;
      for (int64_t h = 0; h < heads; ++h) {
        const A whole = share[(k - first) * heads + h], drop = at.dropout(entry, h);
        const A part = weight * whole * drop;
        typename V::reg sums = V::all(0);
        int64_t f = h * features;
        const int64_t stop = f + features;
        const T *row = grad + i * stride, *own = x + j * stride;
        for (; f + W <= stop; f += W) {
          const typename V::reg g = V::load(row + f);
          sums += V::load(own + f) * g;
          V::store(acc + f, V::load(acc + f) + part * g);
        }
        A dot = V::sum(sums);
        for (; f < stop; ++f) {
          dot += widen(own[f]) * widen(row[f]);
          acc[f] += part * widen(row[f]);
        }
        const A to_share = whole * (drop * dot - inner[i * heads + h]);
        to_mask += to_share;
        const bool up = at.target[i * heads + h] + at.source[j * heads + h] > 0;
        const A to_score = weight * to_share * (up ? A(1) : at.slope);
        grad_score[entry * heads + h] = to_score;
        grad_source[j * heads + h] += to_score;
      }
      if (grad_mask) grad_mask[entry] = to_mask;
    }
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
    for (int64_t h = i * heads; h < (i + 1) * heads; ++h) {
      inner[h] = 0;
      for (int64_t f = h * features; f < (h + 1) * features; ++f)
        inner[h] += widen(grad[f]) * widen(out[f]);
    }
  });
  each_chunk(t_rowptr, cols, threads, [&](int64_t first, int64_t last) {
    Scratch<A> scratch(heads * features + BLOCK * heads);
    for (int64_t j = first; j < last; ++j)
      gat_backward_row(at, back, j, x, log_total, inner, grad, grad_x, grad_source,
                       grad_mask, grad_score, features, scratch.all);
  });
  each_row(rowptr, rows, threads, [&](int64_t i) {
    for (int64_t h = 0; h < heads; ++h) grad_target[i * heads + h] = 0;
    for (int64_t k = rowptr[i]; k < rowptr[i + 1]; ++k)
      for (int64_t h = 0; h < heads; ++h)
        grad_target[i * heads + h] += grad_score[slots.entry(k) * heads + h];
  });
}
