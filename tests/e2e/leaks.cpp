#include "leaks.h"

#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/files.h"
#include "base/identity.h"
#include "base/text.h"

namespace stack::e2e {

namespace {

namespace fs = std::filesystem;

std::set<std::string> mounts_now() {
  std::set<std::string> mounts;
  std::ifstream table("/proc/self/mountinfo");
  std::string line;
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::string id, parent, device, root, target, options, field;
    fields >> id >> parent >> device >> root >> target >> options;
    while (fields >> field && field != "-") {
    }
    std::string type, source;
    fields >> type >> source;
    mounts.insert(target + " " + type + " " + source + " root " + root);
  }
  return mounts;
}

std::set<std::string> links_now() {
  std::set<std::string> links;
  std::ifstream table("/proc/net/dev");
  std::string line;
  while (std::getline(table, line)) {
    size_t colon = line.find(':');
    if (colon != std::string::npos) links.insert(std::string(trim(line.substr(0, colon))));
  }
  return links;
}

// stack, stack-1a2b3c4d, and the groups below them.
std::set<std::string> cgroups_now() {
  std::set<std::string> found;
  std::error_code ignored;
  for (auto entry = fs::recursive_directory_iterator("/sys/fs/cgroup",
                                                     fs::directory_options::skip_permission_denied, ignored);
       entry != fs::recursive_directory_iterator(); entry.increment(ignored)) {
    if (ignored) break;
    if (entry->is_symlink(ignored) || !entry->is_directory(ignored)) continue;
    if (entry.depth() > 5) entry.disable_recursion_pending();
    if (entry->path().string().find("/stack") != std::string::npos) found.insert(entry->path());
  }
  return found;
}

std::set<std::string> processes_now() {
  std::set<std::string> processes;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::string pid = entry.path().filename();
    if (!is_all_digits(pid) || pid == std::to_string(::getpid())) continue;
    Result<std::string> line = read_file("/proc/" + pid + "/cmdline");
    if (!line || line->empty()) continue;
    std::replace(line->begin(), line->end(), '\0', ' ');
    processes.insert(pid + " " + *line);
  }
  return processes;
}

std::set<std::string> names_in(const std::string& folder) {
  std::set<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) names.insert(entry.path().filename());
  return names;
}

std::set<std::string> lines_of(const CommandResult& result) {
  std::set<std::string> lines;
  for (const std::string& line : split(result.out, '\n'))
    if (!line.empty()) lines.insert(line);
  return lines;
}

std::string compare(const std::string& what, const std::set<std::string>& before,
                    const std::set<std::string>& after) {
  std::string text;
  for (const std::string& one : after)
    if (!before.contains(one)) text += "left behind: " + what + " " + one + "\n";
  for (const std::string& one : before)
    if (!after.contains(one)) text += "taken away: " + what + " " + one + "\n";
  return text;
}

// Rows that belong to projects; settings may stay.
std::string left_rows(const std::string& path) {
  sqlite3* db = nullptr;
  std::string text;
  if (!path_exists(path)) return text;
  if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) != SQLITE_OK) {
    sqlite3_close(db);
    return "cannot open " + path + "\n";
  }
  for (const char* table : {"containers", "networks", "projects", "operations"}) {
    sqlite3_stmt* statement = nullptr;
    std::string query = std::string("SELECT key, document FROM ") + table;
    if (sqlite3_prepare_v2(db, query.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
      text +=
          std::string("no table ") + table + " in the state file: the leak check must follow its layout\n";
      continue;
    }
    while (sqlite3_step(statement) == SQLITE_ROW) {
      auto column = [&](int i) {
        const unsigned char* value = sqlite3_column_text(statement, i);
        return value == nullptr ? std::string()
                                : std::string(value, value + sqlite3_column_bytes(statement, i));
      };
      std::string document = column(1);
      // The default network, which Docker's clients expect, belongs to the engine.
      if (std::string(table) == "networks" &&
          string_or(parse_json(document).value_or(Json()), "name") == "bridge")
        continue;
      text += std::string("left behind: row of ") + table + ": " + column(0) + " " + document.substr(0, 200) +
              "\n";
    }
    sqlite3_finalize(statement);
  }
  sqlite3_close(db);
  return text;
}

// Foreign network namespaces that a process holds by descriptor.
std::string held_namespaces(pid_t pid) {
  std::string text;
  std::error_code ignored;
  std::string own = fs::read_symlink("/proc/" + std::to_string(pid) + "/ns/net", ignored);
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd", ignored)) {
    std::string target = fs::read_symlink(entry.path(), ignored);
    if (target.starts_with("net:[") && target != own)
      text += "left behind: the engine holds " + target + "\n";
    if (target.starts_with("mnt:[")) text += "left behind: the engine holds " + target + "\n";
  }
  return text;
}

