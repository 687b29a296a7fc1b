// Sums over what two sorted rows have in common.
#include "bind.h"

namespace graphsparse {
namespace {

// A row so many times longer than the other is searched, not read.
constexpr int64_t kLonger = 32;

// The first of [begin, end) that is not below `wanted`: strides that double, then
// halves, so that finds near `begin` are cheap.
template <typename I>
const I *gallop(const I *begin, const I *end, I wanted) {
  int64_t stride = 1;
  while (stride < end - begin && begin[stride] < wanted) {
    begin += stride;
    stride *= 2;
  }
  const I *last = stride < end - begin ? begin + stride : end;
  while (begin < last) {
    const I *middle = begin + (last - begin) / 2;
    if (*middle < wanted)
      begin = middle + 1;
    else
      last = middle;
  }
  return begin;
}

// Rows are sets: a column that stands twice counts once.
template <typename I>
double shared(const I *a, const I *a_end, const I *b, const I *b_end,
              const double *weight) {
  const bool search = (b_end - b) / kLonger > a_end - a;
  double sum = 0;
  while (a < a_end && b < b_end) {
    const I column = *a;
    if (search)
      b = gallop(b, b_end, column);
    else
      while (b < b_end && *b < column) ++b;
    if (b < b_end && *b == column) sum += weight ? weight[column] : 1.0;
    do ++a;
    while (a < a_end && *a == column);
  }
  return sum;
}

// Pairs of rows differ in length by orders of magnitude: few are handed out at once.
// Each sum is of one thread, by ascending column: the same on any number of them.
template <typename I>
void common_neighbors(const int64_t *rowptr, const I *col, const int64_t *u,
                      const int64_t *v, const double *weight, double *out,
                      int64_t pairs, int64_t threads) {
#pragma omp parallel for schedule(dynamic, 64) num_threads(threads) if (threads > 1)
  for (int64_t p = 0; p < pairs; ++p) {
    const I *a = col + rowptr[u[p]], *a_end = col + rowptr[u[p] + 1];
    const I *b = col + rowptr[v[p]], *b_end = col + rowptr[v[p] + 1];
    out[p] = a_end - a < b_end - b ? shared(a, a_end, b, b_end, weight)
                                   : shared(b, b_end, a, a_end, weight);
  }
}

}  // namespace

void bind_proximity(nanobind::module_ &m) {
  define(m, "common_neighbors_i32", common_neighbors<int32_t>);
  define(m, "common_neighbors_i64", common_neighbors<int64_t>);
}

}  // namespace graphsparse
