// Registers of floats, whatever the instruction set. Included once per instruction
// set, inside its namespace: nothing here may be shared between builds.

inline float widen(float v) { return v; }
inline double widen(double v) { return v; }
inline float widen(bf16 v) {
  const uint32_t bits = uint32_t(v.bits) << 16;
  float out;
  __builtin_memcpy(&out, &bits, 4);
  return out;
}

template <typename T>
inline T narrow(Acc<T> v) {
  return v;
}
template <>
inline bf16 narrow<bf16>(float v) {
  uint32_t bits;
  __builtin_memcpy(&bits, &v, 4);
  if (v != v) return {uint16_t(bits >> 16 | 64)};
  return {uint16_t((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)};  // ties to even
}

// Whether v is what was stored as t.
template <typename T>
inline bool same(Acc<T> v, T t) {
  return widen(narrow<T>(v)) == widen(t);
}

template <int BYTES>
struct Int;
template <>
struct Int<4> {
  using type = uint32_t;
};
template <>
struct Int<8> {
  using type = uint64_t;
};

// W numbers of type A in one register; memory may be unaligned.
template <typename A, int W>
struct Vec {
  typedef A reg __attribute__((vector_size(W * sizeof(A))));
  typedef A mem __attribute__((vector_size(W * sizeof(A)), aligned(sizeof(A)), may_alias));
  using I = typename Int<sizeof(A)>::type;
  typedef I ints __attribute__((vector_size(W * sizeof(A))));
  typedef uint16_t half __attribute__((vector_size(W * sizeof(uint16_t))));

  static reg load(const A *p) { return *(const mem *)p; }
  static void store(A *p, reg v) { *(mem *)p = v; }
  static reg load(const bf16 *p) {
    half bits;
    __builtin_memcpy(&bits, p, sizeof(bits));
    return (reg)(__builtin_convertvector(bits, ints) << 16);
  }
  static void store(bf16 *p, reg v) {
    for (int w = 0; w < W; ++w) p[w] = narrow<bf16>(v[w]);
  }
  // Past the caches, for what is too large to be found there again. p is aligned.
  static void stream(A *p, reg v) {
#if defined(__AVX512F__)
    if constexpr (sizeof(reg) == 64)
      return __builtin_ia32_movntps512((float *)p, (typename Vec<float, 16>::reg)v);
#elif defined(__AVX__)
    if constexpr (sizeof(reg) == 32)
      return __builtin_ia32_movntps256((float *)p, (typename Vec<float, 8>::reg)v);
#endif
    store(p, v);
  }
  static void stream(bf16 *p, reg v) { store(p, v); }

  static reg all(A v) { return v - reg{}; }

  // Pairwise, so that the chain of additions is short.
  static A sum(reg v) {
    if constexpr (W == 1) {
      return v[0];
    } else {
      union {
        reg whole;
        typename Vec<A, W / 2>::reg half[2];
      } parts = {v};
      return Vec<A, W / 2>::sum(parts.half[0] + parts.half[1]);
    }
  }
};

// What was streamed is there for other threads.
inline void settle() {
#if defined(__SSE__)
  __builtin_ia32_sfence();
#endif
}

// e^v to 1 ulp or 2, 0 below the smallest normal number, NaN for NaN; v is at most
// half of what would overflow.
template <typename A, int W>
inline typename Vec<A, W>::reg exp_of(typename Vec<A, W>::reg v) {
  using V = Vec<A, W>;
  constexpr bool single = sizeof(A) == 4;
  constexpr int mantissa = single ? 23 : 52, terms = single ? 7 : 13;
  constexpr A low = single ? A(-87.3) : A(-708.3);
  constexpr A magic = A(1.5) * A(int64_t(1) << mantissa);  // adding it rounds
  const typename V::reg x = v < low ? V::all(low) : v;
  const typename V::reg shifted = x * A(1.4426950408889634) + magic;
  const typename V::reg n = shifted - magic;
  const A high = single ? A(0.693145751953125) : A(0.6931471803691238);
  const A rest = single ? A(1.428606765330187e-06) : A(1.9082149292705877e-10);
  const typename V::reg r = (x - n * high) - n * rest;
  typename V::reg sum = V::all(1);
  for (int k = terms; k > 0; --k) sum = sum * (r * (A(1) / A(k))) + A(1);
  const typename V::ints power = ((typename V::ints)shifted << mantissa);
  const typename V::reg out = (typename V::reg)((typename V::ints)sum + power);
  return v != v ? v : (v < low ? V::all(0) : out);
}

inline float log_of(float v) { return __builtin_logf(v); }
inline double log_of(double v) { return __builtin_log(v); }

// e^v in place, n numbers.
template <typename A>
inline void exp_all(A *v, int64_t n) {
  constexpr int W = GRAPHSPARSE_WIDTH / sizeof(A);
  int64_t i = 0;
  for (; i + W <= n; i += W)
    Vec<A, W>::store(v + i, exp_of<A, W>(Vec<A, W>::load(v + i)));
  for (; i < n; ++i)
    Vec<A, 1>::store(v + i, exp_of<A, 1>(Vec<A, 1>::load(v + i)));
}

// The dot product of two rows.
template <typename T>
inline Acc<T> dot_of(const T *a, const T *b, int64_t n) {
  using V = Vec<Acc<T>, GRAPHSPARSE_WIDTH / sizeof(Acc<T>)>;
  constexpr int64_t W = GRAPHSPARSE_WIDTH / sizeof(Acc<T>);
  typename V::reg sum = V::all(0);
  int64_t i = 0;
  for (; i + W <= n; i += W) sum += V::load(a + i) * V::load(b + i);
  Acc<T> dot = V::sum(sum);
  for (; i < n; ++i) dot += widen(a[i]) * widen(b[i]);
  return dot;
}
