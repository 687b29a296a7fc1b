// How a kernel on raw pointers becomes a Python function on addresses. The caller
// keeps the tensors alive and has checked every bound.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <cstdint>

namespace graphsparse {

template <typename A>
struct FromPython {
  using type = A;
  static A read(A given) { return given; }
};
template <typename P>
struct FromPython<P *> {
  using type = uintptr_t;
  static P *read(uintptr_t address) { return reinterpret_cast<P *>(address); }
};

// Every pointer of `run` is an address in Python, and the GIL is free while it runs.
template <typename R, typename... A>
void define(nanobind::module_ &m, const std::string &name, R (*run)(A...)) {
  m.def(name.c_str(),
        [run](typename FromPython<A>::type... given) -> R {
          return run(FromPython<A>::read(given)...);
        },
        nanobind::call_guard<nanobind::gil_scoped_release>());
}

// One for each file of kernels that has only one build.
void bind_layout(nanobind::module_ &m);
void bind_sample(nanobind::module_ &m);
void bind_proximity(nanobind::module_ &m);
void bind_select(nanobind::module_ &m);

}  // namespace graphsparse
