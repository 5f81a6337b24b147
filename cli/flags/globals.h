// The program's global flags, and the environment variables that set them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/flags/flags.h"
#include "cli/render/terminal.h"

namespace stack::cli {

enum class ProgressMode { Auto, Tty, Plain, JsonLines, Quiet };

// The target of a project that does not run on the local engine.
struct ClusterOptions {
  std::string target;      // --target, STACK_TARGET; "" = x-stack.target of the Compose file, or local
  bool given = false;      // by the flag
  std::string context;     // --context
  std::string name_space;  // --namespace
  std::string kubeconfig;  // --kubeconfig, KUBECONFIG
  std::string host;        // --host: for a swarm, the URL of its manager
};

struct Globals {
  std::vector<std::string> files;                // -f
  std::vector<std::string> env_files;            // --env-file
  std::vector<std::string> profiles;             // --profile
  std::optional<std::string> project_name;       // -p
  std::optional<std::string> project_directory;  // --project-directory
  Ansi ansi = Ansi::Auto;
  ProgressMode progress = ProgressMode::Auto;
  bool compatibility = false;  // default names as in Compose 1: "shop_web_1"
  bool as_docker_compose =
      false;  // the program was called docker-compose, whose version 1 it follows in details
  bool dry_run = false;
  bool verbose = false;
  bool ci = false;  // annotations of errors; see render/annotation.h
  bool all_resources = false;
  std::string root = "/var/lib/stack";  // --root, STACK_ROOT
  std::string run_root = "/run/stack";  // --run-root, STACK_RUN_ROOT
  ClusterOptions cluster;
  // Socket or ssh:// URL of another engine, which is never started; "" = our engine (--host, STACK_HOST).
  std::string foreign_socket;
  std::string socket() const { return foreign_socket.empty() ? run_root + "/stack.sock" : foreign_socket; }
};

std::span<const Flag> global_flags();

// Why --host cannot name an engine of stack, although a swarm's manager may be there (tcp://); "" if it can.
std::string host_problem(const Globals& globals);

// Flags override variables: COMPOSE_ANSI, COMPOSE_PROGRESS, COMPOSE_COMPATIBILITY, STACK_ROOT,
// STACK_RUN_ROOT, STACK_TARGET, KUBECONFIG. (COMPOSE_FILE, COMPOSE_PROJECT_NAME, COMPOSE_PROFILES, COMPOSE_ENV_FILES are the loader's.)
Result<Globals> read_globals(const Arguments& flags, const Environment& environment,
                             const std::string& current_directory);

}  // namespace stack::cli
