// A second socket of an SSH agent, for another user: RUN --mount=type=ssh,uid=...,gid=...,mode=...
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "base/fd.h"
#include "base/result.h"

namespace stack::builder {

// Serves until it is destroyed.
class AgentProxy {
 public:
  // Listens at `path`, which must not exist, and relays every connection to the agent at `agent`.
  static Result<std::unique_ptr<AgentProxy>> start(const std::string& path, const std::string& agent,
                                                   mode_t mode, uid_t uid, gid_t gid);
  ~AgentProxy();
  AgentProxy(const AgentProxy&) = delete;
  AgentProxy& operator=(const AgentProxy&) = delete;

 private:
  AgentProxy(Fd listener, std::string agent) : listener_(std::move(listener)), agent_(std::move(agent)) {}
  void serve();

  Fd listener_;
  std::string agent_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace stack::builder
