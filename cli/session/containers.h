// A project's containers as `GET /containers/json` lists them, and what the commands print of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "cli/session/session.h"

namespace stack::cli {

struct Port {
  std::string ip;  // "" where it is not published
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

// One row of the list; members that are absent or of another type stay at their default.
Container parse_container(const Json& row);

enum class ContainerFilter { Running, All };  // stopped ones too

// Of one project, in the order of their names, without those of `run` unless asked for.
Result<std::vector<Container>> list_containers(Session& session, const std::string& project_name,
                                               ContainerFilter which, bool with_oneoffs = false);
// Only those of these services; none named: all.
std::vector<Container> of_services(std::vector<Container> containers,
                                   const std::vector<std::string>& services);
// The one a command works on: the given replica of a service, or the lowest. The error says what exists
// instead.
Result<Container> find_container(Session& session, const std::string& project_name,
                                 const std::string& service, int64_t index,
                                 ContainerFilter which = ContainerFilter::Running);

// "0.0.0.0:8080-8081->80-81/tcp, [::]:8080->80/tcp, 6379/tcp": neighbours become ranges, as Docker prints
// them.
std::string ports_text(std::vector<Port> ports);
// What `ps --format json` prints, and templates see. `now` in seconds since 1970.
Json container_json(const Container& container, int64_t now, bool truncate);
// "5 minutes ago".
std::string ago(int64_t created, int64_t now);
std::string short_id(const std::string& id);
// "web-1", or the container's own name where the file gave it one.
std::string log_label(const std::string& project_name, const std::string& container,
                      const std::string& service);

int64_t seconds_now();

}  // namespace stack::cli
