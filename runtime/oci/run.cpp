// run: creates and starts a container, and waits until the command exits.
#include "runtime/container/hooks.h"
#include "runtime/oci/foreground.h"
#include "runtime/oci/launch.h"
#include "runtime/oci/log.h"

namespace stack::runtime::oci {

namespace {

constexpr std::array<Flag, 10> kRunFlags =
    joined(kLaunchFlags, std::array<Flag, 2>{{
                             kDetachFlag,
                             {"keep", 0, FlagKind::Switch, "", "keep the container after its command exits"},
                         }});

// Removes the container in all cases.
Result<> remove_container(LaunchedContainer& container) {
  Result<> locked = container.directory.lock();
  if (!locked && locked.error().kind() == ErrorKind::NotFound) return {};
  TRY(std::move(locked));
  return destroy_container(container.directory, container.state, {&container.spec, &container.cgroups, true});
}

Result<> run_poststart_hooks(const LaunchedContainer& container) {
  const OciState& state = container.state;
  if (container.spec.hooks.poststart.empty()) return {};
  HookState hook{state.oci_version, state.id, state.bundle, state.rootfs, state.annotations};
  return run_hooks(container.spec.hooks.poststart, "poststart", hook_state_text(hook, "running", state.pid));
}

Result<int> run(const GlobalOptions& global, const Arguments& arguments) {
  TRY_ASSIGN(LaunchSettings settings, read_launch_settings(arguments));
  bool detach = arguments.is_set("detach");
  settings.keep_terminal = !detach;
  TRY_ASSIGN(LaunchedContainer container, launch_container(global, settings));
  Result<> hooks = run_poststart_hooks(container);
  if (!hooks) {
    (void)destroy_container(container.directory, container.state, {&container.spec, &container.cgroups});
    return std::move(hooks).error();
  }
  container.directory.unlock();
  if (detach) {
    if (container.notify) TRY(wait_until_ready(container.notify.get(), container.pidfd.get()));
    return 0;
  }
  Attended attended{container.state.pid, container.pidfd.get(), std::move(container.terminal),
                    std::move(container.notify)};
  Result<int> code = attend(std::move(attended));
  if (arguments.is_set("keep")) return code;
  Result<> removed = remove_container(container);
  if (!removed) log(Level::Warning, removed.error().text());
  return code;
}

}  // namespace

const Command kRun = {"run",
                      "[flags] ID",
                      "create and start a container, and wait until it exits",
                      kRunFlags,
                      FlagOrder::Anywhere,
                      1,
                      1,
                      true,
                      run};

}  // namespace stack::runtime::oci
