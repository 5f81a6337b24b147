// The transfer of one image's layers as one line of text, from the "pull" and "push" events of a stream (docs/API.md).
// Pure: the caller passes the time.
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <vector>

#include "base/json.h"

namespace stack::cli {

class TransferModel {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void apply(const Json& line, Time now);
  // "⣿⣿⣤⠀ 12.3MB/45.6MB 4.1MB/s": one column per layer, then bytes; "extracting" once all layers have arrived. While
  // nothing moves, the engine's last message ("trying again in 5s") replaces it.
  std::string text(Time now) const;

 private:
  struct Layer {
    std::string id;
    std::string phase;
    int64_t current = 0;
    int64_t total = 0;
  };
  Layer& layer_of(const std::string& id);
  std::string columns() const;
  int64_t rate(Time now) const;  // bytes a second, over the last seconds

  std::vector<Layer> layers_;
  std::string note_;
  struct Sample {
    Time time;
    int64_t bytes = 0;
  };
  std::deque<Sample> samples_;
  int64_t moved_ = 0;  // bytes transferred since the start
};

// "a2abf6c4d29d Downloaded 28.2MB" for a phase shown in plain output, otherwise "".
std::string plain_transfer_text(const Json& line);

}  // namespace stack::cli
