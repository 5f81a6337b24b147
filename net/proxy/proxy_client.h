// The engine's side of stack-proxy, the process that holds the sockets of published ports and their connections. It
// outlives the engine, so that the connections survive.
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
  std::string socket;   // path of its socket
};

// Runs on the context's thread; all calls from there. Requests are sent in order and are not answered.
class ProxyClient {
 public:
  ProxyClient(asio::io_context& context, ProxyProcess process);
  ~ProxyClient();
  ProxyClient(const ProxyClient&) = delete;
  ProxyClient& operator=(const ProxyClient&) = delete;

  // Connects to the process of an earlier engine; false if there is none. Waits up to two seconds for its greeting.
  Result<bool> find();
  // Ports that it already served at find().
  const std::set<std::string>& found() const { return found_; }

  // Starts the process if none is connected. Replaces an earlier port of the same name.
  Result<> add(const std::string& name, BoundPort port, std::optional<Target> target);
  void set_target(const std::string& name, std::optional<Target> target);
  void remove(const std::string& name);
  // Waits until removed ports can be bound again: microseconds, or half a second if the process does not answer. After that
  // it does not wait again until the process answers.
  void settle();
  // Closes the connection; the process exits when no port is left.
  void close();

  // Called when the process has exited, with all its ports.
  std::function<void()> on_lost;

 private:
  struct State;
  Result<> open();
  void use(Fd control);

  asio::io_context& context_;
  ProxyProcess process_;
  std::set<std::string> found_;
  std::shared_ptr<State> state_;  // state of the connection; null if there is none
};

}  // namespace stack::proxy
