// Compiled once per instruction set, with GRAPHSPARSE_ISA naming the namespace and
// GRAPHSPARSE_WIDTH the bytes of a vector register. No inline functions of std:: here
// or below: the linker might keep a copy built for the wrong instruction set.
#include "dense.h"

namespace graphsparse {
namespace GRAPHSPARSE_ISA {
namespace {

#include "vec.h"
//
#include "rows.h"
//
#include "splitmix.h"
//
#include "draw.h"
//
#include "gat.h"
#include "linear.h"
#include "sddmm.h"
#include "segment.h"
#include "spmm.h"

}  // namespace

template <typename T, typename I>
Dense<T, I> dense() {
  Dense<T, I> all = {spmm_sum<T, I>,          spmm_max<T, I>,
                     spmm_backward<T, I>,     spmm_max_shares<T, I>,
                     spmm_max_backward<T, I>, sddmm<T, I>,
                     sddmm_add<T, I>,         gat_aggregate<T, I>,
                     gat_backward<T, I>,      nullptr};
  if constexpr (sizeof(T) > sizeof(bf16)) all.sparse_linear = sparse_linear<T, I>;
  return all;
}

template <typename T>
Segments<T> segments() {
  Segments<T> all = {segment_reduce<T>, dropout<T>, nullptr, nullptr};
  if constexpr (sizeof(T) > sizeof(bf16)) {
    all.softmax = segment_softmax<T>;
    all.softmax_backward = segment_softmax_backward<T>;
  }
  return all;
}

template Dense<float, int32_t> dense();
template Dense<float, int64_t> dense();
template Dense<double, int32_t> dense();
template Dense<double, int64_t> dense();
template Dense<bf16, int32_t> dense();
template Dense<bf16, int64_t> dense();
template Segments<float> segments();
template Segments<double> segments();
template Segments<bf16> segments();

}  // namespace GRAPHSPARSE_ISA
}  // namespace graphsparse
