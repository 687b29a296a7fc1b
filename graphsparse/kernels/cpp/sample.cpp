// Sampling: which slots of a row are drawn, and how the nodes found are numbered.
// Every draw is a function of (key, stream, number of the draw), so neither threads nor
// the rest of a batch change it. kernels/streams.py and reference_sampling.py say the
// same in torch, bit for bit: floats are only added, or multiplied, never both at once.
#include "bind.h"

#include <algorithm>
#include <vector>

namespace graphsparse {
namespace {

#include "splitmix.h"

inline uint64_t fold(uint64_t key, uint64_t x) { return mix((key ^ x) + GOLDEN); }

struct Stream {
  uint64_t key;
  // In [0, 1) with 53 bits, so that its product with a size stays below the size.
  double at(int64_t draw) const {
    return double(mix(key + (uint64_t(draw) + 1) * GOLDEN) >> 11) * 0x1p-53;
  }
};

// One row's draws; `taken` is all zero between rows, `sum` is scratch.
struct Row {
  std::vector<uint8_t> taken;
  std::vector<double> sum;

  void reserve(int64_t degree) {
    if (int64_t(taken.size()) < degree) taken.resize(degree);
  }

  // Floyd's algorithm (Bentley & Floyd, CACM 1987).
  void distinct(Stream u, int64_t degree, int64_t count, int64_t *place) {
    reserve(degree);
    for (int64_t j = 0; j < count; ++j) {
      const int64_t last = degree - count + j;
      int64_t pick = int64_t(u.at(j) * double(last + 1));
      if (taken[pick]) pick = last;
      taken[pick] = 1;
      place[j] = pick;
    }
    for (int64_t j = 0; j < count; ++j) taken[place[j]] = 0;
  }

  template <typename W>
  double add_up(const W *weight, int64_t degree) {
    double total = 0;
    for (int64_t m = 0; m < degree; ++m)
      sum[m] = total += taken[m] ? 0.0 : double(weight[m]);
    return total;
  }

  template <typename W>
  void weighted(Stream u, const W *weight, int64_t degree, int64_t count, bool replace,
                int64_t *place) {
    int64_t positive = 0;
    for (int64_t m = 0; m < degree; ++m) positive += weight[m] > 0;
    if (!replace && count == positive) {
      for (int64_t m = 0; m < degree; ++m)
        if (weight[m] > 0) *place++ = m;
      return;
    }
    reserve(degree);
    sum.resize(degree);
    double total = add_up(weight, degree), gone = 0;
    for (int64_t j = 0, t = 0; j < count; ++t) {
      const auto begin = sum.begin(), end = sum.end();
      auto found = std::upper_bound(begin, end, u.at(t) * total);
      // The product rounds up to the total where that is subnormal.
      if (found == end) found = std::lower_bound(begin, end, total);
      const int64_t pick = found - begin;
      if (replace) {
        place[j++] = pick;
      } else if (!taken[pick]) {
        taken[pick] = 1;
        gone += double(weight[pick]);
        place[j++] = pick;
      } else if (2 * gone > total) {  // repeats are the rule: leave them out
        total = add_up(weight, degree);
        gone = 0;
      }
    }
    if (!replace)
      for (int64_t j = 0; j < count; ++j) taken[place[j]] = 0;
  }
};

// How many slots of each row have a positive weight; -1 for a row in which a weight is
// negative, or one or all together are not finite.
template <typename W>
void count_positive(const int64_t *rowptr, const W *weight, const int64_t *node,
                    int64_t *count, int64_t n, int64_t threads) {
#pragma omp parallel for num_threads(threads) schedule(dynamic, 256)
  for (int64_t i = 0; i < n; ++i) {
    int64_t positive = 0, negative = 0;
    double total = 0;
    for (int64_t k = rowptr[node[i]]; k < rowptr[node[i] + 1]; ++k) {
      positive += weight[k] > 0;
      negative += weight[k] < 0;
      total += double(weight[k]);
    }
    const bool finite = total - total == 0;  // else no draw would come to an end
    count[i] = finite && !negative ? positive : -1;
  }
}

// Slots ends[i] ... ends[i + 1] of `slot` and `found` take what is drawn for node[i].
template <typename W, typename I>
void draw_slots(const int64_t *rowptr, const I *col, const W *weight,
                const int64_t *node, const int64_t *stream, const int64_t *ends,
                int64_t *slot, int64_t *found, int64_t n, int64_t key, int64_t replace,
                int64_t threads) {
#pragma omp parallel num_threads(threads)
  {
    Row row;
#pragma omp for schedule(dynamic, 256)
    for (int64_t i = 0; i < n; ++i) {
      const int64_t begin = rowptr[node[i]], degree = rowptr[node[i] + 1] - begin;
      const int64_t count = ends[i + 1] - ends[i];
      int64_t *place = slot + ends[i];
      const Stream u{fold(uint64_t(key), uint64_t(stream[i]))};
      if (count == 0) continue;
      if (weight)
        row.weighted(u, weight + begin, degree, count, replace, place);
      else if (replace)
        for (int64_t j = 0; j < count; ++j)
          place[j] = int64_t(u.at(j) * double(degree));
      else if (count == degree)
        for (int64_t j = 0; j < count; ++j) place[j] = j;
      else
        row.distinct(u, degree, count, place);
      for (int64_t j = 0; j < count; ++j) {
        place[j] += begin;
        found[ends[i] + j] = int64_t(col[place[j]]);
      }
    }
  }
}

// Node to number, by linear probing; by the node itself where that takes no more room.
class Table {
 public:
  struct Entry {
    int64_t node = -1, number = -1;
  };

