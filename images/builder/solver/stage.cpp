#include "images/builder/solver/stage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "base/directory.h"
#include "base/files.h"
#include "base/text.h"
#include "images/builder/solver/cache_image.h"
#include "images/builder/solver/plan.h"

namespace stack::builder {

namespace {

constexpr const char* kDefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr const char* kComment = "stack.dockerfile.v0";
constexpr std::string_view kTargetPrefix = "target:";
constexpr std::string_view kImagePrefix = "docker-image://";
constexpr std::string_view kLayoutContext = "oci-layout://";

// An image without an architecture is for every platform.
bool is_for(const images::ImageDocument& document, const images::Platform& platform) {
  if (document.architecture.empty()) return true;
  return images::platform_distance(platform,
                                   images::normalized({document.os, document.architecture, document.variant}))
      .has_value();
}

}  // namespace

bool is_step(const Instruction& instruction) {
  return instruction.keyword == "run" || instruction.keyword == "copy" || instruction.keyword == "add" ||
         instruction.keyword == "workdir";
}

bool is_proxy_variable(std::string_view name) {
  std::string text = lower(name);
  return text == "http_proxy" || text == "https_proxy" || text == "ftp_proxy" || text == "no_proxy" ||
         text == "all_proxy";
}

std::vector<std::string> StageState::layer_dirs() const {
  std::vector<std::string> out;
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) out.push_back((*layer)->directory);
  return out;
}

std::optional<std::string> BuildJob::given_context(const std::string& name) const {
  Result<Reference> reference = parse_reference(name);
  for (const auto& [given, value] : request.named_contexts) {
    if (lower(given) == lower(name)) return value;
    Result<Reference> other = parse_reference(given);
    if (reference && other && *reference == *other) return value;
  }
  return std::nullopt;
}

std::optional<std::string> BuildJob::context_of(const std::string& name) const {
  std::optional<std::string> value = given_context(name);
  return value && value->starts_with(kTargetPrefix) ? std::nullopt : value;
}

std::string BuildJob::stage_alias(const std::string& name) const {
  std::optional<std::string> value = given_context(name);
  return value && value->starts_with(kTargetPrefix) ? value->substr(kTargetPrefix.size()) : name;
}

void BuildJob::emit(BuildEvent event) {
  std::lock_guard guard(progress_mutex_);
  if (progress) progress(event);
}

void BuildJob::warn(const std::string& rule, int line, const std::string& text) {
  if (!config_at(checks, dockerfile, line).wants(rule)) return;
  {
    std::lock_guard guard(progress_mutex_);
    warnings_.push_back({rule, file_name, line, text});
  }
  BuildEvent event;
  event.kind = BuildEventKind::Warning;
  event.text = file_name + ":" + std::to_string(line) + ": " + rule + ": " + text;
  emit(std::move(event));
}

std::vector<BuildWarning> BuildJob::warnings() const {
  std::lock_guard guard(progress_mutex_);
  std::vector<BuildWarning> out = warnings_;
  std::stable_sort(out.begin(), out.end(),
                   [](const BuildWarning& a, const BuildWarning& b) { return a.line < b.line; });
  return out;
}

int BuildJob::place_number(const Instruction& instruction) const {
  const std::vector<Instruction>& all = dockerfile.instructions;
  std::less<> before;  // a total order, also for an instruction of another list
  if (before(&instruction, all.data()) || !before(&instruction, all.data() + all.size())) return 0;
  return static_cast<int>(&instruction - all.data()) + 1;
}

void BuildJob::note_step(CachedStep step) {
  std::lock_guard guard(progress_mutex_);
  made_.push_back(std::move(step));
}

std::vector<CachedStep> BuildJob::steps() const {
  std::lock_guard guard(progress_mutex_);
  return made_;
}

// Reports the start and the end of a step.
struct StageBuilder::Step {
  Step(StageBuilder& builder, const std::string& text)
      : builder_(builder), start_(std::chrono::steady_clock::now()) {
    event_.stage = builder.plan_.name;
    event_.step = builder.job_.next_step();
    event_.number = ++builder.number_;
    event_.total = builder.total_;
    event_.text = text;
    event_.place = builder.job_.place_number(*builder.current_);
    event_.places = builder.job_.places;
    tell(BuildEventKind::StepStarted);
  }
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  void tell(BuildEventKind kind, std::string text = {}) {
    BuildEvent event = event_;
    event.kind = kind;
    if (!text.empty()) event.text = std::move(text);
    event.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    builder_.job_.emit(std::move(event));
  }

