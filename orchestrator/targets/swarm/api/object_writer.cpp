#include "orchestrator/targets/swarm/api/object_writer.h"

#include <thread>

#include "http/wire/query.h"
#include "orchestrator/targets/swarm/api/deploy.h"

namespace stack::targets::swarm {

namespace {

constexpr std::chrono::milliseconds kRetryPause{300};
constexpr int kUpdateAttempts = 5;

Json sent(const OrderedJson& body) {
  return Json::parse(body.dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
}

std::string path_of(ObjectKind kind, const std::string& id) {
  return collection(kind) + "/" + http::percent_encode(id);
}

// The service was changed since it was read, for example by the swarm itself.
bool is_out_of_sequence(const Error& error) {
  return error.text().find("out of sequence") != std::string::npos;
}

}  // namespace

Result<std::string> ObjectWriter::id_of(ObjectKind kind, const std::string& name) {
  auto known = ids_.find({kind, name});
  if (known != ids_.end()) return known->second;
  TRY_ASSIGN(std::optional<LiveObject> found, find_object(docker_, kind, name));
  if (!found)
    return not_found("the " + std::string(to_text(kind)) + " " + name + " does not exist in the swarm");
  ids_[{kind, name}] = found->id;
  return found->id;
}

Result<> ObjectWriter::keep(const PlannedStep& step) {
  ids_[{step.object.kind, step.object.name}] = step.id;
  return {};
}

Result<> ObjectWriter::write(const PlannedStep& step) {
  if (step.object.kind == ObjectKind::Service) return write_service(step);
  TRY_ASSIGN(Json created,
             docker_.call("POST", collection(step.object.kind) + "/create", sent(step.object.body)));
  std::string id = string_or(created, step.object.kind == ObjectKind::Network ? "Id" : "ID");
  ids_[{step.object.kind, step.object.name}] = id;
  return {};
}

Result<> ObjectWriter::write_service(const PlannedStep& step) {
  Json body = sent(step.object.body);
  Json& task = body["TaskTemplate"];
  for (auto [kind, list, member, name] :
       {std::tuple(ObjectKind::Config, "Configs", "ConfigID", "ConfigName"),
        std::tuple(ObjectKind::Secret, "Secrets", "SecretID", "SecretName")}) {
    if (!task["ContainerSpec"].contains(list)) continue;
    for (Json& reference : task["ContainerSpec"][list]) {
      TRY_ASSIGN(reference[member], id_of(kind, string_or(reference, name)));
    }
  }
  std::vector<std::pair<std::string, std::string>> headers;
  auto auth = options_.registry_auth.find(string_or(task["ContainerSpec"], "Image"));
  if (auth != options_.registry_auth.end()) headers.emplace_back("X-Registry-Auth", auth->second);
  if (step.step != Step::Change) {
    TRY_ASSIGN(Json created, docker_.call("POST", "/services/create", body, headers));
    return {};
  }
  if (step.forced > 0) task["ForceUpdate"] = step.forced;
  int64_t version = step.version;
  for (int attempt = 1;; ++attempt) {
    auto updated = docker_.call(
        "POST", path_of(ObjectKind::Service, step.id) + "/update?version=" + std::to_string(version), body,
        headers);
    if (updated) return {};
    if (!is_out_of_sequence(updated.error()) || attempt == kUpdateAttempts) return std::move(updated).error();
    TRY_ASSIGN(std::optional<LiveObject> now, find_object(docker_, ObjectKind::Service, step.object.name));
    if (now) version = now->version;
  }
}

Result<> ObjectWriter::remove(ObjectKind kind, const std::string& id) {
  auto removed = docker_.call("DELETE", path_of(kind, id));
  if (removed || removed.error().kind() == ErrorKind::NotFound) return {};
  // The manager's own copy of a network can outlive the swarm's, and its removal then fails.
  if (kind == ObjectKind::Network && removed.error().text().ends_with("not found")) return {};
  return std::move(removed).error();
}

Result<> ObjectWriter::remove_unused(ObjectKind kind, const std::string& id, std::chrono::seconds limit) {
  auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    Result<> removed = remove(kind, id);
    if (removed && kind != ObjectKind::Network) return {};
    // The manager keeps its own copy of a network a little longer, and then refuses a new one of that name.
    if (removed && !docker_.call("GET", path_of(kind, id))) return {};
    if (removed && std::chrono::steady_clock::now() > end) return Error(ErrorKind::Timeout, "still in use");
    if (removed) {
      std::this_thread::sleep_for(kRetryPause);
      continue;
    }
    bool used = removed.error().text().find("in use") != std::string::npos ||
                removed.error().text().find("active endpoints") != std::string::npos;
    if (!used || std::chrono::steady_clock::now() > end) return removed;
    std::this_thread::sleep_for(kRetryPause);
  }
}

}  // namespace stack::targets::swarm
