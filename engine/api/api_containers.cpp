#include <algorithm>
#include <set>

#include "base/disk_usage.h"
#include "base/json.h"
#include "base/text.h"
#include "docker/container_body.h"
#include "docker/container_filter.h"
#include "docker/prune_filter.h"
#include "engine/api/dry_run.h"
#include "engine/api/api.h"
#include "engine/api/docker_view.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

// IDs of the image and of all images whose layers begin with its layers: its descendants in Docker's terms.
std::set<std::string> descendants_of(const Services& s, const std::string& name) {
  std::set<std::string> ids;
  const images::ImageStore& store = s.containers.parts().images;
  std::optional<images::Image> ancestor = store.find(name);
  if (!ancestor) return ids;
  const std::vector<std::string> layers = ancestor->diff_ids();
  for (const images::Image& image : store.list()) {
    const std::vector<std::string>& own = image.document.diff_ids;
    if (own.size() >= layers.size() && std::equal(layers.begin(), layers.end(), own.begin()))
      ids.insert(image.id);
  }
  return ids;
}

Result<docker::ContainerFilter> read_filter(const Services& s, const Request& request) {
  docker::ContainerFilter::Lookup lookup;
  lookup.created_at = [&s](const std::string& name) -> Result<std::string> {
    TRY_ASSIGN(ContainerPtr container, s.context.require_container(name));
    return container->created_at;
  };
  lookup.descendants = [&s](const std::string& image) { return descendants_of(s, image); };
  return docker::ContainerFilter::read(request.query.get("filters"), lookup);
}

// The containers that match a list request, newest first.
Result<std::vector<ContainerPtr>> select_containers(const Services& s, const Request& request) {
  TRY_ASSIGN(docker::ContainerFilter filter, read_filter(s, request));
  TRY_ASSIGN(int64_t limit, request.query.integer("limit", 0));
  bool all = request.query.flag("all") || limit > 0 || filter.wants_stopped();
  std::vector<ContainerPtr> chosen;
  for (const auto& [id, container] : s.context.containers)
    if (container->exists() && (all || container->alive()) && filter.matches(container_facts(s, *container)))
      chosen.push_back(container);
  std::sort(chosen.begin(), chosen.end(),
            [](const auto& a, const auto& b) { return a->created_at > b->created_at; });
  if (limit > 0 && chosen.size() > static_cast<size_t>(limit)) chosen.resize(static_cast<size_t>(limit));
  return chosen;
}

Task<> add_sizes(Services& s, const Container& container, Json& row) {
  auto work = [path = s.containers.facts().upper_directory(container)] { return directory_size(path); };
  std::optional<images::Image> image = s.containers.parts().images.find(container.image_id);
  int64_t own = co_await offload(s.context.pool, work);
  row["SizeRw"] = own;
  row["SizeRootFs"] = own + (image ? image->size : 0);
}

Task<> list_containers(Services& s, Request& request, Response& response) {
  Result<std::vector<ContainerPtr>> chosen = select_containers(s, request);
  if (!chosen) {
    response.error(chosen.error());
    co_return;
  }
  Json rows = Json::array();
  bool sizes = request.query.flag("size");
  for (const ContainerPtr& container : *chosen) {
    Json row = docker::container_summary(container_facts(s, *container), std::chrono::system_clock::now());
    if (sizes) co_await add_sizes(s, *container, row);
    rows.push_back(std::move(row));
  }
  response.json(200, rows);
}

// Clients look up the container of a shared namespace by ID, which does not change with a rename.
void show_container_ids(const Services& s, Json& details) {
  constexpr std::string_view kContainer = "container:";
  for (const char* name : {"NetworkMode", "IpcMode", "PidMode"}) {
    std::string mode = string_or(details["HostConfig"], name);
    if (!mode.starts_with(kContainer)) continue;
    Result<ContainerPtr> target = s.context.require_container(mode.substr(kContainer.size()));
    if (target) details["HostConfig"][name] = std::string(kContainer) + (*target)->id.text();
  }
}

Task<> inspect_container(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> container = s.context.require_container(request.param("id"));
  if (!container) {
    response.error(container.error());
    co_return;
  }
  Json details = docker::container_inspect(container_facts(s, **container), container_details(s, **container),
                                           request.version);
  show_container_ids(s, details);
  if (request.query.flag("size")) co_await add_sizes(s, **container, details);
  response.json(200, details);
}

// The requested `platform` must be the image's; without an image there is nothing to compare.
Result<> check_platform(const Services& s, const std::string& platform, const std::string& image_name) {
  std::optional<images::Image> image = s.containers.parts().images.find(image_name);
  if (platform.empty() || !image) return {};
  std::string own = image->document.os + "/" + image->document.architecture;
  std::vector<std::string> parts = split(platform, '/');
  std::string wanted =
      parts.size() == 1 ? (parts[0] == "linux" ? own : "linux/" + parts[0]) : parts[0] + "/" + parts[1];
  if (wanted == own) return {};
  return not_found("image with reference " + image_name + " was found but its platform (" + own +
                   ") does not match the specified platform (" + wanted + ")");
}