  Result<> end(Result<> result) {
    if (result) {
      tell(BuildEventKind::StepDone);
    } else if (result.error().kind() == ErrorKind::Canceled) {
      tell(BuildEventKind::StepCanceled);
    } else {
      tell(BuildEventKind::StepFailed, result.error().text());
    }
    return result;
  }

  int id() const { return event_.step; }

 private:
  StageBuilder& builder_;
  BuildEvent event_;
  std::chrono::steady_clock::time_point start_;
};

StageBuilder::StageBuilder(BuildJob& job, const StagePlan& plan)
    : job_(job), plan_(plan), state_(std::make_shared<StageState>()) {
  total_ = 1;
  for (const Instruction* instruction : plan.instructions) total_ += is_step(*instruction) ? 1 : 0;
}

StageBuilder::~StageBuilder() = default;

images::ImageConfig& StageBuilder::config() { return state_->document.config; }
const images::ImageConfig& StageBuilder::config() const { return state_->document.config; }

StageResult StageBuilder::build() {
  needs_ = plan_.needs;
  Result<> started = from();
  if (!started) return started.error().in(job_.place(*plan_.from, started.error()));
  for (const Instruction* instruction : plan_.instructions) {
    if (job_.stop.stop_requested()) return Error(ErrorKind::Canceled, "build was canceled");
    Result<> done = dispatch(*instruction);
    if (!done) return done.error().in(job_.place(*instruction, done.error()));
  }
  tell_configured(!state_->steps.empty() && !state_->ran_something);
  state_->args = args_;
  state_->knows_base = knows_base_;
  return std::shared_ptr<const StageState>(state_);
}

Result<> StageBuilder::dispatch(const Instruction& instruction) {
  current_ = &instruction;
  unset_.clear();
  TRY_ASSIGN(bool configured, configure(instruction));
  if (configured) {
    if (job_.place_number(instruction) > 0) configured_.push_back(&instruction);
  } else {
    if (instruction.keyword == "run") {
      TRY(run(instruction));
    } else if (instruction.keyword == "workdir") {
      TRY(workdir(instruction));
    } else {
      TRY(copy(instruction));
    }
  }
  warn_unset(instruction);
  return {};
}

// --- FROM ---

Result<> StageBuilder::from() {
  current_ = plan_.from;
  state_->platform = plan_.platform;
  if (plan_.base_stage) {
    Step step(*this, plan_.from->text);
    TRY(step.end(from_stage(*plan_.base_stage)));
    return trigger_onbuild();
  }
  std::optional<std::string> context = job_.context_of(plan_.base);
  bool names_image = context && (context->starts_with(kImagePrefix) || context->starts_with(kLayoutContext));
  if (plan_.base == "scratch" || (context && !names_image)) return from_scratch(context);
  TRY(from_image(context));
  return trigger_onbuild();
}

// Starts from nothing, or from the files of a context.
Result<> StageBuilder::from_scratch(const std::optional<std::string>& context) {
  Step step(*this, plan_.from->text);
  state_->document.architecture = plan_.platform.architecture;
  state_->document.variant = plan_.platform.variant;
  config().env = {kDefaultPath};
  config().working_dir = "/";
  KeyBuilder chain("scratch");
  if (!(plan_.platform == images::host_platform())) chain.add(images::platform_text(plan_.platform));
  state_->chain = chain.hex();
  TRY(step.end({}));
  return context && !job_.request.check_only ? from_directory(plan_.base) : Result<>();
}

Result<> StageBuilder::from_image(const std::optional<std::string>& context) {
  Step step(*this, plan_.from->text);
  if (job_.request.check_only && !context && !job_.store.find(plan_.base)) {
    knows_base_ = false;  // a check pulls nothing
    return step.end({});
  }
  Result<std::optional<images::Image>> given =
      context ? context_image(*context) : std::optional<images::Image>();
  if (!given) return step.end(given.error());
  Result<images::Image> image = *given ? Result<images::Image>(std::move(**given)) : base_image(plan_.base);
  return step.end(image ? take_image(*image) : Result<>(image.error()));
}

