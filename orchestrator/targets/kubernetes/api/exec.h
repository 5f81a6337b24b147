// Runs a command in a container of a pod, over the WebSocket protocol v5.channel.k8s.io (v4 without end of input).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/targets/kubernetes/api/connection.h"

namespace stack::targets::kubernetes {

struct ExecRequest {
  std::string name_space;
  std::string pod;
  std::string container;
  std::vector<std::string> command;
  bool input = false;
  bool terminal = false;
  int input_fd = 0;
  std::function<void(int fd, std::string_view bytes)> output;
  // The size of the terminal, asked when SIGWINCH may have changed it; nullopt if unknown.
  std::function<std::optional<std::pair<int, int>>()> size;  // columns, rows
};

// The exit code of the command; a failure if it could not be started.
Result<int> exec_in_pod(const Access& access, const ExecRequest& request);

// The exit code in the last message of a session (a Status object); nullopt if it does not tell.
Result<int> exit_code_of_status(const std::string& status);

}  // namespace stack::targets::kubernetes
