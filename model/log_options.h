// The logging options of a container and their valid values, with Docker's rules and wording.
// https://docs.docker.com/engine/logging/configure/
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "model/container.h"

namespace stack {

// The options with defaults filled in. File sizes use powers of 1000, like in Docker.
struct LogPlan {
  bool keeps_file = true;  // json-file, local, and the cache of journald
  bool journald = false;
  int64_t max_size = 0;  // <= 0: unbounded
  int max_file = 1;
  bool compress = false;
  int64_t buffer_size = 0;  // > 0: non-blocking
  // The container's labels and variables that are added to each message.
  std::vector<std::string> labels;
  std::string labels_regex;
  std::vector<std::string> env;
  std::string env_regex;
  std::string tag;  // "{{.Name}}/{{.ID}}"; "" = none
};

// Invalid for an unknown driver, option, or value, which the error names.
Result<LogPlan> plan_log(const LogSpec& log);

// The values available in a tag's template.
struct LogTagFacts {
  std::string id;
  std::string name;
  std::string image_id;
  std::string image_name;
};
// {{.ID}} {{.FullID}} {{.Name}} {{.ImageID}} {{.ImageFullID}} {{.ImageName}} {{.DaemonName}}; Invalid for others.
Result<std::string> expand_log_tag(const std::string& tag, const LogTagFacts& facts);

}  // namespace stack
