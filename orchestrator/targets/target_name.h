// Names of the engines that can run a project.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack::targets {

enum class TargetName { Local, Kubernetes, Swarm };

// "local", "kubernetes" (also "k8s"), "swarm"; "" is local.
Result<TargetName> parse_target(std::string_view text);
std::string_view to_text(TargetName name);

}  // namespace stack::targets
