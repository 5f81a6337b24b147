// The interface from a RUN instruction to the container runtime; the engine implements it.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace stack::builder {

enum class RunNetwork { Default, None, Host };

struct RunBind {
  std::string source;  // absolute host path without symbolic links; file or directory
  std::string target;  // absolute path in the container, to be resolved inside its root
  bool read_only = true;
};

struct RunTmpfs {
  std::string target;
  ByteSize size{};  // 0 = the kernel's default
};

struct RunUlimit {
  std::string name;  // "nofile"
  int64_t soft = 0;
  int64_t hard = 0;
};

struct RunStep {
  std::vector<std::string> lower_dirs;  // top first; never empty (an empty directory stands for scratch)
  std::string upper_dir;                // becomes the layer: must contain exactly what overlayfs writes
  std::string work_dir;                 // overlay's workdir, emptied by the builder afterward
  std::vector<std::string> args;        // argv, argv[0] looked up in env's PATH inside the root
  std::vector<std::string> env;         // the complete environment, "K=V"
  std::string cwd;                      // absolute; created by the driver if necessary
  std::string user;                     // Docker's form: "name|uid[:group|gid]", "" = root
  RunNetwork network = RunNetwork::Default;
  std::string network_name;    // with Default: that network; "" = the builds' own
  std::vector<RunBind> binds;  // in mount order
  std::vector<RunTmpfs> tmpfs;
  std::string hostname;
  ByteSize shm_size{64 << 20};
  std::vector<std::string> extra_hosts;  // "name:address"; address may be "host-gateway"
  std::vector<RunUlimit> ulimits;
  bool insecure = false;  // --security=insecure, allowed by the request's entitlements
};

// Bytes as they come from the process; called from any thread, never concurrently.
using RunOutput = std::function<void(std::string_view bytes, bool is_stderr)>;

// Runs one step to its end and returns the exit code (128 + n for a signal).
// - Mount points made in upper_dir for binds, tmpfs, /proc, /dev, /sys, /etc/hosts, ... may stay: the builder
//   removes those that were not there before. Nothing else may be written to upper_dir from outside the
//   process.
// - When `stop` is requested all processes of the step are killed and the error is ErrorKind::Canceled.
// - No process, mount or network object of the step is left when it returns.
// - NoCommand / NotExecutable if argv[0] cannot be started.
// Called from several threads at once when stages or builds run in parallel.
struct RunDriver {
  virtual ~RunDriver() = default;
  virtual Result<int> run(const RunStep& step, const RunOutput& output, std::stop_token stop) = 0;
};

}  // namespace stack::builder
