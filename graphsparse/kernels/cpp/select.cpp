// The k-th smallest of many numbers, exactly, and the mask of the largest: by counting
// digits of their bits, the leading one first; linear in time whatever the numbers.
#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "bind.h"

namespace graphsparse {
namespace {

template <typename T>
struct Bits;
template <>
struct Bits<float> {
  using type = uint32_t;
};
template <>
struct Bits<double> {
  using type = uint64_t;
};
template <typename T>
using Key = typename Bits<T>::type;
template <typename T>
constexpr Key<T> kTop = Key<T>(1) << (8 * sizeof(T) - 1);

// Ordered as the numbers are: negative ones upside down, below the others. Both zeros
// are one; a NaN has no place and is asked for apart.
template <typename T>
Key<T> key_of(T number) {
  number += T(0);  // -0 + 0 is 0
  Key<T> bits;
  std::memcpy(&bits, &number, sizeof bits);
  const Key<T> negative = Key<T>(0) - (bits >> (8 * sizeof(T) - 1));
  return bits ^ (negative | kTop<T>);
}

template <typename T>
T number_of(Key<T> key) {
  const Key<T> bits = key & kTop<T> ? key ^ kTop<T> : ~key;
  T number;
  std::memcpy(&number, &bits, sizeof number);
  return number;
}

// A digit of many bits leaves few candidates, one of few bits is cheap to set to 0.
constexpr int64_t kMany = 1 << 15;

struct Digit {
  int shift, bits;
  int64_t size() const { return int64_t(1) << bits; }
  template <typename K>
  int64_t of(K key) const {
    return int64_t(key >> shift & (size() - 1));
  }
};

// The numbers whose keys agree with `first` but for the last `shift` bits.
template <typename T>
struct Range {
  T low, high;
  Range(Key<T> first, int shift) {
    constexpr T inf = std::numeric_limits<T>::infinity();
    Key<T> last = first | ((Key<T>(1) << shift) - 1);
    last -= last == kTop<T> - 1;  // -0, whose key is that of 0
    low = number_of<T>(std::max(first, key_of(-inf)));
    high = number_of<T>(std::min(last, key_of(inf)));
  }
  bool holds(T number) const { return (number >= low) & (number <= high); }
};

constexpr int64_t kBlock = 64;

// Where of [0, size) thread `part` of `parts` begins.
int64_t begin_of(int64_t part, int64_t parts, int64_t size) {
  return part * (size / parts) + size % parts * part / parts;
}

// The key of rank k (from 1, the smallest) of all, and how many keys are below it and
// equal to it. False where one is NaN.
template <typename T>
bool select_key(const T *x, int64_t size, int64_t k, int threads, Key<T> &found,
                int64_t &below, int64_t &equal) {
  Digit digit;
  digit.bits = size < kMany ? 8 : 16;
  digit.shift = 8 * int(sizeof(T)) - digit.bits;
  std::vector<int64_t> count(digit.size() * threads), from(threads + 1);
  int64_t nans = 0;
#pragma omp parallel for num_threads(threads) reduction(+ : nans) if (threads > 1)
  for (int part = 0; part < threads; ++part) {
    int64_t *own = count.data() + part * digit.size();
    const int64_t end = begin_of(part + 1, threads, size);
    for (int64_t i = begin_of(part, threads, size); i < end; ++i) {
      nans += x[i] != x[i];
      ++own[digit.of(key_of(x[i]))];
    }
  }
  if (nans) return false;

  // The bucket that holds rank k, and how much of it each thread has.
  const auto sum_of = [&](int64_t bucket) {
    int64_t sum = 0;
    for (int part = 0; part < threads; ++part) sum += count[part * digit.size() + bucket];
    return sum;
  };
  int64_t bucket = 0;
  below = 0;
  for (; below + (equal = sum_of(bucket)) < k; ++bucket) below += equal;
  for (int part = 0; part < threads; ++part)
    from[part + 1] = from[part] + count[part * digit.size() + bucket];

  // Its keys aside, found block by block: few blocks hold one.
  const Range<T> range(Key<T>(bucket) << digit.shift, digit.shift);
  std::vector<Key<T>> left(static_cast<size_t>(equal));
#pragma omp parallel for num_threads(threads) if (threads > 1)
  for (int part = 0; part < threads; ++part) {
    Key<T> *out = left.data() + from[part];
    const int64_t end = begin_of(part + 1, threads, size);
    for (int64_t i = begin_of(part, threads, size); i < end; i += kBlock) {
      const int64_t stop = i + kBlock < end ? i + kBlock : end;
      int32_t hits = 0;
      for (int64_t j = i; j < stop; ++j) hits += range.holds(x[j]);
      for (int64_t j = i; hits; ++j)
        if (range.holds(x[j])) *out++ = key_of(x[j]), --hits;
    }
  }

  // The digits that follow, over what is left.
  while (digit.shift > 0) {
    digit.bits = equal < kMany ? 8 : 16;
    digit.shift -= digit.bits;
    count.assign(digit.size(), 0);
    for (int64_t i = 0; i < equal; ++i) ++count[digit.of(left[i])];
    const int64_t all = equal;
    for (bucket = 0; below + count[bucket] < k; ++bucket) below += count[bucket];
    equal = 0;
    for (int64_t i = 0; i < all; ++i) {
      left[equal] = left[i];
      equal += digit.of(left[i]) == bucket;
    }
  }
  found = left[0];
  return true;
}

// `fine` becomes 0 where a number is NaN. 1 <= k <= size.
template <typename T>
void kth_value(const T *x, T *value, int64_t *fine, int64_t size, int64_t k,
               int64_t threads) {
  Key<T> key = 0;
  int64_t below, equal;
  *fine = select_key(x, size, k, int(threads), key, below, equal);
  if (*fine) *value = number_of<T>(key);
}

// The k largest, of equals those that stand first; 1 <= k <= size.
template <typename T>
void topk_mask(const T *x, bool *mask, int64_t *fine, int64_t size, int64_t k,
               int64_t threads) {
  Key<T> key = 0;
  int64_t below, equal;
  *fine = select_key(x, size, size - k + 1, int(threads), key, below, equal);
  if (!*fine) return;
  const T threshold = number_of<T>(key);
  int64_t room = k - (size - below - equal);
  if (room == equal) {
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (int64_t i = 0; i < size; ++i) mask[i] = x[i] >= threshold;
    return;
  }
#pragma omp parallel for num_threads(threads) if (threads > 1)
  for (int64_t i = 0; i < size; ++i) mask[i] = x[i] > threshold;
  for (int64_t i = 0; room; ++i)
    if (x[i] == threshold) mask[i] = true, --room;
}

template <typename T>
void bind_all(nanobind::module_ &m, const std::string &type) {
  define(m, "kth_value" + type, kth_value<T>);
  define(m, "topk_mask" + type, topk_mask<T>);
}

}  // namespace

void bind_select(nanobind::module_ &m) {
  bind_all<float>(m, "_f32");
  bind_all<double>(m, "_f64");
}

}  // namespace graphsparse
