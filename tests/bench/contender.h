// What is measured: one command line per engine and row, with what has to be there before and after.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace stack::bench {

struct Contender {
  std::string name;
  std::vector<std::string> argv;
  std::string directory;
  std::function<void()> before;  // not measured; runs before each measured run
  std::function<void()> after;   // not measured
};

struct Row {
  std::string what;
  std::vector<Contender> contenders;
  int isolated_runs = 20;
  int back_to_back_runs = 50;  // 0: only isolated makes sense
};

}  // namespace stack::bench
