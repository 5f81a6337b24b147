#include "orchestrator/targets/target_name.h"

#include "base/text.h"

namespace stack::targets {

Result<TargetName> parse_target(std::string_view text) {
  std::string name = lower(text);
  if (name.empty() || name == "local") return TargetName::Local;
  if (name == "kubernetes" || name == "k8s") return TargetName::Kubernetes;
  if (name == "swarm") return TargetName::Swarm;
  return invalid("unknown target \"" + std::string(text) + "\": must be local, kubernetes, or swarm");
}

std::string_view to_text(TargetName name) {
  switch (name) {
    case TargetName::Local:
      return "local";
    case TargetName::Kubernetes:
      return "kubernetes";
    case TargetName::Swarm:
      return "swarm";
  }
  return "";
}

}  // namespace stack::targets
