// Python's view of the kernels: one function per op, value type and index type, on
// addresses. The caller keeps the tensors alive and has checked every bound.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <atomic>

#include "kernels.h"

namespace nb = nanobind;
using namespace graphsparse;

namespace {

std::atomic<bool> alone{false};

int allowed(int threads) { return alone ? 1 : threads; }

template <typename T, typename I>
Kernels<T, I> best() {
#ifdef GRAPHSPARSE_X86
  if (__builtin_cpu_supports("avx512f")) return avx512::kernels<T, I>();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return avx2::kernels<T, I>();
#endif
  return baseline::kernels<T, I>();
}

template <typename P>
P *at(uintptr_t address) {
  return reinterpret_cast<P *>(address);
}

template <typename T, typename I>
void bind(nb::module_ &m, const std::string &types) {
  static const Kernels<T, I> run = best<T, I>();
  using A = uintptr_t;
  const auto free_gil = nb::call_guard<nb::gil_scoped_release>();
  m.def(("spmm_sum" + types).c_str(),
        [](A rowptr, A col, A perm, A value, A x, A out, int64_t rows,
           int64_t heads, int64_t features, int threads) {
          run.spmm_sum(at<int64_t>(rowptr), at<I>(col), at<I>(perm), at<T>(value),
                       at<T>(x), at<T>(out), rows, heads, features,
                       allowed(threads));
        },
        free_gil);
  m.def(("spmm_max" + types).c_str(),
        [](A rowptr, A col, A perm, A value, A x, A out, int64_t rows,
           int64_t heads, int64_t features, int threads) {
          run.spmm_max(at<int64_t>(rowptr), at<I>(col), at<I>(perm), at<T>(value),
                       at<T>(x), at<T>(out), rows, heads, features,
                       allowed(threads));
        },
        free_gil);
  m.def(("sddmm" + types).c_str(),
        [](A rowptr, A col, A perm, A a, A b, A out, int64_t rows, int64_t heads,
           int64_t features, int threads) {
          run.sddmm(at<int64_t>(rowptr), at<I>(col), at<I>(perm), at<T>(a),
                    at<T>(b), at<T>(out), rows, heads, features,
                    allowed(threads));
        },
        free_gil);
}

}  // namespace

NB_MODULE(_native, m) {
  m.doc() = "Compiled kernels of graphsparse, on raw addresses.";
  bind<float, int32_t>(m, "_f32_i32");
  bind<float, int64_t>(m, "_f32_i64");
  bind<double, int32_t>(m, "_f64_i32");
  bind<double, int64_t>(m, "_f64_i64");
  m.def("work_alone", [] { alone = true; },
        "Use one thread from now on: a forked child has no thread pool.");
  m.attr("OPS") = nb::make_tuple("spmm", "sddmm");
}