Result<std::optional<images::Image>> StageBuilder::context_image(const std::string& context) {
  if (context.starts_with(kLayoutContext)) {
    TRY_ASSIGN(images::Image image, job_.contexts.layout_image(context));
    return std::optional<images::Image>(std::move(image));
  }
  if (!context.starts_with(kImagePrefix)) return std::optional<images::Image>();
  TRY_ASSIGN(images::Image image, base_image(context.substr(kImagePrefix.size())));
  return std::optional<images::Image>(std::move(image));
}

Result<> StageBuilder::from_stage(size_t index) {
  StageResult base = job_.result_of(index);
  if (!base) return Error(ErrorKind::Canceled, "stage " + job_.stages[index].label() + " failed");
  *state_ = **base;
  args_ = state_->args;
  knows_base_ = state_->knows_base;
  return {};
}

// Uses a directory as the root file system: one layer with its contents.
Result<> StageBuilder::from_directory(const std::string& name) {
  OpenedSource source;
  TRY(open_source(name, source));
  CopyPlan plan;
  TRY(plan_source(source.source, "/", {}, plan));
  TRY_ASSIGN(std::string digest, digest_plan(plan));
  TRY_ASSIGN(images::LayerView nothing, images::LayerView::open({}));
  total_ += 1;
  auto make = [&](images::StagedLayer& staged, int) -> Result<> {
    CopyTarget target;
    target.base = &nothing;
    target.layer = staged.directory();
    target.destination = "/";
    target.destination_is_directory = true;
    return write_plan(plan, target);
  };
  std::string key = KeyBuilder("directory").add(state_->chain).add(digest).hex();
  return layer_step(*plan_.from, key, "FROM " + name, make);
}

Result<images::Image> StageBuilder::base_image(const std::string& name) {
  TRY_ASSIGN(Reference reference, parse_reference(name).in(name));
  TRY_ASSIGN(images::Image image, find_base_image(name, reference));
  // The registry's digest, if the image comes from one.
  std::string digest = image.manifest_digest;
  for (const std::string& known : image.repo_digests)
    if (known.starts_with(reference.familiar_name() + "@")) digest = known.substr(known.find('@') + 1);
  const images::ImageDocument& document = image.document;
  job_.contexts.note(
      {image_purl(reference.familiar_name(), reference.tag, document.os + "/" + document.architecture),
       "sha256", digest});
  return image;
}

Result<images::Image> StageBuilder::find_base_image(const std::string& name, const Reference& reference) {
  std::optional<images::Image> local = job_.store.find(name);
  bool fits = local && is_for(local->document, plan_.platform);
  if (fits && !job_.request.pull) return std::move(*local);
  if (local && !fits && plan_.given_platform) local.reset();
  if (job_.options.missing_image) {
    bool foreign = plan_.platform.architecture != images::host_platform().architecture;
    Result<images::Image> made = job_.options.missing_image(
        reference, foreign ? images::platform_text(plan_.platform) : std::string(), job_.request,
        [this](const BuildEvent& event) { job_.emit(event); }, job_.stop.get_token());
    if (made || !local) return made;
    BuildEvent event;
    event.kind = BuildEventKind::Warning;
    event.text = "cannot refresh " + name + ": " + made.error().text();
    if (fits) job_.emit(std::move(event));
  }
  if (local) return std::move(*local);
  std::vector<std::string> stages;
  for (const StagePlan& stage : job_.stages)
    if (!stage.name.empty()) stages.push_back(stage.name);
  std::string near = nearest(name, stages);
  return not_found("No such image: " + reference.familiar() +
                   (plan_.given_platform ? " for " + images::platform_text(plan_.platform) : "") +
                   (near.empty() ? "" : " (did you mean the stage " + near + "?)"));
}

Result<> StageBuilder::take_image(const images::Image& image) {
  TRY_ASSIGN(state_->layers, job_.store.pin_layers(image));
  state_->document = image.document;
  if (!is_for(image.document, plan_.platform))
    job_.warn("InvalidBaseImagePlatform", plan_.from->line,
              "base image " + plan_.base + " was pulled with platform \"linux/" +
                  image.document.architecture + "\", expected \"" + images::platform_text(plan_.platform) +
                  "\" for current build");
  if (state_->document.architecture.empty()) state_->document.architecture = plan_.platform.architecture;
  const images::ImageDocument& document = state_->document;
  state_->platform = images::normalized({document.os, document.architecture, document.variant});
  state_->own_history = image.document.history.size();
  state_->chain = KeyBuilder("layers").add(image.document.diff_ids).hex();
  return {};
}

