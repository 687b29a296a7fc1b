// Dropout by counting: what becomes of a number is a function of seed and place.

template <typename A>
struct Dropout {
  uint64_t seed, threshold;  // dropped if a draw of 24 bits is below
  A scale;

  Dropout(int64_t seed, double probability)
      : seed(uint64_t(seed)), threshold(uint64_t(probability * (1 << 24) + 0.5)),
        scale(A(probability < 1 ? 1 / (1 - probability) : 0)) {}

  // 0 or 1 / (1 - probability) for W places.
  template <int W>
  typename Vec<A, W>::reg at(int64_t place) const {
    typename Vec<double, W>::ints z;
    for (int w = 0; w < W; ++w) z[w] = uint64_t(place + 1 + w);
    z = mix(z * GOLDEN + seed) >> 40;
    using Narrow = typename Vec<A, W>::ints;
    const Narrow draw = __builtin_convertvector(z, Narrow);
    const auto kept = draw >= typename Vec<A, W>::I(threshold);
    return kept ? Vec<A, W>::all(scale) : Vec<A, W>::all(0);
  }
};

template <typename T>
void dropout(const T *x, T *out, int64_t size, double probability, int64_t seed,
             int threads) {
  using A = Acc<T>;
  constexpr int64_t share = 1 << 14;
  constexpr int W = GRAPHSPARSE_WIDTH / sizeof(double);
  const Dropout<A> drop(seed, probability);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (int64_t first = 0; first < size; first += share) {
    const int64_t last = first + share < size ? first + share : size;
    int64_t i = first;
    for (; i + W <= last; i += W)
      Vec<A, W>::store(out + i, Vec<A, W>::load(x + i) * drop.template at<W>(i));
    for (; i < last; ++i)
      Vec<A, 1>::store(out + i, Vec<A, 1>::load(x + i) * drop.template at<1>(i));
  }
}
