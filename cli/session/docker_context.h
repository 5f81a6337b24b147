// Selects the engine for the docker command line: --host, DOCKER_HOST, --context, DOCKER_CONTEXT, the current context.
// https://docs.docker.com/engine/manage-resources/contexts/
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/flags/flags.h"
#include "cli/render/terminal.h"

namespace stack::cli::docker_cli {

struct ContextEntry {
  std::string name;
  std::string description;
  std::string host;  // "unix:///run/stack/stack.sock"
  // For hosts on TCP: the folder with ca.pem, cert.pem, and key.pem, which may be missing.
  std::string tls_folder = {};
  bool skip_tls_verify = false;
};

// The contexts in $DOCKER_CONFIG or ~/.docker, in Docker's layout: contexts/meta/<SHA-256 of the name>/meta.json.
class ContextStore {
 public:
  explicit ContextStore(const Environment& environment);

  // "default" comes first: the engine of stack, or DOCKER_HOST.
  Result<std::vector<ContextEntry>> list() const;
  // NotFound: `context "x" not found`.
  Result<ContextEntry> find(const std::string& name) const;
  // DOCKER_CONTEXT, or currentContext of config.json, or "default".
  std::string current() const;
  Result<> use(const std::string& name) const;
  Result<> create(const ContextEntry& entry) const;
  Result<> remove(const std::string& name) const;

 private:
  std::string meta_folder(const std::string& name) const;
  Result<ContextEntry> read(const std::string& folder) const;
  ContextEntry default_entry() const;
  Result<Json> read_config() const;

  const Environment& environment_;
  std::string folder_;
};

// $DOCKER_CONFIG or ~/.docker.
std::string docker_config_folder(const Environment& environment);

// The path of the socket. Sockets other than Unix sockets are errors.
Result<std::string> engine_socket(const Arguments& given, const Environment& environment);

}  // namespace stack::cli::docker_cli
