// `process` of config.json (OCI runtime specification, "Process").
#include <sys/resource.h>

#include <limits>

#include "base/files.h"
#include "runtime/container/capabilities.h"
#include "runtime/spec/checked_json.h"

namespace stack::runtime {

namespace {

constexpr NamedValue kLimits[] = {
    {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_CORE", RLIMIT_CORE},
    {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC},
    {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK},
};

constexpr NamedValue kSchedulers[] = {
    {"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2},       {"SCHED_BATCH", 3},
    {"SCHED_ISO", 4},   {"SCHED_IDLE", 5}, {"SCHED_DEADLINE", 6},
};

constexpr NamedValue kSchedulerFlags[] = {
    {"SCHED_FLAG_RESET_ON_FORK", 0x01},  {"SCHED_FLAG_RECLAIM", 0x02},
    {"SCHED_FLAG_DL_OVERRUN", 0x04},     {"SCHED_FLAG_KEEP_POLICY", 0x08},
    {"SCHED_FLAG_KEEP_PARAMS", 0x10},    {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40},
};

// ioprio_set(2). By number, because newer versions of <linux/ioprio.h> have a parameter called "class", which is not valid
// C++.
constexpr int kIoClassShift = 13;
constexpr NamedValue kIoClasses[] = {
    {"IOPRIO_CLASS_RT", 1},
    {"IOPRIO_CLASS_BE", 2},
    {"IOPRIO_CLASS_IDLE", 3},
};

Result<> read_cpu_list(const Json& object, const char* key, std::vector<uint64_t>& mask) {
  std::string text;
  TRY(read_string(object, key, text));
  if (text.empty()) return {};
  TRY_ASSIGN(mask, parse_number_list(text).in(std::string("execCPUAffinity.") + key));
  return {};
}

Result<> read_limits(const Json& process, ProcessSpec& out) {
  return for_each_object(process, "rlimits", [&](const Json& item) -> Result<> {
    ResourceLimit limit;
    TRY(read_string(item, "type", limit.name));
    auto number = find_value(kLimits, limit.name);
    if (!number) return invalid("unknown limit " + limit.name);
    limit.resource = static_cast<int>(*number);
    for (const ResourceLimit& other : out.limits) {
      if (other.resource == limit.resource) return invalid("limit " + limit.name + " is given twice");
    }
    TRY(read_number(item, "soft", limit.soft));
    TRY(read_number(item, "hard", limit.hard));
    if (limit.soft > limit.hard) return invalid(limit.name + ": the soft limit exceeds the hard limit");
    out.limits.push_back(limit);
    return {};
  });
}

Result<> read_capability_set(const Json& sets, const char* key, uint64_t& mask, ProcessSpec& out) {
  std::vector<std::string> names;
  TRY(read_strings(sets, key, names));
  for (const std::string& name : names) {
    std::optional<int> number = capability_number(name);
    if (number) {
      mask |= uint64_t{1} << *number;
    } else {
      out.notes.push_back("unknown capability " + name + "; ignoring it");
    }
  }
  return {};
}

Result<> read_capabilities(const Json& process, ProcessSpec& out) {
  const Json* sets = member(process, "capabilities");
  if (sets == nullptr) return {};
  if (!sets->is_object()) return wrong_type("capabilities", "an object");
  CapabilitySets value;
  TRY(read_capability_set(*sets, "bounding", value.bounding, out));
  TRY(read_capability_set(*sets, "effective", value.effective, out));
  TRY(read_capability_set(*sets, "permitted", value.permitted, out));
  TRY(read_capability_set(*sets, "inheritable", value.inheritable, out));
  TRY(read_capability_set(*sets, "ambient", value.ambient, out));
  out.capabilities = value;
  return {};
}

Result<> read_user(const Json& process, ProcessSpec& out) {
  const Json* user = member(process, "user");
  if (user == nullptr) return {};
  if (!user->is_object()) return wrong_type("user", "an object");
  TRY(read_number(*user, "uid", out.uid));
  TRY(read_number(*user, "gid", out.gid));
  if (member(*user, "umask") != nullptr) {
    uint32_t mask = 0;
    TRY(read_number(*user, "umask", mask));
    out.umask = mask & 0777;
  }
  const Json* groups = member(*user, "additionalGids");
  if (groups == nullptr) return {};
  if (!groups->is_array()) return wrong_type("additionalGids", "a list of numbers");
  for (const Json& group : *groups) {
    if (!group.is_number_unsigned() || group.get<uint64_t>() > std::numeric_limits<gid_t>::max())
      return invalid("additionalGids: not a group id: " + group.dump());
    out.additional_gids.push_back(group.get<gid_t>());
  }
  return {};
}

Result<> read_scheduler(const Json& process, ProcessSpec& out) {
  const Json* value = member(process, "scheduler");
  if (value == nullptr) return {};
  SchedulerSpec scheduler;
  std::string policy;
  TRY(read_string(*value, "policy", policy));
  auto number = find_value(kSchedulers, policy);
  if (!number) return invalid("unknown scheduling policy " + policy);
  scheduler.policy = static_cast<unsigned>(*number);
  std::vector<std::string> flags;
  TRY(read_strings(*value, "flags", flags));
  for (const std::string& flag : flags) {
    auto bit = find_value(kSchedulerFlags, flag);
    if (!bit) return invalid("unknown scheduler flag " + flag);
    scheduler.flags |= static_cast<uint64_t>(*bit);
  }
  TRY(read_number(*value, "nice", scheduler.nice));
  TRY(read_number(*value, "priority", scheduler.priority));
  TRY(read_number(*value, "runtime", scheduler.runtime_ns));
  TRY(read_number(*value, "deadline", scheduler.deadline_ns));
  TRY(read_number(*value, "period", scheduler.period_ns));
  if (scheduler.nice < -20 || scheduler.nice > 19) return invalid("nice must be from -20 to 19");
  out.scheduler = scheduler;
  return {};
}

Result<> read_io_priority(const Json& process, ProcessSpec& out) {
  const Json* value = member(process, "ioPriority");
  if (value == nullptr) return {};
  std::string name;
  int priority = 0;
  TRY(read_string(*value, "class", name));
  TRY(read_number(*value, "priority", priority));
  auto number = find_value(kIoClasses, name);
  if (!number) return invalid("unknown I/O priority class " + name);
  if (priority < 0 || priority > 7) return invalid("I/O priority must be from 0 to 7");
  out.io_priority = static_cast<int>(*number << kIoClassShift) | priority;
  return {};
}

Result<> refuse_security_modules(const Json& process) {
  std::string profile;
  TRY(read_string(process, "apparmorProfile", profile));
  if (!profile.empty() && profile != "unconfined" && !path_exists("/sys/kernel/security/apparmor"))
    return unsupported("apparmorProfile " + profile + ": this kernel runs without AppArmor");
  std::string label;
  TRY(read_string(process, "selinuxLabel", label));
  if (!label.empty() && !path_exists("/sys/fs/selinux/enforce"))
    return unsupported("selinuxLabel: this kernel runs without SELinux");
  return {};
}

}  // namespace

Result<ProcessSpec> parse_process(const Json& process) {
  if (!process.is_object()) return wrong_type("process", "an object");
  ProcessSpec out;
  TRY(read_bool(process, "terminal", out.terminal));
  if (const Json* size = member(process, "consoleSize"); size != nullptr && out.terminal) {
    TRY(read_number(*size, "height", out.console_height));
    TRY(read_number(*size, "width", out.console_width));
  }
  TRY(read_string(process, "cwd", out.cwd));
  if (!out.cwd.starts_with('/')) return invalid("cwd must be an absolute path: \"" + out.cwd + "\"");
  TRY(read_strings(process, "args", out.args));
  if (out.args.empty()) return invalid("args must hold at least the command");
  TRY(read_strings(process, "env", out.env));
  TRY(read_user(process, out));
  TRY(read_limits(process, out));
  TRY(read_capabilities(process, out));
  TRY(read_bool(process, "noNewPrivileges", out.no_new_privileges));
  if (member(process, "oomScoreAdj") != nullptr) {
    int adjustment = 0;
    TRY(read_number(process, "oomScoreAdj", adjustment));
    if (adjustment < -1000 || adjustment > 1000) return invalid("oomScoreAdj must be from -1000 to 1000");
    out.oom_score_adj = adjustment;
  }
  TRY(read_scheduler(process, out));
  TRY(read_io_priority(process, out));
  if (const Json* affinity = member(process, "execCPUAffinity")) {
    TRY(read_cpu_list(*affinity, "initial", out.cpu_affinity_initial));
    TRY(read_cpu_list(*affinity, "final", out.cpu_affinity_final));
  }
  TRY(refuse_security_modules(process));
  return out;
}

}  // namespace stack::runtime
