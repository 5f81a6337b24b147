// Prints log lines of many containers with a colored prefix: "web-1  | text".
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace stack::cli {

struct LogStyle {
  bool color = false;
  bool prefix = true;
  bool timestamps = false;
  bool split_streams = false;  // `up`: stderr of containers goes to stderr; `logs`: everything goes to stdout
};

class LogPrinter {
 public:
  using Sink = std::function<void(int fd, std::string_view text)>;
  LogPrinter(LogStyle style, std::string project_name, Sink sink)
      : style_(style), project_name_(std::move(project_name)), sink_(std::move(sink)) {}

  // Assigns colors to labels in this order and makes the prefix wide enough for all. Later labels get the next color
  // and may widen the prefix.
  void expect(std::vector<std::string> labels);
  // A line of /stack/v1/projects/{p}/logs: text, or the exit of a container.
  void line(const Json& line);
  // "web-1 exited with code 0".
  void status(const std::string& label, std::string_view text);

 private:
  struct Look {
    size_t color = 0;
  };
  const Look& look_of(const std::string& label);
  std::string painted(std::string_view text, const Look& look) const;

  LogStyle style_;
  std::string project_name_;
  Sink sink_;
  std::map<std::string, Look> looks_;
  size_t width_ = 0;
};

}  // namespace stack::cli
