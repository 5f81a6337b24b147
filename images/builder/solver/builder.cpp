#include "images/builder/solver/builder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/files.h"
#include "base/identity.h"
#include "base/text.h"
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

Result<std::string> dockerfile_text(const BuildRequest& request, std::string& path) {
  if (request.dockerfile_inline) {
    path = "Dockerfile (inline)";
    return *request.dockerfile_inline;
  }
  path = absolute_path(request.context_directory, request.dockerfile);
  Result<std::string> text = read_file(path, size_t{16} << 20);
  if (!text && text.error().code() == ENOENT && request.dockerfile == "Dockerfile") {
    Result<std::string> other =
        read_file(absolute_path(request.context_directory, "dockerfile"), size_t{16} << 20);
    if (other) return other;
  }
  if (!text && text.error().code() == ENOENT)
    return not_found("failed to read dockerfile: " + path + ": no such file or directory");
  return text;
}

// What errors and warnings call it: as short as it is clear.
std::string shown_name(const BuildRequest& request, const std::string& path) {
  std::string prefix = request.context_directory + "/";
  return path.starts_with(prefix) ? path.substr(prefix.size()) : path;
}

Result<IgnoreRules> read_ignore_rules(const BuildRequest& request, const std::string& path) {
  if (request.context_directory.empty()) return IgnoreRules();
  std::vector<std::string> candidates;
  if (!request.dockerfile_inline) candidates.push_back(path + ".dockerignore");
  candidates.push_back(request.context_directory + "/.dockerignore");
  for (const std::string& candidate : candidates) {
    Result<std::string> text = read_file(candidate);
    if (text) return IgnoreRules::parse(*text).in(shown_name(request, candidate));
    if (text.error().code() != ENOENT) return std::move(text).error();
  }
  return IgnoreRules();
}

void add_platform_args(std::map<std::string, std::string>& args) {
  std::string architecture = images::host_architecture();
  for (const char* kind : {"BUILD", "TARGET"}) {
    args[std::string(kind) + "PLATFORM"] = "linux/" + architecture;
    args[std::string(kind) + "OS"] = "linux";
    args[std::string(kind) + "ARCH"] = architecture;
    args[std::string(kind) + "VARIANT"] = "";
  }
}

Expander global_expander(const BuildJob& job) {
  Expander out;
  out.escape = job.dockerfile.escape;
  out.variables = [&job](std::string_view name) -> std::optional<std::string> {
    auto found = job.global_args.find(std::string(name));
    if (found == job.global_args.end()) return std::nullopt;
    return found->second;
  };
  return out;
}

Result<> global_arg(BuildJob& job, const Instruction& instruction) {
  for (const std::string& word : instruction.words) {
    size_t equals = word.find('=');
    std::string name = word.substr(0, equals);
    auto given = job.request.args.find(name);
    if (given != job.request.args.end() && given->second) {
      job.global_args[name] = *given->second;
    } else if (equals != std::string::npos) {
      TRY_ASSIGN(std::string value, global_expander(job).word(word.substr(equals + 1)));
      job.global_args[name] = std::move(value);
    }
  }
  return {};
}

bool is_stage_name(std::string_view name) {
  if (name.empty() || name[0] < 'a' || name[0] > 'z') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string_view::npos;
}

// An earlier stage of this name or number.
std::optional<size_t> find_stage(const BuildJob& job, const std::string& name, size_t before,
                                 bool by_number) {
  std::string wanted = lower(name);
  for (size_t i = before; i-- > 0;)
    if (job.stages[i].name == wanted && !wanted.empty()) return i;
  if (by_number && is_all_digits(name) && name.size() < 6 && std::stoul(name) < before)
    return std::stoul(name);
  return std::nullopt;
}

