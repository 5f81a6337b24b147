#include "cli/flags/docker_proxies.h"

#include <array>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace stack::cli {

namespace {

constexpr std::array<std::pair<const char*, const char*>, 5> kVariables = {{{"httpProxy", "HTTP_PROXY"},
                                                                            {"httpsProxy", "HTTPS_PROXY"},
                                                                            {"ftpProxy", "FTP_PROXY"},
                                                                            {"noProxy", "NO_PROXY"},
                                                                            {"allProxy", "ALL_PROXY"}}};

const Json& object_in(const Json& object, const std::string& key) {
  static const Json nothing = Json::object();
  auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : nothing;
}

}  // namespace

std::string docker_config_path(const Environment& environment) {
  std::string folder = setting(environment, "DOCKER_CONFIG");
  if (!folder.empty()) return folder + "/config.json";
  std::string home = setting(environment, "HOME");
  return home.empty() ? "" : home + "/.docker/config.json";
}

std::map<std::string, std::string> docker_proxies(const Environment& environment, const std::string& socket) {
  std::map<std::string, std::string> out;
  std::string path = docker_config_path(environment);
  Result<std::string> text = path.empty() ? Result<std::string>(Error("none")) : read_file(path);
  Result<Json> config = text ? parse_json(*text) : Result<Json>(text.error());
  if (!config || !config->is_object()) return out;
  const Json& all = object_in(*config, "proxies");
  const Json& proxies = object_in(all, all.contains(socket) ? socket : "default");
  for (const auto& [key, variable] : kVariables) {
    std::string value = string_or(proxies, key);
    if (value.empty()) continue;
    out[variable] = value;
    out[lower(variable)] = value;
  }
  return out;
}

}  // namespace stack::cli
