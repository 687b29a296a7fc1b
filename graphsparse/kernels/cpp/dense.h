// The kernels that are built once for each instruction set (dense.cpp); the best build
// for the machine is chosen as the module loads (module.cpp). No bounds are checked.
#pragma once
#include <cstdint>

namespace graphsparse {

// bfloat16 in memory; all arithmetic is in float.
struct bf16 {
  uint16_t bits;
};

template <typename T>
struct Wide {
  using type = T;
};
template <>
struct Wide<bf16> {
  using type = float;
};
// What sums of T are kept in.
template <typename T>
using Acc = typename Wide<T>::type;

using Bits = uint8_t;
using Ends = int64_t;
using N = int64_t;

// T is the type of the dense operands [nodes, heads, features], I that of columns and
// places. perm, keep, value, mask and gradients that nobody wants may be null.
template <typename T, typename I, typename A = Acc<T>>
struct Dense {
  void (*spmm_sum)(const Ends *rowptr, const I *col, const I *perm, const Bits *keep,
                   const T *value, const T *x, T *out, N rows, N heads, N features,
                   bool mean, int threads);
  void (*spmm_max)(const Ends *rowptr, const I *col, const I *perm, const Bits *keep,
                   const T *value, const T *x, T *out, N rows, N heads, N features,
                   bool largest, int threads);
  void (*spmm_backward)(const Ends *rowptr, const I *col, const I *perm,
                        const Bits *keep, const T *value, const T *x, const T *grad,
                        A *grad_value, T *grad_x, N rows, N heads, N features,
                        int threads);
  void (*spmm_max_shares)(const Ends *rowptr, const I *col, const I *perm,
                          const Bits *keep, const T *value, const T *x, const T *out,
                          const T *grad, T *share, N rows, N heads, N features,
                          int threads);
  void (*spmm_max_backward)(const Ends *rowptr, const I *col, const I *perm,
                            const Bits *keep, const T *value, const T *x, const T *out,
                            const T *share, A *grad_value, A *grad_x, N rows, N heads,
                            N features, int threads);
  void (*sddmm)(const Ends *rowptr, const I *col, const I *perm, const Bits *keep,
                const T *a, const T *b, A *out, N rows, N heads, N features,
                int threads);
  void (*sddmm_add)(const Ends *rowptr, const I *col, const I *perm, const T *a,
                    const T *b, T *out, N rows, N heads, int threads);
  void (*gat_aggregate)(const Ends *rowptr, const I *col, const I *perm, const T *x,
                        const A *source, const A *target, const A *mask, T *out,
                        A *log_total, N rows, N heads, N features, double slope,
                        double dropout, int64_t seed, int threads);
  void (*gat_backward)(const Ends *rowptr, const I *col, const I *perm,
                       const Ends *t_rowptr, const I *t_col, const I *t_perm,
                       const T *x, const A *source, const A *target, const A *mask,
                       const T *out, const A *log_total, const T *grad, A *inner,
                       A *grad_score, T *grad_x, A *grad_source, A *grad_target,
                       A *grad_mask, N rows, N cols, N heads, N features, double slope,
                       double dropout, int64_t seed, int threads);
  // Not for bf16, whose weights are widened first.
  void (*sparse_linear)(const Ends *rowptr, const I *col, const T *value, const T *x,
                        T *out, N nodes, N rows, N cols, int threads);
};

template <typename T>
struct Segments {
  void (*reduce)(const Ends *rowptr, const T *src, T *out, N rows, N width, int reduce,
                 int threads);
  void (*dropout)(const T *x, T *out, N size, double probability, int64_t seed,
                  int threads);
  // Not for bf16, which the reference serves.
  void (*softmax)(const Ends *rowptr, const T *score, T *out, N rows, N heads,
                  int threads);
  void (*softmax_backward)(const Ends *rowptr, const T *out, const T *grad,
                           T *grad_score, N rows, N heads, int threads);
};

#define GRAPHSPARSE_DECLARE(ISA)    \
  namespace ISA {                   \
  template <typename T, typename I> \
  Dense<T, I> dense();              \
  template <typename T>             \
  Segments<T> segments();           \
  }
GRAPHSPARSE_DECLARE(baseline)
GRAPHSPARSE_DECLARE(avx2)
GRAPHSPARSE_DECLARE(avx512)
#undef GRAPHSPARSE_DECLARE

}  // namespace graphsparse

