// libcurl handles with a cluster's TLS settings and credentials.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

#include "orchestrator/targets/kubernetes/api/kubeconfig.h"

namespace stack::targets::kubernetes {

struct HandleCloser {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using CurlHandle = std::unique_ptr<CURL, HandleCloser>;

struct HeaderCloser {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlHeaders = std::unique_ptr<curl_slist, HeaderCloser>;

inline void add_header(CurlHeaders& headers, const std::string& line) {
  headers.reset(curl_slist_append(headers.release(), line.c_str()));
}

template <typename T>
void set_option(CURL* handle, CURLoption option, T value) {
  (void)curl_easy_setopt(handle, option, value);
}

// TLS, proxy, and basic authentication. The access must outlive the handle.
void set_access(CURL* handle, const Access& access);
// The Authorization header, or "".
std::string authorization(const Access& access);
// libcurl's text for a failure, without "SSL" jargon if a plain sentence exists.
std::string failure_text(CURLcode code, const char* details);

}  // namespace stack::targets::kubernetes
