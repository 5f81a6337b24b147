// A container's files: archive (docker cp), changes (docker diff), export, commit.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "engine/api/api.h"
#include "engine/api/body_file.h"
#include "engine/api/image_changes.h"
#include "engine/api/thread_stream.h"
#include "engine/container/archive_path.h"
#include "images/archive/tree_tar.h"
#include "runtime/rootfs/rootfs_view.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

// A stopped container stays stopped while its files are open; a running one is not restricted.
Task<std::optional<CommandQueue::Turn>> hold_if_stopped(ContainerPtr container) {
  if (container->running()) co_return std::nullopt;
  Result<CommandQueue::Turn> turn = co_await container->commands.enter(CommandQueue::Kind::Steady);
  co_return turn ? std::optional(std::move(*turn)) : std::nullopt;
}

struct OpenedPath {
  runtime::ContainerFiles files;
  FoundPath found;
};

Task<Result<std::shared_ptr<OpenedPath>>> open_path(Services& s, ContainerPtr container, std::string path) {
  auto opener = s.containers.roots().files_of(*container);
  CO_TRY(opener);
  auto work = [open = *opener, path, id = container->id.text()]() -> Result<std::shared_ptr<OpenedPath>> {
    auto opened = std::make_shared<OpenedPath>();
    TRY_ASSIGN(opened->files, open());
    TRY_ASSIGN(opened->found, find_path(opened->files, path, id));
    return opened;
  };
  co_return co_await offload(s.context.pool, work);
}

// File systems that the runtime mounts in a running container are not its files: Docker's archive of the root
// contains them as empty directories.
std::set<std::string> hollow_directories(const OpenedPath& opened) {
  struct stat root{};
  struct stat dev{};
  struct stat found{};
  auto same = [&found](const struct stat& other) {
    return other.st_dev == found.st_dev && other.st_ino == found.st_ino;
  };
  if (::fstat(opened.files.root.get(), &root) != 0 || ::fstat(opened.found.fd.get(), &found) != 0) return {};
  if (same(root)) return {"dev", "proc", "sys"};
  bool mounted =
      ::fstatat(opened.files.root.get(), "dev", &dev, AT_SYMLINK_NOFOLLOW) == 0 && dev.st_dev != root.st_dev;
  if (mounted && same(dev)) return {"."};
  return {};
}

Task<> read_archive(Services& s, Request& request, Response& response, bool contents) {
  Result<ContainerPtr> container = s.context.require_container(request.param("id"));
  std::string path = request.query.get("path");
  if (!container || path.empty()) {
    response.error(!container ? container.error() : invalid("missing parameter: path"));
    co_return;
  }
  auto lock = co_await hold_if_stopped(*container);
  Result<std::shared_ptr<OpenedPath>> opened = co_await open_path(s, *container, path);
  if (!opened) {
    response.error(opened.error());
    co_return;
  }
  response.set_header("X-Docker-Container-Path-Stat", path_stat_header((*opened)->found.stat));
  if (!contents) {
    response.body(200, "application/json", "");
    co_return;
  }
  auto produce = [held = *opened](const ByteSink& sink) {
    return images::write_tree_tar(held->found.fd.get(), held->found.name, sink, hollow_directories(*held));
  };
  co_await stream_from_thread(s.context.io, response, "application/x-tar", produce);
  if (contents) s.context.publish(**container, "archive-path");
}

Task<Result<>> extract_into(Services& s, Request& request, ContainerPtr container) {
  std::string path = request.query.get("path");
  ExtractOptions options;
  options.no_overwrite_kinds = request.query.flag("noOverwriteDirNonDir");
  if (request.query.flag("copyUIDGID") && !container->spec.user.empty()) {
    Result<runtime::User> user = co_await s.containers.facts().resolve_user(container, container->spec.user);
    CO_TRY(user);
    options.override_owner = true;
    options.uid = user->uid;
    options.gid = user->gid;
  }
  Result<Fd> body = co_await spool_body(request, s.context.paths.container(container->id));
  CO_TRY(body);
  auto lock = co_await hold_if_stopped(container);
  auto opener = s.containers.roots().files_of(*container);
  CO_TRY(opener);
  auto held = std::make_shared<Fd>(std::move(*body));
  auto work = [open = *opener, held, path, options, id = container->id.text()]() -> Result<> {
    TRY_ASSIGN(runtime::ContainerFiles files, open());
    return extract_archive(files, path, held->get(), options, id);
  };
  co_return co_await offload(s.context.pool, work);
}

