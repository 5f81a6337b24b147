// Where one engine keeps everything. Two engines never share a state root or a run root.
#pragma once

#include <string>

namespace stack::engine {

struct Paths {
  std::string root;      // "/var/lib/stack": survives reboots
  std::string run_root;  // "/run/stack": sockets and locks of this boot
  std::string tag;       // "" for the default root, else 8 hexadecimal digits of SHA-256(root)
  std::string monitor_program;
  std::string engine_program;

  std::string store() const { return root + "/state.db"; }
  std::string images() const { return root + "/images"; }
  std::string volumes() const { return root + "/volumes"; }
  std::string cache() const { return root + "/cache"; }
  std::string builds() const { return root + "/builds"; }
  std::string containers() const { return root + "/containers"; }
  std::string container(const std::string& id) const { return containers() + "/" + id; }
  std::string container_run(const std::string& id) const { return run_root + "/containers/" + id; }
  std::string socket() const { return run_root + "/stack.sock"; }
  // The cgroup all containers of this engine live in, relative to each controller's root.
  std::string cgroup_parent() const { return tag.empty() ? "/stack" : "/stack-" + tag; }
  std::string firewall_table() const { return tag.empty() ? "stack" : "stack_" + tag; }
};

// Absolute, cleaned roots; the programs are looked for beside this executable.
Paths make_paths(const std::string& root, const std::string& run_root);

}  // namespace stack::engine
