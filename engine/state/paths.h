// The paths of one engine. Engines never share a state root or run root.
#pragma once

#include <string>
#include <string_view>

#include "model/container_id.h"

namespace stack::engine {

struct Paths {
  std::string root;      // "/var/lib/stack": survives reboots
  std::string run_root;  // "/run/stack": sockets and locks of this boot
  std::string tag;       // "" for the default root, else 8 hexadecimal digits of SHA-256(root)
  std::string monitor_program;
  std::string proxy_program;
  std::string engine_program;

  std::string images() const { return root + "/images"; }
  std::string volumes() const { return root + "/volumes"; }
  std::string cache() const { return root + "/cache"; }
  std::string containers() const { return root + "/containers"; }
  std::string container(const ContainerId& id) const { return containers() + "/" + id.text(); }
  // Prefix of a container's folder during its removal.
  static constexpr std::string_view kGonePrefix = ".gone-";
  std::string container_gone(const ContainerId& id) const {
    return containers() + "/" + std::string(kGonePrefix) + id.text();
  }
  std::string container_run(const ContainerId& id) const { return run_root + "/containers/" + id.text(); }
  // Exec sessions that outlive the engine: the request, the monitor's socket, and the exit code.
  std::string execs(const ContainerId& container) const { return container_run(container) + "/execs"; }
  std::string exec(const ContainerId& container, const std::string& id) const {
    return execs(container) + "/" + id;
  }
  // Lines "<id> <exit code>" of removed containers with `--rm`.
  std::string exit_codes() const { return run_root + "/exit-codes.log"; }
  // RUN steps of builds. A step does not outlive its engine, so it has no record.
  std::string steps() const { return run_root + "/steps"; }
  std::string step(const std::string& id) const { return steps() + "/" + id; }
  static constexpr std::string_view kStepPrefix = "step-";
  std::string step_cgroup(const std::string& id) const {
    return cgroup_parent() + "/" + std::string(kStepPrefix) + id;
  }
  std::string socket() const { return run_root + "/stack.sock"; }
  // A symbolic link to `root` while the engine runs, so that clients notice that they mean another state root.
  std::string root_link() const { return run_root + "/root"; }
  // The parent cgroup of this engine's containers, relative to each controller's root.
  std::string cgroup_parent() const { return tag.empty() ? "/stack" : "/stack-" + tag; }
  std::string firewall_table() const { return tag.empty() ? "stack" : "stack_" + tag; }
};

// Absolute, cleaned roots; the programs are in the folder of this executable.
Paths make_paths(const std::string& root, const std::string& run_root);

}  // namespace stack::engine