Task<> write_archive(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> container = s.context.require_container(request.param("id"));
  if (!container || request.query.get("path").empty()) {
    response.error(!container ? container.error() : invalid("missing parameter: path"));
    co_return;
  }
  Result<> done = co_await extract_into(s, request, *container);
  if (done) {
    s.context.publish(**container, "extract-to-dir");
    response.no_content(200);
  } else if (done.error().code() == EROFS) {
    response.error(403, "container rootfs or volume is marked read-only: " + done.error().text());
  } else {
    response.error(done.error());
  }
}

Task<> list_changes(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> container = s.context.require_container(request.param("id"));
  if (!container) {
    response.error(container.error());
    co_return;
  }
  auto work = [&s, held = *container] { return s.containers.roots().changes(*held); };
  Result<std::vector<images::LayerChange>> changes = co_await offload(s.context.pool, work);
  if (!changes) {
    response.error(changes.error());
    co_return;
  }
  Json rows = Json::array();
  for (const images::LayerChange& change : *changes)
    rows.push_back({{"Path", change.path}, {"Kind", static_cast<int>(change.kind)}});
  response.json(200, rows);
}

Task<> export_container(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> container = s.context.require_container(request.param("id"));
  Result<images::Image> image = container ? s.containers.parts().images.resolve((*container)->image_id)
                                          : Result<images::Image>(container.error());
  if (!image) {
    response.error(image.error());
    co_return;
  }
  // Without its mounts, as in Docker: only layers and changes.
  std::vector<std::string> layers = image->layer_dirs;
  std::string upper = s.containers.facts().upper_directory(**container);
  if (is_directory(upper)) layers.insert(layers.begin(), upper);
  auto open = [layers] { return layers.empty() ? Result<Fd>(Fd()) : runtime::open_rootfs_view(layers); };
  Result<Fd> view = co_await offload(s.context.pool, open);
  if (!view) {
    response.error(view.error());
    co_return;
  }
  auto held = std::make_shared<Fd>(std::move(*view));
  auto produce = [held](const ByteSink& sink) -> Result<> {
    if (!*held) return images::TarWriter(sink).finish();
    return images::write_tree_tar(held->get(), "", sink);
  };
  co_await stream_from_thread(s.context.io, response, "application/octet-stream", produce);
  s.context.publish(**container, "export");
}

// ---- commit ----

Task<> commit(Services& s, Request& request, Response& response) {
  Result<ContainerPtr> container = s.context.require_container(request.query.get("container"));
  Result<Json> body = co_await request.body.read_object();
  Result<std::vector<Reference>> tags = tags_of(request);
  Result<std::vector<std::string>> changes = changes_of(request);
  Result<> fine = !container ? Result<>(container.error()) : !body ? Result<>(body.error()) : Result<>();
  if (fine && !tags) fine = tags.error();
  if (fine && !changes) fine = changes.error();
  if (!fine) {
    response.error(fine.error());
    co_return;
  }
  CommitRequest wanted;
  wanted.comment = request.query.get("comment");
  wanted.author = request.query.get("author");
  wanted.pause = request.query.flag("pause", true);
  if (!body->empty()) wanted.overrides = *body;
  if (changes->empty()) wanted.tags = *tags;
  Result<images::Image> made = co_await s.containers.roots().commit(*container, wanted);
  Result<std::string> id = made ? Result<std::string>(made->id) : Result<std::string>(made.error());
  if (made && !changes->empty()) {
    id = co_await apply_changes(s, made->id, *changes, {});
    if (id) id = co_await keep_origin(s, *id, images::origin_of(made->config_json), *tags);
    // Without the changes nobody asked for it.
    auto drop = [&store = s.containers.parts().images, plain = made->id] { return store.discard(plain); };
    if (id) (void)co_await offload(s.context.pool, std::move(drop));
  }
  if (id) {
    response.json(201, {{"Id", *id}});
  } else {
    response.error(id.error());
  }
}

}  // namespace

void add_file_routes(http::Router& router, Services& s) {
  router.head("/containers/{id}/archive",
              [&s](Request& q, Response& r) -> Task<> { co_await read_archive(s, q, r, false); });
  router.get("/containers/{id}/archive",
             [&s](Request& q, Response& r) -> Task<> { co_await read_archive(s, q, r, true); });
  router.put("/containers/{id}/archive",
             [&s](Request& q, Response& r) -> Task<> { co_await write_archive(s, q, r); });
  router.get("/containers/{id}/changes",
             [&s](Request& q, Response& r) -> Task<> { co_await list_changes(s, q, r); });
  router.get("/containers/{id}/export",
             [&s](Request& q, Response& r) -> Task<> { co_await export_container(s, q, r); });
  router.post("/commit", [&s](Request& q, Response& r) -> Task<> { co_await commit(s, q, r); });
}

}  // namespace stack::engine
