#include "cli/commands/docker/container_request.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/files.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/commands/docker/mount_flag.h"
#include "cli/commands/docker/network_flags.h"
#include "cli/commands/docker/publish_flag.h"
#include "cli/flags/docker_proxies.h"
#include "cli/flags/shell_words.h"

namespace stack::cli::docker_cli {

namespace {

Error bad_value(const std::string& value, std::string_view flag, const std::string& why) {
  return invalid("invalid argument \"" + value + "\" for \"--" + std::string(flag) + "\" flag: " + why);
}

std::pair<std::string, std::string> split_at(const std::string& text, char separator) {
  size_t at = text.find(separator);
  if (at == std::string::npos) return {text, ""};
  return {text.substr(0, at), text.substr(at + 1)};
}

Json pair_map(const std::vector<std::string>& given) {
  Json map = Json::object();
  for (const std::string& text : given) {
    auto [key, value] = split_at(text, '=');
    map[key] = value;
  }
  return map;
}

// Adds the numeric flag to the object if it was given.
Result<> put_number(Json& object, const char* member, const Arguments& arguments, std::string_view flag) {
  auto value = arguments.number(flag, std::numeric_limits<int64_t>::min());
  if (!value) return std::move(value).error();
  if (*value) object[member] = **value;
  return {};
}

Result<> put_bytes(Json& object, const char* member, const Arguments& arguments, std::string_view flag) {
  if (!arguments.given(flag)) return {};
  TRY_ASSIGN(object[member], byte_size(arguments.text(flag), flag));
  return {};
}

void put_text(Json& object, const char* member, const Arguments& arguments, std::string_view flag) {
  if (arguments.given(flag)) object[member] = arguments.text(flag);
}

Result<> put_mode(Json& object, const char* member, const Arguments& arguments, std::string_view flag,
                  std::string_view shown) {
  std::string mode = arguments.text(flag);
  bool known = mode.empty() || mode == "host" || (flag == "pid" && mode.starts_with("container:")) ||
               (flag == "cgroupns" && mode == "private");
  if (!known) return invalid("--" + std::string(flag) + ": invalid " + std::string(shown) + " mode");
  put_text(object, member, arguments, flag);
  return {};
}

Result<> put_duration(Json& object, const char* member, const Arguments& arguments, std::string_view flag) {
  if (!arguments.given(flag)) return {};
  auto duration = parse_duration(arguments.text(flag));
  if (!duration) return bad_value(arguments.text(flag), flag, duration.error().text());
  object[member] = duration->count();
  return {};
}

Result<Json> labels(const Session& session, const Arguments& arguments) {
  std::vector<std::string> all;
  for (const std::string& file : arguments.all("label-file")) {
    TRY_ASSIGN(std::string text, read_file(absolute_path(session.current_directory(), file)));
    for (const std::string& line : split(text, '\n'))
      if (std::string_view trimmed = trim(line); !trimmed.empty() && trimmed[0] != '#')
        all.emplace_back(trimmed);
  }
  for (const std::string& label : arguments.all("label")) all.push_back(label);
  return pair_map(all);
}

Result<Json> environment(const Session& session, const Arguments& arguments) {
  std::vector<std::string> all;
  for (const std::string& file : arguments.all("env-file")) {
    TRY_ASSIGN(std::vector<std::string> lines, environment_file(session, file));
    all.insert(all.end(), lines.begin(), lines.end());
  }
  for (std::string& text : resolved_environment(session, arguments.all("env")))
    all.push_back(std::move(text));
  for (const auto& [name, value] :
       docker_proxies(session.environment(), "unix://" + session.globals().socket())) {
    bool given = std::any_of(all.begin(), all.end(), [&wanted = name](const std::string& text) {
      return text.starts_with(wanted + "=");
    });
    if (!given) all.push_back(name + "=" + value);
  }
  return Json(all);
}

Result<> put_health(Json& body, const Arguments& arguments) {
  Json health = Json::object();
  if (arguments.is_set("no-healthcheck")) {
    for (const char* flag : {"health-cmd", "health-interval", "health-timeout", "health-retries"})
      if (arguments.given(flag)) return invalid("--no-healthcheck conflicts with --health-* options");
    health["Test"] = {"NONE"};
  } else if (arguments.given("health-cmd")) {
    health["Test"] = {"CMD-SHELL", arguments.text("health-cmd")};
  }
  TRY(put_duration(health, "Interval", arguments, "health-interval"));
  TRY(put_duration(health, "Timeout", arguments, "health-timeout"));
  TRY(put_duration(health, "StartPeriod", arguments, "health-start-period"));
  TRY(put_duration(health, "StartInterval", arguments, "health-start-interval"));
  TRY(put_number(health, "Retries", arguments, "health-retries"));
  if (!health.empty()) body["Healthcheck"] = health;
  return {};
}

// Docker attaches to all three streams unless -a or -d says otherwise.
Result<> put_streams(Json& body, const Arguments& arguments) {
  std::vector<std::string> attached = arguments.all("attach");
  for (std::string& stream : attached) {
    stream = lower(stream);
    if (stream != "stdin" && stream != "stdout" && stream != "stderr")
      return bad_value(stream, "attach", "valid streams are STDIN, STDOUT and STDERR");
  }
  bool detached = arguments.is_set("detach");
  if (detached && !attached.empty())
    return invalid("conflicting options: cannot specify both --attach and --detach");
  bool interactive = arguments.is_set("interactive");
  auto wants = [&](std::string_view stream, bool otherwise) {
    if (detached) return false;
    if (attached.empty()) return otherwise;
    return std::find(attached.begin(), attached.end(), stream) != attached.end();
  };
  body["AttachStdin"] = wants("stdin", interactive);
  body["AttachStdout"] = wants("stdout", true);
  body["AttachStderr"] = wants("stderr", true);
  body["Tty"] = arguments.is_set("tty");
  body["OpenStdin"] = interactive;
  body["StdinOnce"] = interactive && body["AttachStdin"].get<bool>();
  return {};
}

Result<> put_process(Json& body, const Session& session, const Arguments& arguments) {
  TRY_ASSIGN(body["Env"], environment(session, arguments));
  TRY_ASSIGN(body["Labels"], labels(session, arguments));
  if (arguments.words.size() > 1)
    body["Cmd"] = std::vector<std::string>(arguments.words.begin() + 1, arguments.words.end());
  // An empty --entrypoint clears the image's.
  if (arguments.given("entrypoint")) body["Entrypoint"] = {arguments.text("entrypoint")};
  put_text(body, "Hostname", arguments, "hostname");
  put_text(body, "Domainname", arguments, "domainname");
  put_text(body, "User", arguments, "user");
  put_text(body, "WorkingDir", arguments, "workdir");
  put_text(body, "StopSignal", arguments, "stop-signal");
  put_text(body, "MacAddress", arguments, "mac-address");
  TRY(put_number(body, "StopTimeout", arguments, "stop-timeout"));
  TRY(put_streams(body, arguments));
  return put_health(body, arguments);
}

// "path:value" lists of block I/O.
Result<Json> device_values(const Arguments& arguments, std::string_view flag, const char* member,
                           bool bytes) {
  Json list = Json::array();
  for (const std::string& text : arguments.all(flag)) {
    auto [path, value] = split_at(text, ':');
    if (value.empty() || !path.starts_with("/dev/")) return bad_value(text, flag, "bad format: " + text);
    int64_t number = 0;
    if (bytes) {
      TRY_ASSIGN(number, byte_size(value, flag));
    } else {
      auto end = std::from_chars(value.data(), value.data() + value.size(), number);
      if (end.ec != std::errc() || end.ptr != value.data() + value.size())
        return bad_value(text, flag, "invalid value: " + value);
    }
    list.push_back({{"Path", path}, {member, number}});
  }
  return list;
}

Result<> put_block_io(Json& host, const Arguments& arguments) {
  TRY(put_number(host, "BlkioWeight", arguments, "blkio-weight"));
  struct Row {
    std::string_view flag;
    const char* list;
    const char* value;
    bool bytes;
  };
  constexpr Row kRows[] = {
      {"blkio-weight-device", "BlkioWeightDevice", "Weight", false},
      {"device-read-bps", "BlkioDeviceReadBps", "Rate", true},
      {"device-write-bps", "BlkioDeviceWriteBps", "Rate", true},
      {"device-read-iops", "BlkioDeviceReadIOps", "Rate", false},
      {"device-write-iops", "BlkioDeviceWriteIOps", "Rate", false},
  };
  for (const Row& row : kRows)
    if (arguments.given(row.flag)) {
      TRY_ASSIGN(host[row.list], device_values(arguments, row.flag, row.value, row.bytes));
    }
  return {};
}

Result<Json> ulimits(const Arguments& arguments) {
  Json list = Json::array();
  for (const std::string& text : arguments.all("ulimit")) {
    auto [name, limits] = split_at(text, '=');
    auto [soft_text, hard_text] = split_at(limits, ':');
    if (limits.empty()) return bad_value(text, "ulimit", "invalid ulimit argument: " + text);
    int64_t soft = 0;
    auto parsed = std::from_chars(soft_text.data(), soft_text.data() + soft_text.size(), soft);
    int64_t hard = soft;
    if (!hard_text.empty()) std::from_chars(hard_text.data(), hard_text.data() + hard_text.size(), hard);
    if (parsed.ec != std::errc()) return bad_value(text, "ulimit", "invalid ulimit type: " + name);
    if (soft > hard && hard != -1)
      return bad_value(
          text, "ulimit",
          "ulimit soft limit must be less than or equal to hard limit: " + soft_text + " > " + hard_text);
    list.push_back({{"Name", name}, {"Soft", soft}, {"Hard", hard}});
  }
  return list;
}

Result<> put_resources(Json& host, const Arguments& arguments) {
  TRY(put_bytes(host, "Memory", arguments, "memory"));
  TRY(put_bytes(host, "MemoryReservation", arguments, "memory-reservation"));
  TRY(put_bytes(host, "KernelMemory", arguments, "kernel-memory"));
  TRY(put_bytes(host, "ShmSize", arguments, "shm-size"));
  if (arguments.text("memory-swap") == "-1") {
    host["MemorySwap"] = -1;
  } else {
    TRY(put_bytes(host, "MemorySwap", arguments, "memory-swap"));
  }
  TRY(put_number(host, "MemorySwappiness", arguments, "memory-swappiness"));
  if (arguments.given("cpus")) {
    TRY_ASSIGN(host["NanoCpus"], nano_cpus(arguments.text("cpus")));
  }
  TRY(put_number(host, "CpuShares", arguments, "cpu-shares"));
  TRY(put_number(host, "CpuPeriod", arguments, "cpu-period"));
  TRY(put_number(host, "CpuQuota", arguments, "cpu-quota"));
  TRY(put_number(host, "CpuRealtimePeriod", arguments, "cpu-rt-period"));
  TRY(put_number(host, "CpuRealtimeRuntime", arguments, "cpu-rt-runtime"));
  TRY(put_number(host, "PidsLimit", arguments, "pids-limit"));
  TRY(put_number(host, "OomScoreAdj", arguments, "oom-score-adj"));
  put_text(host, "CpusetCpus", arguments, "cpuset-cpus");
  put_text(host, "CpusetMems", arguments, "cpuset-mems");
  put_text(host, "CgroupParent", arguments, "cgroup-parent");
  if (arguments.is_set("oom-kill-disable")) host["OomKillDisable"] = true;
  if (arguments.given("ulimit")) {
    TRY_ASSIGN(host["Ulimits"], ulimits(arguments));
  }
  return put_block_io(host, arguments);
}

// "/dev/a[:/dev/b[:rwm]]", or "vendor/class=name" of the Container Device Interface.
void put_devices(Json& host, const Arguments& arguments) {
  Json devices = Json::array(), requests = Json::array();
  for (const std::string& text : arguments.all("device")) {
    if (!text.starts_with('/') && text.find('=') != std::string::npos) {
      requests.push_back({{"Driver", "cdi"}, {"DeviceIDs", {text}}});
      continue;
    }
    std::vector<std::string> parts = split(text, ':');
    std::string inside = parts[0], rights = "rwm";
    if (parts.size() == 2 && !parts[1].starts_with('/')) {
      rights = parts[1];
    } else if (parts.size() > 1) {
      inside = parts[1];
      if (parts.size() > 2) rights = parts[2];
    }
    devices.push_back({{"PathOnHost", parts[0]}, {"PathInContainer", inside}, {"CgroupPermissions", rights}});
  }
  if (arguments.given("gpus")) {
    std::string gpus = arguments.text("gpus");
    int count = gpus == "all" ? -1 : std::atoi(gpus.c_str());
    requests.push_back({{"Driver", ""}, {"Count", count}, {"Capabilities", {{"gpu"}}}});
  }
  if (!devices.empty()) host["Devices"] = devices;
  if (!requests.empty()) host["DeviceRequests"] = requests;
  if (arguments.given("device-cgroup-rule")) host["DeviceCgroupRules"] = arguments.all("device-cgroup-rule");
}

// A seccomp profile is a file of the caller: its content is sent.
Result<Json> security_options(const Session& session, const Arguments& arguments) {
  Json list = Json::array();
  for (const std::string& text : arguments.all("security-opt")) {
    auto [key, value] = split_at(text, '=');
    bool is_file = key == "seccomp" && value != "unconfined" && value != "builtin" && !value.empty();
    if (!is_file) {
      list.push_back(text);
      continue;
    }
    auto profile = read_file(absolute_path(session.current_directory(), value));
    if (!profile) return invalid("opening seccomp profile (" + value + ") failed: " + profile.error().text());
    TRY_ASSIGN(Json parsed, parse_json(*profile).in("compacting json for seccomp profile (" + value + ")"));
    list.push_back("seccomp=" + to_text(parsed));
  }
  return list;
}

Result<> put_isolation(Json& host, const Session& session, const Arguments& arguments) {
  host["Privileged"] = arguments.is_set("privileged");
  host["ReadonlyRootfs"] = arguments.is_set("read-only");
  host["CapAdd"] = arguments.all("cap-add");
  host["CapDrop"] = arguments.all("cap-drop");
  host["GroupAdd"] = arguments.all("group-add");
  TRY_ASSIGN(host["SecurityOpt"], security_options(session, arguments));
  if (arguments.given("sysctl")) host["Sysctls"] = pair_map(arguments.all("sysctl"));
  if (arguments.given("storage-opt")) host["StorageOpt"] = pair_map(arguments.all("storage-opt"));
  if (arguments.given("annotation")) host["Annotations"] = pair_map(arguments.all("annotation"));
  if (arguments.given("init")) host["Init"] = arguments.is_set("init");
  put_text(host, "IpcMode", arguments, "ipc");
  TRY(put_mode(host, "PidMode", arguments, "pid", "PID"));
  TRY(put_mode(host, "UTSMode", arguments, "uts", "UTS"));
  TRY(put_mode(host, "UsernsMode", arguments, "userns", "USER"));
  TRY(put_mode(host, "CgroupnsMode", arguments, "cgroupns", "CGROUP"));
  put_text(host, "Runtime", arguments, "runtime");
  put_text(host, "Isolation", arguments, "isolation");
  put_devices(host, arguments);
  return {};
}

Result<> put_life(Json& host, const Arguments& arguments) {
  host["AutoRemove"] = arguments.is_set("rm");
  if (arguments.given("restart")) {
    TRY_ASSIGN(host["RestartPolicy"], restart_policy(arguments.text("restart")));
    if (arguments.is_set("rm") && string_or(host["RestartPolicy"], "Name") != "no")
      return invalid("conflicting options: cannot specify both --restart and --rm");
  }
  Json log = {{"Type", arguments.text("log-driver")}, {"Config", pair_map(arguments.all("log-opt"))}};
  if (arguments.given("log-driver") || arguments.given("log-opt")) host["LogConfig"] = log;
  return {};
}

}  // namespace

std::vector<std::string> resolved_environment(const Session& session, const std::vector<std::string>& given) {
  std::vector<std::string> resolved;
  for (const std::string& text : given) {
    if (text.find('=') != std::string::npos) {
      resolved.push_back(text);
    } else if (auto found = session.environment().find(text); found != session.environment().end()) {
      resolved.push_back(text + "=" + found->second);
    }
  }
  return resolved;
}

Result<std::vector<std::string>> environment_file(const Session& session, const std::string& path) {
  auto text = read_file(absolute_path(session.current_directory(), path));
  if (!text) return std::move(text).error();
  std::vector<std::string> lines;
  if (text->starts_with("\xEF\xBB\xBF")) text->erase(0, 3);
  for (const std::string& line : split(*text, '\n')) {
    std::string_view content = line;
    while (!content.empty() && (content[0] == ' ' || content[0] == '\t')) content.remove_prefix(1);
    if (!content.empty() && content.back() == '\r') content.remove_suffix(1);
    if (content.empty() || content[0] == '#') continue;
    std::string_view name = content.substr(0, content.find('='));
    if (name.empty()) return invalid("no variable name on line '" + std::string(content) + "'");
    if (name.find_first_of(" \t") != std::string_view::npos)
      return invalid("poorly formatted environment: variable '" + std::string(name) +
                     "' contains whitespaces");
    lines.emplace_back(content);
  }
  return resolved_environment(session, lines);
}

Result<int64_t> byte_size(const std::string& text, std::string_view flag) {
  auto size = parse_byte_size(text);
  bool bad_unit = !size && !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) != 0;
  size_t unit = std::min(text.find_first_not_of("0123456789."), text.size());
  if (bad_unit) return bad_value(text, flag, "invalid suffix: '" + text.substr(unit) + "'");
  if (!size) return bad_value(text, flag, "invalid size: '" + text + "'");
  return size->bytes;
}

