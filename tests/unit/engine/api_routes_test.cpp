// Compares the index of routes in docs/API.md with the router.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "engine/api/api.h"

namespace stack::engine {
namespace {

// Handlers only keep the reference, because none is called here.
Services& no_services() {
  alignas(Services) static std::byte storage[sizeof(Services)];
  return reinterpret_cast<Services&>(storage);
}

std::set<std::string> served() {
  http::Router router;
  add_routes(router, no_services());
  std::vector<std::string> routes = router.routes();
  return {routes.begin(), routes.end()};
}

// The lines of the code block under "## Index of routes": "GET,HEAD /path" and so on.
std::set<std::string> documented() {
  std::set<std::string> out;
  std::string text = read_file(STACK_SOURCE_DIR "/docs/API.md").value_or("");
  size_t begin = text.find("## Index of routes");
  begin = text.find("```\n", begin);
  size_t end = text.find("```", begin + 4);
  if (begin == std::string::npos || end == std::string::npos) return out;
  for (const std::string& line : split(text.substr(begin + 4, end - begin - 4), '\n')) {
    size_t blank = line.find(' ');
    if (blank == std::string::npos) continue;
    std::string path(trim(line.substr(blank)));
    for (const std::string& method : split(line.substr(0, blank), ',')) out.insert(method + " " + path);
  }
  return out;
}

TEST(ApiRoutes, NoRouteIsServedTwice) {
  http::Router router;
  add_routes(router, no_services());
  std::vector<std::string> routes = router.routes();
  auto twice = std::adjacent_find(routes.begin(), routes.end());
  EXPECT_TRUE(twice == routes.end()) << *twice;
}

TEST(ApiRoutes, DocumentedIndexMatchesTheRouter) {
  std::set<std::string> in_router = served();
  std::set<std::string> in_document = documented();
  for (const std::string& route : in_router)
    EXPECT_TRUE(in_document.contains(route)) << "not in docs/API.md: " << route;
  for (const std::string& route : in_document)
    EXPECT_TRUE(in_router.contains(route)) << "only in docs/API.md: " << route;
}

}  // namespace
}  // namespace stack::engine
