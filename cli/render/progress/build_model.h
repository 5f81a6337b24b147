// The steps of a build as text: a tree with timings for a terminal, numbered lines elsewhere. From the "build" events of a stream
// (docs/API.md). Pure: the caller passes the time.
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <vector>

#include "base/json.h"

namespace stack::cli {

class BuildModel {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit BuildModel(Time started) : started_(started) {}
  // Returns the plain lines for the event, without the last newline; "" where there is nothing to show.
  std::string apply(const Json& line, Time now);
  // At most `rows` lines of at most `columns` characters, not counting escape sequences.
  std::vector<std::string> draw(Time now, size_t columns, size_t rows, bool color) const;
  // The last state of every step, in any number of lines.
  std::vector<std::string> draw_all(Time now, size_t columns, bool color) const {
    return draw(now, columns, SIZE_MAX, color);
  }

 private:
  enum class State { Running, Cached, Done, Failed };
  struct Step {
    int64_t number = 0;
    std::string text;
    State state = State::Running;
    Time started{};
    double seconds = 0;
    std::deque<std::string> output;  // the last lines
  };
  Step& step_of(int64_t number, Time now);
  std::string row_of(const Step& step, Time now, size_t columns, bool color) const;

  Time started_;
  std::vector<Step> steps_;
};

}  // namespace stack::cli