Result<> StageBuilder::trigger_onbuild() {
  std::vector<std::string> triggers = std::move(config().on_build);
  config().on_build.clear();
  for (const std::string& trigger : triggers) {
    TRY_ASSIGN(Instruction instruction, parse_instruction(trigger, "ONBUILD"));
    instruction.line = instruction.end_line = plan_.from->line;
    TRY(check_instruction(instruction).in("ONBUILD " + trigger));
    TRY(note_needs(job_, plan_.index, plan_.name, instruction, needs_).in("ONBUILD " + trigger));
    total_ += is_step(instruction) ? 1 : 0;
    TRY(dispatch(instruction).in("ONBUILD"));
  }
  return {};
}

// --- variables ---

std::optional<std::string> StageBuilder::variable(std::string_view name) const {
  for (const std::string& entry : config().env)
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return entry.substr(name.size() + 1);
  auto arg = args_.find(std::string(name));
  return arg == args_.end() ? std::nullopt : arg->second;
}

Expander StageBuilder::expander() {
  Expander out;
  out.escape = job_.dockerfile.escape;
  out.variables = [this](std::string_view name) { return variable(name); };
  out.unset = &unset_;
  return out;
}

void StageBuilder::warn_unset(const Instruction& instruction) {
  for (const std::string& name : unset_) {
    if (args_.contains(name) || !knows_base_) continue;  // declared and deliberately without a value
    std::vector<std::string> known;
    for (const auto& [arg, value] : args_) known.push_back(arg);
    for (const std::string& entry : config().env) known.push_back(entry.substr(0, entry.find('=')));
    std::string near = nearest(name, known);
    job_.warn("UndefinedVar", instruction.line,
              "usage of undefined variable '$" + name + "'" +
                  (near.empty() ? "" : " (did you mean $" + near + "?)"));
  }
  unset_.clear();
}

std::vector<std::string> StageBuilder::shell() const {
  return config().shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : config().shell;
}

std::vector<std::string> StageBuilder::arguments_in_scope() const {
  std::vector<std::string> out;
  for (const auto& [name, value] : args_) {
    bool in_env =
        std::any_of(config().env.begin(), config().env.end(),
                    [&wanted = name](const std::string& entry) { return entry.starts_with(wanted + "="); });
    if (value && !in_env && !is_proxy_variable(name)) out.push_back(name + "=" + *value);
  }
  return out;
}

Result<const images::LayerView*> StageBuilder::view() {
  if (!view_) {
    TRY_ASSIGN(images::LayerView opened, images::LayerView::open(state_->layer_dirs()));
    view_ = std::make_unique<images::LayerView>(std::move(opened));
  }
  return view_.get();
}

// --- layers ---

bool StageBuilder::use_cache() const {
  const std::vector<std::string>& fresh = job_.request.no_cache_stages;
  return !job_.ignore_cache && std::none_of(fresh.begin(), fresh.end(), [this](const std::string& name) {
    return lower(name) == plan_.name || name == std::to_string(plan_.index);
  });
}

void StageBuilder::tell_configured(bool cached) {
  for (const Instruction* instruction : std::exchange(configured_, {})) {
    BuildEvent event;
    event.kind = BuildEventKind::Configured;
    event.stage = plan_.name;
    event.text = instruction->text;
    event.place = job_.place_number(*instruction);
    event.places = job_.places;
    event.cached = cached;
    job_.emit(std::move(event));
  }
}

void StageBuilder::note_step(const std::string& key, const CacheRecord& record, images::LayerPin layer) {
  CachedStep step{key, record, std::move(layer), current_->text};
  state_->steps.push_back(step);
  job_.note_step(std::move(step));
}

namespace {

// Limits the times of the layer's files to the caller's SOURCE_DATE_EPOCH.
Result<> limit_times(const std::string& path, int64_t epoch) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return Error::last_errno("stat " + path);
  if (S_ISDIR(info.st_mode)) {
    TRY_ASSIGN(std::vector<std::string> names, names_in(path));
    for (const std::string& name : names) TRY(limit_times(path + "/" + name, epoch));
  }
  if (info.st_mtim.tv_sec <= epoch) return {};
  timespec times[2] = {{epoch, 0}, {epoch, 0}};
  if (::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    return Error::last_errno("set time of " + path);
  return {};
}

}  // namespace

