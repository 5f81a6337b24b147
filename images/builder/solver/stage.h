// Building one stage of a Dockerfile: its instructions in order, each a change of the configuration, a layer,
// or both.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/glob.h"
#include "base/result.h"
#include "images/builder/frontend/dockerfile.h"
#include "images/builder/frontend/flags.h"
#include "images/builder/frontend/lint.h"
#include "images/builder/frontend/words.h"
#include "images/builder/solver/builder.h"
#include "images/builder/solver/cache.h"
#include "images/builder/solver/remote_context.h"
#include "images/builder/worker/copy.h"
#include "images/layer/layer_view.h"
#include "images/store/platform.h"
#include "images/store/store.h"

namespace stack::builder {

// A FROM and the instructions that follow it.
struct StagePlan {
  size_t index = 0;
  std::string name;  // lower case, or ""
  const Instruction* from = nullptr;
  std::string base;             // FROM's argument, variables expanded
  images::Platform platform;    // of FROM --platform or of the build
  bool given_platform = false;  // one was given
  std::vector<const Instruction*> instructions;
  std::optional<size_t> base_stage;  // FROM names an earlier stage
  std::set<size_t> needs;            // all earlier stages it refers to
  bool replaced = false;             // a named context replaces it: its instructions are not run
  std::string label() const { return !name.empty() ? name : "stage-" + std::to_string(index); }
};

// A layer that this build created or found, for exported caches.
struct CachedStep {
  std::string key;
  CacheRecord record;
  images::LayerPin layer;  // nullptr if the step changed no file
  std::string instruction = {};
};

// The result of a stage so far.
struct StageState {
  images::ImageDocument document;
  std::vector<images::LayerPin> layers;  // bottom first
  std::string chain;                     // digest of everything that produced these layers
  bool ran_something = false;            // some step did not come from the cache
  std::vector<CachedStep> steps;         // added by this build
  images::Platform platform = images::host_platform();
  size_t own_history = 0;  // index of the first history entry that this build added
  std::map<std::string, std::optional<std::string>> args;  // declared in it or in its base stage
  bool knows_base = true;                                  // false in a check without the base image

  std::vector<std::string> layer_dirs() const;  // top first
};

// A cache of other builds.
struct ImportedCache {
  std::string shown;  // for messages
  std::unique_ptr<CacheSource> source;
  std::map<std::string, CacheRecord> records;  // by key
};

using StageResult = Result<std::shared_ptr<const StageState>>;

// Shared by all stages of one build.
struct BuildJob {
  BuildJob(const BuildRequest& wanted, images::ImageStore& images, RunDriver& runner, BuildCache& records,
           const BuilderOptions& builder_options)
      : request(wanted),
        store(images),
        driver(runner),
        cache(records),
        options(builder_options),
        contexts(wanted, images, builder_options, stop.get_token()) {}

  const BuildRequest& request;
  images::ImageStore& store;
  RunDriver& driver;
  BuildCache& cache;
  const BuilderOptions& options;
  std::stop_source stop;
  RemoteContexts contexts;
  std::string context_directory;  // of this machine; "" = none
  std::string file_name;          // of the Dockerfile, for errors
  Dockerfile dockerfile;
  std::string dockerfile_text;
  CheckConfig checks;
  std::map<std::string, std::string> global_args;
  images::Platform platform = images::host_platform();  // of the result
  std::optional<int64_t> epoch;                         // SOURCE_DATE_EPOCH: no time in the image is later
  std::vector<StagePlan> stages;
  int places = 0;                          // BuildEvent::places
  bool ignore_cache = false;               // for all stages
  std::atomic<bool> uses_network = false;  // some RUN may
  IgnoreRules ignore;
  std::unique_ptr<FileDigests> digests;
  std::vector<ImportedCache> imported;  // unchanged while stages run

  // The --build-context for this name: matched by the name itself, ignoring case, or by the reference that it
  // means. "target:NAME" is handled by stage_alias().
  std::optional<std::string> context_of(const std::string& name) const;
  std::string stage_alias(const std::string& name) const;  // `name` itself if it is not an alias

  // Waits for a stage and starts it if necessary. `stage` precedes the caller's stage.
  StageResult result_of(size_t stage) { return demand(stage); }
  std::function<StageResult(size_t stage)> demand;

  // BuildEvent::place of an instruction; 0 for a trigger of a base image.
  int place_number(const Instruction& instruction) const;
  // Thread-safe.
  void emit(BuildEvent event);
  int next_step() { return ++steps_; }
  // Unless the file disables the rule.
  void warn(const std::string& rule, int line, const std::string& text);
  std::vector<BuildWarning> warnings() const;
  void note_step(CachedStep step);
  std::vector<CachedStep> steps() const;
  // "<file>:<line>:<column>", for the error.
  std::string place(const Instruction& instruction, const Error& error) const {
    return file_name + ":" + position_of(dockerfile, instruction, error.text());
  }

  BuildProgress progress;

 private:
  std::optional<std::string> given_context(const std::string& name) const;

  mutable std::mutex progress_mutex_;
  std::atomic<int> steps_{0};
  std::vector<BuildWarning> warnings_;
  std::vector<CachedStep> made_;
};

class StageBuilder {
 public:
  // The source of a COPY or a mount, kept on disk while it is used.
  struct OpenedSource {
    std::vector<images::LayerPin> pins;
    std::unique_ptr<images::LayerView> view;
    CopySource source;
  };

  StageBuilder(BuildJob& job, const StagePlan& plan);
  ~StageBuilder();
  StageResult build();

 private:
  struct Step;  // one numbered step: reports progress

