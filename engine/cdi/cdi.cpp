#include "engine/cdi/cdi.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <map>
#include <set>

#include "base/directory.h"
#include "base/files.h"
#include "base/text.h"
#include "engine/cdi/spec_file.h"

namespace stack::engine {

namespace {

bool is_name(std::string_view text) {
  if (text.empty()) return false;
  for (char c : text) {
    bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                   c == '-' || c == '_' || c == ':';
    if (!allowed) return false;
  }
  return true;
}

struct KnownDevice {
  const CdiSpec* spec = nullptr;
  Json edits;
};

struct Registry {
  std::vector<CdiSpec> specs;
  std::map<std::string, KnownDevice> devices;  // "vendor.com/class=name"
  std::vector<std::string> faults;             // files that cannot be read
};

// Reading later folders last gives them precedence.
Registry read_registry(const std::vector<std::string>& folders) {
  Registry registry;
  for (const std::string& folder : folders) {
    Result<std::vector<std::string>> names = names_in(folder);
    if (!names) continue;
    std::sort(names->begin(), names->end());
    for (const std::string& name : *names) {
      if (!name.ends_with(".json") && !name.ends_with(".yaml")) continue;
      Result<CdiSpec> spec = read_cdi_spec(folder + "/" + name);
      if (spec) {
        registry.specs.push_back(std::move(*spec));
      } else {
        registry.faults.push_back(spec.error().text());
      }
    }
  }
  for (const CdiSpec& spec : registry.specs)
    for (const auto& [name, edits] : spec.devices) registry.devices[spec.kind + "=" + name] = {&spec, edits};
  return registry;
}

Error unknown_device(const Registry& registry, const std::vector<std::string>& folders,
                     const std::string& device) {
  std::string kind = device.substr(0, device.find('=') + 1);
  std::vector<std::string> known;
  for (const auto& [name, entry] : registry.devices)
    if (name.starts_with(kind)) known.push_back(name);
  std::string text = "device " + device + " is not described by a CDI spec file in " + join(folders, " or ");
  if (!known.empty()) text += "; available: " + join(known, ", ");
  for (const std::string& fault : registry.faults) text += "; " + fault;
  return not_found(text);
}

void append(Json& all, const Json& edits) {
  for (const auto& [key, value] : edits.items())
    for (const Json& item : value) all[key].push_back(item);
}

Result<Json> device_of_host(const Json& node) {
  const std::string path = string_or(node, "path");
  const std::string source = string_or(node, "hostPath", path);
  struct stat info{};
  if (::stat(source.c_str(), &info) != 0) return Error::last_errno("CDI device " + source);
  if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode))
    return invalid("CDI device " + source + ": not a device node");
  Json device{{"path", path},
              {"type", string_or(node, "type", S_ISCHR(info.st_mode) ? "c" : "b")},
              {"major", static_cast<int64_t>(major(info.st_rdev))},
              {"minor", static_cast<int64_t>(minor(info.st_rdev))},
              {"fileMode", info.st_mode & 0777},
              {"uid", info.st_uid},
              {"gid", info.st_gid}};
  for (const char* key : {"fileMode", "uid", "gid"})
    if (node.contains(key)) device[key] = node[key];
  return device;
}

Result<> apply_devices(const Json& nodes, Json& linux_part) {
  for (const Json& node : nodes) {
    TRY_ASSIGN(Json device, device_of_host(node));
    linux_part["resources"]["devices"].push_back({{"allow", true},
                                                  {"type", device["type"]},
                                                  {"major", device["major"]},
                                                  {"minor", device["minor"]},
                                                  {"access", string_or(node, "permissions", "rwm")}});
    linux_part["devices"].push_back(std::move(device));
  }
  return {};
}

void apply_variables(const Json& variables, Json& process) {
  Json& env = process["env"];
  for (const Json& variable : variables) {
    std::string text = variable.get<std::string>();
    std::string prefix = text.substr(0, text.find('=') + 1);
    for (auto entry = env.begin(); entry != env.end();)
      entry = entry->get_ref<const std::string&>().starts_with(prefix) ? env.erase(entry) : entry + 1;
    env.push_back(text);
  }
}

void apply_mounts(const Json& mounts, Json& config) {
  for (const Json& mount : mounts) {
    Json options = mount.value("options", Json::array());
    if (options.empty()) options = {"rbind", "ro"};
    config["mounts"].push_back({{"destination", string_or(mount, "containerPath")},
                                {"source", string_or(mount, "hostPath")},
                                {"type", string_or(mount, "type", "bind")},
                                {"options", options}});
  }
}

void apply_hooks(const Json& hooks, Json& config) {
  for (const Json& hook : hooks) {
    Json entry = hook;
    entry.erase("hookName");
    config["hooks"][string_or(hook, "hookName")].push_back(std::move(entry));
  }
}

}  // namespace

bool is_cdi_device(std::string_view text) {
  size_t slash = text.find('/');
  size_t equals = text.find('=');
  if (slash == std::string_view::npos || equals == std::string_view::npos || equals < slash) return false;
  return is_name(text.substr(0, slash)) && is_name(text.substr(slash + 1, equals - slash - 1)) &&
         is_name(text.substr(equals + 1));
}

Result<Json> cdi_edits(const std::vector<std::string>& devices, const std::vector<std::string>& folders) {
  Registry registry = read_registry(folders);
  Json all = Json::object();
  std::set<const CdiSpec*> used;
  for (const std::string& device : devices) {
    auto found = registry.devices.find(device);
    if (found == registry.devices.end()) return unknown_device(registry, folders, device);
    if (used.insert(found->second.spec).second) append(all, found->second.spec->edits);
    append(all, found->second.edits);
  }
  return all;
}

Result<> apply_cdi_edits(const Json& edits, Json& config) {
  auto list = [&](const char* key) { return edits.value(key, Json::array()); };
  TRY(apply_devices(list("deviceNodes"), config["linux"]));
  apply_variables(list("env"), config["process"]);
  apply_mounts(list("mounts"), config);
  apply_hooks(list("hooks"), config);
  for (const Json& gid : list("additionalGids")) config["process"]["user"]["additionalGids"].push_back(gid);
  return {};
}

}  // namespace stack::engine
