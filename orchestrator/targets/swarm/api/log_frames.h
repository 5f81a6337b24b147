// Splits a log stream into lines. Each piece of output has a frame (8 bytes: stream, 0, 0, 0, length); streams of
// terminals have none.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace stack::targets::swarm {

class LogFrames {
 public:
  using OnLine = std::function<void(bool error, const std::string& text)>;
  explicit LogFrames(OnLine on_line) : on_line_(std::move(on_line)) {}
  void add(std::string_view bytes);
  // Passes on a last line without a line break.
  void finish();

 private:
  void text(bool error, std::string_view piece);

  OnLine on_line_;
  std::string pending_;   // of an incomplete frame
  std::string lines_[2];  // incomplete lines of stdout and stderr
  bool raw_ = false;
};

}  // namespace stack::targets::swarm
