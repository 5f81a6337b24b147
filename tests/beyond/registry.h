// Debian's docker-registry in a folder of its own, and an engine whose images are those of the examples.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "cluster.h"

namespace stack::beyond {

// Why there can be no registry; "" if there can be one.
std::string no_registry();

// The address of the private registry next to one.
std::string private_address(const std::string& address);

class Registry {
 public:
  // Listens on the address ("192.0.2.1:5000"), without TLS, as on the next port the private one does. Has debian:bookworm-slim under its public name, for nodes
  // that mirror the public registry.
  Registry(const std::string& folder, const std::string& address);
  ~Registry();

  // Variables for commands that use the engine.
  std::map<std::string, std::string> engine() const;
  // `stack ARGS...` with this engine; fails the calling test if that fails.
  void run_engine(const std::vector<std::string>& args, const std::map<std::string, std::string>& more = {});

 private:
  std::string folder_;
  std::unique_ptr<Process> server_;
};

// A second registry that asks for a user and a password.
class PrivateRegistry {
 public:
  // Has debian:bookworm-slim as `image()`, pushed by the engine of `images`.
  PrivateRegistry(const std::string& folder, const std::string& address, Registry& images);

  std::string image() const { return address_ + "/team/app:1"; }
  // Variables for commands of a user who has logged in.
  std::map<std::string, std::string> login() const { return {{"DOCKER_CONFIG", folder_ + "/login"}}; }

 private:
  std::string folder_;
  std::string address_;
  std::unique_ptr<Process> server_;
};

}  // namespace stack::beyond
