// The engine's side of stack-proxy, the process that holds the sockets of published ports and the connections through
// them. It outlives the engine, so that those connections do.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "net/proxy/control.h"

namespace stack::proxy {

struct ProxyProcess {
  std::string program;  // stack-proxy's path
  std::string socket;   // where it listens
};

// Runs on the context's thread; all calls from there. Requests are sent in order and have no answer.
class ProxyClient {
 public:
  ProxyClient(asio::io_context& context, ProxyProcess process);
  ~ProxyClient();
  ProxyClient(const ProxyClient&) = delete;
  ProxyClient& operator=(const ProxyClient&) = delete;

  // Connects to the process that an earlier engine left; false: there is none. Waits up to two seconds for its greeting.
  Result<bool> find();
  // Ports it has served since before find().
  const std::set<std::string>& found() const { return found_; }

  // Starts the process where none is connected. The name is the caller's; an earlier port of that name is replaced.
  Result<> add(const std::string& name, BoundPort port, std::optional<Target> target);
  void set_target(const std::string& name, std::optional<Target> target);
  void remove(const std::string& name);
  // Waits until removed ports are free to be bound again: microseconds, or half a second where the process does not answer,
  // and not again until it does.
  void settle();
  // No port is left: the process ends.
  void close();

  // Called when the process is gone, and all of its ports with it.
  std::function<void()> on_lost;

 private:
  struct State;
  Result<> open();
  void use(Fd control);

  asio::io_context& context_;
  ProxyProcess process_;
  std::set<std::string> found_;
  std::shared_ptr<State> state_;  // of one connection; null: none
};

}  // namespace stack::proxy
