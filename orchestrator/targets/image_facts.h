// Facts about an image from the local engine's store, which a conversion needs.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "orchestrator/compose/project.h"

namespace stack::targets {

struct ImageFacts {
  std::string reference;  // to use in the cluster: "registry/name@sha256:..."; "" = as in the project
  bool known = false;     // whether the members below are
  std::string user;
  std::optional<compose::Healthcheck> healthcheck;
  compose::StringList entrypoint;
  compose::StringList command;
  std::map<std::string, std::string> users;   // /etc/passwd: name -> "uid:gid"
  std::map<std::string, std::string> groups;  // /etc/group: name -> gid
};

}  // namespace stack::targets
