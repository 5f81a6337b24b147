// The places from which a reference is fetched: its registry, and mirrors configured by the host's administrator.
//
// Host files, shared with Docker and podman:
//   /etc/docker/daemon.json            "registry-mirrors" (for docker.io) and "insecure-registries"
//   /etc/docker/certs.d/HOST[:PORT]/   *.crt: CAs; NAME.cert with NAME.key: client certificate
//   /etc/containers/certs.d/           the same
//   /etc/containers/registries.conf    and registries.conf.d/*.conf: containers-registries.conf(5), version 2
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "images/source/registry/registries_conf.h"
#include "images/source/registry/transport.h"
#include "model/image_reference.h"

namespace stack::images::registry {

// A place that may have a repository. Plain HTTP is a separate endpoint after the encrypted one.
struct Endpoint {
  std::string origin;           // "https://registry-1.docker.io"
  std::string repository;       // the path there: "library/nginx"
  std::string name;             // for messages: "docker.io", "mirror.example.com"
  std::string credentials_for;  // the key of credentials: "docker.io/library/nginx"; a mirror has its own
  bool mirror = false;
  TlsSettings tls;
};

struct HostSettings {
  std::vector<std::string> docker_mirrors;  // URLs
  std::vector<std::string> insecure;        // hosts, host:port, CIDR ranges
  std::vector<std::string> certificate_folders;
  std::vector<RegistryRule> rules;
  std::vector<std::string> warnings;  // files that could not be read
};

// `root` is the prefix of the paths above; "" = the host's own.
HostSettings read_host_settings(const std::string& root = {});

enum class Purpose { Pull, Push };

// Mirrors first (for pulls), then the registry itself. Invalid if the administrator blocked it.
Result<std::vector<Endpoint>> endpoints_of(const Reference& reference, const HostSettings& settings,
                                           Purpose purpose);

// Whether plain HTTP and TLS without a trusted certificate are allowed: for loopback or listed hosts.
bool is_insecure(std::string_view authority, const std::vector<std::string>& listed);

}  // namespace stack::images::registry
