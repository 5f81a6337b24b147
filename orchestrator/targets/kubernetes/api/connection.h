// Requests to an API server over libcurl: blocking, on the caller's thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>

#include "base/json.h"
#include "orchestrator/targets/kubernetes/api/kubeconfig.h"

namespace stack::targets::kubernetes {

// Why a request failed. With status 0, no answer came.
struct ApiFailure {
  int status = 0;
  std::string reason;   // of the Status object: "Conflict", "Invalid"
  std::string message;  // for the user
  bool lost() const { return status == 0; }
};

template <typename T>
using ApiResult = tl::expected<T, ApiFailure>;

// "the API server at https://127.0.0.1:6443: connection refused", "pods is forbidden: ...".
Error to_error(const ApiFailure& failure, const Access& access);

// Reads the failure from an error answer.
ApiFailure failure_of(int status, const std::string& body);

struct ApiRequest {
  std::string method = "GET";
  std::string path;  // and query
  std::string body = {};
  std::string content_type = "application/json";
};

// Thread-safe. Keeps connections.
class Connection {
 public:
  explicit Connection(Access access);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const Access& access() const { return access_; }
  // The answer's JSON; null for an empty body. Repeats a request that the server refused for the moment (429, 503).
  ApiResult<Json> call(const ApiRequest& request);
  // The answer's text.
  ApiResult<std::string> text(const ApiRequest& request);
  // Calls `take` with the answer's body as it comes, until it ends or `take` returns false.
  ApiResult<std::monostate> stream(const ApiRequest& request,
                                   const std::function<bool(std::string_view)>& take);

 private:
  struct State;
  Access access_;
  std::unique_ptr<State> state_;
};

}  // namespace stack::targets::kubernetes
