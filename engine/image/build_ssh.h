// build.ssh: the SSH agents available to RUN --mount=type=ssh.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "images/builder/solver/builder.h"

namespace stack::engine {

// Owns the agents started for key files; they end with this object.
class SshAgents {
 public:
  SshAgents() = default;
  SshAgents(SshAgents&&) = default;
  SshAgents& operator=(SshAgents&& other) noexcept;
  ~SshAgents();

  // "default" or "default=PATH" or "ID=PATH" (compose's build.ssh). Without a path: the caller's agent at
  // `caller_socket`, its SSH_AUTH_SOCK. A path is an agent's socket, or a key file without passphrase, for
  // which an ssh-agent(1) of the host is started below `directory`. Blocks.
  static Result<SshAgents> open(const std::vector<std::string>& wanted, const std::string& caller_socket,
                                const std::string& directory);

  const std::vector<builder::BuildSsh>& sockets() const { return sockets_; }

 private:
  Result<std::string> start_for_key(const std::string& key, const std::string& directory);

  std::vector<builder::BuildSsh> sockets_;
  std::vector<pid_t> started_;
  std::vector<std::string> directories_;
};

}  // namespace stack::engine
