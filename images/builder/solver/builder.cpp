#include "images/builder/solver/builder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/files.h"
#include "base/identity.h"
#include "base/text.h"
#include "images/builder/solver/attest_image.h"
#include "images/builder/solver/cache_image.h"
#include "images/builder/solver/plan.h"
#include "images/builder/solver/stage.h"

namespace stack::builder {

struct Builder::State {
  State(images::ImageStore& images, RunDriver& runner, BuilderOptions chosen,
        std::unique_ptr<BuildCache> records)
      : store(images), driver(runner), options(std::move(chosen)), cache(std::move(records)) {}
  images::ImageStore& store;
  RunDriver& driver;
  BuilderOptions options;
  std::unique_ptr<BuildCache> cache;
};

Builder::Builder(std::unique_ptr<State> state) : state_(std::move(state)) {}

Builder::~Builder() { state_->store.set_cache_hooks({}); }

Result<std::unique_ptr<Builder>> Builder::create(images::ImageStore& store, RunDriver& driver,
                                                 BuilderOptions options) {
  if (options.secret_directory.empty())
    options.secret_directory = "/run/stack-build-" + sha256_hex(store.root()).substr(0, 8);
  TRY(remove_tree(options.secret_directory).in("left-over secrets"));  // of a builder that was killed
  TRY_ASSIGN(std::unique_ptr<BuildCache> cache, BuildCache::open(store.root() + "/cache"));
  BuildCache* records = cache.get();
  store.set_cache_hooks(
      {[records] { return records->needed_layers(); },
       [records](const std::vector<std::string>& diff_ids) { records->forget_layers(diff_ids); }});
  std::unique_ptr<Builder> builder(
      new Builder(std::make_unique<State>(store, driver, std::move(options), std::move(cache))));
  TRY(store.collect_garbage());
  return builder;
}

namespace {

// --- reading the Dockerfile ---

constexpr size_t kLargestDockerfile = size_t{16} << 20;

// Reads a file of a repository or an archive; links must not lead to files of this machine.
Result<std::string> read_inside(const std::string& directory, const std::string& name) {
  TRY_ASSIGN(images::LayerView view, images::LayerView::open({directory}));
  TRY_ASSIGN(std::optional<std::string> text, view.read_file(name, kLargestDockerfile));
  if (!text) return Error::from_errno(name, ENOENT);
  return std::move(*text);
}

Result<std::string> read_named(const BuildJob& job, const std::string& path) {
  bool remote = job.context_directory != job.request.context_directory;
  if (remote && path.starts_with(job.context_directory + "/"))
    return read_inside(job.context_directory, path.substr(job.context_directory.size() + 1));
  return read_file(path, kLargestDockerfile);
}

Result<std::string> dockerfile_text(const BuildJob& job, std::string& path) {
  const BuildRequest& request = job.request;
  if (request.dockerfile_inline) {
    path = "Dockerfile (inline)";
    return *request.dockerfile_inline;
  }
  path = absolute_path(job.context_directory, request.dockerfile);
  Result<std::string> text = read_named(job, path);
  if (!text && text.error().code() == ENOENT && request.dockerfile == "Dockerfile") {
    Result<std::string> other = read_named(job, absolute_path(job.context_directory, "dockerfile"));
    if (other) return other;
  }
  if (!text && text.error().code() == ENOENT)
    return not_found("failed to read dockerfile: " + path + ": no such file or directory");
  return text;
}

// The name used in errors and warnings: short but clear.
std::string shown_name(const BuildJob& job, const std::string& path) {
  std::string prefix = job.context_directory + "/";
  return path.starts_with(prefix) ? path.substr(prefix.size()) : path;
}

Result<IgnoreRules> read_ignore_rules(const BuildJob& job, const std::string& path) {
  if (job.context_directory.empty()) return IgnoreRules();
  std::vector<std::string> candidates;
  if (!job.request.dockerfile_inline) candidates.push_back(path + ".dockerignore");
  candidates.push_back(job.context_directory + "/.dockerignore");
  for (const std::string& candidate : candidates) {
    Result<std::string> text = read_named(job, candidate);
    if (text) return IgnoreRules::parse(*text).in(shown_name(job, candidate));
    if (text.error().code() != ENOENT) return std::move(text).error();
  }
  return IgnoreRules();
}

Result<> read_checks(BuildJob& job) {
  auto given = job.request.args.find("BUILDKIT_DOCKERFILE_CHECK");
  bool by_argument = given != job.request.args.end() && given->second;
  TRY_ASSIGN(job.checks,
             parse_check_config(by_argument ? *given->second : job.dockerfile.check).in(job.file_name));
  return {};
}

// SOURCE_DATE_EPOCH: seconds since 1970.
Result<> read_epoch(BuildJob& job) {
  auto given = job.request.args.find("SOURCE_DATE_EPOCH");
  if (given == job.request.args.end() || !given->second || given->second->empty()) return {};
  if (!is_all_digits(*given->second) || given->second->size() > 11)
    return invalid("SOURCE_DATE_EPOCH must be a number of seconds, not: " + *given->second);
  job.epoch = std::stoll(*given->second);
  return {};
}

// --- running the stages ---

// Each stage has a thread, which waits when it first needs another stage. References only go backward, so there is
// no deadlock.
class StageRunner {
 public:
  explicit StageRunner(BuildJob& job) : job_(job), started_(job.stages.size()), promises_(job.stages.size()) {
    for (std::promise<StageResult>& promise : promises_) results_.push_back(promise.get_future().share());
    job.demand = [this](size_t stage) {
      begin(stage);
      return results_[stage].get();
    };
  }

