// Sorting arcs: a CSR from its transpose by counting, linear in time.
#include "bind.h"

namespace graphsparse {
namespace {

// t_rowptr is filled and serves as the running places while slots are handed out;
// within a transposed row the order of the rows is kept.
template <typename I>
void transpose(const int64_t *rowptr, const I *col, int64_t *t_rowptr, I *t_col,
               I *t_perm, int64_t rows, int64_t cols) {
  for (int64_t j = 0; j <= cols; ++j) t_rowptr[j] = 0;
  for (int64_t k = 0; k < rowptr[rows]; ++k) ++t_rowptr[col[k]];
  int64_t begin = 0;
  for (int64_t j = 0; j <= cols; ++j) {
    const int64_t count = t_rowptr[j];
    t_rowptr[j] = begin;
    begin += count;
  }
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t k = rowptr[i]; k < rowptr[i + 1]; ++k) {
      const int64_t place = t_rowptr[col[k]]++;
      t_col[place] = I(i);
      t_perm[place] = I(k);
    }
  for (int64_t j = cols; j > 0; --j) t_rowptr[j] = t_rowptr[j - 1];
  t_rowptr[0] = 0;
}

}  // namespace

void bind_layout(nanobind::module_ &m) {
  define(m, "transpose_i32", transpose<int32_t>);
  define(m, "transpose_i64", transpose<int64_t>);
}

}  // namespace graphsparse