  Result<> from();
  Result<> from_stage(size_t index);
  Result<> from_directory(const std::string& name);
  Result<> from_scratch(const std::optional<std::string>& context);
  Result<> from_image(const std::optional<std::string>& context);
  // The image of a "docker-image://" or "oci-layout://" context; nullopt for another kind.
  Result<std::optional<images::Image>> context_image(const std::string& context);
  Result<> take_image(const images::Image& image);
  Result<images::Image> base_image(const std::string& name);
  Result<images::Image> find_base_image(const std::string& name, const Reference& reference);
  Result<> dispatch(const Instruction& instruction);
  Result<> trigger_onbuild();

  // Executes an instruction that only changes the configuration (stage_config.cpp).
  Result<bool> configure(const Instruction& instruction);
  Result<> arg(const Instruction& instruction);
  Result<> env(const Instruction& instruction);
  Result<> label(const Instruction& instruction);
  Result<> expose(const Instruction& instruction);
  Result<> volume(const Instruction& instruction);
  Result<> command(const Instruction& instruction);
  Result<> healthcheck(const Instruction& instruction);
  Result<> stop_signal(const Instruction& instruction);

  // Instructions that create layers.
  Result<> workdir(const Instruction& instruction);
  Result<> copy(const Instruction& instruction);
  Result<> run(const Instruction& instruction);

  struct CopyParts;
  struct ExtractedArchive;
  struct RemoteSource;
  Result<> read_copy(const Instruction& instruction, CopyParts& parts, std::vector<std::string>& words);
  Result<> find_remote(const Flags& flags, CopyParts& parts);
  Result<> plan_remote(CopyParts& parts, RemoteSource& remote, const std::string& scratch, bool unpack);
  Result<> plan_archive(CopyParts& parts, const images::LayerView& view, const std::string& path,
                        const std::string& scratch);
  Result<> plan_copy(CopyParts& parts, bool unpack, const std::string& scratch);
  Result<bool> take_archive(CopyParts& parts, const images::ViewEntry& entry, const std::string& scratch);
  // `from` "": the context.
  Result<> open_source(const std::string& from, OpenedSource& out);
  Result<std::vector<std::string>> layers_of(const std::string& from, std::vector<images::LayerPin>& pins);
  Result<std::vector<std::string>> layers_of_image(const std::string& name,
                                                   std::vector<images::LayerPin>& pins);
  Result<> copy_layer(const Instruction& instruction, CopyParts& parts, const std::string& digest,
                      const std::string& history, bool link);

  struct RunParts;
  Result<> prepare_run(const Instruction& instruction, RunParts& parts);
  Result<> prepare_mount(const MountOptions& mount, RunParts& parts);
  Result<> bind_mount(const MountOptions& mount, RunParts& parts);
  Result<> cache_mount(const MountOptions& mount, RunParts& parts);
  Result<> lock_caches(RunParts& parts);
  void lock_private_cache(const std::string& id, RunParts& parts);
  Result<> ensure_secret_directory(RunParts& parts);
  Result<> ssh_mount(const MountOptions& mount, RunParts& parts);
  Result<> secret_mount(const MountOptions& mount, RunParts& parts);
  Result<> prepare_trust(RunParts& parts);
  Result<> run_process(RunParts& parts, images::StagedLayer& staged, int step);
  std::map<std::string, std::string> proxies() const;
  std::vector<std::string> run_environment(const RunParts& parts) const;

  // A step that produces a layer: from the cache, or by `make` in a staged layer. `key` is the digest of everything
  // that it depends on.
  using MakeLayer = std::function<Result<>(images::StagedLayer& staged, int step)>;
  // `chain`: the new chain of the stage; "" = the key, which then includes the previous chain.
  Result<> layer_step(const Instruction& instruction, const std::string& key, const std::string& history,
                      const MakeLayer& make, const std::string& chain = {});
  bool apply_record(const std::string& key);
  void note_step(const std::string& key, const CacheRecord& record, images::LayerPin layer);
  void add_layer(images::LayerPin layer);
  void add_history(std::string text, bool empty, std::string created = {});
  bool use_cache() const;
  // The instructions since the last layer that made none.
  void tell_configured(bool cached);

  Expander expander();
  std::optional<std::string> variable(std::string_view name) const;
  void warn_unset(const Instruction& instruction);
  std::vector<std::string> shell() const;
  Result<const images::LayerView*> view();
  std::vector<std::string> arguments_in_scope() const;  // "K=V" of the ARGs visible to RUN

  BuildJob& job_;
  const StagePlan& plan_;
  std::shared_ptr<StageState> state_;
  images::ImageConfig& config();
  const images::ImageConfig& config() const;
  std::map<std::string, std::optional<std::string>> args_;  // declared here or in the base stage
  std::unique_ptr<images::LayerView> view_;
  bool cmd_set_ = false;
  bool created_ = false;  // the pending layer's step ran, it was not cached
  int number_ = 0;
  int total_ = 0;
  std::set<std::string> unset_;
  const Instruction* current_ = nullptr;
  std::vector<const Instruction*> configured_;  // not yet told
  std::set<size_t> needs_;                      // from the plan and from triggers
  bool knows_base_ = true;  // false: a check without the base image, so its variables are unknown
};

// "[web 2/5]"-counted instructions.
bool is_step(const Instruction& instruction);

// Removes the mount points that a RUN step's mounts left in its upper directory and that were not in the
// image before.
Result<> remove_mount_points(const images::LayerView& below, const std::string& upper,
                             const std::vector<std::string>& targets);

// Names of the variables that carry proxies: usable in RUN without a declaration, but not part of keys or images.
bool is_proxy_variable(std::string_view name);

}  // namespace stack::builder
