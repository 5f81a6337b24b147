// One build of a BuildKit client: what it asked for, and what it is told.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.h"
#include "engine/buildkit/buildkit.pb.h"
#include "engine/image/build_service.h"

namespace stack::engine {

// One place for the result: "moby", "image", "docker", "oci", "tar", "local".
struct SolveExporter {
  std::string type;
  std::map<std::string, std::string> attributes;
};

struct SolveCache {
  std::string type;
  std::map<std::string, std::string> attributes;
};

struct SolveRequest {
  std::string ref;                             // the client's name for the build
  std::string session;                         // ClientSession's id
  std::string frontend;                        // "" = the client asks by the gateway
  std::map<std::string, std::string> options;  // of the Dockerfile frontend: "filename", "build-arg:A"
  std::map<std::string, std::string>
      inputs;  // results of other builds, by the name in "input:NAME": image IDs
  std::vector<SolveExporter> exporters;
  std::vector<SolveCache> cache_imports;
  std::vector<SolveCache> cache_exports;
  std::vector<std::string> entitlements;
};

struct SolveJob {
  SolveJob(asio::io_context& io, SolveRequest wanted) : request(std::move(wanted)), changed(io) {}

  SolveRequest request;
  std::stop_source stop;
  std::vector<std::string> feed;  // buildkit::StatusResponse messages so far
  bool ended = false;             // nothing follows in the feed
  struct ShownStep {
    std::string name;
    WallTime started;
  };
  std::map<int, ShownStep> steps;       // by BuildEvent::step
  std::string hidden_path;              // left out of texts: where the Dockerfile is kept meanwhile
  std::optional<std::string> image_id;  // once something was built
  bool image_is_new = false;
  bool drops_image = false;  // no exporter keeps it
  // Of the request "frontend.lint": what it found, and the file.
  std::vector<builder::BuildWarning> warnings;
  std::string dockerfile;
  std::optional<Result<>> returned;  // by a client that asks by the gateway
  Signal changed;
};
using JobPtr = std::shared_ptr<SolveJob>;

// Without the job's hidden path.
std::string shown_text(const SolveJob& job, std::string text);
// Appends a line of the build to the job's feed: steps are vertices.
void feed_line(SolveJob& job, const BuildLine& line);

// ---- what a client learns of a build through the gateway ----

// Two operations, as clients require (moby/buildkit, solver/pb: the last one only names the output): a source whose identifier is
// the image's ID. Only our own builds can read it.
buildkit::Definition definition_of_image(const std::string& image_id);
// The image's ID; nullopt for any other definition.
std::optional<std::string> image_of_definition(const buildkit::Definition& definition);

// The result of the request "frontend.lint" (moby/buildkit, frontend/subrequests/lint).
buildkit::GatewayResult lint_result(const std::vector<builder::BuildWarning>& warnings,
                                    const std::string& dockerfile_name, const std::string& dockerfile);

}  // namespace stack::engine
