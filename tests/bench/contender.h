// A measured command: one command line per engine and row, with its preparation and cleanup.
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
  int back_to_back_runs = 50;  // 0: only isolated runs
};

}  // namespace stack::bench
