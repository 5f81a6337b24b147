// The server of `stack dashboard`: the page, and a filtered way to the engine's API, on 127.0.0.1. One thread per connection;
// each connection serves one request.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/json.h"
#include "base/result.h"
#include "http/client/client.h"

namespace stack::cli {

// What the server needs from the command. Called from several threads.
struct DashboardBackend {
  std::function<Result<http::Client>()> connect;                 // to the engine
  std::function<Result<Json>(const std::string& project)> plan;  // the response of the engine's /plan
  std::string project;                                           // shown first; "" = the first one
  bool write = false;                                            // allow changes and terminals
};

class DashboardServer {
 public:
  // Listens on 127.0.0.1; port 0 is any free port. Conflict if the port is in use.
  static Result<std::unique_ptr<DashboardServer>> listen(uint16_t port, DashboardBackend backend);
  // Stops.
  ~DashboardServer();
  DashboardServer(const DashboardServer&) = delete;
  DashboardServer& operator=(const DashboardServer&) = delete;

  // A link that opens the dashboard once; earlier links that were not used are void.
  std::string new_link();
  // Readable when a client waits.
  int listener() const;
  // Accepts one client.
  void accept_one();
  // Ends all connections, and the shells of their terminals. Waits for at most ten seconds.
  void stop();

 private:
  struct State;
  explicit DashboardServer(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace stack::cli
