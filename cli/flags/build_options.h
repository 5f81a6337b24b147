// Build options taken from the caller's environment.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "cli/flags/flags.h"
#include "cli/render/terminal.h"

namespace stack::cli {

// HTTP_PROXY and the other proxy variables that are set, in upper and lower case.
Json proxy_variables(const Environment& environment);

// The certificates that RUN steps need in addition to the image's own, "" for none:
// STACK_CA_BUNDLE if it is set (empty: none); otherwise the file named by SSL_CERT_FILE, CURL_CA_BUNDLE,
// REQUESTS_CA_BUNDLE, or PIP_CERT; otherwise the host's bundle, if NODE_EXTRA_CA_CERTS names a file or
// /usr/local/share/ca-certificates has entries, because the host then trusts more than an image does.
struct HostFiles {
  std::function<bool(const std::string& path)> exists;
  std::function<bool(const std::string& folder)> has_entries;
};
HostFiles real_host_files();
std::string ca_bundle(const Environment& environment, const HostFiles& host,
                      const std::string& current_directory);

// The BUILD object of docs/API.md, before flags are applied.
Json build_options(const Environment& environment, const std::string& current_directory);
// --build-arg K=V, or K with the value of the environment.
Json build_arguments(const std::vector<std::string>& given, const Environment& environment);

}  // namespace stack::cli
