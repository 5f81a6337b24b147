// Builds and bootstraps images: blocking work on its own threads, RUN steps through our runtime and network.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "base/json.h"
#include "engine/container/container_service.h"
#include "engine/image/build_records.h"
#include "engine/image/build_ssh.h"
#include "engine/image/missing_image.h"
#include "images/builder/solver/builder.h"
#include "orchestrator/compose/project.h"

namespace stack::engine {

// Sets the network of RUN steps from a client's value: none, host, default or bridge, or a network's name or id.
void set_network(builder::BuildRequest& request, const std::string& mode);
// Errors name the tag.
Result<std::vector<Reference>> parse_tags(const std::vector<std::string>& names);

// Receives a line of a build's progress.
struct BuildLine {
  std::string text;           // for people: "[web 2/5] RUN make", or a line of output, "" = nothing to show
  std::string stream;         // docs/API.md, "build": step, output, cached, done
  builder::BuildEvent event;  // StepOutput has the line as its text
};
// On the engine's thread.
using BuildSink = std::function<void(const BuildLine& line)>;
// docs/API.md, the event "build".
OrderedJson build_event(const std::string& service, const BuildLine& line);

// The "options" of docs/API.md's BUILD.
struct BuildSettings {
  bool no_cache = false;
  bool pull = false;
  std::map<std::string, std::string> args;
  std::map<std::string, std::string> proxy;
  std::map<std::string, std::string> proxy_args;  // arguments unless the build section has them
  std::string ca_bundle;
  std::string ssh_socket;  // the caller's agent
  std::string caller;      // RegistryService::Lease::id()
};
BuildSettings build_settings_from(const Json& options);

// The failure of a build, with the last lines of the failing step.
struct BuildFailure {
  Error error;
  std::vector<std::string> output;
};

class BuildService {
 public:
  BuildService(Context& context, ContainerService& containers, NetworkService& networks,
               RegistryService& registries);
  ~BuildService();

  Result<> open();
  // Removes the builds' network if a killed engine left it. Call after the recovery of containers.
  Task<> clear_leftovers();
  // Stops when `stop` is requested; then the error is Canceled.
  Task<tl::expected<builder::BuildResult, BuildFailure>> build(builder::BuildRequest request, BuildSink sink,
                                                               std::stop_token stop);
  // Removes cache entries that no build uses; returns the bytes freed.
  Task<Result<builder::CachePruned>> prune_cache(builder::CachePruneRequest request);
  Task<std::vector<builder::CacheEntry>> cache_entries();
  Task<Result<std::string>> bootstrap(std::string reference, BuildSink sink, std::stop_token stop);
  // obtain_image() for a plan. Returns the image ID.
  Task<Result<std::string>> obtain(RegistryService::Wanted wanted, TransferSink transfers, BuildSink sink,
                                   std::stop_token stop);

  // Makes a request from a Compose file's build section.
  static Result<builder::BuildRequest> request_of(const compose::Build& build, const std::string& image,
                                                  const BuildSettings& settings);
  // Agents for build.ssh; the caller keeps them during the build.
  Task<Result<SshAgents>> open_ssh(std::vector<std::string> wanted, std::string caller_socket);
  // The inputs from which images were built.
  BuildRecords& records();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stack::engine
