// The logging options of a container: which there are, and what they may say. Docker's rules and words.
// https://docs.docker.com/engine/logging/configure/
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "model/container.h"

namespace stack {

// What the options come to, defaults filled in. Sizes of files count in powers of 1000, as Docker counts them
// here.
struct LogPlan {
  bool keeps_file = true;  // json-file, local, and the cache that journald is read from
  bool journald = false;
  int64_t max_size = 0;  // <= 0: unbounded
  int max_file = 1;
  bool compress = false;
  int64_t buffer_size = 0;  // > 0: non-blocking
  // Which of the container's labels and variables go along with each message.
  std::vector<std::string> labels;
  std::string labels_regex;
  std::vector<std::string> env;
  std::string env_regex;
  std::string tag;  // "{{.Name}}/{{.ID}}"; "" = none
};

// Invalid for an unknown driver, option or value, naming it.
Result<LogPlan> plan_log(const LogSpec& log);

// What a tag's template may name.
struct LogTagFacts {
  std::string id;
  std::string name;
  std::string image_id;
  std::string image_name;
};
// {{.ID}} {{.FullID}} {{.Name}} {{.ImageID}} {{.ImageFullID}} {{.ImageName}} {{.DaemonName}}; Invalid for
// anything else.
Result<std::string> expand_log_tag(const std::string& tag, const LogTagFacts& facts);

}  // namespace stack
