#include "engine/volume/volume_copy.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/copy_tree.h"
#include "base/files.h"
#include "base/identity.h"
#include "base/json.h"
#include "base/log.h"
#include "images/archive/deflate.h"
#include "images/archive/tar_reader.h"
#include "images/archive/tree_tar.h"
#include "images/layer/layer_unpack.h"

namespace stack::engine {

namespace {

constexpr const char* kDescriptionName = "volume.json";
constexpr const char* kFilesName = "_data";
constexpr int64_t kMostDescription = 1 << 20;
constexpr int kFormat = 1;

Json description_for_backup(const volumes::Volume& volume) {
  return {{"format", kFormat},         {"name", volume.name},       {"created", volume.created},
          {"driver", volume.driver},   {"options", volume.options}, {"labels", volume.labels}};
}

Error not_a_backup(const std::string& why) { return invalid("not a backup of a volume: " + why); }

// The archive, positioned after its first member.
struct OpenedBackup {
  images::ByteSource source;
  std::unique_ptr<images::TarReader> reader;
  volumes::VolumeSpec spec;
};

Result<volumes::VolumeSpec> read_description(images::TarReader& reader) {
  TRY_ASSIGN(std::optional<images::TarMember> member, reader.next());
  if (!member || member->name != kDescriptionName || member->size > kMostDescription)
    return invalid(std::string("it does not begin with ") + kDescriptionName);
  std::string text(static_cast<size_t>(member->size), '\0');
  for (size_t done = 0; done < text.size();) {
    TRY_ASSIGN(size_t n, reader.read(text.data() + done, text.size() - done));
    if (n == 0) return invalid("it is cut off");
    done += n;
  }
  TRY_ASSIGN(Json json, parse_json(text).in(kDescriptionName));
  if (!json.is_object()) return invalid(std::string(kDescriptionName) + " is no object");
  if (int_or(json, "format") > kFormat)
    return unsupported("the backup has format " + std::to_string(int_or(json, "format")) +
                       "; this version reads formats up to " + std::to_string(kFormat));
  volumes::VolumeSpec spec;
  spec.name = string_or(json, "name");
  spec.driver = string_or(json, "driver", "local");
  auto pairs = [&json](const char* key, std::map<std::string, std::string>& out) {
    const Json members = json.value(key, Json::object());
    if (!members.is_object()) return;
    for (const auto& [name, value] : members.items())
      if (value.is_string()) out[name] = value.get<std::string>();
  };
  pairs("options", spec.options);
  pairs("labels", spec.labels);
  return spec;
}

Result<OpenedBackup> open_backup(int archive) {
  OpenedBackup backup;
  Result<images::ByteSource> source = images::open_decompressed(archive);
  if (!source) return not_a_backup(source.error().text());
  backup.source = *source;
  backup.reader = std::make_unique<images::TarReader>(backup.source);
  Result<volumes::VolumeSpec> spec = read_description(*backup.reader);
  if (!spec && spec.error().kind() == ErrorKind::Unsupported) return std::move(spec).error();
  if (!spec) return not_a_backup(spec.error().text());
  backup.spec = std::move(*spec);
  return backup;
}

// The decompressor compares the checksum at the end of the stream.
Result<> read_to_the_end(const images::ByteSource& source) {
  std::vector<char> buffer(size_t{64} << 10);
  for (;;) {
    TRY_ASSIGN(size_t n, source(buffer.data(), buffer.size()));
    if (n == 0) return {};
  }
}

Result<> unpack_files(OpenedBackup& backup, const volumes::VolumeStore::Staging& staging) {
  TRY_ASSIGN(Fd parent, open_file(staging.parent, O_RDONLY | O_DIRECTORY));
  bool foreign = false;
  images::UnpackOptions options;
  options.whiteouts = false;
  options.rename = [&](const std::string& name) {
    const std::string top = kFilesName;
    if (name == top || name.starts_with(top + "/")) return staging.entry + name.substr(top.size());
    foreign = true;
    return staging.entry + "/.foreign";
  };
  Result<> unpacked = images::unpack_tar(*backup.reader, parent.get(), options);
  if (unpacked) unpacked = read_to_the_end(backup.source);
  if (!unpacked) return invalid("the backup is damaged: " + unpacked.error().text());
  if (foreign) return not_a_backup("it has files outside of _data");
  return {};
}

}  // namespace

Result<std::shared_ptr<VolumeAccess>> VolumeAccess::open(volumes::VolumeStore& store, const std::string& name) {
  std::optional<volumes::Volume> volume = store.find(name);
  if (!volume) return not_found("get " + name + ": no such volume");
  std::string user = "copy " + random_hex(8);
  TRY(store.attach(name, user));
  return std::shared_ptr<VolumeAccess>(new VolumeAccess(store, std::move(*volume), std::move(user)));
}

VolumeAccess::~VolumeAccess() {
  Result<> detached = store_.detach(volume_.name, user_);
  if (!detached) log_warning(detached.error().text());
}

Result<> write_backup(const VolumeAccess& access, const images::ByteSink& sink) {
  const volumes::Volume& volume = access.volume();
  TRY_ASSIGN(Fd data, open_file(volume.mountpoint, O_PATH | O_DIRECTORY));
  TRY_ASSIGN(std::unique_ptr<images::Deflater> deflater, images::make_deflater(images::Compression::Zstd));
  images::ByteSink compressed = [&](std::string_view bytes) { return deflater->push(bytes, sink); };
  std::string text = stack::to_text(description_for_backup(volume)) + "\n";
  images::TarWriter head(compressed);
  images::TarEntry entry;
  entry.name = kDescriptionName;
  entry.mode = 0600;
  entry.size = static_cast<int64_t>(text.size());
  TRY(head.entry(entry));
  TRY(head.content(text));
  TRY(images::write_tree_tar(data.get(), kFilesName, compressed).in("volume " + volume.name));
  return deflater->finish(sink);
}

Result<std::string> name_in_backup(int archive) {
  off_t start = ::lseek(archive, 0, SEEK_CUR);
  TRY_ASSIGN(OpenedBackup backup, open_backup(archive));
  if (::lseek(archive, start, SEEK_SET) < 0) return Error::last_errno("backup");
  return backup.spec.name;
}

Result<volumes::Volume> restore_backup(volumes::VolumeStore& store, int archive, const RestoreOptions& options) {
  TRY_ASSIGN(OpenedBackup backup, open_backup(archive));
  if (!options.name.empty()) backup.spec.name = options.name;
  std::shared_ptr<VolumeAccess> access;
  if (!backup.spec.options.empty() && !store.find(backup.spec.name)) TRY(store.create(backup.spec));
  if (store.find(backup.spec.name)) {
    TRY_ASSIGN(access, VolumeAccess::open(store, backup.spec.name));
  }
  TRY_ASSIGN(volumes::VolumeStore::Staging staging, store.stage(backup.spec.name));
  Result<> unpacked = unpack_files(backup, staging);
  Result<volumes::Volume> restored =
      unpacked ? store.commit(staging, backup.spec, options.replace) : Result<volumes::Volume>(unpacked.error());
  if (!restored) store.discard(staging);
  return restored;
}

Result<volumes::Volume> clone_volume(volumes::VolumeStore& store, const VolumeAccess& source,
                                     const std::string& target) {
  if (store.find(target)) return conflict("volume " + target + " already exists");
  volumes::VolumeSpec spec;
  spec.name = target;
  spec.labels = source.volume().labels;
  TRY_ASSIGN(volumes::VolumeStore::Staging staging, store.stage(target));
  auto copy = [&]() -> Result<volumes::Volume> {
    TRY_ASSIGN(Fd from, open_file(source.volume().mountpoint, O_RDONLY | O_DIRECTORY));
    TRY_ASSIGN(Fd to, open_file(staging.parent + "/" + staging.entry, O_RDONLY | O_DIRECTORY));
    TRY(copy_tree(from.get(), to.get(), {}));
    return store.commit(staging, spec, false);
  };
  Result<volumes::Volume> cloned = copy();
  if (!cloned) store.discard(staging);
  return cloned;
}

}  // namespace stack::engine
