#include "images/store/image.h"

#include <sys/utsname.h>

#include <algorithm>

namespace stack::images {

namespace {

std::vector<std::string> strings(const Json& object, const char* key) {
  std::vector<std::string> out;
  auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return out;
  for (const Json& item : *found)
    if (item.is_string()) out.push_back(item.get<std::string>());
  return out;
}

// A list of words. As in Docker, one word may stand alone.
std::vector<std::string> words(const Json& object, const char* key) {
  auto found = object.find(key);
  if (found != object.end() && found->is_string()) return {found->get<std::string>()};
  return strings(object, key);
}

// OCI represents a set as an object whose values are empty objects.
std::vector<std::string> keys(const Json& object, const char* key) {
  std::vector<std::string> out;
  auto found = object.find(key);
  if (found == object.end() || !found->is_object()) return out;
  for (const auto& [name, ignored] : found->items()) out.push_back(name);
  return out;
}

Json set_of(const std::vector<std::string>& names) {
  Json out = Json::object();
  for (const std::string& name : names) out[name] = Json::object();
  return out;
}

std::optional<Healthcheck> healthcheck_from(const Json& config) {
  auto found = config.find("Healthcheck");
  if (found == config.end() || !found->is_object()) return std::nullopt;
  Healthcheck out;
  out.test = strings(*found, "Test");
  out.interval = Nanoseconds(int_or(*found, "Interval"));
  out.timeout = Nanoseconds(int_or(*found, "Timeout"));
  out.start_period = Nanoseconds(int_or(*found, "StartPeriod"));
  out.start_interval = Nanoseconds(int_or(*found, "StartInterval"));
  out.retries = static_cast<int>(std::clamp<int64_t>(int_or(*found, "Retries"), 0, 1 << 30));
  return out;
}

Json to_json(const Healthcheck& check) {
  Json out = Json::object();
  if (!check.test.empty()) out["Test"] = check.test;
  if (check.interval.count() != 0) out["Interval"] = check.interval.count();
  if (check.timeout.count() != 0) out["Timeout"] = check.timeout.count();
  if (check.start_period.count() != 0) out["StartPeriod"] = check.start_period.count();
  if (check.start_interval.count() != 0) out["StartInterval"] = check.start_interval.count();
  if (check.retries != 0) out["Retries"] = check.retries;
  return out;
}

Json sparse_config(const ImageConfig& config) {
  Json out = Json::object();
  if (!config.user.empty()) out["User"] = config.user;
  if (!config.exposed_ports.empty()) out["ExposedPorts"] = set_of(config.exposed_ports);
  if (!config.env.empty()) out["Env"] = config.env;
  if (!config.entrypoint.empty()) out["Entrypoint"] = config.entrypoint;
  if (!config.cmd.empty()) out["Cmd"] = config.cmd;
  if (!config.volumes.empty()) out["Volumes"] = set_of(config.volumes);
  if (!config.working_dir.empty()) out["WorkingDir"] = config.working_dir;
  if (!config.labels.empty()) out["Labels"] = config.labels;
  if (!config.stop_signal.empty()) out["StopSignal"] = config.stop_signal;
  if (config.healthcheck) out["Healthcheck"] = to_json(*config.healthcheck);
  if (!config.shell.empty()) out["Shell"] = config.shell;
  if (!config.on_build.empty()) out["OnBuild"] = config.on_build;
  if (config.args_escaped) out["ArgsEscaped"] = true;
  return out;
}

HistoryEntry history_from(const Json& entry) {
  HistoryEntry out;
  out.created = string_or(entry, "created");
  out.created_by = string_or(entry, "created_by");
  out.comment = string_or(entry, "comment");
  out.author = string_or(entry, "author");
  out.empty_layer = bool_or(entry, "empty_layer");
  return out;
}

Json to_json(const HistoryEntry& entry) {
  Json out = Json::object();
  if (!entry.created.empty()) out["created"] = entry.created;
  if (!entry.created_by.empty()) out["created_by"] = entry.created_by;
  if (!entry.comment.empty()) out["comment"] = entry.comment;
  if (!entry.author.empty()) out["author"] = entry.author;
  if (entry.empty_layer) out["empty_layer"] = true;
  return out;
}

}  // namespace

ImageConfig image_config_from_json(const Json& config) {
  ImageConfig out;
  if (!config.is_object()) return out;
  out.env = strings(config, "Env");
  out.entrypoint = words(config, "Entrypoint");
  out.cmd = words(config, "Cmd");
  out.working_dir = string_or(config, "WorkingDir");
  out.user = string_or(config, "User");
  out.exposed_ports = keys(config, "ExposedPorts");
  out.volumes = keys(config, "Volumes");
  auto labels = config.find("Labels");
  if (labels != config.end() && labels->is_object())
    for (const auto& [name, value] : labels->items())
      if (value.is_string()) out.labels[name] = value.get<std::string>();
  out.stop_signal = string_or(config, "StopSignal");
  out.healthcheck = healthcheck_from(config);
  out.shell = words(config, "Shell");
  out.on_build = strings(config, "OnBuild");
  out.args_escaped = bool_or(config, "ArgsEscaped");
  return out;
}

Result<ImageDocument> parse_image_document(std::string_view text) {
  TRY_ASSIGN(Json json, parse_json(text));
  if (!json.is_object()) return invalid("image configuration is not an object");
  ImageDocument out;
  out.architecture = string_or(json, "architecture");
  out.os = string_or(json, "os");
  out.variant = string_or(json, "variant");
  out.created = string_or(json, "created");
  out.author = string_or(json, "author");
  auto config = json.find("config");
  if (config != json.end()) out.config = image_config_from_json(*config);
  auto rootfs = json.find("rootfs");
  if (rootfs == json.end() || !rootfs->is_object())
    return invalid("image configuration has no rootfs: not an image");
  out.diff_ids = strings(*rootfs, "diff_ids");
  auto history = json.find("history");
  if (history != json.end() && history->is_array())
    for (const Json& entry : *history) out.history.push_back(history_from(entry));
  return out;
}

std::string to_json_text(const ImageDocument& document) {
  Json out = Json::object();
  out["architecture"] = document.architecture;
  out["os"] = document.os;
  if (!document.variant.empty()) out["variant"] = document.variant;
  if (!document.created.empty()) out["created"] = document.created;
  if (!document.author.empty()) out["author"] = document.author;
  out["config"] = sparse_config(document.config);
  out["rootfs"] = {{"type", "layers"}, {"diff_ids", document.diff_ids}};
  Json history = Json::array();
  for (const HistoryEntry& entry : document.history) history.push_back(to_json(entry));
  if (!history.empty()) out["history"] = std::move(history);
  return to_text(out);
}

Json docker_config(const ImageConfig& config) {
  Json out = {{"Hostname", ""},
              {"Domainname", ""},
              {"User", config.user},
              {"AttachStdin", false},
              {"AttachStdout", false},
              {"AttachStderr", false},
              {"Tty", false},
              {"OpenStdin", false},
              {"StdinOnce", false},
              {"Image", ""},
              {"WorkingDir", config.working_dir}};
  Json sparse = sparse_config(config);
  for (const char* key : {"Env", "Cmd", "Entrypoint", "Volumes", "OnBuild", "Labels"}) out[key] = nullptr;
  for (const auto& [key, value] : sparse.items()) out[key] = value;
  return out;
}

std::string host_architecture() {
  utsname name{};
  if (::uname(&name) != 0) return "unknown";
  std::string machine = name.machine;
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  if (machine == "i686" || machine == "i386") return "386";
  if (machine.starts_with("arm")) return "arm";
  return machine;  // riscv64, s390x, ppc64le: the same in both
}

}  // namespace stack::images
