// Timing of whole commands, from before the fork to after the wait.
#pragma once

#include <string>
#include <vector>

#include "contender.h"

namespace stack::bench {

struct Times {
  std::vector<double> milliseconds;
  int failures = 0;

  double least() const;
  double mean() const;
  double median() const;
};

struct Measured {
  std::string row;
  std::string contender;
  Times isolated;      // 150 ms pause before each run
  Times back_to_back;  // ten runs in a row, then ten of the next contender
};

// One run; -1 if it failed. Output is discarded except for the first failure.
double time_once(const Contender& contender);

// Measures all contenders of a row in turn, so that other load on the machine affects them equally.
std::vector<Measured> measure(const Row& row);

// A markdown table: row, contender, isolated min / mean / p50, back to back min / mean / p50.
std::string to_markdown(const std::vector<Measured>& all);

}  // namespace stack::bench
