#include "images/builder/solver/cache_image.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <set>

#include "base/directory.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "images/archive/image_archive.h"
#include "images/layer/layer_unpack.h"

namespace stack::builder {

namespace {

constexpr const char* kCacheMember = "stack.buildcache.v0";
constexpr size_t kMostSteps = 10000;

using Kind = CacheLocation::Kind;

void tell(BuildJob& job, BuildEventKind kind, std::string text) {
  BuildEvent event;
  event.kind = kind;
  event.text = std::move(text);
  job.emit(std::move(event));
}

std::string shown(const CacheLocation& location) {
  switch (location.kind) {
    case Kind::Registry:
      return "cache " + location.reference.full();
    case Kind::Local:
      return "cache " + location.directory;
    case Kind::Inline:
      return "inline cache";
    case Kind::Hosted:
      return "cache of type " + location.service;
  }
  return {};
}

// An image that is already in the store.
class StoredCache : public CacheSource {
 public:
  StoredCache(images::ImageStore& store, images::Image image) : store_(store), image_(std::move(image)) {}
  const std::string& config() const override { return image_.config_json; }
  Result<images::LayerPin> layer(const std::string& diff_id) override {
    images::LayerPin pin = store_.pin_layer(diff_id);
    return pin ? Result<images::LayerPin>(std::move(pin))
               : not_found("layer " + diff_id + " is not in the store");
  }

 private:
  images::ImageStore& store_;
  images::Image image_;
};

// An OCI layout on disk.
class LayoutCache : public CacheSource {
 public:
  LayoutCache(images::ImageStore& store, images::LayoutImage image)
      : store_(store), image_(std::move(image)) {}
  const std::string& config() const override { return image_.config; }
  Result<images::LayerPin> layer(const std::string& diff_id) override {
    std::lock_guard guard(mutex_);  // two stages may need the same one
    return images::load_layout_layer(store_, image_, diff_id);
  }

