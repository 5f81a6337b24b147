// The client's SSH agent as a socket of ours, for RUN --mount=type=ssh and git contexts.
#pragma once

#include <memory>
#include <string>

#include "base/async.h"
#include "engine/buildkit/client_session.h"

namespace stack::engine {

class AgentForward {
 public:
  // Listens at `socket`, which is removed at the end.
  static Result<std::unique_ptr<AgentForward>> open(asio::io_context& io, const std::string& socket,
                                                    SessionPtr session, const std::string& id);
  ~AgentForward();
  AgentForward(const AgentForward&) = delete;
  AgentForward& operator=(const AgentForward&) = delete;

 private:
  struct State;
  explicit AgentForward(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace stack::engine
