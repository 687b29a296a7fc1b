// Sorting arcs: rows from lists, rows from columns, by counting; linear in time.
#include <vector>

#include "bind.h"

namespace graphsparse {
namespace {

#if defined(__GNUC__) || defined(__clang__)
#define GRAPHSPARSE_FETCH(address) __builtin_prefetch(address, 1)
#else
#define GRAPHSPARSE_FETCH(address)
#endif
// How far ahead a slot's bucket, and then its place, is fetched.
constexpr int64_t kFar = 32, kNear = 16;

// Counts to running places: entry j becomes the number of things before bucket j.
void count_to_begin(int64_t *count, int64_t size) {
  int64_t begin = 0;
  for (int64_t j = 0; j < size; ++j) {
    const int64_t own = count[j];
    count[j] = begin;
    begin += own;
  }
}

// When all is handed out, place j is where bucket j + 1 begins: one step back.
void places_to_begin(int64_t *place, int64_t size) {
  for (int64_t j = size; j > 0; --j) place[j] = place[j - 1];
  place[0] = 0;
}

// t_rowptr is filled and serves as the running places while slots are handed out;
// within a transposed row the order of the rows is kept.
template <typename I>
void transpose(const int64_t *rowptr, const I *col, int64_t *t_rowptr, I *t_col,
               I *t_perm, int64_t rows, int64_t cols) {
  const int64_t slots = rowptr[rows];
  for (int64_t j = 0; j <= cols; ++j) t_rowptr[j] = 0;
  for (int64_t k = 0; k < slots; ++k) ++t_rowptr[col[k]];
  count_to_begin(t_rowptr, cols + 1);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t k = rowptr[i]; k < rowptr[i + 1]; ++k) {
      if (k + kFar < slots) {
        GRAPHSPARSE_FETCH(t_rowptr + col[k + kFar]);
        GRAPHSPARSE_FETCH(t_col + t_rowptr[col[k + kNear]]);
        GRAPHSPARSE_FETCH(t_perm + t_rowptr[col[k + kNear]]);
      }
      const int64_t place = t_rowptr[col[k]]++;
      t_col[place] = I(i);
      t_perm[place] = I(k);
    }
  places_to_begin(t_rowptr, cols);
}

template <typename I>
struct End {
  I dst, id;
};

// Stable by source, then by target: (target, source, place in the list). Where
// `loops_apart`, arcs from a node to itself are left out; `rowptr` has room for all
// targets, `col` and `edge_id` for what is left.
template <typename I>
void sort_arcs(const int64_t *src, const int64_t *dst, int64_t *rowptr, I *col,
               int64_t *edge_id, int64_t listed, int64_t arcs, int64_t num_src,
               int64_t num_dst, bool loops_apart) {
  std::vector<int64_t> begin(num_src + 1);
  std::vector<End<I>> by_source(arcs);
  for (int64_t j = 0; j <= num_dst; ++j) rowptr[j] = 0;
  for (int64_t k = 0; k < listed; ++k) {
    if (loops_apart && src[k] == dst[k]) continue;
    ++begin[src[k]];
    ++rowptr[dst[k]];
  }
  count_to_begin(begin.data(), num_src + 1);
  count_to_begin(rowptr, num_dst + 1);
  for (int64_t k = 0; k < listed; ++k) {
    if (k + kFar < listed) {
      GRAPHSPARSE_FETCH(&begin[src[k + kFar]]);
      GRAPHSPARSE_FETCH(by_source.data() + begin[src[k + kNear]]);
    }
    if (loops_apart && src[k] == dst[k]) continue;
    by_source[begin[src[k]]++] = {I(dst[k]), I(k)};
  }
  int64_t k = 0;
  for (int64_t i = 0; i < num_src; ++i)
    for (; k < begin[i]; ++k) {
      if (k + kFar < arcs) {
        GRAPHSPARSE_FETCH(rowptr + by_source[k + kFar].dst);
        const int64_t near = rowptr[by_source[k + kNear].dst];
        GRAPHSPARSE_FETCH(col + near);
        GRAPHSPARSE_FETCH(edge_id + near);
      }
      const int64_t place = rowptr[by_source[k].dst]++;
      col[place] = I(i);
      edge_id[place] = by_source[k].id;
    }
  places_to_begin(rowptr, num_dst);
}

// The twin of every slot of a symmetric pattern, copy by copy of parallel arcs.
// `place` holds the rows' beginnings and is used up; `twin` may be null. `found` says
// whether every slot has its twin: at the first without one the search ends.
template <typename I>
void find_twins(const int64_t *rowptr, const I *col, int64_t *place, I *twin,
                int64_t *found, int64_t rows) {
  const int64_t slots = rowptr[rows];
  *found = 0;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t k = rowptr[i]; k < rowptr[i + 1]; ++k) {
      if (k + kFar < slots) {
        GRAPHSPARSE_FETCH(place + col[k + kFar]);
        GRAPHSPARSE_FETCH(col + place[col[k + kNear]]);
      }
      const int64_t other = place[col[k]]++;
      if (other >= rowptr[col[k] + 1] || col[other] != I(i)) return;
      if (twin) twin[k] = I(other);
    }
  *found = 1;
}

// Twins share one number, counted over the arcs into the smaller node.
template <typename I>
void number_edges(const int64_t *rowptr, const I *col, const I *twin, int64_t *edge,
                  int64_t rows) {
  int64_t number = 0;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t k = rowptr[i]; k < rowptr[i + 1]; ++k)
      if (i < col[k]) edge[k] = edge[twin[k]] = number++;
}

// Loops at `node`, ascending, set into sorted rows that have none. Slots take their
// entry of `perm`, or their own number where it is null; loops come after them all.
template <typename I>
void merge_loops(const int64_t *rowptr, const I *col, const I *perm,
                 const int64_t *node, int64_t *new_rowptr, I *new_col, I *new_perm,
                 int64_t rows, int64_t loops) {
  const int64_t arcs = rowptr[rows];
  int64_t out = 0, loop = 0;
  for (int64_t i = 0; i < rows; ++i) {
    new_rowptr[i] = out;
    int64_t k = rowptr[i];
    const int64_t end = rowptr[i + 1];
    const auto copy_while = [&](auto more) {
      for (; k < end && more(col[k]); ++k, ++out) {
        new_col[out] = col[k];
        new_perm[out] = perm ? perm[k] : I(k);
      }
    };
    copy_while([i](I j) { return j < i; });
    for (; loop < loops && node[loop] == i; ++loop, ++out) {
      new_col[out] = I(i);
      new_perm[out] = I(arcs + loop);
    }
    copy_while([](I) { return true; });
  }
  new_rowptr[rows] = out;
}

// Where each value stands: `slot[perm[k]] = k`.
template <typename I>
void invert(const I *perm, I *slot, int64_t size) {
  for (int64_t k = 0; k < size; ++k) slot[perm[k]] = I(k);
}

template <typename I>
void bind_all(nanobind::module_ &m, const std::string &type) {
  define(m, "transpose" + type, transpose<I>);
  define(m, "sort_arcs" + type, sort_arcs<I>);
  define(m, "find_twins" + type, find_twins<I>);
  define(m, "number_edges" + type, number_edges<I>);
  define(m, "merge_loops" + type, merge_loops<I>);
  define(m, "invert" + type, invert<I>);
}

}  // namespace

void bind_layout(nanobind::module_ &m) {
  bind_all<int32_t>(m, "_i32");
  bind_all<int64_t>(m, "_i64");
}

}  // namespace graphsparse
