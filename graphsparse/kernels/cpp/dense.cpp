// Compiled once per instruction set, with GRAPHSPARSE_ISA naming the namespace and
// GRAPHSPARSE_WIDTH the bytes of a vector register. No std:: inline functions here:
// the linker might keep a copy built for the wrong instruction set.
#include "dense.h"

namespace graphsparse {
namespace GRAPHSPARSE_ISA {
namespace {

// A register of T; loads and stores may be unaligned.
template <typename T>
struct Vec {
  static constexpr int64_t width = GRAPHSPARSE_WIDTH / sizeof(T);
  typedef T reg __attribute__((vector_size(GRAPHSPARSE_WIDTH)));
  typedef T mem __attribute__((vector_size(GRAPHSPARSE_WIDTH), aligned(sizeof(T)),
                               may_alias));
};

// Rows vary in length by orders of magnitude: hand them out in small chunks.
#define PARALLEL_ROWS                                                       \
  _Pragma("omp parallel for schedule(dynamic, 64) num_threads(threads) if (threads > 1)")

template <typename T, typename I>
inline T weight(const I *perm, const T *value, int64_t k, int64_t head,
                int64_t heads) {
  if (!value) return T(1);
  return value[(perm ? int64_t(perm[k]) : k) * heads + head];
}

// One tile of a row: TILES registers of the output stay in registers over all slots.
template <int TILES, typename T, typename I>
inline void sum_tile(int64_t begin, int64_t end, int64_t slots, const I *col, const I *perm,
                     const T *value, const T *x, T *out, int64_t stride,
                     int64_t head, int64_t heads) {
  using V = Vec<T>;
  typename V::reg acc[TILES] = {};
  for (int64_t k = begin; k < end; ++k) {
    const T *source = x + int64_t(col[k]) * stride;
    if (k + 8 < slots) {
      // Rows are far apart and the hardware cannot guess them: ask for every line.
      const char *ahead = (const char *)(x + int64_t(col[k + 8]) * stride);
#pragma GCC unroll 8
      for (int t = 0; t < TILES * GRAPHSPARSE_WIDTH; t += 64)
        __builtin_prefetch(ahead + t);
    }
    const T w = weight(perm, value, k, head, heads);
#pragma GCC unroll 8
    for (int t = 0; t < TILES; ++t)
      acc[t] += w * *(const typename V::mem *)(source + t * V::width);
  }
#pragma GCC unroll 8
  for (int t = 0; t < TILES; ++t)
    *(typename V::mem *)(out + t * V::width) = acc[t];
}

template <typename T, typename I>
void spmm_sum(const int64_t *rowptr, const I *col, const I *perm, const T *value,
              const T *x, T *out, int64_t rows, int64_t heads, int64_t features,
              int threads) {
  constexpr int64_t W = Vec<T>::width;
  const int64_t stride = heads * features, slots = rowptr[rows];
  PARALLEL_ROWS
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t begin = rowptr[i], end = rowptr[i + 1];
    for (int64_t h = 0; h < heads; ++h) {
      const T *xh = x + h * features;
      T *oh = out + i * stride + h * features;
      int64_t f = 0;
      for (; f + 8 * W <= features; f += 8 * W)
        sum_tile<8>(begin, end, slots, col, perm, value, xh + f, oh + f, stride, h, heads);
      for (; f + 2 * W <= features; f += 2 * W)
        sum_tile<2>(begin, end, slots, col, perm, value, xh + f, oh + f, stride, h, heads);
      for (; f + W <= features; f += W)
        sum_tile<1>(begin, end, slots, col, perm, value, xh + f, oh + f, stride, h, heads);
      if (f == features) continue;
      for (int64_t g = f; g < features; ++g) oh[g] = T(0);
      for (int64_t k = begin; k < end; ++k) {
        const T w = weight(perm, value, k, h, heads);
        const T *source = xh + int64_t(col[k]) * stride;
        for (int64_t g = f; g < features; ++g) oh[g] += w * source[g];
      }
    }
  }
}

template <typename T, typename I>
void spmm_max(const int64_t *rowptr, const I *col, const I *perm, const T *value,
              const T *x, T *out, int64_t rows, int64_t heads, int64_t features,
              int threads) {
  const int64_t stride = heads * features;
  PARALLEL_ROWS
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t begin = rowptr[i], end = rowptr[i + 1];
    T *best = out + i * stride;
    for (int64_t f = 0; begin == end && f < stride; ++f) best[f] = T(0);
    for (int64_t k = begin; k < end; ++k) {
      const T *source = x + int64_t(col[k]) * stride;
      for (int64_t h = 0; h < heads; ++h) {
        const T w = weight(perm, value, k, h, heads);
        for (int64_t f = h * features; f < (h + 1) * features; ++f) {
          const T message = w * source[f];
          // A NaN wins and stays, as it does in the reference.
          const bool wins = !(message <= best[f]) && best[f] == best[f];
          if (k == begin || wins) best[f] = message;
        }
      }
    }
  }
}

template <typename T, typename I>
void sddmm(const int64_t *rowptr, const I *col, const I *perm, const T *a,
           const T *b, T *out, int64_t rows, int64_t heads, int64_t features,
           int threads) {
  using V = Vec<T>;
  const int64_t stride = heads * features;
  PARALLEL_ROWS
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t k = rowptr[i]; k < rowptr[i + 1]; ++k) {
      const int64_t place = perm ? int64_t(perm[k]) : k;
      for (int64_t h = 0; h < heads; ++h) {
        const T *left = a + i * stride + h * features;
        const T *right = b + int64_t(col[k]) * stride + h * features;
        typename V::reg acc = {};
        int64_t f = 0;
        for (; f + V::width <= features; f += V::width)
          acc += *(const typename V::mem *)(left + f) *
                 *(const typename V::mem *)(right + f);
        T dot = T(0);
        for (int64_t w = 0; w < V::width; ++w) dot += acc[w];
        for (; f < features; ++f) dot += left[f] * right[f];
        out[place * heads + h] = dot;
      }
    }
  }
}

}  // namespace

template <typename T, typename I>
Dense<T, I> dense() {
  return {spmm_sum<T, I>, spmm_max<T, I>, sddmm<T, I>};
}
template Dense<float, int32_t> dense();
template Dense<float, int64_t> dense();
template Dense<double, int32_t> dense();
template Dense<double, int64_t> dense();

}  // namespace GRAPHSPARSE_ISA
}  // namespace graphsparse
