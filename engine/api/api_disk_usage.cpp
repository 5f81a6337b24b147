// GET /system/df: the disk usage of images, containers, and volumes.
#include <map>
#include <set>

#include "base/disk_usage.h"
#include "engine/api/api.h"
#include "engine/api/docker_view.h"
#include "volumes/volume.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

// Measured on the pool.
struct Sizes {
  std::map<std::string, int64_t> containers;  // by id
  std::map<std::string, int64_t> volumes;     // by name
  int64_t layers = 0;
  std::vector<builder::CacheEntry> cache;
};

int64_t size_of(const std::map<std::string, int64_t>& sizes, const std::string& key) {
  auto found = sizes.find(key);
  return found == sizes.end() ? 0 : found->second;
}

// The requested kinds of objects: the query's `type`, or all.
struct UsageKinds {
  explicit UsageKinds(const Request& request) {
    for (const std::string& type : request.query.all("type")) types.insert(type);
  }
  bool has(const char* type) const { return types.empty() || types.contains(type); }
  Result<> check() const {
    for (const std::string& type : types)
      if (type != "container" && type != "image" && type != "volume" && type != "build-cache")
        return invalid("unknown object type: " + type);
    return {};
  }
  std::set<std::string> types;
};

Json container_rows(const Services& s, const Sizes& sizes) {
  Json rows = Json::array();
  for (const auto& [id, container] : s.context.containers) {
    if (!container->exists()) continue;
    Json row = docker::container_summary(container_facts(s, *container), std::chrono::system_clock::now());
    row["SizeRw"] = size_of(sizes.containers, id.text());
    rows.push_back(std::move(row));
  }
  return rows;
}

Json image_rows(const Services& s) {
  std::map<std::string, int64_t> users;
  for (const auto& [id, container] : s.context.containers) ++users[container->image_id];
  Json rows = Json::array();
  for (const images::Image& image : s.containers.parts().images.list()) {
    Json row = s.containers.parts().images.summary_json(image);
    row["Containers"] = users[image.id];
    row["SharedSize"] = 0;
    rows.push_back(std::move(row));
  }
  return rows;
}

Json volume_rows(const Services& s, const Sizes& sizes) {
  Json rows = Json::array();
  for (const volumes::Volume& volume : s.containers.parts().volumes.list()) {
    Json row = volumes::volume_to_json(volume);
    row["UsageData"] = {{"Size", size_of(sizes.volumes, volume.name)},
                        {"RefCount", volume_users(s.context, volume.name).size()}};
    rows.push_back(std::move(row));
  }
  return rows;
}

Json cache_rows(const Sizes& sizes) {
  Json rows = Json::array();
  for (const builder::CacheEntry& entry : sizes.cache)
    rows.push_back({{"ID", entry.id},
                    {"Type", entry.is_mount ? "exec.cachemount" : "regular"},
                    {"Description", entry.is_mount ? "cache mount" : "result of a build step"},
                    {"InUse", entry.in_use},
                    {"Shared", entry.shared},
                    {"Size", entry.size},
                    {"CreatedAt", entry.created},
                    {"LastUsedAt", entry.last_used},
                    {"UsageCount", entry.uses}});
  return rows;
}

// The totals of one kind in API 1.52. `size` and `in_use` evaluate a row.
template <typename Size, typename InUse>
Json usage_json(Json rows, bool verbose, Size size, InUse in_use) {
  int64_t total = 0;
  int64_t reclaimable = 0;
  int active = 0;
  for (const Json& row : rows) {
    total += size(row);
    if (in_use(row))
      ++active;
    else
      reclaimable += size(row);
  }
  Json out{{"ActiveCount", active},
           {"TotalCount", rows.size()},
           {"Reclaimable", reclaimable},
           {"TotalSize", total}};
  if (verbose) out["Items"] = std::move(rows);
  return out;
}

