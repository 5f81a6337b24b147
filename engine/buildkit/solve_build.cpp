#include "engine/buildkit/solve_build.h"

#include <fcntl.h>

#include <algorithm>

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/buildkit/agent_forward.h"
#include "images/archive/image_archive.h"
#include "images/layer/layer_unpack.h"
#include "images/layer/view_tar.h"

namespace stack::engine {

namespace {

constexpr std::string_view kSessionContext = "http://buildkit-session/";
constexpr std::string_view kNamedContext = "context:";
constexpr std::string_view kLocalContext = "local:";
constexpr std::string_view kInputContext = "input:";

using Options = std::map<std::string, std::string>;

std::string option_or(const Options& options, const std::string& name, const std::string& fallback = {}) {
  auto found = options.find(name);
  return found == options.end() || found->second.empty() ? fallback : found->second;
}

// What a build holds while it runs. Its files vanish with it.
struct Workplace {
  explicit Workplace(images::StagedLayer staging) : staged(std::move(staging)) {}
  std::string path(const std::string& name) const { return staged.scratch_directory() + "/" + name; }

  images::StagedLayer staged;
  builder::BuildRequest request;
  std::string dockerfile_text;
  std::unique_ptr<RegistryService::Lease> lease;
  std::vector<std::unique_ptr<AgentForward>> agents;
};
using WorkplacePtr = std::shared_ptr<Workplace>;

// One build: the steps of build_job() in order.
struct Fetch {
  BuildkitParts parts;
  SessionPtr session;
  JobPtr job;
  Options options;
  WorkplacePtr place;

