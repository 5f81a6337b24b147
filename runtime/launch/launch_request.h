// The launcher's input: JSON in a sealed memfd, with descriptors by number. Written by the engine's side (client.cpp,
// exec.cpp), read by stack-launch.
#pragma once

#include "base/json.h"
#include "base/process.h"
#include "base/result.h"
#include "runtime/monitor/client.h"
#include "runtime/monitor/wire.h"

namespace stack::runtime {

// Descriptor numbers in the launcher; the JSON defines more.
constexpr int kControlFd = 3;
constexpr int kRequestFd = 4;
constexpr int kFirstExtraFd = 5;

// Collects descriptors for a spawn and returns their numbers in the child.
class FdTable {
 public:
  // The number that `fd` will have in the child; -1 stays -1.
  int add(int fd) {
    if (fd < 0) return -1;
    fds_[next_] = fd;
    return next_++;
  }
  const std::map<int, int>& fds() const { return fds_; }
  std::map<int, int>& fds() { return fds_; }

 private:
  std::map<int, int> fds_;
  int next_ = kFirstExtraFd;
};

Json log_to_json(const LogSettings& log);
LogSettings log_from_json(const Json& json);
wire::LogValues log_to_wire(const LogSettings& log);
Json named_fds_to_json(const std::vector<NamedFd>& fds, FdTable& table);
Json engine_to_json(const EngineRestart& engine);

// Spawns the program with `request` on kRequestFd and a control socket on kControlFd.
Result<Monitor> spawn_launcher(const MonitorProgram& program, const std::string& mode, Json request,
                               FdTable table);

}  // namespace stack::runtime
