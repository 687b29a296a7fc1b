// The extension: every kernel under its name and the types it takes, as in
// `spmm_sum_f32_i32`.
#include "bind.h"
#include "dense.h"

#include <array>
#include <cstdlib>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace nb = nanobind;
using namespace graphsparse;

namespace {

enum Isa { BASELINE, AVX2, AVX512 };

Isa best_isa() {
#ifdef GRAPHSPARSE_X86
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return AVX2;
#endif
  return BASELINE;  // SSE2 on x86-64, NEON on AArch64, else scalar
}

// The best build for this machine, or a lesser one that GRAPHSPARSE_ISA names.
Isa chosen_isa() {
  const char *asked = std::getenv("GRAPHSPARSE_ISA");
  const std::string name = asked ? asked : "";
  const Isa most = best_isa();
  if (name == "baseline") return BASELINE;
  return name == "avx2" && most > AVX2 ? AVX2 : most;
}

#ifdef GRAPHSPARSE_X86
#define GRAPHSPARSE_BEST(...)                  \
  (chosen_isa() == AVX512 ? avx512::__VA_ARGS__ \
   : chosen_isa() == AVX2 ? avx2::__VA_ARGS__   \
                          : baseline::__VA_ARGS__)
#else
#define GRAPHSPARSE_BEST(...) baseline::__VA_ARGS__
#endif

template <typename T, typename I>
void bind_dense(nb::module_ &m, const std::string &types) {
  const Dense<T, I> run = GRAPHSPARSE_BEST(dense<T, I>());
  define(m, "spmm_sum" + types, run.spmm_sum);
  define(m, "spmm_max" + types, run.spmm_max);
  define(m, "spmm_backward" + types, run.spmm_backward);
  define(m, "spmm_max_shares" + types, run.spmm_max_shares);
  define(m, "spmm_max_backward" + types, run.spmm_max_backward);
  define(m, "sddmm" + types, run.sddmm);
  define(m, "sddmm_add" + types, run.sddmm_add);
  define(m, "gat_aggregate" + types, run.gat_aggregate);
  define(m, "gat_backward" + types, run.gat_backward);
  if (run.sparse_linear) define(m, "sparse_linear" + types, run.sparse_linear);
}

template <typename T>
void bind_types(nb::module_ &m, const std::string &type) {
  bind_dense<T, int32_t>(m, type + "_i32");
  bind_dense<T, int64_t>(m, type + "_i64");
  const Segments<T> run = GRAPHSPARSE_BEST(segments<T>());
  define(m, "segment_reduce" + type, run.reduce);
  define(m, "dropout" + type, run.dropout);
  if (run.softmax) define(m, "segment_softmax" + type, run.softmax);
  if (run.softmax_backward)
    define(m, "segment_softmax_backward" + type, run.softmax_backward);
}

// Pages of 2 MiB for fresh memory, where the system has them for those who ask: to
// write 87 MB for the first time is then 42 page faults, not 21,000.
void advise_huge(char *begin, int64_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  const uintptr_t page = uintptr_t(1) << 21, from = uintptr_t(begin);
  const uintptr_t first = (from + page - 1) & ~(page - 1);
  const uintptr_t last = (from + bytes) & ~(page - 1);
  if (first < last) madvise((void *)first, last - first, MADV_HUGEPAGE);
#endif
}

#ifdef GRAPHSPARSE_SANITIZE
// Mistakes on purpose: the tests of a sanitized build ask whether it sees them.
int64_t read_past_the_end(int64_t size) {
  const std::vector<int64_t> numbers(size);
  return numbers.data()[size];
}
int64_t add_past_the_end(int64_t number) { return INT64_MAX + number; }
#endif

}  // namespace

NB_MODULE(_native, m) {
  m.doc() = "Compiled kernels of graphsparse, on raw addresses.";
  bind_types<float>(m, "_f32");
  bind_types<double>(m, "_f64");
  bind_types<bf16>(m, "_bf16");
  define(m, "_advise_huge", advise_huge);
  m.attr("_ISA") = nb::str(std::array{"baseline", "avx2", "avx512"}[chosen_isa()]);
  bind_layout(m);
  bind_sample(m);
  bind_proximity(m);
  bind_select(m);
#ifdef GRAPHSPARSE_SANITIZE
  m.def("_read_past_the_end", read_past_the_end);
  m.def("_add_past_the_end", add_past_the_end);
#endif
}
