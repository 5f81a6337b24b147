// Images: lists, details, tags, removal, and archives of them.
#include <fcntl.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "docker/image_filter.h"
#include "docker/prune_filter.h"
#include "engine/api/dry_run.h"
#include "docker/transfer_message.h"
#include "engine/api/api.h"
#include "engine/api/body_file.h"
#include "engine/api/docker_view.h"
#include "engine/api/image_changes.h"
#include "engine/api/image_transfer.h"
#include "engine/api/thread_body.h"
#include "engine/api/thread_stream.h"
#include "images/archive/image_archive.h"
#include "images/layer/layer_unpack.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

images::ImageStore& store(Services& s) { return s.containers.parts().images; }

void publish(Services& s, const char* action, const std::string& id, const std::string& name) {
  s.context.events.publish("image", action, id, {{"name", name}});
}

Result<docker::ImageFilter> read_filter(Services& s, const Request& request) {
  return docker::ImageFilter::read(request.query.get("filters"),
                                   [&s](const std::string& name) -> Result<std::string> {
                                     TRY_ASSIGN(images::Image image, store(s).resolve(name));
                                     return image.created;
                                   });
}

Task<> list_images(Services& s, Request& request, Response& response) {
  Result<docker::ImageFilter> filter = read_filter(s, request);
  if (!filter) {
    response.error(filter.error());
    co_return;
  }
  Json rows = Json::array();
  for (images::Image image : store(s).list()) {
    if (!filter->matches({image.repo_tags, image.config().labels, image.created})) continue;
    image.repo_tags = filter->matching_tags(image.repo_tags);
    rows.push_back(store(s).summary_json(image));
  }
  response.json(200, rows);
}

Task<> inspect_image(Services& s, Request& request, Response& response) {
  Result<images::Image> image = store(s).resolve(request.param("name"));
  if (!image) {
    response.error(image.error());
    co_return;
  }
  Json details = store(s).inspect_json(*image);
  // Removed from the API in 1.45, but docker-compose 1.29 reads it with any version.
  images::ImageOrigin origin = images::origin_of(image->config_json);
  details["Container"] = origin.container;
  details["ContainerConfig"] = origin.container.empty() ? details["Config"] : origin.config;
  response.json(200, details);
}

Task<> image_history(Services& s, Request& request, Response& response) {
  Result<images::Image> image = store(s).resolve(request.param("name"));
  if (image) {
    response.json(200, store(s).history_json(*image));
  } else {
    response.error(image.error());
  }
  co_return;
}

Json removal_rows(Services& s, const images::RemovedImages& removed) {
  Json rows = Json::array();
  for (const std::string& tag : removed.untagged) {
    rows.push_back({{"Untagged", tag}});
    publish(s, "untag", tag, tag);
  }
  for (const std::string& id : removed.deleted) {
    rows.push_back({{"Deleted", id}});
    publish(s, "delete", id, id);
  }
  return rows;
}

Task<> remove_image(Services& s, Request& request, Response& response) {
  auto work = [&images = store(s), name = request.param("name"), force = request.query.flag("force"),
               users = image_users(s.context)] { return images.remove(name, force, users); };
  Result<images::RemovedImages> removed = co_await offload(s.context.pool, work);
  if (removed) {
    response.json(200, removal_rows(s, *removed));
  } else {
    response.error(removed.error());
  }
}

Task<> tag_image(Services& s, Request& request, Response& response) {
  Result<images::Image> image = store(s).resolve(request.param("name"));
  std::string tag = request.query.get("tag");
  Result<Reference> reference = parse_reference(request.query.get("repo") + (tag.empty() ? "" : ":" + tag));
  if (!image || !reference) {
    response.error(image ? reference.error() : image.error());
    co_return;
  }
  Result<> tagged = store(s).tag(image->id, *reference);
  if (tagged) {
    publish(s, "tag", image->id, reference->familiar());
    response.no_content(201);
  } else {
    response.error(tagged.error());
  }
}

// ---- prune ----

// The images that a prune would remove, and the bytes of their layers that no other image has.
Json prunable_images(const images::ImageStore& images, const images::PruneRequest& prune,
                     const std::set<std::string>& used) {
  std::set<std::string> kept;  // folders of layers
  std::set<std::string> freed;
  Json rows = Json::array();
  for (const images::Image& image : images.list()) {
    bool goes = (prune.all || image.repo_tags.empty()) && !used.contains(image.id) && prune.wanted(image);
    (goes ? freed : kept).insert(image.layer_dirs.begin(), image.layer_dirs.end());
    if (!goes) continue;
    for (const std::string& tag : image.repo_tags) rows.push_back({{"Untagged", tag}});
    rows.push_back({{"Deleted", image.id}});
  }
  int64_t bytes = 0;
  for (const std::string& folder : freed)
    if (!kept.contains(folder)) bytes += directory_size(folder);
  return {{"ImagesDeleted", rows.empty() ? Json() : rows}, {"SpaceReclaimed", bytes}};
}

