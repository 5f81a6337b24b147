// The administrator's settings, from /etc/stack/config.yaml. See docs/SELF-HOSTING.md.
//
//   address_pools:               # for networks without a subnet; default: 10.89.0.0 to 10.255.255.255
//     - base: 172.20.0.0/14
//   log:                         # for containers that name no driver
//     driver: json-file
//     options: {max-size: 10m, max-file: "3"}
//     max_total: 5g              # of all containers' log files together; default: no limit
//   registries:
//     mirrors: [https://mirror.example.com]      # of docker.io
//     insecure: [registry.example.com:5000]
//   dns:
//     servers: [192.0.2.53]      # default: the servers of /etc/resolv.conf
//   cdi_spec_dirs: [/etc/cdi, /var/run/cdi]      # descriptions of devices; the default
//   docker_socket: true          # link /run/docker.sock to the engine's socket
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "model/address.h"
#include "model/container.h"

namespace stack::engine {

struct Settings {
  std::string file;  // the file that was read, "" if it does not exist
  std::vector<Cidr> address_pools;
  LogSpec log;
  std::optional<ByteSize> log_total;
  std::vector<std::string> registry_mirrors;
  std::vector<std::string> insecure_registries;
  std::vector<std::string> dns_servers;
  std::vector<std::string> cdi_spec_dirs{"/etc/cdi", "/var/run/cdi"};
  bool docker_socket = false;
};

// The file that STACK_CONFIG names, or /etc/stack/config.yaml.
std::string settings_path();

// The defaults if the file does not exist. The text of an error has all faults, each as "file:line:column: ...".
Result<Settings> read_settings(const std::string& path);
Result<Settings> parse_settings(const std::string& path, std::string text);

// The settings in effect as YAML, defaults included.
std::string settings_yaml(const Settings& settings);

// Fills in the default driver and options of a container that did not choose a driver.
void apply_default_log(const LogSpec& fallback, LogSpec& log);

}  // namespace stack::engine