void add_usage(const Json& legacy, bool verbose, Json& out) {
  auto member = [](const char* key) { return [key](const Json& row) { return int_or(row, key); }; };
  if (legacy.contains("Images")) {
    out["ImageUsage"] = usage_json(legacy["Images"], verbose, member("Size"),
                                   [](const Json& row) { return int_or(row, "Containers") > 0; });
    out["ImageUsage"]["TotalSize"] = legacy["LayersSize"];
  }
  if (legacy.contains("Containers"))
    out["ContainerUsage"] = usage_json(legacy["Containers"], verbose, member("SizeRw"), [](const Json& row) {
      std::string state = string_or(row, "State");
      return state == "running" || state == "paused" || state == "restarting";
    });
  if (legacy.contains("Volumes"))
    out["VolumeUsage"] = usage_json(
        legacy["Volumes"], verbose, [](const Json& row) { return int_or(row["UsageData"], "Size"); },
        [](const Json& row) { return int_or(row["UsageData"], "RefCount") > 0; });
  if (legacy.contains("BuildCache"))
    out["BuildCacheUsage"] = usage_json(legacy["BuildCache"], verbose, member("Size"),
                                        [](const Json& row) { return bool_or(row, "InUse"); });
}

Json disk_usage_json(const Services& s, const Sizes& sizes, const UsageKinds& kinds) {
  Json out = Json::object();
  if (kinds.has("image")) {
    out["LayersSize"] = sizes.layers;
    out["Images"] = image_rows(s);
  }
  if (kinds.has("container")) out["Containers"] = container_rows(s, sizes);
  if (kinds.has("volume")) out["Volumes"] = volume_rows(s, sizes);
  if (kinds.has("build-cache")) {
    out["BuildCache"] = cache_rows(sizes);
    // Shared layers count with the images.
    int64_t own = 0;
    for (const builder::CacheEntry& entry : sizes.cache) own += entry.shared ? 0 : entry.size;
    out["BuilderSize"] = own;
  }
  return out;
}

Task<Sizes> measure(Services& s, const UsageKinds& kinds) {
  std::map<std::string, std::string> containers;
  std::map<std::string, std::string> volumes;
  if (kinds.has("container"))
    for (const auto& [id, container] : s.context.containers)
      containers[id.text()] = s.containers.facts().upper_directory(*container);
  if (kinds.has("volume"))
    for (const volumes::Volume& volume : s.containers.parts().volumes.list())
      if (volume.options.empty())
        volumes[volume.name] = volume.mountpoint;  // others have no files of their own
  auto work = [containers, volumes, &images = s.containers.parts().images] {
    Sizes sizes;
    for (const auto& [id, path] : containers) sizes.containers[id] = directory_size(path);
    for (const auto& [name, path] : volumes) sizes.volumes[name] = directory_size(path);
    sizes.layers = images.usage().layers;
    return sizes;
  };
  Sizes sizes = co_await offload(s.context.pool, work);
  if (kinds.has("build-cache")) sizes.cache = co_await s.builds.cache_entries();
  co_return sizes;
}

Task<> disk_usage(Services& s, Request& request, Response& response) {
  UsageKinds kinds(request);
  Result<> known = kinds.check();
  if (!known) {
    response.error(known.error());
    co_return;
  }
  Sizes sizes = co_await measure(s, kinds);
  Json out = disk_usage_json(s, sizes, kinds);
  if (request.version >= 52) {
    Json legacy = out;
    // Only clients that explicitly request 1.52 expect the old members to be absent.
    if (request.versioned) out = Json::object();
    add_usage(legacy, request.query.flag("verbose"), out);
  }
  response.json(200, out);
}

}  // namespace

void add_disk_usage_routes(http::Router& router, Services& s) {
  router.get("/system/df", [&s](Request& q, Response& r) -> Task<> { co_await disk_usage(s, q, r); });
}

}  // namespace stack::engine