  Table(int64_t distinct, int64_t num_nodes) {
    uint64_t size = 2;
    while (size < 2 * uint64_t(distinct)) size *= 2;
    direct_ = uint64_t(num_nodes) <= size;
    entries_.resize(direct_ ? num_nodes : size);
    mask_ = size - 1;
  }

  Entry *home(int64_t node) {
    return &entries_[direct_ ? uint64_t(node) : mix(uint64_t(node)) & mask_];
  }

  // Where the node is, or would be.
  Entry &find(int64_t node) {
    Entry *entry = home(node);
    while (entry->node != node && entry->node >= 0)
      entry = &entries_[uint64_t(entry - entries_.data() + 1) & mask_];
    return *entry;
  }

  // The first of equal nodes gives its number.
  void fill(const int64_t *node, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      Entry &entry = find(node[i]);
      if (entry.node < 0) entry = {node[i], i};
    }
  }

 private:
  std::vector<Entry> entries_;
  uint64_t mask_;
  bool direct_;
};

constexpr int64_t AHEAD = 16;

// Numbers what is found: as in `known`, or after it, in the order of discovery.
void number_nodes(const int64_t *known, const int64_t *found, int64_t *number,
                  int64_t *fresh, int64_t *num_fresh, int64_t n, int64_t m,
                  int64_t num_nodes) {
  Table table(std::min(n + m, num_nodes), num_nodes);
  table.fill(known, n);
  int64_t count = 0;
  for (int64_t j = 0; j < m; ++j) {
    if (j + AHEAD < m) __builtin_prefetch(table.home(found[j + AHEAD]), 1);
    Table::Entry &entry = table.find(found[j]);
    if (entry.node < 0) {
      entry = {found[j], n + count};
      fresh[count++] = found[j];
    }
    number[j] = entry.number;
  }
  *num_fresh = count;
}

// The place in `known` of what is found; -1 where it is not there.
void locate_nodes(const int64_t *known, const int64_t *found, int64_t *number,
                  int64_t n, int64_t m, int64_t num_nodes, int64_t threads) {
  Table table(std::min(n, num_nodes), num_nodes);
  table.fill(known, n);
#pragma omp parallel for num_threads(threads)
  for (int64_t j = 0; j < m; ++j) number[j] = table.find(found[j]).number;
}

template <typename W>
void bind_weighted(nanobind::module_ &m, const std::string &type) {
  define(m, "count_positive_" + type, count_positive<W>);
  define(m, "draw_slots_" + type + "_i32", draw_slots<W, int32_t>);
  define(m, "draw_slots_" + type + "_i64", draw_slots<W, int64_t>);
}

}  // namespace

void bind_sample(nanobind::module_ &m) {
  bind_weighted<float>(m, "f32");
  bind_weighted<double>(m, "f64");
  define(m, "number_nodes", number_nodes);
  define(m, "locate_nodes", locate_nodes);
}

}  // namespace graphsparse