Result<> begin_stage(BuildJob& job, const Instruction& instruction) {
  StagePlan stage;
  stage.index = job.stages.size();
  stage.from = &instruction;
  TRY_ASSIGN(stage.base, global_expander(job).word(instruction.words[0]));
  if (stage.base.empty()) return invalid("base name (" + instruction.words[0] + ") should not be blank");
  TRY_ASSIGN(Flags flags, Flags::parse(instruction, known_flags("from")));
  TRY_ASSIGN(stage.platform, global_expander(job).word(flags.value("platform")));
  if (instruction.words.size() == 3) {
    stage.name = lower(instruction.words[2]);
    if (!is_stage_name(stage.name))
      return invalid("invalid name for build stage: \"" + instruction.words[2] +
                     "\", name can't start with a number or contain symbols");
    if (find_stage(job, stage.name, job.stages.size(), false))
      job.emit({BuildEventKind::Warning, stage.name, 0, 0, 0,
                job.file_name + ":" + std::to_string(instruction.line) +
                    ": DuplicateStageName: duplicate name \"" + stage.name +
                    "\", stage names should be unique"});
  }
  if (!stage.name.empty() && job.context_of(stage.name)) {
    stage.base = stage.name;
    stage.replaced = true;
  }
  if (!job.context_of(stage.base)) stage.base_stage = find_stage(job, stage.base, stage.index, false);
  if (stage.base_stage) stage.needs.insert(*stage.base_stage);
  job.stages.push_back(std::move(stage));
  return {};
}

Result<> note_needs(BuildJob& job, StagePlan& stage, const Instruction& instruction) {
  const Instruction& inner = instruction.nested.empty() ? instruction : instruction.nested.front();
  TRY_ASSIGN(Flags flags, Flags::parse(inner, known_flags(inner.keyword)));
  std::vector<std::string> names;
  if (std::optional<std::string> from = flags.find("from")) names.push_back(*from);
  for (const std::string& mount : flags.all("mount")) {
    Result<MountOptions> options = parse_mount(mount);
    if (options && !options->from.empty()) names.push_back(options->from);
  }
  for (std::string& name : names) {
    if (Result<std::string> expanded = global_expander(job).word(name)) name = *expanded;
    if (job.context_of(name)) continue;
    if (lower(name) == stage.name && !stage.name.empty() && !find_stage(job, name, stage.index, false))
      return invalid("circular dependency detected on stage: " + stage.name);
    if (std::optional<size_t> needed = find_stage(job, name, stage.index, true)) stage.needs.insert(*needed);
  }
  return {};
}

Result<> plan_instruction(BuildJob& job, const Instruction& instruction) {
  TRY(check_instruction(instruction));
  if (instruction.keyword == "from") return begin_stage(job, instruction);
  if (job.stages.empty()) {
    if (instruction.keyword == "arg") return global_arg(job, instruction);
    return invalid("no build stage in current context: FROM must come first");
  }
  if (job.stages.back().replaced) return {};
  job.stages.back().instructions.push_back(&instruction);
  return note_needs(job, job.stages.back(), instruction);
}

Result<> plan_stages(BuildJob& job) {
  add_platform_args(job.global_args);
  for (const SourceWarning& warning : job.dockerfile.warnings)
    job.emit(
        {BuildEventKind::Warning, "", 0, 0, 0,
         job.file_name + ":" + std::to_string(warning.line) + ": " + warning.rule + ": " + warning.text});
  for (const Instruction& instruction : job.dockerfile.instructions)
    TRY(plan_instruction(job, instruction).in(job.file_name + ":" + std::to_string(instruction.line)));
  if (job.stages.empty()) return invalid(job.file_name + ": no build stage: a Dockerfile needs a FROM");
  return {};
}

Result<size_t> target_stage(const BuildJob& job) {
  const std::string& target = job.request.target;
  if (target.empty()) return job.stages.size() - 1;
  if (std::optional<size_t> found = find_stage(job, target, job.stages.size(), true)) return *found;
  std::vector<std::string> names;
  for (const StagePlan& stage : job.stages)
    if (!stage.name.empty()) names.push_back(stage.name);
  std::string near = nearest(target, names);
  return invalid(job.file_name + ": target stage \"" + target + "\" could not be found" +
                 (near.empty() ? "" : " (did you mean " + near + "?)"));
}

std::set<size_t> reachable(const BuildJob& job, size_t target) {
  std::set<size_t> out;
  std::vector<size_t> todo = {target};
  while (!todo.empty()) {
    size_t stage = todo.back();
    todo.pop_back();
    if (!out.insert(stage).second) continue;
    todo.insert(todo.end(), job.stages[stage].needs.begin(), job.stages[stage].needs.end());
  }
  return out;
}

void warn_unused_args(BuildJob& job) {
  std::set<std::string> declared;
  for (const Instruction& instruction : job.dockerfile.instructions)
    if (instruction.keyword == "arg")
      for (const std::string& word : instruction.words) declared.insert(word.substr(0, word.find('=')));
  std::vector<std::string> unused;
  for (const auto& [name, value] : job.request.args)
    if (!declared.contains(name) && !is_proxy_variable(name) && !name.starts_with("BUILDKIT_") &&
        !job.global_args.contains(name) && name != "SOURCE_DATE_EPOCH")
      unused.push_back(name);
  if (!unused.empty())
    job.emit({BuildEventKind::Warning, "", 0, 0, 0,
              "one or more build-args [" + join(unused, " ") + "] were not consumed"});
}

