// Maps method and path to a handler.
#pragma once

#include <asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/server/request.h"
#include "http/server/response.h"

namespace stack::http {

// A coroutine; request and response live until it completes. It must not throw.
using Handler = std::function<asio::awaitable<void>(Request&, Response&)>;

// Patterns: "/containers/{id}/json"; {name} is one path segment, {name...} is one or more ("library/nginx").
// Every pattern matches with and without a version prefix /v1.NN. Of several matches, the one with more literal segments
// wins ("/containers/json" over "/containers/{id}"). Unknown paths return 404, other methods 405 with Allow, versions out of
// range 400; all with {"message": ...}. HEAD must be added explicitly; its body is not sent.
class Router {
 public:
  // Rejects versions outside [1.oldest, 1.newest]; requests without a version use `newest`.
  explicit Router(int oldest = 24, int newest = 99, int current = 50);
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;
  ~Router();

  void add(std::string_view method, std::string_view pattern, Handler handler);
  void get(std::string_view pattern, Handler handler) { add("GET", pattern, std::move(handler)); }
  void head(std::string_view pattern, Handler handler) { add("HEAD", pattern, std::move(handler)); }
  void post(std::string_view pattern, Handler handler) { add("POST", pattern, std::move(handler)); }
  void put(std::string_view pattern, Handler handler) { add("PUT", pattern, std::move(handler)); }
  void del(std::string_view pattern, Handler handler) { add("DELETE", pattern, std::move(handler)); }

  // Sets the request's path, version, and params and returns the handler; or sets an error response and returns null.
  const Handler* find(Request& request, Response& response) const;
  // Calls find() and the handler.
  asio::awaitable<void> operator()(Request& request, Response& response) const;

  // "GET /containers/json", sorted: for tests and documentation.
  std::vector<std::string> routes() const;

 private:
  struct Route;
  std::vector<std::unique_ptr<Route>> routes_;
  int oldest_;
  int newest_;
  int current_;
};

}  // namespace stack::http