Task<> create_container(Services& s, Request& request, Response& response) {
  Result<Json> body = co_await request.body.read_json();
  Result<ContainerSpec> spec =
      body ? docker::container_from_json(*body) : Result<ContainerSpec>(body.error());
  if (!spec) {
    response.error(spec.error());
    co_return;
  }
  std::string platform = request.query.get("platform");
  if (Result<> fits = check_platform(s, platform, spec->image); !fits) {
    response.error(fits.error());
    co_return;
  }
  if (std::string name = request.query.get("name"); !name.empty())
    spec->name = name.starts_with('/') ? name.substr(1) : name;
  CreateOptions create_options;
  Result<ContainerPtr> made = co_await s.containers.create(std::move(*spec), create_options);
  if (!made) {
    response.error(made.error());
    co_return;
  }
  response.json(201, {{"Id", (*made)->id.text()}, {"Warnings", Json::array()}});
}

Task<> prune_containers(Services& s, Request& request, Response& response) {
  Result<docker::PruneFilter> filter =
      docker::PruneFilter::read(docker::FilterList::ContainersPrune, request.query.get("filters"));
  if (!filter) {
    response.error(filter.error());
    co_return;
  }
  std::vector<ContainerPtr> stopped;
  for (const auto& [id, container] : s.context.containers) {
    if (container->alive() || container->run || !container->exists()) continue;
    if (filter->fits(container->spec.labels, container->created_at)) stopped.push_back(container);
  }
  const DryRun dry_run = DryRun::of(request);
  Json deleted = Json::array();
  int64_t reclaimed = 0;
  for (const ContainerPtr& container : stopped) {
    auto work = [path = s.containers.facts().upper_directory(*container)] { return directory_size(path); };
    int64_t size = co_await offload(s.context.pool, work);
    Result<> removed;
    if (!dry_run) removed = co_await s.containers.remove(container, false, false);
    if (!removed) continue;  // started meanwhile
    deleted.push_back(container->id.text());
    reclaimed += size;
  }
  if (!dry_run) s.context.events.publish("container", "prune", "", {{"reclaimed", std::to_string(reclaimed)}});
  response.json(200, {{"ContainersDeleted", deleted}, {"SpaceReclaimed", reclaimed}});
}

// For requests about one container: finds it, or responds with 404.
ContainerPtr container_of(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> found = s.context.require_container(request.param("id"));
  if (found) return *found;
  response.error(found.error());
  return nullptr;
}

void answer(Response& response, const Result<>& result) {
  if (result) {
    response.no_content();
  } else {
    response.error(result.error());
  }
}

void answer(Response& response, const Result<bool>& result) {
  if (result) {
    response.no_content(*result ? 204 : 304);
  } else {
    response.error(result.error());
  }
}

std::optional<std::chrono::seconds> timeout_of(const Request& request) {
  Result<int64_t> seconds = request.query.integer("t", INT64_MIN);
  if (!seconds || *seconds == INT64_MIN) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

ContainerService::Condition condition_of(const Request& request) {
  std::string wanted = request.query.get("condition", "not-running");
  if (wanted == "next-exit") return ContainerService::Condition::NextExit;
  return wanted == "removed" ? ContainerService::Condition::Removed : ContainerService::Condition::NotRunning;
}

Task<> wait_container(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> container = s.context.require_container(request.param("id"));
  std::optional<int> removed = s.containers.exit_code_of_removed(request.param("id"));
  if (!container && !removed) {
    response.error(container.error());
    co_return;
  }
  // Clients call this before the start; the immediate header tells them that the wait has begun.
  Result<> started = co_await response.start(200, "application/json");
  if (!started) co_return;
  std::stop_source gone;
  request.on_client_gone([gone]() mutable { gone.request_stop(); });
  Result<int> code = removed.value_or(0);
  if (container) code = co_await s.containers.wait(*container, condition_of(request), gone.get_token());
  if (gone.stop_requested()) co_return;
  Json body{{"StatusCode", code ? *code : -1}};
  if (!code) body["Error"] = {{"Message", code.error().text()}};
  (void)co_await response.write_line(body);
}

Task<> update_container(Services& s, Request& request, Response& response) {
  ContainerPtr container = container_of(s, request, response);
  if (!container) co_return;
  Result<Json> body = co_await request.body.read_json();
  if (body && !body->is_object()) body = invalid("a JSON object is expected");
  // The body is the changeable part of a HostConfig.
  Result<ContainerSpec> spec =
      body ? docker::container_from_json({{"Image", container->spec.image}, {"HostConfig", *body}})
           : Result<ContainerSpec>(body.error());
  if (!spec) {
    response.error(spec.error());
    co_return;
  }
  std::optional<RestartSpec> restart;
  if (auto policy = body->find("RestartPolicy");
      policy != body->end() && policy->is_object() && !string_or(*policy, "Name").empty())
    restart = spec->restart;
  Result<> done = co_await s.containers.update(container, std::move(spec->resources), std::move(restart));
  if (done) {
    response.json(200, {{"Warnings", Json::array()}});
  } else {
    response.error(done.error());
  }
}

}  // namespace

