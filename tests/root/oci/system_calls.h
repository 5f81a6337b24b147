// Counts the system calls of a program, of all its processes until they execute another program.
#pragma once

#include <string>
#include <vector>

namespace stack::runtime::test {

struct CountedRun {
  int code = -1;
  int system_calls = 0;
};

// Runs the program under ptrace(2) and follows all its children.
CountedRun run_counted(const std::vector<std::string>& words);

}  // namespace stack::runtime::test