  asio::thread_pool& pool() { return parts.context.pool; }
  Task<Result<>> dockerfile();
  Task<Result<>> context();
  Task<Result<>> local_context(std::string folder, std::string directory, std::vector<std::string> exclude);
  Task<Result<>> streamed_context(std::string id);
  Task<Result<std::vector<std::string>>> excluded(std::string folder);
  Task<Result<>> named_contexts();
  Task<Result<>> secrets(std::vector<std::string> ids);
  Task<Result<>> agents(std::vector<std::string> ids);
  Task<> credentials(std::vector<std::string> images);
};

// The file lies in a folder of its own, which is absent where the whole context is remote: then it is in the context.
Task<Result<>> Fetch::dockerfile() {
  std::string file = option_or(options, "filename", "Dockerfile");
  place->request.dockerfile = clean_path("/" + file).substr(1);
  FolderRequest wanted{option_or(options, "dockerfilekey", "dockerfile"), {file, file + ".dockerignore"}, {}};
  Result<> synced = co_await session->sync(pool(), wanted, place->path("dockerfile"));
  if (!synced && synced.error().kind() == ErrorKind::NotFound && !option_or(options, "context").empty())
    co_return Result<>();
  CO_TRY(synced);
  std::string path = place->path("dockerfile") + "/" + place->request.dockerfile;
  Result<std::string> text = read_file(path);
  if (!text) co_return not_found("failed to read dockerfile: open " + file + ": no such file or directory");
  place->dockerfile_text = std::move(*text);
  place->request.dockerfile = path;
  co_return Result<>();
}

// A streamed context is an archive, or a Dockerfile on its own.
Task<Result<>> Fetch::streamed_context(std::string id) {
  std::string file = place->path("stream");
  std::string directory = place->path("context");
  Result<> received = co_await session->download(pool(), std::move(id), file);
  CO_TRY(received);
  auto work = [file, directory]() -> Result<> {
    TRY(ensure_directory(directory));
    TRY_ASSIGN(Fd stream, open_file(file, O_RDONLY));
    TRY_ASSIGN(bool archive, images::looks_like_tar(stream.get()));
    if (!archive) {
      TRY_ASSIGN(std::string text, read_all(stream.get()));
      return write_file(directory + "/Dockerfile", text);
    }
    TRY_ASSIGN(Fd root, open_file(directory, O_RDONLY | O_DIRECTORY));
    TRY_ASSIGN(images::ByteSource source, images::open_decompressed(stream.get()));
    images::TarReader reader(std::move(source));
    images::UnpackOptions unpack;
    unpack.whiteouts = false;
    unpack.keep_root = true;
    return images::unpack_tar(reader, root.get(), unpack);
  };
  Result<> unpacked = co_await offload(pool(), std::move(work));
  if (!unpacked) co_return std::move(unpacked).in("build context");
  place->request.context_directory = directory;
  // The Dockerfile is in it, too.
  place->dockerfile_text = read_file(directory + "/" + place->request.dockerfile).value_or("");
  co_return Result<>();
}

// The patterns beside the Dockerfile go first.
Task<Result<std::vector<std::string>>> Fetch::excluded(std::string folder) {
  std::string own = place->request.dockerfile + ".dockerignore";
  if (Result<std::string> text = read_file(own)) co_return ignore_patterns(*text);
  FolderRequest wanted{std::move(folder), {".dockerignore"}, {}};
  Result<> synced = co_await session->sync(pool(), std::move(wanted), place->path("ignore"));
  CO_TRY(synced);
  co_return ignore_patterns(read_file(place->path("ignore") + "/.dockerignore").value_or(""));
}

Task<Result<>> Fetch::local_context(std::string folder, std::string directory,
                                    std::vector<std::string> exclude) {
  builder::BuildEvent event;
  event.text = "load build context " + folder;
  feed_line(*job, {event.text, "output", event});
  FolderRequest wanted{std::move(folder), {}, std::move(exclude)};
  Result<> synced = co_await session->sync(pool(), std::move(wanted), std::move(directory));
  co_return synced;
}

Task<Result<>> Fetch::context() {
  std::string given = option_or(options, "context");
  if (given.starts_with(kSessionContext)) {
    Result<> streamed = co_await streamed_context(given.substr(kSessionContext.size()));
    co_return streamed;
  }
  if (!given.empty()) {
    place->request.context_directory = given;
    co_return Result<>();
  }
  std::string folder = option_or(options, "contextkey", "context");
  Result<std::vector<std::string>> exclude = co_await excluded(folder);
  CO_TRY(exclude);
  place->request.context_directory = place->path("context");
  Result<> synced = co_await local_context(folder, place->request.context_directory, std::move(*exclude));
  co_return synced;
}

Task<Result<>> Fetch::named_contexts() {
  for (const auto& [option, value] : options) {
    if (!option.starts_with(kNamedContext)) continue;
    std::string name = option.substr(kNamedContext.size());
    std::string target = value;
    if (value.starts_with(kInputContext)) {
      auto input = job->request.inputs.find(value.substr(kInputContext.size()));
      if (input == job->request.inputs.end())
        co_return unsupported("context " + name + ": only results of Dockerfiles are supported");
      target = "docker-image://" + input->second;
    }
    if (value.starts_with(kLocalContext)) {
      std::string folder = value.substr(kLocalContext.size());
      target = place->path("named-" + std::to_string(place->request.named_contexts.size()));
      std::vector<std::string> everything;
      Result<> synced = co_await local_context(folder, target, std::move(everything));
      if (!synced) co_return std::move(synced).in("context " + name);
    }
    place->request.named_contexts[name] = target;
  }
  co_return Result<>();
}

Task<Result<>> Fetch::secrets(std::vector<std::string> ids) {
  for (const std::string& id : ids) {
    Result<std::optional<std::string>> value = co_await session->secret(id);
    CO_TRY(value);
    if (*value) {
      builder::BuildSecret secret;
      secret.id = id;
      secret.value = std::move(**value);
      place->request.secrets.push_back(std::move(secret));
    }
  }
  co_return Result<>();
}

Task<Result<>> Fetch::agents(std::vector<std::string> ids) {
  for (const std::string& id : ids) {
    Result<> known = co_await session->check_agent(id);
    if (!known) continue;  // the step says so if it requires it
    std::string socket = place->path("agent-" + std::to_string(place->agents.size()));
    Result<std::unique_ptr<AgentForward>> forward = AgentForward::open(parts.context.io, socket, session, id);
    CO_TRY(forward);
    place->agents.push_back(std::move(*forward));
    place->request.ssh.push_back({id, socket});
  }
  co_return Result<>();
}

// Of every registry that the build may ask.
Task<> Fetch::credentials(std::vector<std::string> images) {
  for (const Reference& tag : place->request.tags) images.push_back(tag.full());
  for (const auto& caches : {place->request.cache_from, place->request.cache_to})
    for (const builder::CacheLocation& cache : caches)
      if (cache.kind == builder::CacheLocation::Kind::Registry) images.push_back(cache.reference.full());
  std::set<std::string> registries{"docker.io"};
  for (const std::string& image : images)
    if (Result<Reference> reference = parse_reference(image)) registries.insert(reference->domain);
  Caller caller;
  caller.proxy = own_proxy_settings();
  for (const std::string& registry : registries) {
    RegistryCredentials found = co_await session->credentials(registry);
    if (!found.empty()) caller.keyring[registry] = std::move(found);
  }
  place->lease = parts.registries.lend(std::move(caller));
  place->request.caller = place->lease->id();
}

// Everything that the builder needs.
Task<Result<>> fetch(Fetch& fetch) {
  Result<builder::BuildRequest> read = read_options(fetch.job->request, fetch.options);
  CO_TRY(read);
  fetch.place->request = std::move(*read);
  Result<> step = co_await fetch.dockerfile();
  CO_TRY(step);
  step = co_await fetch.context();
  CO_TRY(step);
  step = co_await fetch.named_contexts();
  CO_TRY(step);
  DockerfileNeeds needs = needs_of(fetch.place->dockerfile_text);
  step = co_await fetch.secrets(std::move(needs.secrets));
  CO_TRY(step);
  if (!needs.agents.empty() || fetch.place->request.context_directory.find("git") != std::string::npos)
    needs.agents.emplace_back("default");
  step = co_await fetch.agents(std::move(needs.agents));
  CO_TRY(step);
  co_await fetch.credentials(std::move(needs.images));
  co_return Result<>();
}

Task<Result<WorkplacePtr>> open_workplace(BuildkitParts parts) {
  auto work = [&store = parts.images]() -> Result<WorkplacePtr> {
    TRY_ASSIGN(images::StagedLayer staged, store.stage_layer());
    TRY(ensure_directory(staged.scratch_directory()));
    return std::make_shared<Workplace>(std::move(staged));
  };
  co_return co_await offload(parts.context.pool, std::move(work));
}

// Its files are removed on the pool.
Task<> close_workplace(BuildkitParts parts, WorkplacePtr place) {
  place->lease.reset();
  place->agents.clear();
  auto drop = [held = std::move(place)]() mutable {
    held.reset();
    return true;
  };
  (void)co_await offload(parts.context.pool, std::move(drop));
}

}  // namespace

Task<Result<>> build_job(BuildkitParts parts, SessionPtr session, JobPtr job) {
  Result<WorkplacePtr> place = co_await open_workplace(parts);
  CO_TRY(place);
  job->hidden_path = (*place)->path("dockerfile") + "/";
  Fetch needs{parts, session, job, job->request.options, *place};
  Result<> done = co_await fetch(needs);
  job->dockerfile = (*place)->dockerfile_text;
  needs.place.reset();
  if (done) {
    std::set<std::string> before;
    for (const images::Image& image : parts.images.list()) before.insert(image.id);
    BuildSink sink = [job](const BuildLine& line) { feed_line(*job, line); };
    auto built = co_await parts.builds.build((*place)->request, sink, job->stop.get_token());
    if (built && (*place)->request.check_only) {
      job->warnings = std::move(built->warnings);
    } else if (built) {
      job->image_id = built->image_id;
      job->image_is_new = !before.contains(built->image_id);
    } else {
      done = Error(built.error().error.kind(), shown_text(*job, built.error().error.text()));
    }
  }
  co_await close_workplace(parts, std::move(*place));
  co_return done;
}

// ---- results ----

namespace {

struct Export {
  BuildkitParts parts;
  SessionPtr session;
  JobPtr job;
  images::Image image;
  std::string folder;  // for the result's files

