#include "cli/flags/build_options.h"

#include <string_view>

#include "base/directory.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/flags/docker_proxies.h"

namespace stack::cli {

namespace {
constexpr std::string_view kProxyNames[] = {"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY",
                                            "ALL_PROXY"};
constexpr std::string_view kBundleNames[] = {"SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
                                             "PIP_CERT"};
constexpr const char* kHostBundle = "/etc/ssl/certs/ca-certificates.crt";
constexpr const char* kLocalCertificates = "/usr/local/share/ca-certificates";

bool folder_has_entries(const std::string& folder) {
  Result<std::vector<std::string>> names = names_in(folder);
  return names && !names->empty();
}

}  // namespace

HostFiles real_host_files() {
  return {[](const std::string& path) { return path_exists(path) && !is_directory(path); },
          folder_has_entries};
}

Json proxy_variables(const Environment& environment) {
  Json variables = Json::object();
  for (std::string_view name : kProxyNames) {
    for (const std::string& spelling : {std::string(name), lower(name)}) {
      std::string value = setting(environment, spelling);
      if (!value.empty()) variables[spelling] = value;
    }
  }
  return variables;
}

std::string ca_bundle(const Environment& environment, const HostFiles& host,
                      const std::string& current_directory) {
  auto chosen = environment.find("STACK_CA_BUNDLE");
  if (chosen != environment.end()) {
    return chosen->second.empty() ? "" : absolute_path(current_directory, chosen->second);
  }
  for (std::string_view name : kBundleNames) {
    std::string path = setting(environment, std::string(name));
    if (path.empty()) continue;
    path = absolute_path(current_directory, path);
    if (host.exists(path)) return path;
  }
  std::string extra = setting(environment, "NODE_EXTRA_CA_CERTS");
  bool trusts_more = (!extra.empty() && host.exists(absolute_path(current_directory, extra))) ||
                     host.has_entries(kLocalCertificates);
  return trusts_more && host.exists(kHostBundle) ? kHostBundle : "";
}

Json build_options(const Environment& environment, const std::string& current_directory) {
  return {{"ssh_auth_sock", setting(environment, "SSH_AUTH_SOCK")},
          {"proxy", proxy_variables(environment)},
          {"proxy_args", docker_proxies(environment, setting(environment, "DOCKER_HOST"))},
          {"ca_bundle", ca_bundle(environment, real_host_files(), current_directory)}};
}

Json build_arguments(const std::vector<std::string>& given, const Environment& environment) {
  Json arguments = Json::object();
  for (const std::string& text : given) {
    size_t equals = text.find('=');
    if (equals != std::string::npos) {
      arguments[text.substr(0, equals)] = text.substr(equals + 1);
    } else if (auto found = environment.find(text); found != environment.end()) {
      arguments[text] = found->second;
    }
  }
  return arguments;
}

}  // namespace stack::cli