// --- running the stages ---

// A stage a thread; a stage waits where it first needs another. References only go backward: no deadlock.
Result<std::shared_ptr<const StageState>> run_stages(BuildJob& job, size_t target) {
  std::set<size_t> wanted = reachable(job, target);
  std::vector<std::promise<StageResult>> promises(job.stages.size());
  for (std::promise<StageResult>& promise : promises) job.results.push_back(promise.get_future().share());
  std::mutex mutex;
  std::optional<Error> first_error;
  auto work = [&](size_t index) {
    StageBuilder builder(job, job.stages[index]);
    StageResult result = builder.build();
    if (!result) {
      std::lock_guard guard(mutex);
      bool canceled = result.error().kind() == ErrorKind::Cancelled;
      bool only_canceled = first_error && first_error->kind() == ErrorKind::Cancelled;
      if (!first_error || (only_canceled && !canceled)) first_error = result.error();
      job.stop.request_stop();
    }
    promises[index].set_value(std::move(result));
  };
  std::vector<std::thread> threads;
  for (size_t index : wanted)
    if (index != target) threads.emplace_back(work, index);
  work(target);
  for (std::thread& thread : threads) thread.join();
  if (first_error) return std::move(*first_error);
  return job.results[target].get();
}

// --- the image ---

// Equal content gives the equal image, time stamps included: the first build decides about them.
Result<std::string> image_time(BuildCache& cache, const images::ImageDocument& document) {
  std::string key = KeyBuilder("image").add(images::to_json_text(document)).hex();
  if (std::optional<CacheRecord> known = cache.find(key)) return known->created;
  std::string now = rfc3339(std::chrono::system_clock::now());
  TRY(cache.put(key, {"", now}));
  return now;
}

Result<images::Image> make_image(BuildJob& job, const StageState& state, const std::vector<Reference>& tags) {
  images::ImageDocument document = state.document;
  document.created.clear();
  for (const auto& [name, value] : job.request.labels) document.config.labels[name] = value;
  TRY_ASSIGN(document.created, image_time(job.cache, document));
  for (size_t i = state.own_history; i < document.history.size(); ++i)
    if (document.history[i].created.empty()) document.history[i].created = document.created;
  return job.store.create_image(document, tags);
}

}  // namespace

Result<BuildResult> Builder::build(const BuildRequest& request, const BuildProgress& progress,
                                   std::stop_token stop) {
  std::vector<Reference> tags;
  for (const std::string& tag : request.tags) {
    TRY_ASSIGN(Reference reference, parse_reference(tag).in("tag " + tag));
    tags.push_back(std::move(reference));
  }
  BuildJob job(request, state_->store, state_->driver, *state_->cache, state_->options);
  job.progress = progress;
  std::stop_callback forward(stop, [&job] { job.stop.request_stop(); });
  std::string path;
  TRY_ASSIGN(std::string text, dockerfile_text(request, path));
  job.file_name = shown_name(request, path);
  TRY_ASSIGN(job.dockerfile, parse_dockerfile(text, job.file_name));
  TRY_ASSIGN(job.ignore, read_ignore_rules(request, path));
  TRY(plan_stages(job));
  TRY_ASSIGN(size_t target, target_stage(job));
  job.digests = std::make_unique<FileDigests>(state_->cache->directory() + "/files/" +
                                              sha256_hex(request.context_directory));
  job.digests->load();
  warn_unused_args(job);
  Result<std::shared_ptr<const StageState>> built = run_stages(job, target);
  Result<> saved = job.digests->save();
  if (!built) return std::move(built).error();
  TRY(std::move(saved));
  TRY_ASSIGN(images::Image image, make_image(job, **built, tags));
  if (state_->cache->trim_to(state_->options.cache_limit, state_->store))
    TRY(state_->store.collect_garbage());
  BuildResult result;
  result.image_id = image.id;
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
  TRY(state_->store.collect_garbage());
  return pruned;
}

std::vector<CacheEntry> Builder::cache_entries() const {
  return state_->cache->entries(state_->store, layers_of_images(state_->store));
}

}  // namespace stack::builder