  StageResult run(size_t target) {
    for (size_t index : reachable(job_, target)) begin(index);
    for (;;) {
      std::thread next;
      {
        std::lock_guard guard(mutex_);
        if (threads_.empty()) break;
        next = std::move(threads_.back());
        threads_.pop_back();
      }
      next.join();  // it may have started others meanwhile
    }
    if (first_error_) return std::move(*first_error_);
    return results_[target].get();
  }

 private:
  void begin(size_t index) {
    std::lock_guard guard(mutex_);
    if (started_[index]) return;
    started_[index] = true;
    threads_.emplace_back([this, index] { work(index); });
  }

  void work(size_t index) {
    StageResult result = StageBuilder(job_, job_.stages[index]).build();
    if (!result) {
      std::lock_guard guard(mutex_);
      bool canceled = result.error().kind() == ErrorKind::Canceled;
      bool only_canceled = first_error_ && first_error_->kind() == ErrorKind::Canceled;
      if (!first_error_ || (only_canceled && !canceled)) first_error_ = result.error();
      job_.stop.request_stop();
    }
    promises_[index].set_value(std::move(result));
  }

  BuildJob& job_;
  std::mutex mutex_;
  std::vector<bool> started_;
  std::vector<std::promise<StageResult>> promises_;
  std::vector<std::shared_future<StageResult>> results_;
  std::vector<std::thread> threads_;
  std::optional<Error> first_error_;
};

// --- the image ---

// Equal content gives an equal image including time stamps, which come from the first build, also if several builds end at
// the same time.
Result<std::string> image_time(BuildJob& job, const images::ImageDocument& document) {
  std::string key = KeyBuilder("image").add(images::to_json_text(document)).hex();
  BuildCache::KeyLock lock(job.cache, key, job.stop.get_token());
  if (!lock.held()) return Error(ErrorKind::Canceled, "build was canceled");
  if (std::optional<CacheRecord> known = job.cache.find(key)) return known->created;
  std::string now = rfc3339(std::chrono::system_clock::now());
  TRY(job.cache.put(key, {"", now}));
  return now;
}

std::string epoch_time(int64_t seconds) { return rfc3339(WallTime(std::chrono::seconds(seconds))); }

Result<images::Image> make_image(BuildJob& job, const StageState& state, const std::vector<Reference>& tags) {
  images::ImageDocument document = state.document;
  document.created.clear();
  for (const auto& [name, value] : job.request.labels) document.config.labels[name] = value;
  if (job.epoch) {
    document.created = epoch_time(*job.epoch);
  } else {
    TRY_ASSIGN(document.created, image_time(job, document));
  }
  for (size_t i = state.own_history; i < document.history.size(); ++i)
    if (document.history[i].created.empty() || job.epoch) document.history[i].created = document.created;
  if (!has_inline_cache(job.request)) return job.store.create_image(document, tags);
  TRY_ASSIGN(std::string config, with_cache_steps(images::to_json_text(document), state.steps));
  return job.store.create_image_from(config, tags);
}

// `error=true` of the checks.
Result<> fail_on_warnings(const BuildJob& job) {
  if (!job.checks.error) return {};
  std::vector<std::string> rules;
  for (const BuildWarning& warning : job.warnings())
    if (std::find(rules.begin(), rules.end(), warning.rule) == rules.end()) rules.push_back(warning.rule);
  if (rules.empty()) return {};
  return invalid(job.file_name + ": lint violation found for rules: " + join(rules, ", "));
}

// The number of instructions up to the end of the target stage.
int places_before_end(const BuildJob& job, size_t target) {
  const std::vector<Instruction>& all = job.dockerfile.instructions;
  const Instruction* end =
      target + 1 < job.stages.size() ? job.stages[target + 1].from : all.data() + all.size();
  return static_cast<int>(end - all.data());
}

// Everything before the first step.
Result<size_t> prepare(BuildJob& job, const BuildCache& cache) {
  TRY_ASSIGN(job.context_directory,
             job.contexts.directory(job.request.context_directory).in("build context"));
  std::string path;
  TRY_ASSIGN(std::string text, dockerfile_text(job, path));
  job.file_name = shown_name(job, path);
  TRY_ASSIGN(job.dockerfile, parse_dockerfile(text, job.file_name));
  job.dockerfile_text = std::move(text);
  TRY_ASSIGN(job.ignore, read_ignore_rules(job, path));
  TRY(read_checks(job));
  TRY(read_epoch(job));
  TRY(plan_stages(job));
  TRY_ASSIGN(size_t target, target_stage(job));
  job.places = places_before_end(job, target);
  job.digests =
      std::make_unique<FileDigests>(cache.directory() + "/files/" + sha256_hex(job.context_directory));
  job.digests->load();
  warn_unused_args(job);
  if (!job.request.check_only) TRY(fail_on_warnings(job));
  return target;
}

}  // namespace

Result<BuildResult> Builder::build(const BuildRequest& request, const BuildProgress& progress,
                                   std::stop_token stop) {
  const std::vector<Reference>& tags = request.tags;
  TRY(check_attestations(request));
  const WallTime start = std::chrono::system_clock::now();
  BuildJob job(request, state_->store, state_->driver, *state_->cache, state_->options);
  job.progress = progress;
  std::stop_callback forward(stop, [&job] { job.stop.request_stop(); });
  TRY_ASSIGN(size_t target, prepare(job, *state_->cache));
  job.ignore_cache = request.no_cache;
  if (!request.check_only && !request.no_cache) import_caches(job);
  StageResult built = StageRunner(job).run(target);
  Result<> saved = job.context_directory == request.context_directory ? job.digests->save() : Result<>();
  if (!built) return std::move(built).error();
  TRY(std::move(saved));
  BuildResult result;
  result.warnings = job.warnings();
  if (request.check_only) return result;
  TRY(fail_on_warnings(job));
  TRY_ASSIGN(images::Image image, make_image(job, **built, tags));
  TRY(attest_image(job, **built, image, tags, start));
  TRY(export_caches(job, **built));
  if (state_->cache->trim_to(state_->options.cache_limit, state_->store))
    TRY(state_->store.collect_garbage());
  result.image_id = image.id;
  TRY_ASSIGN(images::StoredManifest stored,
             state_->store.manifest_of(tags.empty() ? image.id : tags.front().full()));
  result.digest = stored.index.empty() ? stored.descriptor.digest : stored.index;
  for (const Reference& tag : tags) result.tags.push_back(tag.familiar());
  result.fully_cached = !(*built)->ran_something;
  return result;
}

namespace {

std::set<std::string> layers_of_images(const images::ImageStore& store) {
  std::set<std::string> out;
  for (const images::Image& image : store.list())
    out.insert(image.document.diff_ids.begin(), image.document.diff_ids.end());
  return out;
}

}  // namespace

Result<CachePruned> Builder::prune_cache(const CachePruneRequest& request) {
  CachePruned pruned = state_->cache->prune(request, state_->store, layers_of_images(state_->store));
  if (!request.only_report) TRY(state_->store.collect_garbage());
  return pruned;
}

std::vector<CacheEntry> Builder::cache_entries() const {
  return state_->cache->entries(state_->store, layers_of_images(state_->store));
}

}  // namespace stack::builder
