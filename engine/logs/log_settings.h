// Converts a container's logging options to the monitor's settings, including the attributes that Docker's drivers add to
// each message.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "model/log_options.h"
#include "runtime/monitor/client.h"

namespace stack::engine {

// The sources of message attributes.
struct LogSubject {
  LogTagFacts facts;
  std::map<std::string, std::string> labels;
  std::vector<std::string> env;  // "K=V", complete
};

// The selected labels, variables, and tag: "attrs" of json-file.
std::map<std::string, std::string> log_attributes(const LogPlan& plan, const LogSubject& subject);

// Invalid if the attributes are too long.
Result<runtime::LogSettings> log_settings(const LogPlan& plan, const LogSubject& subject,
                                          const std::string& path);

// With a limit of all logs, gives a log without a limit a tenth of it in two files, because only rotated files can be
// removed.
void bound_log(const std::optional<ByteSize>& total, LogPlan& plan);

// Checks the driver's requirements (journald's socket). Invalid if they are missing.
Result<> check_log_target(const LogPlan& plan);

}  // namespace stack::engine
