// A project's containers as `GET /containers/json` lists them, and their printed forms.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "cli/session/session.h"

namespace stack::cli {

struct Port {
  std::string ip;  // "" if not published
  int private_port = 0;
  int public_port = 0;  // 0: not published
  std::string protocol;
};

struct Container {
  std::string id;
  std::string name;
  std::string image;
  std::string image_id;
  std::string command;
  std::string project;
  std::string service;
  int number = 0;
  bool oneoff = false;  // made by `run`
  std::string state;    // created, running, paused, restarting, exited, dead
  std::string status;   // "Up 5 minutes (healthy)"
  std::string health;
  int exit_code = 0;
  int64_t created = 0;  // seconds since 1970
  std::vector<Port> ports;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::string> networks;
  std::vector<std::string> mounts;  // volume names and host paths
  int local_volumes = 0;
  bool is_running() const { return state == "running" || state == "paused" || state == "restarting"; }
};

// Parses one row of the list; members that are missing or have another type keep their defaults.
Container parse_container(const Json& row);

enum class ContainerFilter { Running, All };  // All includes stopped containers

// The containers of one project, or of these services if any are given, sorted by name; containers of `run` are included only
// on request.
Result<std::vector<Container>> list_containers(Session& session, const std::string& project_name,
                                               ContainerFilter which, bool with_oneoffs = false,
                                               const std::vector<std::string>& services = {});
// The containers of the given services; all if no service is given.
std::vector<Container> of_services(std::vector<Container> containers,
                                   const std::vector<std::string>& services);
// The container that a command acts on: the given replica of a service, or the lowest. The error lists the
// containers that exist.
Result<Container> find_container(Session& session, const std::string& project_name,
                                 const std::string& service, int64_t index,
                                 ContainerFilter which = ContainerFilter::Running);

// "0.0.0.0:8080-8081->80-81/tcp, [::]:8080->80/tcp, 6379/tcp": adjacent ports become ranges, as in Docker's output.
std::string ports_text(std::vector<Port> ports);
// The object that `ps --format json` prints and templates read. `now` is in seconds since 1970.
Json container_json(const Container& container, int64_t now, bool truncate);
// "5 minutes ago".
std::string ago(int64_t created, int64_t now);
std::string short_id(const std::string& id);
// "web-1", or the container's name if the Compose file sets one.
std::string log_label(const std::string& project_name, const std::string& container,
                      const std::string& service);

int64_t seconds_now();

}  // namespace stack::cli
