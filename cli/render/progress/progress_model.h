// The live progress of a running plan as text: one row per object, for all of its actions. Pure: the caller passes
// the time.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/render/progress/transfer_model.h"

namespace stack::cli {

class ProgressModel {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit ProgressModel(std::string title) : title_(std::move(title)) {}
  void apply(const Json& line, Time now);
  void restart();
  bool empty() const { return rows_.empty(); }
  // At most `rows` lines of at most `columns` characters, not counting escape sequences. Omits finished objects first.
  std::vector<std::string> draw(Time now, size_t columns, size_t rows, bool color) const;

 private:
  enum class State { Planned, Running, Done, Failed, Skipped };
  struct Row {
    std::string label;
    State state = State::Planned;
    std::string status;      // "Starting"
    bool performed = false;  // one of its actions was
    std::string detail;  // the wait condition, the build step, or the error
    Time gives_up{};     // when the health check of a wait fails at the earliest
    Time started{};
    Time ended{};
  };

  Row& row_of(const std::string& label);
  void apply_plan(const Json& line);
  void apply_action(const Json& line, Time now);
  void apply_wait(const Json& line, Row& row, Time now);
  std::string text_of(const Row& row, Time now, size_t label_width, size_t columns, bool color) const;

  std::string title_;
  std::vector<Row> rows_;
  std::map<std::string, size_t> by_label_;
  std::map<int64_t, Json> actions_;
  std::map<std::string, TransferModel> transfers_;  // by label, while an image is pulled or pushed
  std::map<std::string, int> unfinished_;           // label -> actions not finished
  std::map<std::string, std::string> image_rows_;   // service -> label of its build
};

}  // namespace stack::cli
