// Host settings that RUN steps need to reach the network as the host does.
#pragma once

#include <map>
#include <string>

namespace stack::builder {

// The host's CA bundle if the host trusts more than its distribution ships: SSL_CERT_FILE of this process's
// environment, or certificates in /usr/local/share/ca-certificates or /etc/pki/ca-trust/source/anchors. ""
// otherwise.
std::string find_extra_ca_bundle();

// HTTP_PROXY, HTTPS_PROXY, FTP_PROXY, NO_PROXY, ALL_PROXY in both cases, as far as set in this environment.
std::map<std::string, std::string> find_proxy_environment();

// Acquire::http(s)::Proxy lines of the host's apt configuration, without loopback addresses (inside a container
// they mean the container). "" without such lines or without apt.
std::string find_apt_configuration();

}  // namespace stack::builder
