// From a container's logging options to what its monitor does, and what Docker's drivers tell of a container
// with each message.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "model/log_options.h"
#include "runtime/monitor/client.h"

namespace stack::engine {

// What the messages' attributes are made from.
struct LogSubject {
  LogTagFacts facts;
  std::map<std::string, std::string> labels;
  std::vector<std::string> env;  // "K=V", complete
};

// The labels, variables and the tag that were asked for: json-file's "attrs".
std::map<std::string, std::string> log_attributes(const LogPlan& plan, const LogSubject& subject);

// Invalid where the attributes are too long to go with each message.
Result<runtime::LogSettings> log_settings(const LogPlan& plan, const LogSubject& subject,
                                          const std::string& path);

// Is what the driver needs on this machine (journald's socket)? Invalid where it is not.
Result<> check_log_target(const LogPlan& plan);

}  // namespace stack::engine
