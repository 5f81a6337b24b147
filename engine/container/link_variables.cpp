#include "engine/container/link_variables.h"

#include <algorithm>

#include "base/text.h"

namespace stack::engine {

namespace {

struct ExposedPort {
  int number = 0;
  std::string protocol;
};

std::vector<ExposedPort> sorted_ports(const std::vector<std::string>& texts) {
  std::vector<ExposedPort> ports;
  for (const std::string& text : texts)
    ports.push_back({std::atoi(text.c_str()), text.substr(std::min(text.find('/'), text.size() - 1) + 1)});
  auto key = [](const ExposedPort& port) { return std::make_pair(port.number, port.protocol); };
  std::sort(ports.begin(), ports.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  auto equal = [&](const auto& a, const auto& b) { return key(a) == key(b); };
  ports.erase(std::unique(ports.begin(), ports.end(), equal), ports.end());
  return ports;
}

std::string variable_prefix(std::string alias) {
  std::replace(alias.begin(), alias.end(), '-', '_');
  return upper(alias);
}

}  // namespace

std::vector<std::string> link_variables(const std::string& name, const std::string& alias,
                                        LinkTarget target) {
  std::string prefix = variable_prefix(alias);
  std::vector<std::string> out{prefix + "_NAME=/" + name + "/" + alias};
  std::vector<ExposedPort> ports = sorted_ports(target.ports);
  auto url = [&](const ExposedPort& port) {
    return port.protocol + "://" + target.address + ":" + std::to_string(port.number);
  };
  if (!ports.empty()) out.push_back(prefix + "_PORT=" + url(ports.front()));
  for (const ExposedPort& port : ports) {
    std::string stem = prefix + "_PORT_" + std::to_string(port.number) + "_" + upper(port.protocol);
    out.push_back(stem + "=" + url(port));
    out.push_back(stem + "_ADDR=" + target.address);
    out.push_back(stem + "_PORT=" + std::to_string(port.number));
    out.push_back(stem + "_PROTO=" + port.protocol);
  }
  for (const std::string& entry : target.env) {
    std::string key = entry.substr(0, entry.find('='));
    if (key.size() < entry.size() && key != "HOME" && key != "PATH") out.push_back(prefix + "_ENV_" + entry);
  }
  return out;
}

}  // namespace stack::engine
