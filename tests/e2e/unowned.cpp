#include "unowned.h"

#include <filesystem>
#include <set>

#include "base/files.h"
#include "leaks.h"

namespace stack::e2e {

namespace {

namespace fs = std::filesystem;

std::string unowned(const std::string& what, const std::string& folder, const std::set<std::string>& owners) {
  std::string text;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (!owners.contains(entry.path().filename())) text += what + " " + entry.path().string() + "\n";
  return text;
}

std::string monitors_beside(const std::set<std::string>& alive) {
  std::string text;
  std::multiset<std::string> ids;
  for (pid_t pid : processes_with("stack-monitor")) {
    std::string line = read_file("/proc/" + std::to_string(pid) + "/cmdline").value_or("");
    if (!line.starts_with("stack-monitor") || start_time_of(pid) == 0) continue;
    while (line.ends_with('\0')) line.pop_back();
    ids.insert(line.substr(line.rfind('\0') + 1));
  }
  for (const std::string& id : ids)
    if (!alive.contains(id) || ids.count(id) > 1) text += "monitor of " + id + "\n";
  for (const std::string& id : alive)
    if (!ids.contains(id)) text += "no monitor for " + id + "\n";
  return text;
}

std::string cgroups_beside(const StackRoot& stack, const std::set<std::string>& alive) {
  std::string text;
  for (const std::string& path : cgroups_of(stack)) {
    std::string name = base_name(path);
    if (name.size() >= 64 && !alive.contains(name)) text += "cgroup " + path + "\n";
  }
  return text;
}

std::string doctor(const StackRoot& stack) {
  std::string text;
  Json report = stack.api("GET", "/stack/v1/doctor").body;
  for (const Json& check : report.value("checks", Json::array()))
    if ((string_or(check, "name") == "leftovers" || string_or(check, "name") == "records") &&
        string_or(check, "state") != "ok")
      text += "doctor: " + string_or(check, "text") + "\n";
  return text;
}

std::string links_beyond(size_t endpoints) {
  std::set<std::string> veths;
  std::set<std::string> links = take_snapshot().links;
  for (const std::string& link : links)
    if (link.starts_with("v") && link.size() == 13) veths.insert(link);
  if (veths.size() == endpoints) return "";
  return std::to_string(veths.size()) + " veths for " + std::to_string(endpoints) + " endpoints\n";
}

}  // namespace

std::string unowned_objects(const StackRoot& stack) {
  std::set<std::string> known;
  std::set<std::string> alive;
  size_t endpoints = 0;
  Json rows = stack.api("GET", "/containers/json?all=1").body;
  if (!rows.is_array()) return "the engine does not answer";
  for (const Json& row : rows) {
    known.insert(string_or(row, "Id"));
    if (string_or(row, "State") != "running") continue;
    alive.insert(string_or(row, "Id"));
    endpoints += row.value("NetworkSettings", Json::object()).value("Networks", Json::object()).size();
  }
  return unowned("folder", stack.root() + "/containers", known) +
         unowned("run folder", stack.run_root() + "/containers", known) +
         unowned("build step", stack.run_root() + "/steps", {}) + monitors_beside(alive) +
         cgroups_beside(stack, alive) + doctor(stack) + links_beyond(endpoints);
}

}  // namespace stack::e2e
