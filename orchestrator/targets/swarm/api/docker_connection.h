// Requests to a Docker engine: blocking, on the caller's thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/json.h"
#include "base/result.h"
#include "http/client/client.h"

namespace stack::targets::swarm {

// Opens a new stream to the engine.
using Dial = std::function<Result<Fd>()>;

class DockerConnection {
 public:
  // `address` is for messages: "unix:///run/docker.sock".
  DockerConnection(Dial dial, std::string address) : dial_(std::move(dial)), address_(std::move(address)) {}

  // Asks the engine for its API version; the first request.
  Result<> negotiate();
  // The minor number: 41 for 1.41. At most kNewestVersion.
  int api_version() const { return version_; }
  const std::string& address() const { return address_; }

  // The answer's JSON; null for an empty body. `path` begins with "/" and has no version. Thread-safe.
  Result<Json> call(const std::string& method, const std::string& path, const Json& body = nullptr,
                    const std::vector<std::pair<std::string, std::string>>& headers = {});
  // Calls `take` with the answer's body as it comes, on a connection of its own. Fails if nothing arrives for
  // `patience` (0: waits forever). Thread-safe.
  Result<> stream(http::ClientRequest request, const std::function<bool(std::string_view)>& take,
                  std::chrono::seconds patience = std::chrono::seconds(0));
  // Takes over a connection of its own. Thread-safe.
  Result<http::HijackedConnection> hijack(http::ClientRequest request);

 private:
  Result<http::Client> open(std::chrono::seconds patience = std::chrono::seconds(0));
  std::string versioned(const std::string& path) const;

  Dial dial_;
  std::string address_;
  int version_ = 0;
  std::mutex mutex_;
  std::optional<http::Client> client_;
};

// "/services?filters=..." for objects that have the label "key=value".
std::string labeled(const std::string& path, const std::string& label);

}  // namespace stack::targets::swarm
