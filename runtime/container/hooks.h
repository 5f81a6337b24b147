// Hooks: programs from the configuration that run at certain points of a container's life.
// runtime-spec config.md "POSIX-platform Hooks", runtime.md "Lifecycle"
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "runtime/spec/spec.h"

namespace stack::runtime {

// The constant part of the state document.
struct HookState {
  std::string oci_version;
  std::string id;
  std::string bundle;
  std::string rootfs;
  Json annotations = Json::object();
};

std::string hook_state_text(const HookState& state, std::string_view status, pid_t pid);

// Runs the hooks in order with `state_text` on stdin and waits for each; kills a hook at its timeout. Stops at the first
// failure, with an error that names the hook. Closes descriptors above 2 for hooks.
Result<> run_hooks(const std::vector<OciHook>& hooks, std::string_view kind, const std::string& state_text);

}  // namespace stack::runtime
