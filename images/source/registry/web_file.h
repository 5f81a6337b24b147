// Downloads a file from a web server, for ADD and for build contexts: no registry, no credentials.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "images/source/registry/transport.h"

namespace stack::images::registry {

struct DownloadRequest {
  std::string url;   // http or https
  std::string path;  // the file to write; created or truncated
  ProxySettings proxy;
  std::vector<std::string> ca_files;  // trusted in addition; PEM
  std::string authorization;          // header value, sent to the URL's own origin only; "" = none
  int64_t limit = int64_t{32} << 30;  // bytes; more is an error
  std::stop_token stop;
};

struct Download {
  std::string digest;  // "sha256:..."
  std::string name;  // of the file: the Content-Disposition's, else the last part of the final URL; may be ""
  int64_t modified = 0;  // Last-Modified, seconds since 1970; 0 = unknown
};

// Follows at most ten redirects. Transfer failures are tried three times. Blocks. Errors begin with the URL.
Result<Download> download(Transport& transport, const DownloadRequest& request);

// An HTTP date (RFC 9110, section 5.6.7) as seconds since 1970; 0 if invalid.
int64_t parse_http_date(const std::string& text);

}  // namespace stack::images::registry
