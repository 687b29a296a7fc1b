// SplitMix64 (Steele, Lea & Flood, OOPSLA 2014): draws by counting. Included inside a
// nameless namespace, so that each build of dense.cpp has its own.

constexpr uint64_t GOLDEN = 0x9E3779B97F4A7C15;

// The finaliser, of one number or of a register of them.
template <typename U>
inline U mix(U z) {
  z = (z ^ (z >> 30)) * uint64_t(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * uint64_t(0x94D049BB133111EB);
  return z ^ (z >> 31);
}
