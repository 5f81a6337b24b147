// How many system calls a program makes, all its processes together until they execute another.
#pragma once

#include <string>
#include <vector>

namespace stack::runtime::test {

struct CountedRun {
  int code = -1;
  int system_calls = 0;
};

// Runs the program under ptrace(2) and follows all that it starts.
CountedRun run_counted(const std::vector<std::string>& words);

}  // namespace stack::runtime::test
