// Hooks: programs of the configuration's author, run at points of a container's life.
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

// The state document but for what changes.
struct HookState {
  std::string oci_version;
  std::string id;
  std::string bundle;
  std::string rootfs;
  Json annotations = Json::object();
};

std::string hook_state_text(const HookState& state, std::string_view status, pid_t pid);

// Runs each in order, `state_text` on its standard input, and waits for it; at its timeout it is killed. The
// first that fails ends it, with an error that names it. Descriptors above 2 are closed for it.
Result<> run_hooks(const std::vector<OciHook>& hooks, std::string_view kind, const std::string& state_text);

}  // namespace stack::runtime
