#include "runtime/oci/exec_process.h"

#include <algorithm>
#include <charconv>

#include "base/files.h"
#include "base/text.h"
#include "runtime/oci/log.h"
#include "runtime/spec/defaults.h"

namespace stack::runtime::oci {

namespace {

Result<uint32_t> parse_id(std::string_view text) {
  uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || value == UINT32_MAX)
    return invalid("--user: not an ID: \"" + std::string(text) + "\"");
  return value;
}

// Adds it to every set that makes it usable, never to the inheritable set (CVE-2022-29162).
Result<> add_capability(Json& process, const std::string& name) {
  Result<std::string> normal = normalize_capability(name);
  if (!normal) {
    // As the specification requires for capabilities of the configuration.
    log(Level::Warning, normal.error().text() + "; ignoring it");
    return {};
  }
  std::vector<std::string> added =
      *normal == "ALL" ? all_capabilities() : std::vector<std::string>{std::move(*normal)};
  Json& sets = process["capabilities"];
  for (const char* key : {"bounding", "effective", "permitted"}) {
    Json& set = sets[key];
    if (!set.is_array()) set = Json::array();
    for (const std::string& capability : added) {
      if (std::find(set.begin(), set.end(), capability) == set.end()) set.push_back(capability);
    }
  }
  return {};
}

void set_environment(Json& process, const std::string& entry) {
  Json& env = process["env"];
  if (!env.is_array()) env = Json::array();
  std::string key = entry.substr(0, entry.find('=')) + "=";
  for (Json& existing : env) {
    if (!existing.is_string() || !existing.get<std::string>().starts_with(key)) continue;
    existing = entry;
    return;
  }
  env.push_back(entry);
}

Result<> add_groups(Json& process, const std::vector<std::string>& groups) {
  for (const std::string& group : groups) {
    TRY_ASSIGN(uint32_t id, parse_id(group));
    process["user"]["additionalGids"].push_back(id);
  }
  return {};
}

}  // namespace

Result<Json> parse_exec_user(const std::string& text, const Json& container_user) {
  Json user = container_user.is_object() ? container_user : Json::object();
  size_t colon = text.find(':');
  TRY_ASSIGN(uint32_t uid, parse_id(std::string_view(text).substr(0, colon)));
  user["uid"] = uid;
  user.erase("additionalGids");
  if (colon == std::string::npos) return user;
  TRY_ASSIGN(uint32_t gid, parse_id(std::string_view(text).substr(colon + 1)));
  user["gid"] = gid;
  return user;
}

Result<Json> exec_process(const Json& container_process, const Arguments& arguments) {
  const std::vector<std::string>& words = arguments.words();
  if (arguments.has("process")) {
    if (words.size() > 1) return invalid("--process and a command cannot be used together");
    TRY_ASSIGN(std::string text, read_file(arguments.text("process")).in("--process"));
    TRY_ASSIGN(Json process, parse_json(text).in("--process"));
    if (arguments.is_set("tty")) process["terminal"] = true;
    return process;
  }
  if (words.size() < 2) return invalid("no command given: exec ID COMMAND..., or --process FILE");
  Json process = container_process.is_object() ? container_process : Json::object();
  process["args"] = std::vector<std::string>(words.begin() + 1, words.end());
  process["terminal"] = arguments.is_set("tty");
  if (!process.contains("cwd")) process["cwd"] = "/";
  if (arguments.has("cwd")) process["cwd"] = arguments.text("cwd");
  for (const std::string& entry : arguments.list("env")) set_environment(process, entry);
  if (arguments.has("user")) {
    TRY_ASSIGN(process["user"], parse_exec_user(arguments.text("user"), process.value("user", Json())));
  }
  TRY(add_groups(process, arguments.list("additional-gids")));
  for (const std::string& name : arguments.list("cap")) TRY(add_capability(process, name));
  if (arguments.has("no-new-privs")) process["noNewPrivileges"] = arguments.is_set("no-new-privs");
  if (arguments.has("apparmor")) process["apparmorProfile"] = arguments.text("apparmor");
  if (arguments.has("process-label")) process["selinuxLabel"] = arguments.text("process-label");
  return process;
}

}  // namespace stack::runtime::oci
