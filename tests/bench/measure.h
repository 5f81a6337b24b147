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
  Times isolated;      // 150 ms of quiet before each run
  Times back_to_back;  // ten in a row, then the next contender's ten
};

// One run; -1 where it failed. Output is thrown away unless it failed for the first time.
double time_once(const Contender& contender);

// All contenders of a row in turn, so that whatever else the machine does hits them alike.
std::vector<Measured> measure(const Row& row);

// A markdown table: row, contender, isolated min / mean / p50, back to back min / mean / p50.
std::string to_markdown(const std::vector<Measured>& all);

}  // namespace stack::bench
