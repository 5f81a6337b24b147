// A seccomp policy as a short BPF program: numbers with the same action are merged into ranges, and a balanced tree of
// comparisons finds the range, so that a call costs about seven steps. seccomp(2), linux/filter.h
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace stack::runtime {

// A test of one argument as an unsigned number. 32-bit architectures compare the low halves.
struct ArgumentTest {
  enum class Compare { Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual, MaskedEqual };
  unsigned index = 0;  // 0 to 5
  Compare compare = Compare::Equal;
  uint64_t value = 0;
  uint64_t mask = 0;  // MaskedEqual: (argument & mask) == value

  auto operator<=>(const ArgumentTest&) const = default;
};

// Applies `action` (SECCOMP_RET_*) if all tests hold.
struct SyscallRule {
  std::vector<ArgumentTest> tests;
  uint32_t action = 0;

  auto operator<=>(const SyscallRule&) const = default;
};

// The calls of one architecture.
struct SyscallTable {
  uint32_t audit_arch = 0;  // AUDIT_ARCH_*
  bool x32 = false;         // calls of AUDIT_ARCH_X86_64 whose numbers have bit 30 set
  bool wide = true;         // 64-bit arguments
  bool big_endian = false;
  // By number. A rule without tests decides, otherwise the first matching rule, otherwise `otherwise`.
  std::map<uint32_t, std::vector<SyscallRule>> calls;
  uint32_t otherwise = 0;
  // First number of calls that are newer than the policy.
  uint32_t unknown_from = 0xffffffff;
  uint32_t unknown = 0;
};

// An array of sock_filter as raw bytes. Calls through an architecture without a table get `foreign`.
Result<std::string> build_seccomp_program(const std::vector<SyscallTable>& tables, uint32_t foreign);

}  // namespace stack::runtime
