// What the kernels over CSR rows share: fair chunks, memory, slots, prefetching.

constexpr int64_t AHEAD = 16;  // slots between asking for a row and reading it

// First row i of [0, rows] with rowptr[i] + i >= work.
inline int64_t row_at(const int64_t *rowptr, int64_t rows, int64_t work) {
  int64_t low = 0, high = rows;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (rowptr[middle] + middle < work)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// body(first, last) over chunks of rows with about equally many slots.
template <typename Body>
void each_chunk(const int64_t *rowptr, int64_t rows, int threads, Body body) {
  constexpr int64_t share = 4096;
  const int64_t chunks = (rowptr[rows] - rowptr[0] + rows) / share + 1;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
  for (int64_t c = 0; c < chunks; ++c)
    body(row_at(rowptr, rows, rowptr[0] + c * share),
         c + 1 == chunks ? rows : row_at(rowptr, rows, rowptr[0] + (c + 1) * share));
}

template <typename Body>
void each_row(const int64_t *rowptr, int64_t rows, int threads, Body body) {
  each_chunk(rowptr, rows, threads, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) body(i);
  });
}

// Memory of one thread, for as long as its chunk of rows takes.
template <typename A>
struct Scratch {
  A *all;
  explicit Scratch(int64_t size) : all((A *)__builtin_malloc((size + 1) * sizeof(A))) {
    if (!all) __builtin_trap();
  }
  ~Scratch() { __builtin_free(all); }
  Scratch(const Scratch &) = delete;
};

// The non-zeros: slot k stands in column col[k] and has entry perm[k] (k, if null) of
// the values; where keep is given, it is there only if the entry's bit is set.
template <typename I>
struct Slots {
  const int64_t *rowptr;
  const I *col;
  const I *perm;
  const uint8_t *keep;
  int64_t total;

  int64_t entry(int64_t k) const { return perm ? int64_t(perm[k]) : k; }
  bool there(int64_t entry) const {
    return !keep || (keep[entry >> 3] >> (7 - (entry & 7)) & 1);
  }
};

// Up to 8 registers of W numbers of a dense row [heads, features]: where each begins,
// and its head. Where W does not divide the features, the last of a head overlaps the
// one before by so many numbers.
struct Tile {
  int64_t place[8], head[8], overlap[8];
};

// A tile of a row for dot products: what overlaps is 0, so that it counts once.
template <int R, int W, typename A, typename T>
inline void load_once(A (&own)[R], const T *row, const Tile &tile) {
  for (int t = 0; t < R; ++t) {
    own[t] = Vec<Acc<T>, W>::load(row + tile.place[t]);
    for (int64_t w = 0; w < tile.overlap[t]; ++w) own[t][w] = 0;
  }
}

template <int N>
struct Const {
  static constexpr int value = N;
};

template <int W, int R, typename Body>
int64_t tiles_of(int64_t from, int64_t heads, int64_t features, Body body) {
  const int64_t each = (features + W - 1) / W, all = heads * each;
  for (; from + R <= all; from += R) {
    Tile tile;
    for (int t = 0; t < R; ++t) {
      tile.head[t] = (from + t) / each;
      const int64_t f = (from + t) % each * W;
      tile.overlap[t] = f + W > features ? f + W - features : 0;
      tile.place[t] = tile.head[t] * features + f - tile.overlap[t];
    }
    body(Const<R>(), Const<W>(), tile);
  }
  return from;
}

// body(Const<R>, Const<W>, tile) until every number of a row was in some tile.
template <int W, typename Body>
void each_tile(int64_t heads, int64_t features, Body body) {
  if constexpr (W > 1)
    if (features < W) return each_tile<W / 2>(heads, features, body);
  int64_t done = 0;
  if (features == 0) return;
  constexpr bool whole = W * sizeof(float) >= GRAPHSPARSE_WIDTH / 2;
  if constexpr (whole) done = tiles_of<W, 8>(done, heads, features, body);
  done = tiles_of<W, 4>(done, heads, features, body);
  if constexpr (whole) done = tiles_of<W, 3>(done, heads, features, body);
  if constexpr (whole) done = tiles_of<W, 2>(done, heads, features, body);
  tiles_of<W, 1>(done, heads, features, body);
}

// Rows of a gathered operand are far apart and the hardware cannot guess them. They
// are fetched to the second cache: the first one's few outstanding misses are what
// else bounds the whole kernel (1.5 times slower here).
inline void fetch(const void *from, int64_t bytes) {
  const char *p = (const char *)from;
  for (int64_t b = 0; b < bytes; b += 64) __builtin_prefetch(p + b, 0, 2);
}