Result<int64_t> nano_cpus(const std::string& text) {
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != 0 || !std::isfinite(value) || value < 0)
    return bad_value(text, "cpus", "failed to parse " + text + " as a rational number");
  return static_cast<int64_t>(std::llround(value * 1e9));
}

Result<Json> restart_policy(const std::string& text) {
  auto [name, count] = split_at(text, ':');
  Json policy{{"Name", name}, {"MaximumRetryCount", 0}};
  if (count.empty()) return policy;
  int number = 0;
  auto end = std::from_chars(count.data(), count.data() + count.size(), number);
  if (end.ec != std::errc() || end.ptr != count.data() + count.size())
    return invalid("invalid restart policy format: maximum retry count must be an integer");
  policy["MaximumRetryCount"] = number;
  return policy;
}

Result<Json> container_body(const Session& session, const Arguments& arguments) {
  Json body{{"Image", arguments.words[0]}};
  TRY(put_process(body, session, arguments));
  Json host = Json::object();
  TRY(put_mounts(body, host, session, arguments));
  TRY(put_ports(body, host, arguments));
  TRY(put_networks(body, host, arguments));
  TRY(put_resources(host, arguments));
  TRY(put_isolation(host, session, arguments));
  TRY(put_life(host, arguments));
  body["HostConfig"] = host;
  return body;
}

}  // namespace stack::cli::docker_cli
