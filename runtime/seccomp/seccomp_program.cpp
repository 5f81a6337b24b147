#include "runtime/seccomp/seccomp_program.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>
#include <limits>

namespace stack::runtime {

namespace {

using Compare = ArgumentTest::Compare;

constexpr uint32_t kX32Bit = 0x40000000;
// A tracer's number for a skipped call, which is not an x32 number.
constexpr uint32_t kSkipped = 0xffffffff;

// Writes the program from end to beginning: jumps only go forward, so their targets are already known. A label is
// the number of instructions from there to the end.
class Writer {
 public:
  using Label = size_t;

  Label result(uint32_t action) {
    auto known = results_.find(action);
    if (known != results_.end() && near(known->second)) return known->second;
    return results_[action] = push(BPF_RET | BPF_K, action);
  }

  Label load(size_t offset, Label next) {
    follow(next);
    return push(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset));
  }

  Label mask(uint32_t bits, Label next) {
    follow(next);
    return push(BPF_ALU | BPF_AND | BPF_K, bits);
  }

  // `compare`: BPF_JEQ, BPF_JGT or BPF_JGE.
  Label branch(int compare, uint32_t value, Label yes, Label no) {
    // Bringing one target near may push the other away, so both are checked with room for two more instructions.
    if (!near(no, 2)) no = bring(no);
    if (!near(yes, 1)) yes = bring(yes);
    sock_filter jump{};
    jump.code = static_cast<uint16_t>(BPF_JMP | compare | BPF_K);
    jump.jt = static_cast<uint8_t>(distance(yes));
    jump.jf = static_cast<uint8_t>(distance(no));
    jump.k = value;
    reversed_.push_back(jump);
    return reversed_.size();
  }

  Result<std::string> finish() const {
    if (reversed_.size() > BPF_MAXINSNS) return invalid("seccomp: the profile is too large");
    std::vector<sock_filter> program(reversed_.rbegin(), reversed_.rend());
    return std::string(reinterpret_cast<const char*>(program.data()), program.size() * sizeof(sock_filter));
  }

 private:
  size_t distance(Label label) const { return reversed_.size() - label; }
  bool near(Label label, size_t room = 0) const {
    return distance(label) + room <= std::numeric_limits<uint8_t>::max();
  }

  Label push(int code, uint32_t value) {
    reversed_.push_back({static_cast<uint16_t>(code), 0, 0, value});
    return reversed_.size();
  }

  // Copies a result, or writes a jump of any length.
  Label bring(Label label) {
    const sock_filter& target = reversed_[label - 1];
    if (target.code == (BPF_RET | BPF_K)) return push(BPF_RET | BPF_K, target.k);
    return push(BPF_JMP | BPF_JA, static_cast<uint32_t>(distance(label)));
  }

  // The instruction written next continues at `next`.
  void follow(Label next) {
    if (next != reversed_.size()) (void)bring(next);
  }

