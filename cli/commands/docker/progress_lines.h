// Docker's progress messages on a terminal or in a log. https://docs.docker.com/reference/api/engine/, image create:
// one JSON object per line: {"status","id","progressDetail":{"current","total"},"progress","stream","aux","error"}.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace stack::cli::docker_cli {

// On a terminal, each ID has one line that is rewritten in place; otherwise every change of status is a separate
// line, and progress within a status is omitted.
class ProgressLines {
 public:
  // `fd`: the output descriptor; `quiet`: show nothing.
  ProgressLines(int fd, bool quiet);

  void show(const Json& line);
  void finish();

 private:
  void show_plain(const std::string& id, const std::string& status);
  void show_row(const std::string& id, const std::string& text);
  void write(const std::string& text) const;

  int fd_;
  bool quiet_;
  bool terminal_;
  std::vector<std::string> rows_;              // ids in the order of their lines
  std::map<std::string, std::string> status_;  // by ID: the last status shown
};

}  // namespace stack::cli::docker_cli
