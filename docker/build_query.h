// The query of POST /build as a plain value (Engine API v1.50, ImageBuild).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace stack::docker {

// One of `outputs`: where BuildKit is to send the result.
struct BuildOutput {
  std::string type;
  std::map<std::string, std::string> attributes;
};

struct BuildQuery {
  int version = 1;       // 2: the files come through a BuildKit session
  std::string session;   // its id
  std::string build_id;  // the client's own name for the build
  std::vector<BuildOutput> outputs;
  std::string dockerfile = "Dockerfile";  // relative to the context
  std::vector<std::string> tags;          // as written
  std::string remote;                     // URL of a context outside the body
  std::vector<std::string> extra_hosts;   // "name:address"
  bool quiet = false;
  bool no_cache = false;
  bool pull = false;
  std::map<std::string, std::optional<std::string>> args;  // nullopt: without a value
  std::map<std::string, std::string> labels;
  int64_t shm_size = 0;  // bytes; 0: the default
  std::string network_mode;
  std::string platform;
  std::string target;
  std::vector<std::string> cache_from;  // images in registries whose layers may be used
};

// The decoded pairs of the query. Only the first value of a name counts, except for `t` and `extrahosts`: docker-py
// sends `dockerfile` twice. Invalid for a malformed value, Unsupported for features that this builder lacks:
// `squash`, and `outputs` of the classic builder. Limits of the build container (`memory`, `cpuquota`, ...), `rm` and
// `forcerm` are accepted without effect, because steps leave no containers behind.
Result<BuildQuery> read_build_query(const std::vector<std::pair<std::string, std::string>>& query);

}  // namespace stack::docker