  std::vector<sock_filter> reversed_;
  std::map<uint32_t, Label> results_;
};

using Label = Writer::Label;

// ---- arguments ----

size_t argument_offset(const SyscallTable& table, unsigned index, bool high) {
  size_t second = high == table.big_endian ? 0 : 4;
  return offsetof(seccomp_data, args) + 8 * index + second;
}

uint32_t half(uint64_t value, bool high) { return static_cast<uint32_t>(high ? value >> 32 : value); }

Label equal(Writer& writer, const SyscallTable& table, const ArgumentTest& test, uint64_t mask, Label yes,
            Label no) {
  for (bool high : {false, true}) {
    if (high && !table.wide) break;
    uint32_t bits = half(mask, high);
    uint32_t value = half(test.value, high);
    if (bits == 0) {
      // With an empty mask, only 0 matches.
      if (value != 0) yes = no;
      continue;
    }
    yes = writer.branch(BPF_JEQ, value, yes, no);
    if (bits != ~0U) yes = writer.mask(bits, yes);
    yes = writer.load(argument_offset(table, test.index, high), yes);
  }
  return yes;
}

// `compare`: BPF_JGT or BPF_JGE.
Label order(Writer& writer, const SyscallTable& table, int compare, const ArgumentTest& test, Label yes,
            Label no) {
  Label low = writer.branch(compare, half(test.value, false), yes, no);
  low = writer.load(argument_offset(table, test.index, false), low);
  if (!table.wide) return low;
  uint32_t value = half(test.value, true);
  Label same = writer.branch(BPF_JEQ, value, low, no);
  Label high = writer.branch(BPF_JGT, value, yes, same);
  return writer.load(argument_offset(table, test.index, true), high);
}

Label write_test(Writer& writer, const SyscallTable& table, const ArgumentTest& test, Label yes, Label no) {
  switch (test.compare) {
    case Compare::Equal:
      return equal(writer, table, test, ~uint64_t{0}, yes, no);
    case Compare::NotEqual:
      return equal(writer, table, test, ~uint64_t{0}, no, yes);
    case Compare::MaskedEqual:
      return equal(writer, table, test, test.mask, yes, no);
    case Compare::Greater:
      return order(writer, table, BPF_JGT, test, yes, no);
    case Compare::GreaterOrEqual:
      return order(writer, table, BPF_JGE, test, yes, no);
    case Compare::Less:
      return order(writer, table, BPF_JGE, test, no, yes);
    case Compare::LessOrEqual:
      return order(writer, table, BPF_JGT, test, no, yes);
  }
  return no;
}

Label write_rules(Writer& writer, const SyscallTable& table, const std::vector<SyscallRule>& rules,
                  uint32_t otherwise) {
  Label next = writer.result(otherwise);
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    Label hit = writer.result(rule->action);
    for (auto test = rule->tests.rbegin(); test != rule->tests.rend(); ++test)
      hit = write_test(writer, table, *test, hit, next);
    next = hit;
  }
  return next;
}

// ---- numbers ----

// The handling of the numbers from `first` to the next range. Without rules: `action`.
struct Range {
  uint32_t first = 0;
  uint32_t action = 0;
  const std::vector<SyscallRule>* rules = nullptr;
  std::vector<Range> exceptions;  // single numbers inside

  bool same_fate(const Range& other) const {
    if (rules == nullptr || other.rules == nullptr) return rules == other.rules && action == other.action;
    return *rules == *other.rules;
  }
};

Range range_of(uint32_t number, const std::vector<SyscallRule>& rules) {
  auto plain =
      std::find_if(rules.begin(), rules.end(), [](const SyscallRule& rule) { return rule.tests.empty(); });
  if (plain != rules.end()) return {number, plain->action, nullptr, {}};
  return {number, 0, &rules, {}};
}

void append(std::vector<Range>& ranges, const Range& range) {
  if (!ranges.empty() && ranges.back().first == range.first) ranges.pop_back();
  if (ranges.empty() || !ranges.back().same_fate(range)) ranges.push_back(range);
}

std::vector<Range> ranges_of(const SyscallTable& table) {
  std::vector<Range> ranges;
  uint32_t first = table.x32 ? kX32Bit : 0;
  append(ranges, {first, table.otherwise, nullptr, {}});
  for (const auto& [number, rules] : table.calls) {
    append(ranges, range_of(number, rules));
    append(ranges, {number + 1, table.otherwise, nullptr, {}});
  }
  if (table.unknown_from != kSkipped) append(ranges, {table.unknown_from, table.unknown, nullptr, {}});
  append(ranges, {kSkipped, table.otherwise, nullptr, {}});
  return ranges;
}

// A single number between two ranges with the same action becomes an exception of the merged range, which costs one
// comparison instead of two.
std::vector<Range> with_exceptions(const std::vector<Range>& ranges) {
  std::vector<Range> out;
  for (size_t i = 0; i < ranges.size(); ++i) {
    bool single = i + 1 < ranges.size() && ranges[i + 1].first == ranges[i].first + 1;
    if (single && !out.empty() && out.back().same_fate(ranges[i + 1])) {
      out.back().exceptions.push_back(ranges[i]);
      ++i;
    } else {
      out.push_back(ranges[i]);
    }
  }
  return out;
}

