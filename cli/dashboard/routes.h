// The requests that the dashboard accepts, as a table. Everything under /api is a path of the engine's API (docs/API.md); paths
// and parameters outside this table never reach the engine. Pure.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/json.h"

namespace stack::cli {

struct Route {
  enum class Kind {
    Page,      // a file of the page; needs no session
    Session,   // exchanges the token for a session
    Relay,     // passed to the engine, and its response back
    Reduced,   // the same, but only some members of its JSON
    Plan,      // the plan of a project as its Compose files are now
    Terminal,  // a WebSocket to a shell in a container
  };
  Kind kind = Kind::Page;
  std::string target;  // Page: the path; Relay, Reduced: path and query for the engine
  std::string name;    // Plan: the project; Terminal: the container
};

struct Refusal {
  int status = 404;
  std::string text;
};

// `target` as received. Without `write`, requests that change something are a 403.
tl::expected<Route, Refusal> find_route(std::string_view method, std::string_view target, bool write);

// The response of a Reduced route without environments, secrets, and other values that the page does not show.
Json reduced(const Json& response);

}  // namespace stack::cli