void add_container_routes(http::Router& router, Services& s) {
  router.get("/containers/json",
             [&s](Request& q, Response& r) -> Task<> { co_await list_containers(s, q, r); });
  router.post("/containers/create",
              [&s](Request& q, Response& r) -> Task<> { co_await create_container(s, q, r); });
  router.post("/containers/prune",
              [&s](Request& q, Response& r) -> Task<> { co_await prune_containers(s, q, r); });
  router.get("/containers/{id}/json",
             [&s](Request& q, Response& r) -> Task<> { co_await inspect_container(s, q, r); });
  router.post("/containers/{id}/start", [&s](Request& q, Response& r) -> Task<> {
    ContainerPtr container = container_of(s, q, r);
    if (!container) co_return;
    Result<bool> done = co_await s.containers.start(container);
    // docker run derives its exit codes 126 and 127 from the text of a 400.
    if (!done &&
        (done.error().kind() == ErrorKind::NoCommand || done.error().kind() == ErrorKind::NotExecutable)) {
      r.error(400, done.error().text());
      co_return;
    }
    answer(r, done);
  });
  router.post("/containers/{id}/stop", [&s](Request& q, Response& r) -> Task<> {
    ContainerPtr container = container_of(s, q, r);
    if (!container) co_return;
    Result<bool> done = co_await s.containers.stop(container, timeout_of(q), q.query.get("signal"));
    answer(r, done);
  });
  router.post("/containers/{id}/restart", [&s](Request& q, Response& r) -> Task<> {
    ContainerPtr container = container_of(s, q, r);
    if (!container) co_return;
    Result<> done = co_await s.containers.restart(container, timeout_of(q));
    answer(r, done);
  });
  router.post("/containers/{id}/kill", [&s](Request& q, Response& r) -> Task<> {
    ContainerPtr container = container_of(s, q, r);
    if (!container) co_return;
    Result<> done = co_await s.containers.kill(container, q.query.get("signal", "SIGKILL"));
    answer(r, done);
  });
  router.post("/containers/{id}/pause", [&s](Request& q, Response& r) -> Task<> {
    ContainerPtr container = container_of(s, q, r);
    if (!container) co_return;
    Result<> done = co_await s.containers.pause(container);
    answer(r, done);
  });
  router.post("/containers/{id}/unpause", [&s](Request& q, Response& r) -> Task<> {
    ContainerPtr container = container_of(s, q, r);
    if (!container) co_return;
    Result<> done = co_await s.containers.unpause(container);
    answer(r, done);
  });
  router.post("/containers/{id}/update",
              [&s](Request& q, Response& r) -> Task<> { co_await update_container(s, q, r); });
  router.post("/containers/{id}/rename", [&s](Request& q, Response& r) -> Task<> {
    ContainerPtr container = container_of(s, q, r);
    if (!container) co_return;
    std::string name = q.query.get("name");
    if (name == container->spec.name || name == "/" + container->spec.name)
      co_return r.error(invalid("Renaming a container with the same name as its current name"));
    Result<> done = co_await s.containers.rename(container, std::move(name));
    answer(r, done);
  });
  router.post("/containers/{id}/resize", [&s](Request& q, Response& r) -> Task<> {
    ContainerPtr container = container_of(s, q, r);
    if (!container) co_return;
    Result<int64_t> rows = q.query.integer("h", 24);
    Result<int64_t> columns = q.query.integer("w", 80);
    if (!rows || !columns || *rows < 0 || *columns < 0 || *rows > UINT16_MAX || *columns > UINT16_MAX) {
      r.error(400, "h and w must be numbers from 0 to 65535");
      co_return;
    }
    Result<> done = s.containers.streams().resize(container, static_cast<uint16_t>(*rows),
                                                  static_cast<uint16_t>(*columns));
    if (done) {
      r.no_content(200);
    } else {
      r.error(done.error());
    }
  });
  router.post("/containers/{id}/wait",
              [&s](Request& q, Response& r) -> Task<> { co_await wait_container(s, q, r); });
  router.del("/containers/{id}", [&s](Request& q, Response& r) -> Task<> {
    ContainerPtr container = container_of(s, q, r);
    if (!container) co_return;
    if (q.query.flag("link")) {
      r.error(409, "Conflict, cannot remove the default link name of the container");
      co_return;
    }
    Result<> done = co_await s.containers.remove(container, q.query.flag("force"), q.query.flag("v"));
    answer(r, done);
  });
  router.del("/containers/{id}/{alias}", [&s](Request& q, Response& r) -> Task<> {
    std::string name = q.param("id") + "/" + q.param("alias");
    Result<> done = q.query.flag("link") ? s.containers.remove_link(q.param("id"), q.param("alias"))
                                         : Result<>(not_found("No such container: " + name));
    answer(r, done);
    co_return;
  });
}

}  // namespace stack::engine
