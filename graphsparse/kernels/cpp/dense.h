// Kernels on raw pointers. Each is compiled once per instruction set (dense.cpp)
// and chosen at run time (module.cpp). No bounds are checked here.
#pragma once
#include <cstdint>

namespace graphsparse {

// CSR rows: slots [rowptr[i], rowptr[i+1]) with column col[k] and value
// value[perm ? perm[k] : k]. Dense operands are [n, heads, features], row-major;
// values [slots, heads]. perm and value may be null.
template <typename T, typename I>
struct Dense {
  void (*spmm_sum)(const int64_t *rowptr, const I *col, const I *perm,
                   const T *value, const T *x, T *out, int64_t rows,
                   int64_t heads, int64_t features, int threads);
  void (*spmm_max)(const int64_t *rowptr, const I *col, const I *perm,
                   const T *value, const T *x, T *out, int64_t rows,
                   int64_t heads, int64_t features, int threads);
  void (*sddmm)(const int64_t *rowptr, const I *col, const I *perm, const T *a,
                const T *b, T *out, int64_t rows, int64_t heads,
                int64_t features, int threads);
};

#define GRAPHSPARSE_DECLARE(ISA)      \
  namespace ISA {                     \
  template <typename T, typename I>   \
  Dense<T, I> dense();            \
  }
GRAPHSPARSE_DECLARE(baseline)
GRAPHSPARSE_DECLARE(avx2)
GRAPHSPARSE_DECLARE(avx512)
#undef GRAPHSPARSE_DECLARE

}  // namespace graphsparse