class TableWriter {
 public:
  TableWriter(Writer& writer, const SyscallTable& table) : writer_(writer), table_(table) {}

  // Expects the number in the accumulator.
  Label write() {
    ranges_ = with_exceptions(ranges_of(table_));
    return tree(0, ranges_.size());
  }

 private:
  Label tree(size_t begin, size_t end) {
    if (end - begin == 1) return range(ranges_[begin], 0, ranges_[begin].exceptions.size());
    size_t middle = begin + (end - begin) / 2;
    Label upper = tree(middle, end);
    Label lower = tree(begin, middle);
    return writer_.branch(BPF_JGE, ranges_[middle].first, upper, lower);
  }

  Label range(const Range& whole, size_t begin, size_t end) {
    constexpr size_t kLongestList = 3;
    if (end - begin > kLongestList) {
      size_t middle = begin + (end - begin) / 2;
      Label upper = range(whole, middle, end);
      Label lower = range(whole, begin, middle);
      return writer_.branch(BPF_JGE, whole.exceptions[middle].first, upper, lower);
    }
    Label next = fate(whole);
    for (size_t i = begin; i < end; ++i) {
      const Range& exception = whole.exceptions[i];
      next = writer_.branch(BPF_JEQ, exception.first, fate(exception), next);
    }
    return next;
  }

  Label fate(const Range& range) {
    if (range.rules == nullptr) return writer_.result(range.action);
    auto known = written_.find(*range.rules);
    if (known != written_.end()) return known->second;
    return written_[*range.rules] = write_rules(writer_, table_, *range.rules, table_.otherwise);
  }

  Writer& writer_;
  const SyscallTable& table_;
  std::vector<Range> ranges_;
  std::map<std::vector<SyscallRule>, Label> written_;
};

const SyscallTable* find_x32(const std::vector<SyscallTable>& tables, uint32_t audit_arch) {
  for (const SyscallTable& table : tables) {
    if (table.x32 && table.audit_arch == audit_arch) return &table;
  }
  return nullptr;
}

// x32 calls have the architecture of x86_64 and are distinguished by a bit of the number.
Label write_with_x32(Writer& writer, const SyscallTable& table, const SyscallTable* x32, uint32_t foreign) {
  Label upper = x32 != nullptr ? TableWriter(writer, *x32).write() : writer.result(foreign);
  if (x32 == nullptr) upper = writer.branch(BPF_JEQ, kSkipped, writer.result(table.otherwise), upper);
  Label lower = TableWriter(writer, table).write();
  return writer.branch(BPF_JGE, kX32Bit, upper, lower);
}

}  // namespace

Result<std::string> build_seccomp_program(const std::vector<SyscallTable>& tables, uint32_t foreign) {
  Writer writer;
  Label next = writer.result(foreign);
  for (auto table = tables.rbegin(); table != tables.rend(); ++table) {
    const SyscallTable* x32 = find_x32(tables, table->audit_arch);
    bool alone = table->x32 && std::any_of(tables.begin(), tables.end(), [&](const SyscallTable& other) {
                   return !other.x32 && other.audit_arch == table->audit_arch;
                 });
    if (alone) continue;  // written with the other table of its architecture
    Label numbers = 0;
    if (table->x32) {
      numbers = writer.branch(BPF_JGE, kX32Bit, TableWriter(writer, *table).write(), writer.result(foreign));
    } else if (table->audit_arch == AUDIT_ARCH_X86_64) {
      numbers = write_with_x32(writer, *table, x32, foreign);
    } else {
      numbers = TableWriter(writer, *table).write();
    }
    numbers = writer.load(offsetof(seccomp_data, nr), numbers);
    next = writer.branch(BPF_JEQ, table->audit_arch, numbers, next);
  }
  (void)writer.load(offsetof(seccomp_data, arch), next);
  return writer.finish();
}

}  // namespace stack::runtime
