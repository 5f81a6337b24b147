#include "orchestrator/targets/kubernetes/api/kubeconfig.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>

#include "base/base64.h"
#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "base/text.h"

namespace stack::targets::kubernetes {

namespace {

constexpr std::string_view kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

Json json_of(const YAML::Node& node) {
  if (node.IsMap()) {
    Json out = Json::object();
    for (const auto& entry : node) out[entry.first.as<std::string>()] = json_of(entry.second);
    return out;
  }
  if (node.IsSequence()) {
    Json out = Json::array();
    for (const auto& item : node) out.push_back(json_of(item));
    return out;
  }
  if (!node.IsScalar()) return nullptr;
  if (node.Tag() != "!" && (node.Scalar() == "true" || node.Scalar() == "false"))
    return node.Scalar() == "true";
  return node.Scalar();
}

// yaml-cpp throws; this file borders it.
Result<Json> json_of(const std::string& text, const std::string& file) {
  try {
    Json out = json_of(YAML::Load(text));
    if (!out.is_object()) return invalid(file + " is not a kubeconfig file");
    return out;
  } catch (const YAML::Exception& error) {
    return invalid(file + ":" + std::to_string(error.mark.line + 1) + ":" +
                   std::to_string(error.mark.column + 1) + ": " + error.msg);
  }
}

const Json& child(const Json& object, const char* key) {
  static const Json none = Json::object();
  if (!object.is_object()) return none;
  auto found = object.find(key);
  return found == object.end() || found->is_null() ? none : *found;
}

// The member `key` of the list's entry with this name; null if there is none.
const Json* named(const Json& config, const char* list, const std::string& name, const char* key) {
  const Json& entries = child(config, list);
  if (!entries.is_array()) return nullptr;
  for (const Json& entry : entries)
    if (string_or(entry, "name") == name) return &child(entry, key);
  return nullptr;
}

// The value of `<key>-data` in base64, or the file named by `key`.
Result<std::string> data_or_file(const Json& object, const std::string& key, const std::string& folder) {
  std::string data = string_or(object, key + "-data");
  if (!data.empty()) return decode_base64(data).in(key + "-data");
  std::string path = string_or(object, key);
  if (path.empty()) return std::string();
  return read_file(absolute_path(folder, path)).in(key);
}

Result<> add_cluster(Access& access, const Json& cluster, const std::string& folder) {
  access.server = string_or(cluster, "server");
  while (access.server.ends_with("/")) access.server.pop_back();
  access.verify = !bool_or(cluster, "insecure-skip-tls-verify");
  access.server_name = string_or(cluster, "tls-server-name");
  access.proxy = string_or(cluster, "proxy-url");
  TRY_ASSIGN(access.authority, data_or_file(cluster, "certificate-authority", folder));
  return {};
}

Result<> add_user(Access& access, const Json& user, const std::string& folder) {
  TRY_ASSIGN(access.certificate, data_or_file(user, "client-certificate", folder));
  TRY_ASSIGN(access.key, data_or_file(user, "client-key", folder));
  access.token = string_or(user, "token");
  std::string token_file = string_or(user, "tokenFile");
  if (!token_file.empty()) {
    TRY_ASSIGN(std::string token, read_file(absolute_path(folder, token_file)).in("tokenFile"));
    access.token = trim(token);
  }
  access.user = string_or(user, "username");
  access.password = string_or(user, "password");
  const Json& program = child(user, "exec");
  access.program.command = string_or(program, "command");
  if (access.program.command.find('/') != std::string::npos)
    access.program.command = absolute_path(folder, access.program.command);
  access.program.api_version = string_or(program, "apiVersion");
  access.program.install_hint = string_or(program, "installHint");
  if (child(program, "args").is_array())
    for (const Json& word : child(program, "args"))
      if (word.is_string()) access.program.arguments.push_back(word.get<std::string>());
  if (child(program, "env").is_array())
    for (const Json& pair : child(program, "env"))
      access.program.environment.emplace_back(string_or(pair, "name"), string_or(pair, "value"));
  if (!child(user, "auth-provider").empty() && access.program.command.empty())
    return unsupported("auth-provider is no longer supported in kubeconfig files; use an exec program");
  return {};
}

Result<> run_program(Access& access, const AccessRequest& request) {
  SpawnRequest spawn;
  spawn.program = access.program.command;
  spawn.args = access.program.arguments;
  spawn.replace_env = true;
  std::map<std::string, std::string> environment = request.environment;
  for (const auto& [name, value] : access.program.environment) environment[name] = value;
  Json info{{"apiVersion", access.program.api_version},
            {"kind", "ExecCredential"},
            {"spec", {{"interactive", false}}}};
  environment["KUBERNETES_EXEC_INFO"] = info.dump();
  for (const auto& [name, value] : environment) spawn.env.push_back(name + "=" + value);
  std::string what = "credential program " + access.program.command;
  auto ran = run_captured(std::move(spawn));
  if (!ran) {
    std::string hint = access.program.install_hint;
    return Error(what + ": " + ran.error().text() + (hint.empty() ? "" : "\n" + hint));
  }
  if (ran->exit_code != 0)
    return Error(what + " failed with exit code " + std::to_string(ran->exit_code) + ": " +
                 std::string(trim(ran->output)));
  // Programs may warn on standard error, before or after the object.
  size_t begin = ran->output.find('{');
  size_t end = ran->output.rfind('}');
  bool found = begin != std::string::npos && end != std::string::npos && begin < end;
  return add_credential(access, found ? ran->output.substr(begin, end - begin + 1) : ran->output).in(what);
}

Result<Access> service_account_access(const std::map<std::string, std::string>& environment) {
  auto value = [&](const char* name) {
    auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  };
  Access access;
  std::string host = value("KUBERNETES_SERVICE_HOST");
  std::string port = value("KUBERNETES_SERVICE_PORT");
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  access.context = kInCluster;
  access.server = "https://" + host + ":" + (port.empty() ? "443" : port);
  std::string folder(kServiceAccount);
  TRY_ASSIGN(std::string token, read_file(folder + "/token"));
  access.token = trim(token);
  TRY_ASSIGN(access.authority, read_file(folder + "/ca.crt"));
  auto name_space = read_file(folder + "/namespace");
  if (name_space && !trim(*name_space).empty()) access.name_space = trim(*name_space);
  return access;
}

void merge(Json& into, const Json& other) {
  for (const char* list : {"clusters", "users", "contexts"}) {
    if (!child(other, list).is_array()) continue;
    if (!into[list].is_array()) into[list] = Json::array();
    for (const Json& entry : other[list]) {
      bool known = false;
      for (const Json& have : into[list])
        known = known || string_or(have, "name") == string_or(entry, "name");
      if (!known) into[list].push_back(entry);
    }
  }
  if (string_or(into, "current-context").empty())
    into["current-context"] = string_or(other, "current-context");
}

// Relative paths of a file begin in its folder, so merged entries get absolute ones.
void make_absolute(Json& config, const std::string& folder) {
  auto fix = [&](const char* list, const char* key, std::initializer_list<const char*> names) {
    if (!child(config, list).is_array()) return;
    for (Json& entry : config[list]) {
      if (!child(entry, key).is_object()) continue;
      for (const char* name : names) {
        std::string path = string_or(entry[key], name);
        if (!path.empty()) entry[key][name] = absolute_path(folder, path);
      }
    }
  };
  fix("clusters", "cluster", {"certificate-authority"});
  fix("users", "user", {"client-certificate", "client-key", "tokenFile"});
}

Result<Access> select(const Json& config, const std::string& file, std::string context) {
  if (context.empty()) context = string_or(config, "current-context");
  if (context.empty()) return not_found(file + " has no current context; choose one with --context");
  const Json* chosen = named(config, "contexts", context, "context");
  if (chosen == nullptr) {
    std::vector<std::string> names;
    for (const Json& entry : child(config, "contexts").is_array() ? child(config, "contexts") : Json::array())
      names.push_back(string_or(entry, "name"));
    return not_found(file + " has no context " + context +
                     (names.empty() ? "" : "; available: " + join(names, ", ")));
  }
  Access access;
  access.context = context;
  std::string name_space = string_or(*chosen, "namespace");
  if (!name_space.empty()) access.name_space = name_space;
  std::string cluster_name = string_or(*chosen, "cluster");
  const Json* cluster = named(config, "clusters", cluster_name, "cluster");
  if (cluster == nullptr) return not_found(file + ": context " + context + ": no cluster " + cluster_name);
  std::string folder = directory_name(file);
  TRY(add_cluster(access, *cluster, folder).in(file + ": cluster " + cluster_name));
  if (access.server.empty()) return invalid(file + ": cluster " + cluster_name + " has no server");
  std::string user_name = string_or(*chosen, "user");
  const Json* user = named(config, "users", user_name, "user");
  if (user != nullptr) TRY(add_user(access, *user, folder).in(file + ": user " + user_name));
  return access;
}

}  // namespace

Result<Access> access_of(const std::string& text, const std::string& file, const std::string& context) {
  TRY_ASSIGN(Json config, json_of(text, file));
  return select(config, file, context);
}

Result<> add_credential(Access& access, const std::string& answer) {
  TRY_ASSIGN(Json credential, parse_json(answer).in("the answer is not an ExecCredential"));
  const Json& status = child(credential, "status");
  std::string token = string_or(status, "token");
  std::string certificate = string_or(status, "clientCertificateData");
  if (token.empty() && certificate.empty())
    return invalid("the answer has neither a token nor a certificate");
  if (!token.empty()) access.token = token;
  if (!certificate.empty()) {
    access.certificate = certificate;
    access.key = string_or(status, "clientKeyData");
  }
  return {};
}

Result<Access> find_access(const AccessRequest& request) {
  std::vector<std::string> files;
  for (const std::string& file : split(request.files, ':'))
    if (!file.empty()) files.push_back(absolute_path(request.current_directory, file));
  bool named_files = !files.empty();
  if (!named_files && !request.home.empty()) files.push_back(request.home + "/.kube/config");
  Json config = Json::object();
  std::string first;
  for (const std::string& file : files) {
    auto text = read_file(file);
    if (!text && text.error().code() == ENOENT) continue;
    if (!text) return std::move(text).error().in("kubeconfig");
    TRY_ASSIGN(Json one, json_of(*text, file));
    make_absolute(one, directory_name(file));
    merge(config, one);
    if (first.empty()) first = file;
  }
  if (first.empty()) {
    if (request.environment.contains("KUBERNETES_SERVICE_HOST") &&
        path_exists(std::string(kServiceAccount) + "/token"))
      return service_account_access(request.environment);
    return not_found("no kubeconfig file: " + (files.empty() ? "~/.kube/config" : join(files, ", ")) +
                     " does not exist (set KUBECONFIG, or use --kubeconfig)");
  }
  TRY_ASSIGN(Access access, select(config, first, request.context));
  if (!access.program.command.empty()) TRY(run_program(access, request));
  return access;
}

ServerRoute route_to(const Access& access) {
  size_t scheme = access.server.find("://");
  if (access.server_name.empty() || scheme == std::string::npos) return {access.server, ""};
  size_t start = scheme + 3;
  size_t end = std::min(access.server.find('/', start), access.server.size());
  std::string authority = access.server.substr(start, end - start);
  size_t colon = authority.rfind(':');
  bool has_port = colon != std::string::npos && authority.find(']', colon) == std::string::npos;
  std::string port = has_port ? authority.substr(colon + 1) : "443";
  std::string host = authority.substr(0, has_port ? colon : std::string::npos);
  return {access.server.substr(0, start) + access.server_name + ":" + port + access.server.substr(end),
          "::" + host + ":" + port};
}

}  // namespace stack::targets::kubernetes
