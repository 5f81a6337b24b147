// Resource usage and processes of containers: stats, top.
#include "engine/api/api.h"
#include "engine/container/container_stats.h"
#include "engine/container/process_list.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

// Waits for the next sample, or the end of the client or the container. false: ended.
struct Watcher {
  explicit Watcher(asio::io_context& io) : signal(io) {}
  Signal signal;
  bool gone = false;
};

Task<bool> next_tick(std::shared_ptr<Watcher> watcher, const Container& container) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (!watcher->gone && std::chrono::steady_clock::now() < deadline) {
    bool notified = co_await watcher->signal.wait_until(deadline);
    (void)notified;
  }
  co_return !watcher->gone && container.phase != Phase::Gone;
}

// Like in Docker, the first line of a stream has no previous sample.
void add_former(Json& sample, const Json& former) {
  sample["preread"] = former.is_null() ? Json(kZeroTime) : former["read"];
  sample["precpu_stats"] =
      former.is_null()
          ? Json{{"cpu_usage", {{"total_usage", 0}, {"usage_in_kernelmode", 0}, {"usage_in_usermode", 0}}},
                 {"throttling_data", {{"periods", 0}, {"throttled_periods", 0}, {"throttled_time", 0}}}}
          : former["cpu_stats"];
}

Task<> stats(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> found = s.context.require_container(request.param("id"));
  if (!found) {
    response.error(found.error());
    co_return;
  }
  ContainerPtr container = *found;
  bool stream = request.query.flag("stream", true);
  bool one_shot = request.query.flag("one-shot");
  if (stream && one_shot) {
    response.error(400, "cannot have stream=true and one-shot=true");
    co_return;
  }
  auto watcher = std::make_shared<Watcher>(s.context.io);
  request.on_client_gone([watcher] {
    watcher->gone = true;
    watcher->signal.notify_all();
  });
  Json former;
  if (!stream) {
    if (!one_shot && container->running()) {
      former = sample_stats(*container, s.containers);
      bool on = co_await next_tick(watcher, *container);
      if (!on) former = nullptr;
    }
    Json sample = sample_stats(*container, s.containers);
    add_former(sample, former);
    response.json(200, sample);
    co_return;
  }
  Result<> started = co_await response.start(200, "application/json");
  if (!started) co_return;
  bool on = true;
  while (on) {
    Json sample = sample_stats(*container, s.containers);
    add_former(sample, former);
    Result<> sent = co_await response.write_line(sample);
    if (!sent) co_return;
    former = std::move(sample);
    on = co_await next_tick(watcher, *container);
  }
}

Task<> top(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> container = s.context.require_container(request.param("id"));
  if (!container || !(*container)->running()) {
    bool restarting = container && (*container)->status() == ContainerStatus::Restarting;
    response.error(!container   ? container.error()
                   : restarting ? conflict("Container " + (*container)->id.text() +
                                           " is restarting, wait until the container is running")
                                : conflict("container " + (*container)->id.text() + " is not running"));
    co_return;
  }
  Result<std::vector<pid_t>> pids =
      s.containers.parts().cgroups.pids(s.containers.facts().cgroup_path(**container));
  if (!pids) {
    response.error(pids.error());
    co_return;
  }
  std::string options = request.query.get("ps_args");
  if (options.empty() || options == "-ef") {
    response.json(200, list_processes(*pids));
    co_return;
  }
  auto work = [options, wanted = *pids] { return run_ps(options, wanted); };
  Result<Json> listed = co_await offload(s.context.pool, work);
  if (listed) {
    response.json(200, *listed);
  } else {
    response.error(listed.error());
  }
}

}  // namespace

void add_stats_routes(http::Router& router, Services& s) {
  router.get("/containers/{id}/stats", [&s](Request& q, Response& r) -> Task<> { co_await stats(s, q, r); });
  router.get("/containers/{id}/top", [&s](Request& q, Response& r) -> Task<> { co_await top(s, q, r); });
}

}  // namespace stack::engine
