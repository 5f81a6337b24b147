// The commands of stack-runtime and their common options.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/oci/flags.h"

namespace stack::runtime::oci {

enum class CgroupManager : uint8_t { Files, Systemd, Disabled };

// The flags before the command's name.
struct GlobalOptions {
  std::string root = "/run/stack-runtime";
  std::string log_path;
  bool log_json = false;
  bool debug = false;
  CgroupManager cgroup_manager = CgroupManager::Files;
};

struct Command {
  std::string_view name;
  std::string_view synopsis;  // text after the name: "[flags] ID"
  std::string_view help;
  std::span<const Flag> flags;
  FlagOrder order;
  size_t least_words;
  size_t most_words;
  bool enters_container;  // runs from a read-only copy of the program (see self.h)
  // Returns the exit code of the program.
  Result<int> (*run)(const GlobalOptions& global, const Arguments& arguments);
};

extern const Command kCreate, kDelete, kExec, kFeatures, kKill, kList, kPause, kPs, kResume, kRun, kSpec,
    kStart, kState, kUpdate;

}  // namespace stack::runtime::oci