  Task<Result<>> to(SolveExporter exporter, int number);
  Task<Result<>> push(SolveExporter exporter);
  Result<> write_tree_tar(const std::string& path) const;
};

Result<> write_to(const std::string& path, const std::function<Result<>(const images::ByteSink&)>& produce) {
  TRY_ASSIGN(Fd file, open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  return produce([&](std::string_view bytes) { return write_all(file.get(), bytes); });
}

Result<> Export::write_tree_tar(const std::string& path) const {
  TRY_ASSIGN(std::vector<images::LayerPin> pins, parts.images.pin_layers(image));
  TRY_ASSIGN(images::LayerView view, images::LayerView::open(image.layer_dirs));
  return write_to(path, [&](const images::ByteSink& sink) { return images::write_view_tar(view, sink); });
}

Result<> unpack_file(const std::string& archive, const std::string& directory) {
  TRY(ensure_directory(directory));
  TRY_ASSIGN(Fd root, open_file(directory, O_RDONLY | O_DIRECTORY));
  TRY_ASSIGN(Fd file, open_file(archive, O_RDONLY));
  images::TarReader reader(images::source_of(file.get()));
  images::UnpackOptions options;
  options.whiteouts = false;
  options.keep_root = true;
  return images::unpack_tar(reader, root.get(), options);
}

Task<Result<>> Export::push(SolveExporter exporter) {
  std::set<std::string> asked;
  Caller caller;
  caller.proxy = own_proxy_settings();
  for (const std::string& name : split(exporter.attributes["name"], ',')) {
    Result<Reference> reference = parse_reference(name);
    CO_TRY(reference);
    if (asked.insert(reference->domain).second) {
      RegistryCredentials found = co_await session->credentials(reference->domain);
      if (!found.empty()) caller.keyring[reference->domain] = std::move(found);
    }
    builder::BuildEvent event;
    event.text = "push " + reference->familiar();
    feed_line(*job, {event.text, "output", event});
    RegistryService::Wanted wanted{reference->full(), "", caller};
    TransferSink quiet = [](const TransferEvent&) {};
    auto pushed = co_await parts.registries.push(std::move(wanted), std::move(quiet), job->stop.get_token());
    if (!pushed) co_return std::move(pushed).error().in("push " + reference->familiar());
  }
  co_return Result<>();
}

Task<Result<>> Export::to(SolveExporter exporter, int number) {
  const std::string& type = exporter.type;
  bool sends = session->offers("/moby.filesync.v1.FileSend/DiffCopy");
  bool archive = (type == "oci" || type == "docker") && sends;
  if (type == "moby" || type == "image" || (type == "docker" && !sends)) {
    Result<> pushed;
    // "moby" is the store alone: its clients push by themselves.
    bool pushes = type != "moby" && exporter.attributes["push"] == "true";
    if (pushes) pushed = co_await push(std::move(exporter));
    co_return pushed;
  }
  if (!archive && type != "tar" && type != "local")
    co_return unsupported("output type " + type + " is not supported");
  std::string file = folder + "/output-" + std::to_string(number);
  auto write = [self = *this, archive, file, local = type == "local"]() -> Result<> {
    if (archive) {
      std::string name = self.image.repo_tags.empty() ? self.image.id : self.image.repo_tags.front();
      return write_to(file, [&](const images::ByteSink& sink) {
        return images::save_images(self.parts.images, {name}, sink);
      });
    }
    TRY(self.write_tree_tar(file));
    return local ? unpack_file(file, file + "-tree") : Result<>();
  };
  Result<> written = co_await offload(parts.context.pool, std::move(write));
  CO_TRY(written);
  auto sending = type == "local" ? session->send_folder(parts.context.pool, file + "-tree", number)
                                 : session->send_file(parts.context.pool, file, number);
  Result<> sent = co_await std::move(sending);
  co_return sent;
}

}  // namespace

namespace {

// The full names that the exporters give to the image: "docker.io/library/shop:1".
std::string exported_names(const SolveRequest& request) {
  std::vector<std::string> names;
  for (const SolveExporter& exporter : request.exporters) {
    auto given = exporter.attributes.find("name");
    if (given == exporter.attributes.end()) continue;
    for (const std::string& name : split(given->second, ',')) {
      Result<Reference> reference = parse_reference(name);
      if (reference) names.push_back(reference->full());
    }
  }
  return join(names, ",");
}

}  // namespace

Task<Result<Options>> export_job(BuildkitParts parts, SessionPtr session, JobPtr job) {
  Options answer;
  std::optional<images::Image> image = job->image_id ? parts.images.find(*job->image_id) : std::nullopt;
  if (!image) co_return answer;
  Result<WorkplacePtr> place = co_await open_workplace(parts);
  CO_TRY(place);
  Export exports{parts, session, job, *image, (*place)->staged.scratch_directory()};
  Result<> done;
  bool keeps = false;
  int number = 0;
  for (const SolveExporter& exporter : job->request.exporters) {
    keeps = keeps || exporter.type == "moby" || exporter.type == "image" || exporter.type == "docker";
    if (done) done = co_await exports.to(exporter, number++);
  }
  job->drops_image = !keeps && job->image_is_new;
  co_await close_workplace(parts, std::move(*place));
  CO_TRY(done);
  // The image may have been pushed, which gives it its last manifest.
  if (std::optional<images::Image> last = parts.images.find(image->id)) image = last;
  answer["containerimage.config.digest"] = image->id;
  std::vector<std::string> names = image->repo_tags;
  Result<images::StoredManifest> stored = parts.images.manifest_of(names.empty() ? image->id : names.front());
  bool indexed = stored && !stored->index.empty();
  answer["containerimage.digest"] = indexed ? stored->index : image->manifest_digest;
  if (std::string given = exported_names(job->request); !given.empty()) answer["image.name"] = given;
  co_return answer;
}

}  // namespace stack::engine
