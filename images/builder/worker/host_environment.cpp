#include "images/builder/worker/host_environment.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/directory.h"
#include "base/files.h"
#include "base/process.h"
#include "base/text.h"

namespace stack::builder {

namespace {

bool has_certificates(const char* directory) {
  std::vector<std::string> names = names_in(std::string(directory)).value_or(std::vector<std::string>());
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name.ends_with(".crt") || name.ends_with(".pem");
  });
}

std::string readable(const char* path) { return path != nullptr && ::access(path, R_OK) == 0 ? path : ""; }

}  // namespace

std::string find_extra_ca_bundle() {
  std::string chosen = readable(std::getenv("SSL_CERT_FILE"));
  if (!chosen.empty()) return chosen;
  bool extra = has_certificates("/usr/local/share/ca-certificates") ||
               has_certificates("/etc/pki/ca-trust/source/anchors") ||
               has_certificates("/etc/ca-certificates/trust-source/anchors");
  if (!extra) return "";
  constexpr std::array<const char*, 4> kBundles = {"/etc/ssl/certs/ca-certificates.crt",
                                                   "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                                                   "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};
  for (const char* bundle : kBundles)
    if (std::string path = readable(bundle); !path.empty()) return path;
  return "";
}

std::map<std::string, std::string> find_proxy_environment() {
  std::map<std::string, std::string> out;
  for (const char* name : {"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy",
                           "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') out[name] = value;
  }
  return out;
}

std::string find_apt_configuration() {
  SpawnRequest request;
  request.program = "apt-config";
  request.args = {"dump", "Acquire"};
  Result<CapturedRun> run = run_captured(std::move(request));
  if (!run || run->exit_code != 0) return "";
  std::string out;
  for (const std::string& line : split(run->output, '\n')) {
    bool proxy = line.starts_with("Acquire::http::Proxy") || line.starts_with("Acquire::https::Proxy");
    bool empty = line.find("\"\"") != std::string::npos;
    bool loopback = line.find("//127.") != std::string::npos ||
                    line.find("//localhost") != std::string::npos ||
                    line.find("//[::1]") != std::string::npos;
    if (proxy && !empty && !loopback) out += line + "\n";
  }
  return out;
}

}  // namespace stack::builder
