#include "orchestrator/targets/swarm/convert.h"

#include <algorithm>

#include "base/identity.h"
#include "base/text.h"
#include "orchestrator/targets/swarm/draft.h"

namespace stack::targets::swarm {

namespace {

constexpr size_t kHashDigits = 10;
constexpr size_t kLongestName = 63;

void find_needs(Draft& draft) {
  for (const auto& [name, service] : draft.project.services)
    for (const auto& [needed, dependency] : service.depends_on) {
      if (!draft.project.services.contains(needed)) continue;
      draft.needs[name].push_back({needed, dependency.condition, dependency.required});
      if (dependency.condition == compose::DependencyCondition::CompletedSuccessfully)
        draft.awaited.insert(needed);
    }
}

void add_service(Draft& draft, const Service& service) {
  ServiceDraft parts{.service = service, .pointer = pointer_to("/services", service.name)};
  parts.job = is_job(draft, service);
  parts.labels[std::string(kNamespaceLabel)] = draft.project.name;
  parts.labels[std::string(kServiceLabel)] = service.name;
  add_process(draft, parts);
  add_isolation(draft, parts);
  add_mounts(draft, parts);
  add_files(draft, parts);
  add_resources(draft, parts);
  add_restart(draft, parts);
  attach_networks(draft, parts);
  OrderedJson endpoint = endpoint_of(draft, parts);
  add_placement(draft, parts);
  if (service.deploy)
    for (const auto& [key, value] : service.deploy->labels) parts.labels[key] = value;

  OrderedJson task{{"ContainerSpec", std::move(parts.container)}};
  for (auto& [key, value] : parts.task.items()) task[key] = std::move(value);
  SwarmObject object{
      ObjectKind::Service, object_name(draft.project.name, service.name), service.name, parts.pointer, {}};
  object.body = {{"Name", object.name},
                 {"Labels", std::move(parts.labels)},
                 {"TaskTemplate", std::move(task)},
                 {"Mode", mode_of(draft, parts)}};
  add_updates(draft, parts, object.body);
  object.body["EndpointSpec"] = std::move(endpoint);
  draft.services.push_back(std::move(object));
}

void append(std::vector<SwarmObject>& to, std::vector<SwarmObject>& from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

std::string folder_of(ObjectKind kind) {
  return kind == ObjectKind::Service ? "" : std::string(to_text(kind)) + "s/";
}

std::string dump(const OrderedJson& json) {
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace

std::string_view to_text(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::Network:
      return "network";
    case ObjectKind::Config:
      return "config";
    case ObjectKind::Secret:
      return "secret";
    case ObjectKind::Service:
      return "service";
  }
  return "";
}

std::string object_name(const std::string& project, const std::string& name) {
  std::string whole = project + "_" + name;
  if (whole.size() <= kLongestName) return whole;
  return whole.substr(0, kLongestName - kHashDigits - 1) + "-" + short_hash(whole);
}

const ImageFacts& Draft::facts(const Service& service) const {
  static const ImageFacts unknown;
  auto found = inputs.images.find(compose::image_name(project, service));
  return found == inputs.images.end() ? unknown : found->second;
}

void Draft::require_external(ObjectKind kind, const std::string& name) {
  std::pair<ObjectKind, std::string> entry(kind, name);
  if (std::find(external.begin(), external.end(), entry) == external.end()) external.push_back(entry);
}

Json extension(const compose::Extensions& extensions) {
  auto found = extensions.find(std::string(kExtension));
  if (found == extensions.end()) return nullptr;
  auto value = parse_json(found->second);
  return value && value->is_object() ? *value : Json(nullptr);
}

OrderedJson strings(const compose::StringList& list) {
  OrderedJson out = OrderedJson::array();
  for (const std::string& text : list) out.push_back(text);
  return out;
}

OrderedJson pairs(const compose::StringMap& map) {
  OrderedJson out = OrderedJson::object();
  for (const auto& [key, value] : map) out[key] = value;
  return out;
}

std::string short_hash(std::string_view bytes) { return sha256_hex(bytes).substr(0, kHashDigits); }

// Swarm's own placeholders are kept: files for swarms use them.
std::string without_placeholders(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text.compare(at, 2, "{{") != 0) {
      out += text[at++];
      continue;
    }
    size_t word = text.find_first_not_of(' ', at + 2);
    auto begins = [&](std::string_view name) {
      return word != std::string::npos && text.compare(word, name.size(), name) == 0;
    };
    bool own = begins(".Service.") || begins(".Node.") || begins(".Task.");
    out += own ? "{{" : "{{\"{{\"}}";
    at += 2;
  }
  return out;
}

Conversion convert(const Project& project, const ConvertInputs& inputs) {
  Draft draft(project, inputs);
  find_needs(draft);
  add_networks(draft);
  for (const auto& [name, service] : project.services) {
    if (service.provider) {
      draft.notes.refused(pointer_to("/services", name) + "/provider",
                          "providers run only on the local machine");
    } else {
      add_service(draft, service);
    }
  }
  Conversion out;
  out.report = account(compose::project_to_json(project), swarm_rules(), draft.notes, inputs.place);
  append(out.objects, draft.networks);
  append(out.objects, draft.contents);
  append(out.objects, draft.services);
  out.needs = std::move(draft.needs);
  out.external = std::move(draft.external);
  out.local_volumes = std::move(draft.local_volumes);
  out.awaited = std::move(draft.awaited);
  return out;
}

std::vector<ObjectFile> object_files(const Conversion& conversion) {
  std::vector<ObjectFile> out;
  for (const SwarmObject& object : conversion.objects)
    out.push_back({folder_of(object.kind) + (object.service.empty() ? object.name : object.service) + ".json",
                   dump(object.body)});
  return out;
}

std::string object_list(const Conversion& conversion) {
  OrderedJson list = OrderedJson::array();
  for (const SwarmObject& object : conversion.objects)
    list.push_back({{"kind", to_text(object.kind)}, {"name", object.name}, {"body", object.body}});
  return dump(list);
}

}  // namespace stack::targets::swarm
