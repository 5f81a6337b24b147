// The state of one conversion, shared by its parts.
#pragma once

#include <string>
#include <vector>

#include "orchestrator/targets/swarm/convert.h"

namespace stack::targets::swarm {

using compose::Project;
using compose::Service;

struct Draft {
  Draft(const Project& p, const ConvertInputs& i) : project(p), inputs(i) {}

  const Project& project;
  const ConvertInputs& inputs;
  FidelityNotes notes;
  std::vector<SwarmObject> networks;
  std::vector<SwarmObject> contents;  // configs and secrets
  std::vector<SwarmObject> services;
  std::map<std::string, std::vector<Need>> needs;
  std::vector<std::pair<ObjectKind, std::string>> external;
  std::map<std::string, std::set<std::string>> local_volumes;
  std::set<std::string> awaited;

  const ImageFacts& facts(const Service& service) const;
  bool knows(int api_version) const { return inputs.api_version >= api_version; }
  void require_external(ObjectKind kind, const std::string& name);
};

// The parts of a service while it is built.
struct ServiceDraft {
  const Service& service;
  std::string pointer;                            // "/services/web"
  OrderedJson container = OrderedJson::object();  // ContainerSpec
  OrderedJson task = OrderedJson::object();       // the rest of TaskTemplate
  OrderedJson labels = OrderedJson::object();     // of the service
  std::vector<std::string> constraints = {};
  bool job = false;
  std::string at(std::string_view rest) const { return pointer + std::string(rest); }
};

// The member of the x-stack-swarm extension, or null.
Json extension(const compose::Extensions& extensions);
OrderedJson strings(const compose::StringList& list);
OrderedJson pairs(const compose::StringMap& map);
// The first digits of the SHA-256.
std::string short_hash(std::string_view bytes);
// Whether the service is meant to end.
bool is_job(const Draft& draft, const Service& service);
// The service's health check, or the image's; nullopt if there is none.
std::optional<compose::Healthcheck> health_of(const Draft& draft, const Service& service);

// Swarm expands {{placeholders}} in some members; text that is not one of its placeholders is protected.
std::string without_placeholders(const std::string& text);

// The parts, one file each.
void add_networks(Draft& draft);                                           // networks.cpp
void attach_networks(Draft& draft, ServiceDraft& service);                 // networks.cpp
OrderedJson endpoint_of(Draft& draft, ServiceDraft& service);              // ports.cpp
void add_process(Draft& draft, ServiceDraft& service);                     // process.cpp
void add_isolation(Draft& draft, ServiceDraft& service);                   // isolation.cpp
void add_resources(Draft& draft, ServiceDraft& service);                   // scheduling.cpp
void add_placement(Draft& draft, ServiceDraft& service);                   // scheduling.cpp
void add_restart(Draft& draft, ServiceDraft& service);                     // scheduling.cpp
OrderedJson mode_of(Draft& draft, const ServiceDraft& service);            // scheduling.cpp
void add_updates(Draft& draft, ServiceDraft& service, OrderedJson& body);  // scheduling.cpp
void add_mounts(Draft& draft, ServiceDraft& service);                      // mounts.cpp
void add_bind(Draft& draft, ServiceDraft& service, const compose::VolumeMount& mount,
              const std::string& pointer);            // binds.cpp
void add_files(Draft& draft, ServiceDraft& service);  // files.cpp

// Adds a config or secret once and refers to it in the service.
struct ContentMount {
  std::string name;  // before the hash
  std::string bytes;
  bool secret = false;
  std::string target;  // path in the container
  std::string uid = "0";
  std::string gid = "0";
  uint32_t mode = 0444;
  std::string origin;  // pointer
  compose::StringMap labels = {};
  OrderedJson more = nullptr;  // further members of the object's body: Driver, Templating
};
void add_content(Draft& draft, ServiceDraft& service, const ContentMount& mount);
// A volume of the project's own that the service uses, on the disk of one node.
void use_local_volume(Draft& draft, ServiceDraft& service, const std::string& name,
                      const std::string& pointer);

}  // namespace stack::targets::swarm
