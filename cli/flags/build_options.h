// What a build takes from the caller's surroundings.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "cli/flags/flags.h"
#include "cli/render/terminal.h"

namespace stack::cli {

// HTTP_PROXY and its kin, in both cases, as they are set.
Json proxy_variables(const Environment& environment);

// The certificates a RUN step needs beside the image's own, "" for none:
// STACK_CA_BUNDLE if it is set (empty: none); else the file that SSL_CERT_FILE, CURL_CA_BUNDLE,
// REQUESTS_CA_BUNDLE or PIP_CERT names; else the host's bundle, where NODE_EXTRA_CA_CERTS names a file or
// /usr/local/share/ca-certificates has entries: the host trusts more than an image would.
struct HostFiles {
  std::function<bool(const std::string& path)> exists;
  std::function<bool(const std::string& folder)> has_entries;
};
HostFiles real_host_files();
std::string ca_bundle(const Environment& environment, const HostFiles& host,
                      const std::string& current_directory);

// BUILD of docs/API.md, without what flags add.
Json build_options(const Environment& environment, const std::string& current_directory);
// --build-arg K=V, or K with the value of the environment.
Json build_arguments(const std::vector<std::string>& given, const Environment& environment);

}  // namespace stack::cli
