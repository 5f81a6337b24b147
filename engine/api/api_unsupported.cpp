// Paths of Docker features that this engine does not have: clients get the response of a Docker engine without
// them, so that they continue.
#include "engine/api/api.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

constexpr const char* kNoSwarm =
    "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this "
    "node to "
    "swarm and try again.";
constexpr const char* kMethods[] = {"GET", "POST", "DELETE"};

http::Handler refusal(int status, std::string text) {
  return [status, text = std::move(text)](Request&, Response& response) -> Task<> {
    response.error(status, text);
    co_return;
  };
}

void add_swarm_routes(http::Router& router) {
  for (const char* method : kMethods) {
    for (const char* object : {"/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs"}) {
      router.add(method, object, refusal(503, kNoSwarm));
      router.add(method, std::string(object) + "/{rest...}", refusal(503, kNoSwarm));
    }
  }
}

void add_plugin_routes(http::Router& router) {
  router.get("/plugins", [](Request&, Response& response) -> Task<> {
    response.json(200, Json::array());
    co_return;
  });
  auto no_plugin = [](Request& request, Response& response) -> Task<> {
    response.error(404, "plugin \"" + request.param("name") + "\" not found");
    co_return;
  };
  router.get("/plugins/{name...}/json", no_plugin);
  router.del("/plugins/{name...}", no_plugin);
  for (const char* action : {"enable", "disable", "upgrade", "push", "set"})
    router.post(std::string("/plugins/{name...}/") + action, no_plugin);
  for (const char* action : {"pull", "create"})
    router.post(std::string("/plugins/") + action, refusal(501, "plugins are not supported"));
  router.get("/plugins/privileges", refusal(501, "plugins are not supported"));
}

}  // namespace

void add_unsupported_routes(http::Router& router) {
  add_swarm_routes(router);
  add_plugin_routes(router);
}

}  // namespace stack::engine