std::string left_in_folder(const std::string& folder) {
  std::string text;
  for (const std::string& name : names_in(folder)) text += "left behind: " + folder + "/" + name + "\n";
  return text;
}

// Copies of network records, except the engine's own.
std::string left_networks(const StackRoot& stack) {
  std::string text;
  std::string folder = stack.root() + "/networks";
  for (const std::string& name : names_in(folder))
    if (read_file(folder + "/" + name).value_or("").find(R"("name":"bridge")") == std::string::npos)
      text += "left behind: " + folder + "/" + name + "\n";
  return text;
}

}  // namespace

std::set<std::string> cgroups_of(const StackRoot& stack) {
  const std::string parent = "/stack-" + sha256_hex(stack.root()).substr(0, 8);
  std::set<std::string> ours = cgroups_now();
  std::erase_if(ours, [&](const std::string& path) { return path.find(parent) == std::string::npos; });
  return ours;
}

Snapshot take_snapshot() {
  Snapshot now;
  now.mounts = mounts_now();
  now.links = links_now();
  now.firewall = run_command({"nft", "list", "ruleset"}).out;
  now.processes = processes_now();
  now.shared = names_in("/dev/shm");
  now.rules = lines_of(run_command({"ip", "rule"}));
  now.rules.merge(lines_of(run_command({"ip", "route"})));
  return now;
}

std::string difference(const Snapshot& before, const Snapshot& after) {
  std::string text =
      compare("mount", before.mounts, after.mounts) + compare("link", before.links, after.links) +
      compare("process", before.processes, after.processes) +
      compare("shared memory", before.shared, after.shared) + compare("rule", before.rules, after.rules);
  // are ours.
  if (before.firewall != after.firewall) text += "firewall differs:\n" + after.firewall;
  return text;
}

std::string left_in_engine(const StackRoot& stack) {
  std::string text = left_rows(stack.root() + "/state.db") + left_in_folder(stack.root() + "/containers") +
                     left_in_folder(stack.root() + "/projects") + left_networks(stack) +
                     left_in_folder(stack.run_root() + "/containers") +
                     left_in_folder(stack.run_root() + "/steps");
  if (pid_t engine = stack.engine_pid(); engine != 0) text += held_namespaces(engine);
  for (const char* program : {"stack-launch", "stack-monitor"})
    for (pid_t pid : processes_with(program))
      text += std::string("left behind: ") + program + " " + std::to_string(pid) + "\n";
  // While the engine runs, its own group may stay; containers' groups may not.
  for (const std::string& path : cgroups_of(stack))
    if (base_name(path).size() >= 64) text += "left behind: cgroup " + path + "\n";
  // The default network stays while the engine runs, like Docker's docker0.
  std::string kept;
  if (stack.engine_pid() != 0)
    kept = "br-" + string_or(stack.api("GET", "/networks/bridge").body, "Id").substr(0, 12);
  for (const std::string& link : links_now())
    if (link != "lo" && link != kept && (link.starts_with("br-") || link.starts_with("v")))
      text += "left behind: link " + link + "\n";
  return text;
}

std::string left_on_disk(const StackRoot& stack) {
  static const std::set<std::string> kept{"images",  "cache",    "volumes", "containers",
                                          "reserve", "networks", "projects"};
  std::string text;
  for (const std::string& name : names_in(stack.root())) {
    if (kept.contains(name) || name.starts_with("state.db") || name.ends_with(".lock") || name == "lock")
      continue;
    text += "left behind: " + stack.root() + "/" + name + "\n";
  }
  for (const char* folder : {"volumes", "containers", "projects"})
    text += left_in_folder(stack.root() + "/" + folder);
  text += left_networks(stack);
  std::error_code ignored;
  for (auto entry = fs::recursive_directory_iterator(stack.run_root(), ignored);
       entry != fs::recursive_directory_iterator(); entry.increment(ignored)) {
    std::string name = entry->path().filename();
    if (entry->is_directory() || name.ends_with(".lock") || name == "lock" || name.ends_with(".log"))
      continue;
    text += "left behind: " + entry->path().string() + "\n";
  }
  for (const std::string& path : cgroups_of(stack)) text += "left behind: cgroup " + path + "\n";
  return text;
}

void remove_cgroups(const StackRoot& stack) {
  const std::set<std::string> paths = cgroups_of(stack);
  // Deepest first.
  for (auto path = paths.rbegin(); path != paths.rend(); ++path) ::rmdir(path->c_str());
}

}  // namespace stack::e2e