void StageBuilder::add_history(std::string text, bool empty, std::string created) {
  state_->document.history.push_back({std::move(created), std::move(text), kComment, "", empty});
}

void StageBuilder::add_layer(images::LayerPin layer) {
  state_->document.diff_ids.push_back(layer->diff_id);
  state_->layers.push_back(std::move(layer));
  view_.reset();
}

bool StageBuilder::apply_record(const std::string& key) {
  std::optional<CacheRecord> record = job_.cache.find(key);
  images::LayerPin layer = record ? job_.store.pin_layer(record->diff_id) : nullptr;
  if (record && !record->diff_id.empty() && !layer) {
    job_.cache.forget(key);
    record.reset();
  }
  if (!record) record = import_record(job_, key, layer);
  if (!record) return false;
  if (record->diff_id.empty()) {
    add_history("", true, record->created);
    note_step(key, *record, nullptr);
    return true;
  }
  note_step(key, *record, layer);
  add_layer(std::move(layer));
  add_history("", false, record->created);
  return true;
}

Result<> StageBuilder::layer_step(const Instruction& instruction, const std::string& content_key,
                                  const std::string& history, const MakeLayer& make,
                                  const std::string& chain) {
  std::string key =
      job_.epoch ? KeyBuilder("epoch").add(content_key).add(std::to_string(*job_.epoch)).hex() : content_key;
  Step step(*this, instruction.text);
  BuildCache::KeyLock lock(job_.cache, key, job_.stop.get_token());
  if (!lock.held()) return step.end(Error(ErrorKind::Canceled, "build was canceled"));
  if (use_cache() && apply_record(key)) {
    state_->document.history.back().created_by = history;
    state_->chain = chain.empty() ? key : chain;
    tell_configured(true);
    step.tell(BuildEventKind::StepCached);
    return {};
  }
  tell_configured(false);
  step.tell(BuildEventKind::StepRunning);
  auto work = [&]() -> Result<> {
    if (job_.stop.stop_requested()) return Error(ErrorKind::Canceled, "build was canceled");
    TRY_ASSIGN(images::StagedLayer staged, job_.store.stage_layer());
    TRY(make(staged, step.id()));
    if (job_.epoch) TRY(limit_times(staged.directory(), *job_.epoch));
    TRY_ASSIGN(images::LayerPin layer, job_.store.commit_layer(std::move(staged)));
    CacheRecord record{layer ? layer->diff_id : "", rfc3339(std::chrono::system_clock::now())};
    TRY(job_.cache.put(key, record));
    add_history(history, layer == nullptr, record.created);
    note_step(key, record, layer);
    if (layer) add_layer(std::move(layer));
    state_->chain = chain.empty() ? key : chain;
    state_->ran_something = true;
    return {};
  };
  return step.end(work());
}

Result<> StageBuilder::workdir(const Instruction& instruction) {
  TRY_ASSIGN(std::string path, expander().word(instruction.words[0]));
  if (path.empty()) return invalid("WORKDIR requires a path");
  std::string former = config().working_dir.empty() ? "/" : config().working_dir;
  config().working_dir = absolute_path(former, path);
  if (job_.request.check_only) return {};
  TRY_ASSIGN(const images::LayerView* base, view());
  TRY_ASSIGN(std::optional<images::ViewEntry> there, base->find(config().working_dir, true));
  std::string history = "WORKDIR " + config().working_dir;
  if (there && S_ISDIR(there->info.st_mode)) {
    tell_configured(!state_->steps.empty() && !state_->ran_something);
    Step step(*this, instruction.text);
    add_history(history, true);
    step.tell(BuildEventKind::StepCached);
    return {};
  }
  images::Owner owner;
  if (!config().user.empty()) {
    TRY_ASSIGN(owner, images::find_owner(*base, config().user));
  }
  KeyBuilder key("workdir");
  key.add(state_->chain)
      .add(config().working_dir)
      .add(std::to_string(owner.uid))
      .add(std::to_string(owner.gid));
  return layer_step(instruction, key.hex(), history, [&](images::StagedLayer& staged, int) -> Result<> {
    TRY_ASSIGN(bool made, write_directory(*base, staged.directory(), config().working_dir, owner));
    (void)made;
    return {};
  });
}

}  // namespace stack::builder
