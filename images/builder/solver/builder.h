// Dockerfile -> image.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "images/builder/attest/attestation.h"
#include "images/builder/solver/cache.h"
#include "images/builder/worker/run_driver.h"
#include "images/store/store.h"

namespace stack::builder {

struct BuildSecret {
  std::string id;
  std::string file;                  // host path, or
  std::optional<std::string> value;  // the content itself
  // Defaults for values that the mount does not set.
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::optional<uint32_t> mode;  // 0400
};

struct BuildSsh {
  std::string id;      // "default"
  std::string socket;  // of an SSH agent, on the host
};

// A source or destination of layers from other machines' builds: an image whose configuration also lists the steps
// that made its layers (build_cache_image.h).
struct CacheLocation {
  // Hosted: of a service that only exists in its own runners (GitHub Actions, S3, Azure); ignored with a warning.
  enum class Kind { Registry, Local, Inline, Hosted } kind = Kind::Registry;
  Reference reference;      // of Registry
  std::string directory;    // of Local: an OCI layout
  std::string service;      // of Hosted: "gha"
  bool all_stages = false;  // mode=max: also layers that are not in the image
  bool ignore_errors = false;
};
// "type=registry,ref=R[,mode=max]", "type=local,src=DIR" or "dest=DIR", "type=inline", or just a reference.
Result<CacheLocation> parse_cache_location(std::string_view text, bool is_target);

struct BuildRequest {
  // An absolute path, or the address of a git repository, or of a tar archive or a Dockerfile at an http(s) URL.
  // May be empty with an inline Dockerfile that copies nothing.
  std::string context_directory;
  // Relative to the context, or absolute. Ignored with dockerfile_inline.
  std::string dockerfile = "Dockerfile";
  std::optional<std::string> dockerfile_inline;
  // build.additional_contexts, for FROM, COPY --from and mounts: a directory ("/path"), an image
  // ("docker-image://ref", "oci-layout:///path:tag"), a git repository, a tar archive at an http(s) URL, or another
  // stage ("target:name"). The name takes precedence over a stage or image of that name.
  std::map<std::string, std::string> named_contexts;
  // nullopt: the value from proxy_environment, else unset, as with `--build-arg NAME`.
  std::map<std::string, std::optional<std::string>> args;
  std::string target;  // stage name or index; "" = the last one
  std::vector<Reference> tags;
  std::map<std::string, std::string> labels;
  bool no_cache = false;
  std::vector<std::string> no_cache_stages;  // build.no_cache_filter
  std::string caller;                        // identifies the caller to missing_image, in its own terms
  bool pull = false;                         // call missing_image even for local base images
  RunNetwork network = RunNetwork::Default;  // of RUN steps without --network
  std::string network_name;                  // with Default: an engine network instead of the builds' own
  std::vector<std::string> extra_hosts;      // "name:address"
  // HTTP_PROXY and the like, either case: visible in RUN, but not part of an image, its history, or a cache key.
  std::map<std::string, std::string> proxy_environment;
  // PEM bundle of the host, "" = none: mounted read-only in RUN steps and named by the usual variables.
  std::string extra_ca_bundle;
  // Lines of apt.conf(5) for RUN steps only (the host's proxy settings), "" = none.
  std::string apt_configuration;
  ByteSize shm_size{64 << 20};
  std::vector<RunUlimit> ulimits;
  std::vector<BuildSecret> secrets;
  std::vector<BuildSsh> ssh;
  bool allow_insecure = false;  // RUN --security=insecure (entitlement security.insecure)
  // RUN --network=host (entitlement network.host); `network` Host implies it.
  bool allow_host_network = false;
  // "linux/arm64"; "" = this machine's. RUN for another architecture requires an emulator (worker/foreign_platform.h).
  std::string platform;
  std::vector<CacheLocation> cache_from;
  bool only_cache_from = false;  // no cache at all where none of cache_from is available
  std::vector<CacheLocation> cache_to;
  // Require a tag: the names then refer to an index.
  std::vector<AttestationRequest> attestations;
  // Unverified facts of the caller for provenance: "vcs:source", "vcs:revision".
  std::map<std::string, std::string> vcs;
  bool check_only = false;  // only report probable mistakes; run nothing, create no image
};

// A finding of a build check.
struct BuildWarning {
  std::string rule;  // "StageNameCasing"
  std::string file;
  int line = 0;
  std::string text;
};

enum class BuildEventKind {
  StepStarted,  // text: the instruction as shown
  StepCached,   // taken from the cache (instead of StepDone)
  StepRunning,  // not in the cache
  Configured,  // text: an instruction that changes only the configuration; told before the next layer or at the end
  StepOutput,    // text: bytes of a RUN step's output
  StepDone,      // seconds
  StepFailed,    // text: the error
  StepCanceled,  // not run because another step failed
  Warning,       // text; from Dockerfile checks and the like
  Message,       // text about the whole build
};

struct BuildEvent {
  BuildEventKind kind = BuildEventKind::Message;
  std::string stage;  // its name or ""
  int step = 0;       // "#4": unique in this build, in order of start
  int number = 0;     // "[web 2/5]": place among the stage's steps ...
  int total = 0;      // ... and their count
  std::string text;
  bool is_stderr = false;
  double seconds = 0;
  int place = 0;        // of the instruction in the Dockerfile, from 1 ...
  int places = 0;       // ... and their count up to the end of the target
  bool cached = false;  // Configured: the layers below come from the cache
};

// The image of a cache, whose layers are fetched one by one when a step needs them. Thread-safe.
class CacheSource {
 public:
  virtual ~CacheSource() = default;
  // The configuration of the image.
  virtual const std::string& config() const = 0;
  // The layer with this diff id; it gets no name in the store. Blocks.
  virtual Result<images::LayerPin> layer(const std::string& diff_id) = 0;
};

// Called from any of the build's threads, never concurrently.
using BuildProgress = std::function<void(const BuildEvent&)>;

struct BuildResult {
  std::string image_id;  // "" after check_only
  std::string digest;    // of the manifest, or of the index with attestations, to which the tags refer
  std::vector<std::string> tags;  // familiar
  bool fully_cached = false;
  std::vector<BuildWarning> warnings;
};

// A file that was downloaded.
struct RemoteFile {
  std::string digest;    // "sha256:..."
  std::string name;      // from the address or the server; may be ""
  int64_t modified = 0;  // seconds since 1970; 0 = unknown
};

struct BuilderOptions {
  // Fetches an http(s) URL into the new file `path`. Absent: the builder has no network access.
  std::function<Result<RemoteFile>(const std::string& url, const std::string& path, const BuildRequest&,
                                   std::stop_token)>
      download;
  // For CacheLocation::Kind::Registry: open_cache() finds the cache's image, push() sends the image with this id to
  // the reference. Absent: such caches are refused.
  std::function<Result<std::unique_ptr<CacheSource>>(const Reference&, const BuildRequest&, std::stop_token)>
      open_cache;
  std::function<Result<>(const Reference&, const std::string& image_id, const BuildRequest&,
                         const BuildProgress&, std::stop_token)>
      push;
  // Called for a base image that is not in the store (with BuildRequest::pull, always): bootstraps or pulls it for the
  // platform, which is "" for this machine's; an image for another one gets no tag. Absent: such a FROM fails with "No
  // such image".
  std::function<Result<images::Image>(const Reference&, const std::string& platform, const BuildRequest&,
                                      const BuildProgress&, std::stop_token)>
      missing_image;
  // For secrets: a directory on a tmpfs that only this builder uses; emptied by create(), created with mode 0700
  // when needed. "" = /run/stack-build-<8 digits of the store root's digest>.
  std::string secret_directory;
  // Beyond this limit, the least recently used cache records and cache mounts are removed.
  ByteSize cache_limit{int64_t{20} << 30};
};

// The directory-independent part is the build cache, kept in <store root>/cache; one Builder per store.
// build() may be called from several threads at once.
class Builder {
 public:
  static Result<std::unique_ptr<Builder>> create(images::ImageStore& store, RunDriver& driver,
                                                 BuilderOptions options);
  ~Builder();
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  // Blocks. Errors begin with "<dockerfile>:<line>: "; the error of a RUN has its exit code and the last lines of
  // output. After a failure nothing is tagged and no staging is left; finished steps stay cached.
  Result<BuildResult> build(const BuildRequest& request, const BuildProgress& progress, std::stop_token stop);

  // `docker builder prune`, and the cache's part of `docker system df`.
  Result<CachePruned> prune_cache(const CachePruneRequest& request);
  std::vector<CacheEntry> cache_entries() const;

 private:
  struct State;
  explicit Builder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace stack::builder