std::set<std::string> used_images(const Context& context, const DryRun& dry_run) {
  std::set<std::string> used;
  for (const auto& [id, container] : context.containers)
    if (dry_run.counts(id)) used.insert(container->image_id);
  return used;
}

Task<> prune_images(Services& s, Request& request, Response& response) {
  Result<docker::PruneFilter> filter =
      docker::PruneFilter::read(docker::FilterList::ImagesPrune, request.query.get("filters"));
  Result<bool> dangling = filter ? filter->flag("dangling", true) : Result<bool>(filter.error());
  if (!dangling) {
    response.error(dangling.error());
    co_return;
  }
  images::PruneRequest prune;
  prune.all = !*dangling;
  prune.wanted = [filter = *filter](const images::Image& image) {
    return filter.fits(image.config().labels, image.created);
  };
  if (const DryRun dry_run = DryRun::of(request)) {
    auto look = [&images = store(s), prune, used = used_images(s.context, dry_run)] {
      return prunable_images(images, prune, used);
    };
    Json found = co_await offload(s.context.pool, look);
    response.json(200, found);
    co_return;
  }
  auto work = [&images = store(s), prune = std::move(prune), users = image_users(s.context)] {
    return images.prune(prune, users);
  };
  Result<images::RemovedImages> pruned = co_await offload(s.context.pool, work);
  if (!pruned) {
    response.error(pruned.error());
    co_return;
  }
  Json rows = removal_rows(s, *pruned);
  s.context.events.publish("image", "prune", "", {{"reclaimed", std::to_string(pruned->freed)}});
  response.json(200, {{"ImagesDeleted", rows.empty() ? Json() : rows}, {"SpaceReclaimed", pruned->freed}});
}

// ---- archives ----

Task<> save_images(Services& s, Response& response, std::vector<std::string> names) {
  std::vector<std::pair<std::string, std::string>> found;  // id, name
  for (const std::string& name : names) {
    Result<images::Image> image = store(s).resolve(name);
    if (!image) {
      response.error(image.error());
      co_return;
    }
    found.emplace_back(image->id, name);
  }
  if (found.empty()) {
    response.error(400, "no images named");
    co_return;
  }
  std::function<Result<>(const ByteSink&)> produce = [&images = store(s), names](const ByteSink& sink) {
    return images::save_images(images, names, sink);
  };
  co_await stream_from_thread(s.context.io, response, "application/x-tar", std::move(produce));
  for (const auto& [id, name] : found) publish(s, "save", id, name);
}

// The names of GET /images/get: several `names`, or several in one value.
std::vector<std::string> names_of(const Request& request) {
  std::vector<std::string> names;
  for (const std::string& value : request.query.all("names"))
    for (const std::string& name : split(value, ','))
      if (!name.empty()) names.push_back(name);
  return names;
}

std::string stream_line(const std::string& text) {
  return stack::to_text(Json{{"stream", text + "\n"}}) + "\r\n";
}

Task<> load_images(Services& s, Request& request, Response& response) {
  auto loaded = std::make_shared<std::vector<images::Image>>();
  auto load = [&images = store(s), loaded](const images::ByteSource& source) -> Result<> {
    TRY_ASSIGN(*loaded, images::load_images(images, source));
    return {};
  };
  Result<> done = co_await consume_body(s.context.io, request, load);
  if (!done) {
    // In the stream, like dockerd, whose response has already begun.
    response.body(200, "application/json",
                  docker::message_text(docker::error_message(done.error().text())) + "\r\n");
    co_return;
  }
  std::string lines;
  for (const images::Image& image : *loaded) {
    publish(s, "load", image.id, image.repo_tags.empty() ? image.id : image.repo_tags.front());
    if (image.repo_tags.empty()) lines += stream_line("Loaded image ID: " + image.id);
    for (const std::string& tag : image.repo_tags) lines += stream_line("Loaded image: " + tag);
  }
  response.body(200, "application/json", lines);
}

// The archive at `url` in an unnamed file. Blocks.
Result<Fd> download_archive(Services& s, const std::string& url, std::stop_token stop) {
  TRY_ASSIGN(images::StagedLayer staged, store(s).stage_layer());
  TRY(ensure_directory(staged.scratch_directory()));
  std::string path = staged.scratch_directory() + "/archive";
  Caller caller;
  caller.proxy = own_proxy_settings();
  TRY(s.registries.download(url, path, std::move(caller), stop));
  return open_file(path, O_RDONLY);
}