 private:
  images::ImageStore& store_;
  images::LayoutImage image_;
  std::mutex mutex_;
};

Result<std::unique_ptr<CacheSource>> open_cache(BuildJob& job, const CacheLocation& location) {
  if (location.kind == Kind::Local) {
    TRY_ASSIGN(images::LayoutImage image, images::find_in_layout(location.directory, "", ""));
    return std::make_unique<LayoutCache>(job.store, std::move(image));
  }
  if (location.kind == Kind::Hosted) return unsupported("it is not supported; ignoring it");
  const Reference& reference = location.reference;
  if (std::optional<images::Image> local = job.store.find(reference.full());
      local && job.request.only_cache_from)
    return std::make_unique<StoredCache>(job.store, std::move(*local));
  if (!job.options.open_cache) return unsupported("this builder has no registry access");
  return job.options.open_cache(reference, job.request, job.stop.get_token());
}

// Only the configuration is read; import_record() fetches layers.
Result<ImportedCache> import_cache(BuildJob& job, const CacheLocation& location) {
  ImportedCache out;
  out.shown = shown(location);
  TRY_ASSIGN(out.source, open_cache(job, location));
  TRY_ASSIGN(Json config, parse_json(out.source->config()));
  TRY_ASSIGN(images::ImageDocument document, images::parse_image_document(out.source->config()));
  std::set<std::string> layers(document.diff_ids.begin(), document.diff_ids.end());
  Json steps = config.value(kCacheMember, Json::array());
  for (const Json& step : steps.is_array() ? steps : Json::array()) {
    std::string key = string_or(step, "key");
    CacheRecord record{string_or(step, "layer"), string_or(step, "created")};
    if (is_cache_key(key) && (record.diff_id.empty() || layers.contains(record.diff_id)))
      out.records[key] = std::move(record);
  }
  return out;
}

Json steps_json(const std::vector<CachedStep>& steps) {
  Json out = Json::array();
  std::set<std::string> seen;
  for (const CachedStep& step : steps)
    if (seen.insert(step.key).second && seen.size() <= kMostSteps)
      out.push_back({{"key", step.key}, {"layer", step.record.diff_id}, {"created", step.record.created}});
  return out;
}

// An image that consists only of the steps' layers.
Result<images::Image> make_cache_image(BuildJob& job, const std::vector<CachedStep>& steps) {
  images::ImageDocument document;
  document.architecture = images::host_architecture();
  std::set<std::string> seen;
  for (const CachedStep& step : steps)
    if (step.layer && seen.insert(step.layer->diff_id).second)
      document.diff_ids.push_back(step.layer->diff_id);
  TRY_ASSIGN(std::string config, with_cache_steps(images::to_json_text(document), steps));
  return job.store.create_image_from(config, {});
}

// Gives everything below to the owner of the parent folder: the engine is root, its caller is not.
Result<> give_away(const std::string& path, const struct stat& owner) {
  if (::lchown(path.c_str(), owner.st_uid, owner.st_gid) != 0) return Error::last_errno("chown " + path);
  if (!is_directory(path)) return {};
  TRY_ASSIGN(std::vector<std::string> names, names_in(path));
  for (const std::string& name : names) TRY(give_away(path + "/" + name, owner));
  return {};
}

// The archive of the image is an OCI layout: unpacked, it is one on disk.
Result<> write_layout(BuildJob& job, const images::Image& image, const std::string& directory) {
  TRY_ASSIGN(images::StagedLayer staged, job.store.stage_layer());
  std::string archive = staged.scratch_directory() + "/cache.tar";
  TRY(ensure_directory(staged.scratch_directory()));
  TRY_ASSIGN(Fd file, open_file(archive, O_RDWR | O_CREAT | O_TRUNC, 0600));
  TRY(images::save_images(job.store, {image.id}, [&](std::string_view bytes) -> Result<> {
    while (!bytes.empty()) {
      ssize_t n = ::write(file.get(), bytes.data(), bytes.size());
      if (n < 0 && errno != EINTR) return Error::last_errno("write " + archive);
      if (n > 0) bytes.remove_prefix(static_cast<size_t>(n));
    }
    return {};
  }));
  TRY(ensure_directory(directory));
  TRY(remove_tree(directory + "/blobs"));  // of the previous cache
  ::lseek(file.get(), 0, SEEK_SET);
  TRY_ASSIGN(Fd root, open_file(directory, O_RDONLY | O_DIRECTORY));
  images::TarReader reader(images::source_of(file.get()));
  images::UnpackOptions options;
  options.whiteouts = false;
  options.keep_root = true;
  TRY(images::unpack_tar(reader, root.get(), options));
  struct stat owner{};
  if (::stat(directory_name(directory).c_str(), &owner) != 0) return Error::last_errno("stat " + directory);
  return give_away(directory, owner);
}

Result<> export_cache(BuildJob& job, const StageState& state, const CacheLocation& location) {
  std::set<std::string> before;
  for (const images::Image& image : job.store.list()) before.insert(image.id);
  TRY_ASSIGN(images::Image image, make_cache_image(job, location.all_stages ? job.steps() : state.steps));
  Result<> written;
  if (location.kind == Kind::Local) {
    written = write_layout(job, image, location.directory);
  } else if (job.options.push) {
    written = job.options.push(
        location.reference, image.id, job.request, [&job](const BuildEvent& event) { job.emit(event); },
        job.stop.get_token());
  } else {
    written = unsupported("this builder has no registry access");
  }
  if (!before.contains(image.id)) TRY(job.store.discard(image.id));
  return written;
}

}  // namespace

Result<std::string> with_cache_steps(const std::string& config_json, const std::vector<CachedStep>& steps) {
  TRY_ASSIGN(Json config, parse_json(config_json));
  config[kCacheMember] = steps_json(steps);
  return stack::to_text(config);
}

bool has_inline_cache(const BuildRequest& request) {
  auto arg = request.args.find("BUILDKIT_INLINE_CACHE");
  if (arg != request.args.end() && arg->second && (*arg->second == "1" || *arg->second == "true"))
    return true;
  return std::any_of(request.cache_to.begin(), request.cache_to.end(),
                     [](const CacheLocation& location) { return location.kind == Kind::Inline; });
}

void import_caches(BuildJob& job) {
  for (const CacheLocation& location : job.request.cache_from) {
    tell(job, BuildEventKind::Message, "importing " + shown(location));
    Result<ImportedCache> cache = import_cache(job, location);
    if (cache) {
      job.imported.push_back(std::move(*cache));
    } else {
      tell(job, BuildEventKind::Warning, "importing " + shown(location) + ": " + cache.error().text());
    }
  }
  job.ignore_cache = job.request.no_cache || (job.request.only_cache_from && job.imported.empty());
}

std::optional<CacheRecord> import_record(BuildJob& job, const std::string& key, images::LayerPin& layer) {
  for (const ImportedCache& cache : job.imported) {
    auto found = cache.records.find(key);
    if (found == cache.records.end()) continue;
    const CacheRecord& record = found->second;
    images::LayerPin pin = record.diff_id.empty() ? nullptr : job.store.pin_layer(record.diff_id);
    if (!pin && !record.diff_id.empty()) {
      Result<images::LayerPin> fetched = cache.source->layer(record.diff_id);
      if (!fetched) {
        tell(job, BuildEventKind::Warning, "importing " + cache.shown + ": " + fetched.error().text());
        continue;
      }
      pin = std::move(*fetched);
    }
    if (!job.cache.put(key, record)) continue;
    layer = std::move(pin);
    return record;
  }
  return std::nullopt;
}

Result<> export_caches(BuildJob& job, const StageState& state) {
  for (const CacheLocation& location : job.request.cache_to) {
    if (location.kind == Kind::Inline) continue;
    if (location.kind == Kind::Hosted) {
      tell(job, BuildEventKind::Warning,
           "exporting " + shown(location) + ": it is not supported; ignoring it");
      continue;
    }
    tell(job, BuildEventKind::Message, "exporting " + shown(location));
    Result<> written = export_cache(job, state, location);
    if (written) continue;
    if (!location.ignore_errors) return std::move(written).in("exporting " + shown(location));
    tell(job, BuildEventKind::Warning, "exporting " + shown(location) + ": " + written.error().text());
  }
  return {};
}

Result<CacheLocation> parse_cache_location(std::string_view text, bool is_target) {
  CacheLocation out;
  if (text.find('=') == std::string_view::npos) {
    if (text == "inline" && is_target) {
      out.kind = Kind::Inline;
      return out;
    }
    TRY_ASSIGN(out.reference, parse_reference(text));
    return out;
  }
  std::string type;
  std::map<std::string, std::string> options;
  for (const std::string& field : split(text, ',')) {
    size_t equals = field.find('=');
    std::string key(trim(field.substr(0, equals)));
    std::string value(equals == std::string::npos ? "" : trim(std::string_view(field).substr(equals + 1)));
    (key == "type" ? type : options[key]) = value;
  }
  auto take = [&](const char* key) {
    std::string value = options[key];
    options.erase(key);
    return value;
  };
  std::string mode = take("mode");
  if (!mode.empty() && mode != "min" && mode != "max")
    return invalid("cache mode must be min or max, not " + mode);
  out.all_stages = mode == "max";
  out.ignore_errors = take("ignore-error") == "true";
  if (type == "registry") {
    std::string name = take("ref");
    if (name.empty()) return invalid("cache type=registry requires ref=NAME");
    TRY_ASSIGN(out.reference, parse_reference(name));
  } else if (type == "local") {
    out.kind = Kind::Local;
    out.directory = take(is_target ? "dest" : "src");
    if (!out.directory.starts_with('/'))
      return invalid(std::string("cache type=local requires an absolute path as ") +
                     (is_target ? "dest" : "src"));
  } else if (type == "inline" && is_target) {
    out.kind = Kind::Inline;
    if (out.all_stages)
      return invalid("cache type=inline does not support mode=max; use type=registry or type=local");
  } else if (type == "gha" || type == "s3" || type == "azblob") {
    out.kind = Kind::Hosted;
    out.service = type;
    return out;
  } else {
    return unsupported("cache type \"" + type + "\" is not supported: registry, local" +
                       (is_target ? " or inline" : ""));
  }
  for (const char* ignored :
       {"compression", "compression-level", "force-compression", "oci-mediatypes", "image-manifest", "tag"})
    options.erase(ignored);
  if (!options.empty())
    return invalid("cache type=" + type + ": unknown option \"" + options.begin()->first + "\"");
  return out;
}

}  // namespace stack::builder
