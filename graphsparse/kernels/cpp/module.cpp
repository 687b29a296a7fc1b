// The extension: every kernel under its name and the types it takes, `spmm_f32_i32`.
#include "bind.h"
#include "dense.h"

namespace nb = nanobind;
using namespace graphsparse;

namespace {

template <typename T, typename I>
Dense<T, I> best() {
#ifdef GRAPHSPARSE_X86
  if (__builtin_cpu_supports("avx512f")) return avx512::dense<T, I>();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return avx2::dense<T, I>();
#endif
  return baseline::dense<T, I>();
}

template <typename T, typename I>
void bind_dense(nb::module_ &m, const std::string &types) {
  const Dense<T, I> run = best<T, I>();
  define(m, "spmm_sum" + types, run.spmm_sum);
  define(m, "spmm_max" + types, run.spmm_max);
  define(m, "sddmm" + types, run.sddmm);
}

}  // namespace

NB_MODULE(_native, m) {
  m.doc() = "Compiled kernels of graphsparse, on raw addresses.";
  bind_dense<float, int32_t>(m, "_f32_i32");
  bind_dense<float, int64_t>(m, "_f32_i64");
  bind_dense<double, int32_t>(m, "_f64_i32");
  bind_dense<double, int64_t>(m, "_f64_i64");
  bind_layout(m);
  bind_proximity(m);
}