// The archive of `fromSrc`: the request's body, or what is at a URL.
Task<Result<Fd>> import_archive(Services& s, Request& request, std::string source) {
  if (source == "-") co_return co_await spool_body(request, s.context.paths.cache());
  if (source.find("://") == std::string::npos) source = "http://" + source;
  if (!source.starts_with("http://") && !source.starts_with("https://"))
    co_return invalid("cannot import from " + source + ": only http and https URLs are supported");
  std::stop_source gone;
  request.on_client_gone([gone]() mutable { gone.request_stop(); });
  auto work = [&s, source, stop = gone.get_token()] { return download_archive(s, source, stop); };
  co_return co_await offload(s.registries.threads(), std::move(work));
}

Task<Result<std::string>> import_image(Services& s, Request& request, std::string source) {
  Result<std::vector<Reference>> tags = tags_of(request);
  CO_TRY(tags);
  Result<std::vector<std::string>> changes = changes_of(request);
  CO_TRY(changes);
  Result<Fd> body = co_await import_archive(s, request, source);
  CO_TRY(body);
  auto held = std::make_shared<Fd>(std::move(*body));
  std::string message = request.query.get("message");
  auto work = [&images = store(s), held, message, source,
               tags = changes->empty() ? *tags : std::vector<Reference>()]() -> Result<images::Image> {
    images::ImportOptions options;
    options.comment = message.empty() ? "Imported from " + source : message;
    TRY_ASSIGN(images::ByteSource bytes, images::open_decompressed(held->get()));
    return images::import_rootfs(images, bytes, options, tags);
  };
  Result<images::Image> image = co_await offload(s.context.pool, work);
  CO_TRY(image);
  if (changes->empty()) co_return image->id;
  Result<std::string> changed = co_await apply_changes(s, image->id, *changes, *tags);
  // The image without the changes is not wanted, but stays if another import created and named the same one.
  if (!changed || *changed != image->id) {
    auto drop = [&images = store(s), id = image->id, users = image_users(s.context)] {
      std::optional<images::Image> plain = images.find(id);
      if (plain && plain->repo_tags.empty()) (void)images.remove(id, false, users);
      return true;
    };
    (void)co_await offload(s.context.pool, std::move(drop));
  }
  co_return changed;
}

// POST /images/create: an import if `fromSrc` is given, else a pull.
Task<> create_image(Services& s, Request& request, Response& response) {
  std::string source = request.query.get("fromSrc");
  if (!source.empty()) {
    Result<std::string> made = co_await import_image(s, request, source);
    if (!made) {
      response.error(made.error());
      co_return;
    }
    publish(s, "import", *made, request.query.get("repo", *made));
    response.body(200, "application/json", stack::to_text(Json{{"status", *made}}) + "\r\n");
    co_return;
  }
  if (request.query.get("fromImage").empty()) {
    response.error(400, "neither fromImage nor fromSrc is given");
    co_return;
  }
  co_await pull_image(s, request, response);
}

}  // namespace

void add_image_routes(http::Router& router, Services& s) {
  router.get("/images/json", [&s](Request& q, Response& r) -> Task<> { co_await list_images(s, q, r); });
  router.post("/images/create", [&s](Request& q, Response& r) -> Task<> { co_await create_image(s, q, r); });
  router.post("/images/load", [&s](Request& q, Response& r) -> Task<> { co_await load_images(s, q, r); });
  router.post("/images/prune", [&s](Request& q, Response& r) -> Task<> { co_await prune_images(s, q, r); });
  router.get("/images/get",
             [&s](Request& q, Response& r) -> Task<> { co_await save_images(s, r, names_of(q)); });
  router.get("/images/{name...}/get", [&s](Request& q, Response& r) -> Task<> {
    std::vector<std::string> names{q.param("name")};
    co_await save_images(s, r, std::move(names));
  });
  router.get("/images/{name...}/json",
             [&s](Request& q, Response& r) -> Task<> { co_await inspect_image(s, q, r); });
  router.get("/images/{name...}/history",
             [&s](Request& q, Response& r) -> Task<> { co_await image_history(s, q, r); });
  router.post("/images/{name...}/tag",
              [&s](Request& q, Response& r) -> Task<> { co_await tag_image(s, q, r); });
  router.del("/images/{name...}",
             [&s](Request& q, Response& r) -> Task<> { co_await remove_image(s, q, r); });
}

}  // namespace stack::engine
