// Which services a command without names acts on. A project may have containers of other Compose files, or of services
// that its file no longer has: as in Compose, a command acts only on the services of the caller's file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/session/containers.h"
#include "cli/session/session.h"

namespace stack::cli {

struct FileServices {
  std::vector<std::string> services;  // with those of inactive profiles
  std::vector<std::string> jobs;
};

// What the caller's Compose file defines. nullopt: -p names the project, there is no file, or it cannot be read, so that
// all services count.
std::optional<FileServices> services_of_files(Session& session);

// Keeps the containers of the named services; without names, those of services_of_files().
std::vector<Container> selected(Session& session, std::vector<Container> containers,
                                const std::vector<std::string>& named);

// Suggests the closest known name, or lists the known names.
Error no_such_service(const std::string& name, const std::vector<std::string>& known);

// A job was named where only services can be.
Error only_run(const Session& session, const std::string& job);

// The services of containers, each once.
std::vector<std::string> services_of(const std::vector<Container>& containers);

}  // namespace stack::cli
