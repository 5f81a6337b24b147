#include "cli/session/docker_context.h"

#include "base/directory.h"
#include "base/files.h"
#include "base/identity.h"
#include "cli/session/member.h"
#include "cli/session/ssh_connection.h"

namespace stack::cli::docker_cli {

namespace {

std::string own_socket(const Environment& environment) {
  std::string run_root = setting(environment, "STACK_RUN_ROOT");
  return (run_root.empty() ? "/run/stack" : run_root) + "/stack.sock";
}

Result<std::string> socket_path(const std::string& host) {
  if (host.starts_with("unix://")) return host.substr(7);
  if (host.starts_with('/')) return host;
  if (is_ssh_url(host)) {
    TRY(ssh_arguments(host).map([](auto&&) {}));
    return host;
  }
  return unsupported("DOCKER_HOST " + host + ": only unix:// sockets and ssh:// are supported");
}

}  // namespace

std::string docker_config_folder(const Environment& environment) {
  std::string folder = setting(environment, "DOCKER_CONFIG");
  if (!folder.empty()) return folder;
  std::string home = setting(environment, "HOME");
  return (home.empty() ? "/root" : home) + "/.docker";
}

ContextStore::ContextStore(const Environment& environment)
    : environment_(environment), folder_(docker_config_folder(environment)) {}

std::string ContextStore::meta_folder(const std::string& name) const {
  return folder_ + "/contexts/meta/" + sha256_hex(name);
}

ContextEntry ContextStore::default_entry() const {
  std::string host = setting(environment_, "DOCKER_HOST");
  return {"default", "The engine of stack", host.empty() ? "unix://" + own_socket(environment_) : host, "",
          false};
}

Result<ContextEntry> ContextStore::read(const std::string& folder) const {
  TRY_ASSIGN(std::string text, read_file(folder + "/meta.json"));
  TRY_ASSIGN(Json meta, parse_json(text).in(folder + "/meta.json"));
  const Json& endpoint = member(member(meta, "Endpoints"), "docker");
  return ContextEntry{string_or(meta, "Name"), string_or(member(meta, "Metadata"), "Description"),
                      string_or(endpoint, "Host"), folder_ + "/contexts/tls/" + base_name(folder) + "/docker",
                      bool_or(endpoint, "SkipTLSVerify")};
}

Result<std::vector<ContextEntry>> ContextStore::list() const {
  std::vector<ContextEntry> entries{default_entry()};
  std::string meta = folder_ + "/contexts/meta";
  if (!path_exists(meta)) return entries;
  TRY_ASSIGN(std::vector<std::string> names, names_in(meta));
  for (const std::string& name : names) {
    auto entry = read(meta + "/" + name);
    if (entry) entries.push_back(std::move(*entry));
  }
  return entries;
}

Result<ContextEntry> ContextStore::find(const std::string& name) const {
  if (name == "default") return default_entry();
  if (!path_exists(meta_folder(name) + "/meta.json"))
    return not_found("context \"" + name + "\": context not found");
  return read(meta_folder(name));
}

Result<Json> ContextStore::read_config() const {
  std::string path = folder_ + "/config.json";
  if (!path_exists(path)) return Json::object();
  TRY_ASSIGN(std::string text, read_file(path));
  TRY_ASSIGN(Json config, parse_json(text).in(path));
  if (!config.is_object()) return invalid(path + ": not a JSON object");
  return config;
}

std::string ContextStore::current() const {
  std::string name = setting(environment_, "DOCKER_CONTEXT");
  if (!name.empty()) return name;
  if (!setting(environment_, "DOCKER_HOST").empty()) return "default";
  auto config = read_config();
  name = config ? string_or(*config, "currentContext") : "";
  return name.empty() ? "default" : name;
}

Result<> ContextStore::use(const std::string& name) const {
  TRY(find(name).map([](auto&&) {}));
  TRY_ASSIGN(Json config, read_config());
  if (name == "default")
    config.erase("currentContext");
  else
    config["currentContext"] = name;
  TRY(ensure_directory(folder_, 0700));
  return write_output_file(folder_ + "/config.json", config.dump(8, '\t') + "\n", 0600);
}

Result<> ContextStore::create(const ContextEntry& entry) const {
  if (entry.name == "default") return invalid("context name \"default\" is reserved");
  if (path_exists(meta_folder(entry.name) + "/meta.json"))
    return conflict("context \"" + entry.name + "\" already exists");
  Json meta{{"Name", entry.name},
            {"Metadata", {{"Description", entry.description}}},
            {"Endpoints", {{"docker", {{"Host", entry.host}, {"SkipTLSVerify", false}}}}}};
  TRY(ensure_directory(meta_folder(entry.name), 0755));
  return write_output_file(meta_folder(entry.name) + "/meta.json", to_text(meta), 0644);
}

Result<> ContextStore::remove(const std::string& name) const {
  if (name == "default") return invalid("context \"default\" cannot be removed");
  TRY(find(name).map([](auto&&) {}));
  return remove_tree(meta_folder(name));
}

Result<std::string> engine_socket(const Arguments& given, const Environment& environment) {
  std::vector<std::string> hosts = given.all("host");
  if (!hosts.empty() && given.given("context"))
    return invalid("conflicting options: cannot specify both --host and --context");
  if (!hosts.empty()) return socket_path(hosts.back());
  std::string host = setting(environment, "DOCKER_HOST");
  if (!host.empty() && !given.given("context")) return socket_path(host);
  ContextStore contexts(environment);
  std::string name = given.given("context") ? given.text("context") : contexts.current();
  if (name == "default") return own_socket(environment);
  TRY_ASSIGN(ContextEntry entry, contexts.find(name));
  return socket_path(entry.host);
}

}  // namespace stack::cli::docker_cli
