// Lines of /proc/PID/mountinfo (proc_pid_mountinfo(5)).
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace stack::runtime {

struct MountInfo {
  std::string mount_point;                 // unescaped
  std::string type;                        // "proc", "cgroup2", ...
  std::vector<std::string> super_options;  // of the file system, not of the mount
};

// nullopt if the line is invalid.
std::optional<MountInfo> parse_mountinfo_line(const std::string& line);

}  // namespace stack::runtime
