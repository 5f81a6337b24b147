#include "cli/session/credential_store.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "base/base64.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/flags/docker_proxies.h"
#include "docker/registry_auth.h"

namespace stack::cli {

namespace {

constexpr const char* kDockerHubServer = "https://index.docker.io/v1/";
constexpr size_t kLongestAnswer = size_t{1} << 20;

std::string variable(const Environment& environment, const char* name) {
  auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

// nullopt if the file does not exist.
Result<std::optional<Json>> read_object(const std::string& path) {
  Result<std::string> text = read_file(path, kLongestAnswer);
  if (!text) {
    if (text.error().code() == ENOENT || text.error().code() == ENOTDIR) return std::optional<Json>();
    return std::move(text).error();
  }
  if (trim(*text).empty()) return std::optional<Json>(Json::object());
  Result<Json> json = parse_json(*text);
  // The parser's message is dropped because it could reveal parts of the file.
  if (!json || !json->is_object()) return invalid(path + " is not a JSON object");
  return std::optional<Json>(std::move(*json));
}

const Json* object_member(const Json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_object() ? &*found : nullptr;
}

// Adds the entries of the file that are not yet present.
void add_auths(const Json& config, RegistryKeyring& keyring) {
  const Json* auths = object_member(config, "auths");
  if (auths == nullptr) return;
  for (const auto& [server, auth] : auths->items()) {
    RegistryCredentials credentials = docker::credentials_from_json(auth);
    if (!credentials.empty()) keyring.try_emplace(registry_key(server), std::move(credentials));
  }
}

// The helper's name becomes part of a program name.
bool is_helper_name(std::string_view name) {
  return !name.empty() && name.find('/') == std::string_view::npos && name[0] != '-';
}

bool says_not_found(std::string_view text) {
  return text.find("credentials not found") != std::string_view::npos;
}

RegistryCredentials from_helper(const Json& answer) {
  RegistryCredentials out;
  out.username = string_or(answer, "Username");
  std::string secret = string_or(answer, "Secret");
  if (out.username == "<token>") {
    out.username.clear();
    out.identity_token = std::move(secret);
  } else {
    out.password = std::move(secret);
  }
  return out;
}

std::string home_of(const Environment& environment) { return variable(environment, "HOME"); }

std::vector<std::string> podman_paths(const Environment& environment) {
  std::string chosen = variable(environment, "REGISTRY_AUTH_FILE");
  if (!chosen.empty()) return {chosen};
  std::vector<std::string> out;
  std::string runtime = variable(environment, "XDG_RUNTIME_DIR");
  if (!runtime.empty()) out.push_back(runtime + "/containers/auth.json");
  std::string config = variable(environment, "XDG_CONFIG_HOME");
  if (config.empty() && !home_of(environment).empty()) config = home_of(environment) + "/.config";
  if (!config.empty()) out.push_back(config + "/containers/auth.json");
  return out;
}

Result<int> run_with_files(const std::string& program, const std::string& action, int input, int output) {
  SpawnRequest request;
  request.program = program;
  request.args = {action};
  request.fds = {{0, input}, {1, output}};
  TRY_ASSIGN(pid_t pid, spawn(request));
  TRY_ASSIGN(int status, wait_for(pid));
  return exit_code_of(status);
}

}  // namespace

std::string server_address(const std::string& registry) {
  return registry == "docker.io" ? kDockerHubServer : registry;
}

// Memory files instead of pipes: neither side can block the other, and the process list shows no secret.
Result<std::string> run_credential_helper(const std::string& helper, const std::string& action,
                                          const std::string& input) {
  std::string program = "docker-credential-" + helper;
  TRY_ASSIGN(Fd in, sealed_memfd("credentials", input));
  Fd out(::memfd_create("credentials", MFD_CLOEXEC));
  if (!out) return Error::last_errno("memfd_create");
  Result<int> code = run_with_files(program, action, in.get(), out.get());
  if (!code) return std::move(code).in(program).error();
  if (::lseek(out.get(), 0, SEEK_SET) != 0) return Error::last_errno("lseek");
  TRY_ASSIGN(std::string text, read_all(out.get(), kLongestAnswer));
  if (*code == 0) return text;
  if (says_not_found(text)) return not_found(program + ": no credentials");
  // Helpers report errors on stdout, which contains no secret if they fail.
  std::string reason(trim(text));
  return Error(program + " " + action + " failed" + (reason.empty() ? "" : ": " + reason.substr(0, 300)));
}

CredentialStore CredentialStore::open(const Environment& environment, HelperRun run) {
  CredentialStore out;
  out.run_ = std::move(run);
  out.path_ = docker_config_path(environment);
  if (std::string inline_config = variable(environment, "DOCKER_AUTH_CONFIG"); !inline_config.empty()) {
    Result<Json> json = parse_json(inline_config);
    if (json && json->is_object()) {
      out.others_.push_back(std::move(*json));
    } else {
      out.warnings_.push_back("DOCKER_AUTH_CONFIG is not a JSON object; ignoring it");
    }
  }
  if (!out.path_.empty()) {
    Result<std::optional<Json>> config = read_object(out.path_);
    if (config && *config) out.config_ = std::move(**config);
    if (!config) {
      out.damaged_ = true;
      out.warnings_.push_back(config.error().text() + "; ignoring it");
    }
  }
  for (const std::string& path : podman_paths(environment)) {
    Result<std::optional<Json>> file = read_object(path);
    if (file && *file) out.others_.push_back(std::move(**file));
    if (!file) out.warnings_.push_back(file.error().text() + "; ignoring it");
  }
  return out;
}

std::string CredentialStore::helper_for(const std::string& registry) const {
  if (const Json* helpers = object_member(config_, "credHelpers")) {
    for (const auto& [server, helper] : helpers->items())
      if (registry_key(server) == registry && helper.is_string()) return helper.get<std::string>();
  }
  return string_or(config_, "credsStore");
}

bool CredentialStore::has_helpers() const {
  const Json* helpers = object_member(config_, "credHelpers");
  return !string_or(config_, "credsStore").empty() || (helpers != nullptr && !helpers->empty());
}

// All registries for which a helper has credentials.
std::set<std::string> CredentialStore::helped_registries() const {
  std::set<std::string> out;
  if (const Json* helpers = object_member(config_, "credHelpers"))
    for (const auto& [server, helper] : helpers->items()) out.insert(registry_key(server));
  std::string store = string_or(config_, "credsStore");
  Result<std::string> listed =
      is_helper_name(store) ? run_(store, "list", "") : Result<std::string>(not_found(""));
  Result<Json> json = listed ? parse_json(*listed) : Result<Json>(listed.error());
  if (json && json->is_object())
    for (const auto& [server, user] : json->items()) out.insert(registry_key(server));
  return out;
}

RegistryKeyring CredentialStore::keyring(const std::vector<std::string>& references, bool whole) const {
  RegistryKeyring out;
  std::set<std::string> registries = whole ? helped_registries() : std::set<std::string>();
  for (const std::string& text : references)
    if (Result<Reference> reference = parse_reference(text)) registries.insert(reference->domain);
  for (const std::string& registry : registries) {
    std::string helper = helper_for(registry);
    if (!is_helper_name(helper)) continue;
    Result<std::string> answer = run_(helper, "get", server_address(registry));
    Result<Json> json = answer ? parse_json(*answer) : Result<Json>(answer.error());
    if (!json) continue;  // no credentials, or a broken helper: continue anonymously
    RegistryCredentials credentials = from_helper(*json);
    if (!credentials.empty()) out[registry] = std::move(credentials);
  }
  add_auths(config_, out);
  for (const Json& other : others_) add_auths(other, out);
  return out;
}

Result<> CredentialStore::write() const {
  if (path_.empty()) return invalid("cannot locate config.json: neither HOME nor DOCKER_CONFIG is set");
  if (damaged_) return invalid(path_ + " cannot be read; refusing to overwrite it");
  TRY(ensure_directory(directory_name(path_), 0700));
  // A symbolic link, for example into a dotfiles folder, is kept: its target is replaced.
  std::unique_ptr<char, decltype(&::free)> real(::realpath(path_.c_str(), nullptr), &::free);
  std::string target = real ? real.get() : path_;
  return write_output_file(target, config_.dump(1, '\t', false, Json::error_handler_t::replace) + "\n", 0600);
}

Result<std::string> CredentialStore::save(const std::string& registry,
                                          const RegistryCredentials& credentials) {
  std::string server = server_address(registry);
  std::string helper = helper_for(registry);
  if (is_helper_name(helper)) {
    bool token = !credentials.identity_token.empty();
    Json entry{{"ServerURL", server},
               {"Username", token ? "<token>" : credentials.username},
               {"Secret", token ? credentials.identity_token : credentials.password}};
    TRY(run_(helper, "store", to_text(entry)));
    return "the credential helper " + helper;
  }
  Json auth = Json::object();
  if (!credentials.username.empty())
    auth["auth"] = encode_base64(credentials.username + ":" + credentials.password);
  if (!credentials.identity_token.empty()) auth["identitytoken"] = credentials.identity_token;
  if (!config_.contains("auths") || !config_["auths"].is_object()) config_["auths"] = Json::object();
  config_["auths"][server] = std::move(auth);
  TRY(write());
  return path_;
}

Result<bool> CredentialStore::erase(const std::string& registry) {
  bool found = false;
  std::string helper = helper_for(registry);
  if (is_helper_name(helper)) {
    Result<std::string> erased = run_(helper, "erase", server_address(registry));
    if (!erased && erased.error().kind() != ErrorKind::NotFound) return std::move(erased).error();
    found = erased.has_value();
  }
  if (object_member(config_, "auths") == nullptr) return found;
  std::vector<std::string> doomed;
  for (const auto& [server, auth] : config_["auths"].items())
    if (registry_key(server) == registry) doomed.push_back(server);
  for (const std::string& server : doomed) config_["auths"].erase(server);
  if (doomed.empty()) return found;
  TRY(write());
  return true;
}

}  // namespace stack::cli
